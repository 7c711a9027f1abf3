"""How often pictures are drawn, with clocks that the test moves."""

import pytest

from overparam.ui.race import pace
from overparam.ui.race.pace import DRAWING_SHARE, FRAME_SECONDS, Pace, further


class Clocks:
    """In place of the module `time`: what passes, and what this thread works."""

    def __init__(self):
        self.passed = self.worked = 0.0

    def perf_counter(self) -> float:
        return self.passed

    def thread_time(self) -> float:
        return self.worked


@pytest.fixture
def clocks(monkeypatch):
    clocks = Clocks()
    monkeypatch.setattr(pace, "time", clocks)
    return clocks


def pause_after(picture: Pace, clocks: Clocks, passed: float, worked: float) -> float:
    """Seconds until the next picture is due, after one that took so long."""
    assert picture.due()
    with picture.picture():
        clocks.passed += passed
        clocks.worked += worked
    pause = picture._next - clocks.passed
    clocks.passed += 0.999 * pause
    assert not picture.due()
    clocks.passed += 0.002 * pause
    assert picture.due()
    return pause


def test_one_viewer_gets_ten_pictures_a_second(clocks):
    with Pace() as mine:
        for _ in range(3):
            assert pause_after(mine, clocks, passed=0.003, worked=0.003) == pytest.approx(
                FRAME_SECONDS
            )


@pytest.mark.parametrize("viewers", [2, 60, 300])
def test_the_pictures_of_all_viewers_take_their_share_of_a_core_and_no_more(clocks, viewers):
    paces, worked = [Pace().__enter__() for _ in range(viewers)], 0.002
    pause = pause_after(paces[0], clocks, passed=worked, worked=worked)
    assert viewers * worked / pause <= DRAWING_SHARE + 1e-9 and pause >= FRAME_SECONDS
    for each in paces[1:]:
        each.__exit__()
    assert pause_after(paces[0], clocks, passed=worked, worked=worked) == pytest.approx(
        FRAME_SECONDS
    )  # alone again
    paces[0].__exit__()


def test_a_picture_held_up_by_others_is_followed_by_a_longer_pause(clocks):
    with Pace() as mine:
        assert pause_after(mine, clocks, passed=0.4, worked=0.002) == pytest.approx(
            0.4 / DRAWING_SHARE
        )


def test_a_viewer_who_leaves_by_an_error_is_counted_no_longer(clocks):
    with pytest.raises(KeyError), Pace():
        raise KeyError
    with Pace() as mine:
        assert pause_after(mine, clocks, passed=0.04, worked=0.04) == pytest.approx(FRAME_SECONDS)


@pytest.mark.parametrize("position", [0, 1, 10, 1000])
def test_a_place_has_come_as_far_where_pictures_are_seldom(position):
    often = position
    for _ in range(20):
        often = further(often, FRAME_SECONDS)
    seldom = further(position, 20 * FRAME_SECONDS)
    assert position < seldom and 0.5 * often < seldom < 2 * often
    assert further(position, 1e9) > further(position, 1)
