"""What is done first in a session that has made no widget yet is said again, once."""

from types import SimpleNamespace

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from overparam.ui.shell import first_word

PRESS = WidgetState(id="run", trigger_value=True)
DEPTH_2, DEPTH_3 = (WidgetState(id="depth", int_value=depth) for depth in (2, 3))


class Session:
    """A session whose runs of the script the test makes, and what they ask to be said again."""

    def __init__(self, monkeypatch):
        self.kept, self.again = {}, []
        monkeypatch.setattr(first_word, "st", SimpleNamespace(session_state=self.kept))
        monkeypatch.setattr(first_word, "get_script_run_ctx", lambda: self.context)

    def run(self, *said, here=("run", "depth"), complete=True) -> bool:
        """One run of the script after a message with these states; whether it hears them again."""
        self.context = SimpleNamespace(
            session_state=SimpleNamespace(get_widget_states=lambda: list(said)),
            script_requests=SimpleNamespace(request_rerun=self.again.append),
            shared=SimpleNamespace(widget_ids_this_run=SimpleNamespace(snapshot=lambda: {*here})),
            query_string="p=4",
            page_script_hash="race",
            cached_message_hashes=frozenset(),
            context_info=None,
        )
        first_word.listen()
        again = first_word.is_again()
        if complete:
            first_word.say_again()
        return again

    def widgets(self) -> list[WidgetState]:
        (request,) = self.again
        assert (request.query_string, request.page_script_hash) == ("p=4", "race")
        return list(request.widget_states.widgets)


@pytest.fixture
def session(monkeypatch):
    return Session(monkeypatch)


def test_a_page_that_is_opened_is_run_once(session):
    assert [session.run(), session.run(DEPTH_2), session.run(PRESS)] == [False] * 3
    assert session.again == []


def test_what_is_done_first_is_said_again_once(session):
    assert not session.run(PRESS, DEPTH_2)
    assert session.widgets() == [PRESS, DEPTH_2]
    assert [session.run(PRESS, DEPTH_2), session.run(PRESS, DEPTH_3)] == [True, False]
    assert len(session.again) == 1


def test_a_control_that_was_put_away_is_not_heard_again(session):
    session.run(PRESS, DEPTH_2, here=["run"])
    assert session.widgets() == [PRESS]


def test_what_was_chosen_before_the_page_was_complete_stands(session):
    session.run(PRESS, DEPTH_2, complete=False)
    session.run(PRESS, DEPTH_3)  # this press has been heard
    assert session.widgets() == [PRESS, DEPTH_3]


def test_a_press_outlives_the_page_starting_anew(session):
    session.run(PRESS, DEPTH_2, complete=False)
    session.run()
    assert session.widgets() == [PRESS, DEPTH_2]
