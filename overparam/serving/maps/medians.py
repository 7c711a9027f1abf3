"""A map over several starts: each start is a map of its own, one computed after the other, and a
cell shows the start whose speed-up is the median.

One start alone may be lucky: a large first step sometimes lands next to the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from overparam.choices.map import Plan
from overparam.serving.maps.block import NEVER, UNKNOWN
from overparam.serving.maps.shared import MAPS, Map, StoredMap
from overparam.serving.maps.sweep import View


@dataclass(frozen=True)
class Spread:
    """What several starts say of every cell; arrays of shape (rows, columns).

    view: the runs of the start whose speed-up is the median, the lower of two; where more than half
    of the starts have neither depth arrive, the runs of one of these.
    start: which one, from 0.
    low, high: log2 of the smallest and largest speed-up, -inf where only depth 1 arrived, inf where
    only depth N did, NaN where nothing is known or neither ever arrived.
    known: how many starts are decided; of these depth is faster in `faster`, slower in `slower`,
    and neither arrived in `neither`.
    """

    view: View
    start: np.ndarray
    low: np.ndarray
    high: np.ndarray
    known: np.ndarray
    faster: np.ndarray
    slower: np.ndarray
    neither: np.ndarray

    @property
    def disagree(self) -> np.ndarray:
        """Where depth is faster in two starts or more, and slower in two or more."""
        return (self.faster > 1) & (self.slower > 1)


def spread(views: Sequence[View]) -> Spread:
    """What maps of one shape, one a start, say together."""
    deep, plain = (np.stack([getattr(v, name) for v in views]) for name in ("deep", "plain"))
    known = (deep != UNKNOWN) & (plain != UNKNOWN)
    neither = known & (deep == NEVER) & (plain == NEVER)
    score = np.stack([v.log2_speed_up for v in views])
    score[known & (deep != NEVER) & (plain == NEVER)] = np.inf
    score[known & (deep == NEVER) & (plain != NEVER)] = -np.inf
    told = (~np.isnan(score)).sum(0)
    ranked = np.argsort(score, axis=0, kind="stable")  # what says nothing stands last
    start = np.take_along_axis(ranked, np.maximum(told - 1, 0)[None] // 2, axis=0)[0]
    start = np.where(neither.sum(0) > told, neither.argmax(0), start)
    chosen = {
        each.name: np.take_along_axis(
            np.stack([getattr(v, each.name) for v in views]), start[None], axis=0
        )[0]
        for each in fields(View)
    }
    low = np.where(told > 0, np.where(np.isnan(score), np.inf, score).min(0), np.nan)
    high = np.where(told > 0, np.where(np.isnan(score), -np.inf, score).max(0), np.nan)
    counts = (each.sum(0) for each in (known, score > 0, score < 0, neither))
    return Spread(View(**chosen), start, low, high, *counts)


class Medians:
    """The map of a plan over so many starts, as far as it is computed; the maps are shared with all
    who look at them."""

    def __init__(self, plan: Plan, starts: int):
        self.plans = plan.over(starts)

    def _begun(self) -> list[Map]:
        """The maps that are finished, and the one after them."""
        begun: list[Map] = []
        for plan in self.plans:
            begun.append(MAPS.get(plan))
            if not begun[-1].finished:
                break
        return begun

    @property
    def finished(self) -> bool:
        """Whether every start is known in full."""
        begun = self._begun()
        return len(begun) == len(self.plans) and begun[-1].finished

    def now(self) -> tuple[int, Map]:
        """Which start is being computed, from 0, and its map."""
        begun = self._begun()
        return len(begun) - 1, begun[-1]

    @property
    def stored(self) -> bool:
        """Whether every start was computed beforehand."""
        return all(isinstance(each, StoredMap) for each in self._begun())

    @property
    def runs(self) -> int:
        """Runs of the starts that have begun."""
        return sum(sweep.runs for sweep in self._begun())

    def advance(self, seconds: float = 0.03) -> None:
        """Compute for about so many seconds. Raises SweepError, as a map does."""
        self._begun()[-1].advance(seconds)

    def spread(self) -> Spread:
        """All starts together, as far as they are known."""
        return spread([sweep.view() for sweep in self._begun()])
