"""Many people at once: pages are made for one after another.

Threads that make pages side by side lose half of their time to changing turns, and keep the event
loop from sending frames. Where everybody waits for a turn the last of sixty sees their page sooner,
and half of them see it twice as soon.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from overparam.ui.shell.running import hall


class Turns:
    """Lets threads in one after another, in the order in which they come: the next one when the one
    before has left, or has been in for so many seconds."""

    def __init__(self, patience: float):
        self._patience, self._lock, self._last = patience, threading.Lock(), _Turn()
        self._last.begun.set()
        self._last.over.set()
        self._mine = threading.local()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and have it inside this, or until `leave`."""
        turn = _Turn()
        with self._lock:
            before, self._last = self._last, turn
        try:
            before.begun.wait()
            before.over.wait(self._patience)
            turn.begun.set()
            self._mine.turn = turn
            yield
        finally:
            turn.begun.set()
            turn.over.set()

    def leave(self) -> None:
        """This thread will sleep: the next one may come in, if this one was in at all."""
        turn = getattr(self._mine, "turn", None)
        if turn is not None:
            turn.over.set()


class _Turn:
    def __init__(self) -> None:
        self.begun, self.over = threading.Event(), threading.Event()


TURNS = Turns(patience=0.1)  # a page takes 0.02 s, one that computes more
CROWD = 8  # viewers


@contextmanager
def in_turn() -> Iterator[None]:
    """Around the script of the app: a session's first run waits for its turn, and every run where
    many watch. (Where few do, a run would only wait for those of its own session that it replaces.)
    """
    rooms, first = hall(), "arrived" not in st.session_state
    st.session_state["arrived"] = True
    if first or (rooms is not None and len(rooms.viewers) >= CROWD):
        with TURNS.turn():
            yield
    else:
        yield
