"""A hall that opens a page at once: the page is made for one after another.

Threads that make pages side by side lose half of their time to changing turns: the last of sixty
people sees the page sooner where all of them wait for theirs, and half of them see it twice as
soon.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st


class Turns:
    """Lets threads in one after another, in the order in which they come: the next one when the one
    before has left, or has been in for so many seconds."""

    def __init__(self, patience: float):
        self._patience, self._lock, self._last = patience, threading.Lock(), _Turn()
        self._last.begun.set()
        self._last.over.set()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and have it inside this."""
        turn = _Turn()
        with self._lock:
            before, self._last = self._last, turn
        try:
            before.begun.wait()
            before.over.wait(self._patience)
            turn.begun.set()
            yield
        finally:
            turn.begun.set()
            turn.over.set()


class _Turn:
    def __init__(self) -> None:
        self.begun, self.over = threading.Event(), threading.Event()


_ARRIVALS = Turns(patience=0.1)  # a page takes 0.02 s, one that computes more


@contextmanager
def arrival() -> Iterator[None]:
    """Around the script of the app: a session's first run waits for its turn."""
    if "arrived" in st.session_state:
        yield
        return
    st.session_state["arrived"] = True
    with _ARRIVALS.turn():
        yield
