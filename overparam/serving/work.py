"""Computations that report how far they are, done in slices by whoever asks for them and shared by
all who ask for the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Hashable
from typing import Any

from overparam.engine.device import prepare_thread
from overparam.engine.turns import GATE
from overparam.serving.registry import Registry

SLICE_SECONDS = 0.03
FIRST_SECONDS = 0.02  # of computing before a first picture that later ones take the place of


class Work:
    """One computation: a generator that yields the share done and returns the result.

    share: from 0 to 1. done: whether `result` can be read. What the computation raised is raised
    again for everybody who asks.
    """

    def __init__(self, _: Hashable, begin: Callable[[], Generator[float, None, Any]]):
        self._lock, self._steps = threading.Lock(), begin()
        self._result: Any = None
        self._error: Exception | None = None
        self.share, self.done = 0.0, False

    @property
    def result(self) -> Any:
        """The result of a computation that is done; raises what the computation raised."""
        if self._error is not None:
            raise self._error
        return self._result

    def advance(self) -> None:
        """Compute for a short while, in turn with everybody else."""
        with self._lock, GATE:
            if self.done:
                return
            prepare_thread()
            stop = time.perf_counter() + SLICE_SECONDS
            try:
                while time.perf_counter() < stop:
                    self.share = float(next(self._steps))
            except StopIteration as end:
                self._result, self.share, self.done = end.value, 1.0, True
            except Exception as error:  # for all who wait for it
                self._error, self.done = error, True


WORKS: Registry[Work] = Registry(most=96, make=Work)
