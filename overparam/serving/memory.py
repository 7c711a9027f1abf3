"""How much memory all computations of one kind hold together; the ones that nobody watches make
room for new ones."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Protocol

UNWATCHED_SECONDS = 60.0  # not asked for so long: nobody is looking, or somebody who has paused


class Holder(Protocol):
    """A computation: `held` of its memory's unit now, last `asked` for at so many seconds of
    `time.monotonic()`."""

    held: int
    asked: float

    def let_go(self) -> None:
        """Forget what was computed, unless it is being computed just now; whoever asks next begins
        anew."""


class Room:
    """A bound on what is held together.

    Args: most: in the unit of `held`.
    """

    def __init__(self, most: int):
        self._most, self._lock = most, threading.Lock()
        self._holders: weakref.WeakSet[Holder] = weakref.WeakSet()

    def take(self, asking: Holder, amount: int) -> bool:
        """Book `amount` for a computation that begins, which sets its `held` back to 0 when it
        ends; False where it does not fit.

        Those not asked for longest let go first, and only where that makes enough room.
        """
        with self._lock:
            others = [other for other in self._holders if other is not asking and other.held]
            over, letting_go, now = (
                sum(other.held for other in others) + amount - self._most,
                [],
                time.monotonic(),
            )
            for other in sorted(others, key=lambda other: other.asked):
                if over > 0 and now - other.asked >= UNWATCHED_SECONDS:
                    letting_go.append(other)
                    over -= other.held
            if over > 0:
                return False
            for other in letting_go:
                other.let_go()
            asking.held = amount
            self._holders.add(asking)
            return True
