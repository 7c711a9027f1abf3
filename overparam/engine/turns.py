"""A fair gate around slices of work: first come, first served, with as many places as processor
cores."""

from __future__ import annotations

import threading
from collections import deque

from overparam.engine.device import cores


class Gate:
    """Lets a few threads compute at a time, strictly in the order they asked.

    A plain semaphore lets a thread that has just left come straight back in, and starves the
    others. Never wait for anything else while inside.
    """

    def __init__(self, places: int):
        self._lock, self._free = threading.Lock(), places
        self._queue: deque[threading.Event] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if self._free and not self._queue:
                self._free -= 1
                return
            turn = threading.Event()
            self._queue.append(turn)
        turn.wait()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().set()  # the place goes to the longest-waiting thread
            else:
                self._free += 1


GATE = Gate(places=cores())
