"""People who come together are let in one after another, and nobody is kept out."""

import threading
from types import SimpleNamespace

import pytest

from overparam.ui.shell import turns as module
from overparam.ui.shell.turns import CROWD, Turns, in_turn

LONG = 60  # seconds


def comer(turns, leave=None):
    """A thread that comes now; an event says that it is in, where it stays until `leave` is set."""
    is_in = threading.Event()

    def come():
        with turns.turn():
            is_in.set()
            if leave is not None:
                leave.wait(LONG)

    threading.Thread(target=come, daemon=True).start()
    return is_in


def test_the_next_comes_in_when_the_one_before_has_left():
    turns = Turns(patience=LONG)
    with turns.turn():
        second = comer(turns)
        assert not second.wait(0.2)
    assert second.wait(LONG)


def test_who_stays_long_keeps_nobody_out():
    turns, leave = Turns(patience=0.01), threading.Event()
    with turns.turn():
        others = [comer(turns, leave) for _ in range(5)]
        assert all(is_in.wait(LONG) for is_in in others)
    leave.set()


def test_who_leaves_by_an_exception_has_left():
    turns = Turns(patience=LONG)
    with pytest.raises(KeyError), turns.turn():
        raise KeyError
    assert comer(turns).wait(LONG)


@pytest.mark.parametrize(
    ("session", "viewers", "waits"),
    [({}, 0, True), ({"arrived": True}, CROWD - 1, False), ({"arrived": True}, CROWD, True)],
    ids=["the first run of a session", "another where few watch", "any where many watch"],
)
def test_which_runs_of_a_script_wait_for_their_turn(monkeypatch, session, viewers, waits):
    turns, is_in = Turns(patience=LONG), threading.Event()
    monkeypatch.setattr(module, "TURNS", turns)
    monkeypatch.setattr(module, "hall", lambda: SimpleNamespace(viewers=range(viewers)))
    monkeypatch.setattr(module, "st", SimpleNamespace(session_state=dict(session)))

    def run():
        with in_turn():
            is_in.set()

    with turns.turn():
        script = threading.Thread(target=run)
        script.start()
        assert is_in.wait(0.2 if waits else LONG) is not waits
    script.join(LONG)
    assert is_in.is_set()
