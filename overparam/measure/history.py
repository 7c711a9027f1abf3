"""What is kept of a run: its loss, thinned evenly in the logarithm of the iteration, and when it
first reached each goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

GAPS = (0.5, 0.2, 0.1, 0.01, 0.001, 0.0001)
PER_DECADE = 120
LONGEST = 1_000_000

_lattice = 10 ** (np.arange(0, np.log10(LONGEST) * PER_DECADE + 1) / PER_DECADE)
RECORDED = np.unique(np.concatenate([[0], np.rint(_lattice)])).astype(np.int64)


@dataclass(frozen=True)
class Later:
    """The rest of a history: fields as in `History`."""

    iteration: int
    times: np.ndarray
    losses: np.ndarray
    reached: np.ndarray
    last: np.ndarray


class History:
    """Losses of R runs over up to a million iterations, about 600 numbers a run.

    Every iteration from 0 on is looked at for the goals; the curve keeps every one up to about 50,
    then 120 a decade.

    Args: runs: R. goals: losses to reach, in the order of GAPS or of any other list, shape (T,).
    """

    def __init__(self, runs: int, goals: Sequence[float]):
        self.goals, self.iteration = np.asarray(goals, dtype=np.float64), 0
        self.times = np.zeros(0, dtype=np.int64)
        self.losses = np.zeros((0, runs))
        self.reached = np.full(
            (runs, len(self.goals)), -1
        )  # first iteration with loss <= goal; -1: not yet
        self.last = np.full(runs, np.nan)  # loss at the latest iteration

    def add(self, losses: np.ndarray) -> None:
        """Take the losses of the next iterations, shape (n, R)."""
        start, stop = self.iteration, self.iteration + len(losses)
        for goal in range(len(self.goals)):
            here = losses <= self.goals[goal]  # NaN, a diverged run, is never there
            new = here.any(0) & (self.reached[:, goal] < 0)
            self.reached[new, goal] = start + here.argmax(0)[new]
        kept = RECORDED[np.searchsorted(RECORDED, start) : np.searchsorted(RECORDED, stop)]
        self.times = np.concatenate([self.times, kept])
        self.losses = np.concatenate([self.losses, losses[kept - start]])
        self.last, self.iteration = losses[-1].copy(), stop

    def keep(self, runs: Sequence[int]) -> None:
        """Go on with some of the runs only."""
        runs = list(runs)
        self.losses, self.reached, self.last = (
            self.losses[:, runs],
            self.reached[runs],
            self.last[runs],
        )

    def since(self, samples: int) -> Later:
        """What another history of the same runs lacks that has so many samples."""
        times, losses = self.times[samples:], self.losses[samples:]
        return Later(self.iteration, times, losses, self.reached, self.last)

    def take(self, later: Later) -> None:
        """Go on with what `since` gave."""
        self.times = np.append(self.times, later.times)
        self.losses = np.vstack([self.losses, later.losses])
        self.iteration, self.reached, self.last = later.iteration, later.reached, later.last

    def settled(self) -> np.ndarray:
        """The worst loss of the last tenth of the iterations so far, shape (R,): NaN where a run
        diverged.

        A step size is judged by it rather than by the latest loss, so that one lucky dip of an
        oscillating run does not win.
        """
        recent = self.losses[np.searchsorted(self.times, 0.9 * (self.iteration - 1)) :]
        return np.maximum(recent.max(0, initial=-np.inf), self.last)

    def until(self, iteration: int) -> tuple[np.ndarray, np.ndarray]:
        """Times (K,) and losses (K, R) up to an iteration, the latest one included."""
        stop = np.searchsorted(self.times, iteration, side="right")
        times, losses = self.times[:stop], self.losses[:stop]
        if iteration >= self.iteration - 1 and stop and times[-1] < self.iteration - 1:
            times, losses = np.append(times, self.iteration - 1), np.vstack([losses, self.last])
        return times, losses
