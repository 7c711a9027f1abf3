"""People who come together are let in one after another, and nobody is kept out."""

import threading

import pytest

from overparam.ui.shell.turns import Turns

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
