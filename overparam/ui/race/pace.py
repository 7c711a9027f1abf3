"""How often a streaming picture is drawn: ten times a second, and less often where many people
watch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

FRAME_SECONDS = 0.1
# of one core, for the pictures of all viewers together: the rest is for the runs that they show
DRAWING_SHARE = 0.4


def further(position: int, seconds: float) -> int:
    """The iteration that a place has come to so many seconds after `position`: half as far again in
    every `FRAME_SECONDS`, one further at least. So the end comes in time where pictures are seldom,
    too."""
    frames = min(100.0, seconds / FRAME_SECONDS)
    return max(position + 1, int((position + 1) * 1.5**frames) - 1)


class Pace:
    """When one viewer's next picture is due: `with Pace() as pace`, as long as the viewer
    watches.

    Args: seconds: between two pictures, at least.
    """

    _watching, _lock = 0, threading.Lock()

    def __init__(self, seconds: float = FRAME_SECONDS) -> None:
        self._seconds = seconds
        self._next = 0.0  # the first picture is due at once

    def __enter__(self) -> Pace:
        self._count(1)
        return self

    def __exit__(self, *_: object) -> None:
        self._count(-1)

    @classmethod
    def _count(cls, change: int) -> None:
        with cls._lock:
            cls._watching += change

    def due(self) -> bool:
        """Whether it is time for a picture."""
        return time.perf_counter() >= self._next

    @contextmanager
    def picture(self) -> Iterator[None]:
        """Draw inside this: the next picture is then due in so many seconds, or later where all
        pictures would take more than their share."""
        began, used = time.perf_counter(), time.thread_time()
        yield
        used, took = time.thread_time() - used, time.perf_counter() - began
        # longer than its own work: many others are at work too, some of them on the way to their
        # first picture
        everybody = max(self._watching * used, took)
        self._next = time.perf_counter() + max(self._seconds, everybody / DRAWING_SHARE)
