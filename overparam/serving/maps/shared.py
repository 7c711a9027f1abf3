"""The maps that people look at: computed beforehand, by worker processes, or in this process.

A map is shared among workers batch by batch: which trials share a batch follows from the map alone,
and processes agree on the forms of their products, so that the numbers are those of one process.
Workers compute as long as somebody looks: every look is good for `LEASE` seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Protocol

from overparam.choices.map import Cell, Plan
from overparam.serving.maps.block import Outcome
from overparam.serving.maps.opening_map import stored_map
from overparam.serving.maps.sweep import Sweep, SweepError, View
from overparam.serving.registry import Registry
from overparam.serving.workers.hall import Hall

LEASE = 1.0  # seconds


class Map(Protocol):
    """A map as its page needs it; documented at `Sweep`, which is one."""

    plan: Plan

    @property
    def finished(self) -> bool: ...
    @property
    def decided(self) -> float: ...
    @property
    def runs(self) -> int: ...
    def seconds_left(self) -> float: ...
    def advance(self, seconds: float = 0.03) -> None: ...
    def view(self) -> View: ...


class StoredMap:
    """A map that was computed beforehand."""

    finished, decided = True, 1.0

    def __init__(self, plan: Plan, view: View, runs: int):
        self.plan, self.runs, self._view = plan, runs, view

    def seconds_left(self) -> float:
        """None."""
        return 0.0

    def advance(self, seconds: float = 0.03) -> None:
        """Nothing is left to do."""

    def view(self) -> View:
        """The map."""
        return self._view


class Part:
    """Every so many-th batch of a map, as a worker computes it.

    Args: tell: called with the outcomes that are new, or with a sentence where it cannot go on.
    """

    def __init__(self, plan: Plan, part: int, parts: int, tell: Callable[..., None]):
        self.key = f"map {part} {parts} {plan}"
        self.finished, self.runs, self.left = False, 0, 0.0
        self._share, self._tell, self._until = (plan, part, parts), tell, 0.0

    @property
    def due(self) -> bool:
        return not self.finished and time.monotonic() < self._until

    def look(self) -> bool:
        """Somebody looks; whether the worker is to be told so again."""
        if self.finished or self._until - time.monotonic() > LEASE / 2:
            return False
        self._until = time.monotonic() + LEASE
        return True

    def begin(self) -> tuple:
        return ("map", self.key, *self._share, LEASE)

    def go_on(self) -> tuple:
        return ("want", self.key, LEASE)

    def receive(self, kind: str, *rest: Any) -> None:
        if kind == "error":
            self._tell({}, *rest)
            return
        outcomes, self.finished, self.runs, self.left = rest
        self._tell(outcomes)


class SharedMap:
    """A map whose batches are computed by the workers of a hall."""

    def __init__(self, plan: Plan, hall: Hall, parts: int):
        self.plan, self._hall, self._cells = plan, hall, plan.cells()
        self._trials = len({trial for row in self._cells for c in row for trial in (c, c.plain)})
        self._parts = [Part(plan, i, parts, self._hear) for i in range(parts)]
        self._news, self._outcomes, self._error = threading.Condition(), dict[Cell, Outcome](), ""

    @property
    def finished(self) -> bool:
        return all(part.finished for part in self._parts)

    @property
    def decided(self) -> float:
        return len(self._outcomes) / self._trials

    @property
    def runs(self) -> int:
        """Of the parts that have begun."""
        return sum(part.runs for part in self._parts)

    def seconds_left(self) -> float:
        """At most so long."""
        return max(part.left for part in self._parts)

    def advance(self, seconds: float = 0.03) -> None:
        """Wait for news, so many seconds at most. Raises SweepError, as `Sweep` does."""
        for part in self._parts:
            if part.look():
                self._hall.compute(part)
        with self._news:
            if not self.finished and not self._error:
                self._news.wait(seconds)
            error, self._error = self._error, ""
        if error:
            raise SweepError(error)

    def view(self) -> View:
        """The map as far as it is known now."""
        with self._news:
            return View.of(self._cells, self._outcomes)

    def _hear(self, outcomes: dict[Cell, Outcome], error: str = "") -> None:
        with self._news:
            self._outcomes |= outcomes
            self._error = error or self._error
            self._news.notify_all()


def compute_with(hall: Hall | None) -> None:
    """Maps that nobody has looked at so far are computed by these workers, as soon as there are
    two; None: in this process."""
    global _hall
    _hall = hall


def _map(plan: Plan) -> Map:
    kept = stored_map(plan)
    if kept is not None:
        view = View(**{each.name: kept[each.name] for each in fields(View)})
        return StoredMap(plan, view, int(kept["runs"]))
    parts = _hall.processes if _hall is not None else 0
    return SharedMap(plan, _hall, parts) if _hall is not None and parts > 1 else Sweep(plan)


_hall: Hall | None = None
MAPS: Registry[Map] = Registry(most=144, make=_map)
