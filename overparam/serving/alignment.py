"""Linear networks whose layers align: trained in slices through the gate, read as they go, and
shared by all who look at the same."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from overparam.choices.alignment import Chain
from overparam.engine.device import prepare_thread
from overparam.engine.turns import GATE
from overparam.measure.alignment import Alignment, begin, read_way
from overparam.measure.trajectory import Following
from overparam.serving.registry import Registry


@dataclass(frozen=True)
class AlignmentView:
    """A network as far as it is trained: its readings, and whether these are all."""

    found: Alignment
    finished: bool


class AlignmentRun:
    """A network being trained: whoever looks at it asks it to advance a little."""

    def __init__(self, chain: Chain):
        self._chain, self._lock = chain, threading.Lock()
        self._work: Following | None = None
        self._view: AlignmentView | None = None

    def advance(self, seconds: float) -> AlignmentView:
        """Train for about so long, one reading at least; the network as it stands then.

        Raises: ValueError where the start does not fit.
        """
        with self._lock:
            if self._view is None or not self._view.finished:
                with GATE:
                    prepare_thread()
                    if self._work is None:
                        chain = self._chain
                        self._work = begin(chain.problem(), chain.method(), chain.iterations)
                    self._work.advance(time.perf_counter() + seconds)
                    found = read_way(self._work.trajectory())
                self._view = AlignmentView(found, self._work.finished or found.diverged >= 0)
            return self._view


ALIGNMENTS: Registry[AlignmentRun] = Registry(most=48, make=AlignmentRun)
