"""One experiment under way: its runs, what is known of them so far, and which of them are still
computed.

Threads, memory and devices are the business of `serving.run`; who computes the steps is an
`Engine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np

from overparam.choices.race import Experiment
from overparam.engine.problem import Problem
from overparam.engine.protocol import Engine
from overparam.measure.history import GAPS, History, Later
from overparam.measure.step_sizes import Grid, stable_step

SOLVED = {"float64": 1e-8, "float32": 1e-6}  # gaps below are equal: rounding decides between them


@dataclass(frozen=True)
class Tuned:
    """What tuning found, over all rows of the grid.

    iteration: when they were compared. gaps: the largest gap of the last tenth until then, by which
    they are judged, NaN where diverged. reached, diverged_at: as in `View`, for every row. chosen:
    the best row of each method by the experiment's aim: the lowest gap at the end, and the quickest
    where several are SOLVED; or the first to a gap.
    """

    grid: Grid
    iteration: int
    gaps: np.ndarray
    reached: np.ndarray
    diverged_at: np.ndarray
    chosen: list[int]


@dataclass(frozen=True, eq=False)
class View:
    """A run as seen up to an iteration; M methods, K times. A view is equal to itself only.

    times (K,); gaps (K, M), NaN after divergence; reached (M, T): first iteration at each gap of
    GAPS, -1 where not (yet); steps (M,): step sizes in use at the end, the best so far while
    tuning; diverged_at (M,), -1 where not; tuning: whether the grid is still being compared;
    at_edge (M,): the chosen step is the first or last of its grid; first, least: L_0 and L* of the
    gap; fewest (M, T): the least iterations to each gap that any step size of the grid needs, -1
    where none is there (yet); None where step sizes are given. fan (K, R): while step sizes are
    compared, the gap of every row of the grid, owner (R,): whose it is; None after that.
    """

    iteration: int
    times: np.ndarray
    gaps: np.ndarray
    reached: np.ndarray
    steps: np.ndarray
    diverged_at: np.ndarray
    tuning: bool
    at_edge: np.ndarray
    first: float
    least: float
    fewest: np.ndarray | None = None
    fan: np.ndarray | None = None
    owner: np.ndarray | None = None


def lowest(gaps: np.ndarray, owner: np.ndarray, methods: int) -> np.ndarray:
    """The lowest gap that any of a method's rows has, NaN where none has one.

    Args: gaps (K, R). owner (R,): whose a row is. methods: M. Returns: (K, M).
    """
    known = np.where(np.isnan(gaps), np.inf, gaps)
    least = np.stack([known[:, owner == i].min(1) for i in range(methods)], 1)
    return np.where(np.isinf(least), np.nan, least)


@dataclass
class Record:
    """What is known of an experiment so far; it can be sent to another process.

    grid: its rows. first, least: L_0 and L* of the gap. history: losses of the rows, from the
    tuning horizon on of one row for each method. diverged_at: of the same. tuned: None while step
    sizes are compared.
    """

    experiment: Experiment
    grid: Grid
    first: float
    least: float
    history: History
    diverged_at: np.ndarray
    tuned: Tuned | None = None
    _seen: tuple[tuple[int, int, bool], View] | None = None  # the latest view, and what it is of

    @property
    def computed(self) -> int:
        """The latest iteration whose loss is known; -1 before the first."""
        return self.history.iteration - 1

    def since(self, samples: int) -> tuple[Later, np.ndarray]:
        """What another record of the same rows lacks that has so many samples."""
        return self.history.since(samples), self.diverged_at

    def take(self, later: Later, diverged_at: np.ndarray) -> None:
        """Go on with what `since` gave."""
        self.history.take(later)
        self.diverged_at = diverged_at

    def gap(self, losses: np.ndarray) -> np.ndarray:
        """Share of the avoidable loss that is left, as in `Problem.gap`."""
        return (losses - self.least) / (self.first - self.least)

    def curves(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """What is drawn as each method's curve, of samples `start` to `stop` (K, M), and at the
        latest iteration (M,): its gap; while step sizes are compared the lowest that any of its
        rows has, so that what has been drawn stays as it is."""
        losses = np.vstack([self.history.losses[start:stop], self.history.last])
        curves = self.gap(losses)
        if self.tuned is None:
            curves = lowest(curves, np.asarray(self.grid.owner), len(self.experiment.methods))
        return curves[:-1], curves[-1]

    def choose(self) -> list[int]:
        """At the tuning horizon: keep each method's best row only; returns which these are."""
        self.tuned = self.compare()
        self.history.keep(self.tuned.chosen)
        self.diverged_at = self.diverged_at[self.tuned.chosen]
        return self.tuned.chosen

    def compare(self) -> Tuned:
        """The whole grid as it stands now, while step sizes are compared."""
        settled, reached = self.history.settled(), self.history.reached.copy()
        return Tuned(
            grid=self.grid,
            iteration=self.computed,
            gaps=self.gap(settled),
            reached=reached,
            diverged_at=self.diverged_at.copy(),
            chosen=self._best(settled, reached),
        )

    def _best(self, losses: np.ndarray, reached: np.ndarray) -> list[int]:
        counts = np.where(reached < 0, np.inf, reached)
        solved = self.least + SOLVED[self.experiment.precision] * (self.first - self.least)
        losses = np.where(np.isfinite(losses), np.maximum(losses, solved), np.inf)
        if self.experiment.aim == "end":
            return self.grid.best(losses, counts[:, -1])
        return self.grid.best(counts[:, GAPS.index(float(self.experiment.aim))], losses)

    def view(self, position: int) -> View:
        """What is known up to an iteration; the same view to all who stand there, as long as no
        more is known."""
        seen = position, self.computed, self.tuned is None
        if self._seen is None or self._seen[0] != seen:
            self._seen = seen, self._view(position)
        return self._seen[1]

    def _view(self, position: int) -> View:
        times, losses = self.history.until(position)
        reached, diverged = self.history.reached, self.diverged_at
        searched, fewest, fan = bool(self.experiment.tuning_horizon), None, None
        if searched:
            known = reached if self.tuned is None else self.tuned.reached
            fewest = self.grid.fastest(np.where(known <= position, known, -1))
        if self.tuned is None:  # one row for each method: the best so far
            settled = losses[-1] if position < self.computed else self.history.settled()
            fan = self.gap(losses)
            rows = self._best(settled, np.where(reached <= position, reached, -1))
            losses, reached, diverged = losses[:, rows], reached[rows], diverged[rows]
        else:
            rows = self.tuned.chosen
        changed = prod(by for at, by in self.experiment.changes if at <= position)
        return View(
            iteration=min(position, self.computed),
            times=times,
            gaps=self.gap(losses),
            reached=np.where(reached <= position, reached, -1),
            steps=self.grid.steps[rows] * changed,
            diverged_at=np.where(diverged <= position, diverged, -1),
            tuning=self.tuned is None,
            at_edge=np.array([searched and self.grid.at_edge(row) for row in rows]),
            first=self.first,
            least=self.least,
            fewest=fewest,
            fan=fan,
            owner=None if fan is None else np.asarray(self.grid.owner),
        )


class Course:
    """Made whole when a run begins, dropped whole when it is forgotten.

    While step sizes are compared every row of the grid is computed, from the tuning horizon on one
    row for each method.

    Args:
        experiment: what was chosen.
        problem: on the CPU, for optimum and gap.
        grid: the rows.
        engine: computes them, on whatever device.
    """

    def __init__(self, experiment: Experiment, problem: Problem, grid: Grid, engine: Engine):
        self.experiment, self.problem, self.grid, self.engine = experiment, problem, grid, engine
        least, first = problem.optimum().loss, problem.loss_at_zero
        rows = list(range(len(grid.methods)))
        history = History(len(rows), [least + gap * (first - least) for gap in GAPS])
        self.record = Record(experiment, grid, first, least, history, np.full(len(rows), -1))
        self.alive = rows  # those that the engine still computes, of those in the history
        self._changes_made = 0
        if not experiment.tuning_horizon:
            unknown = np.full(len(rows), np.nan)
            self.record.tuned = Tuned(
                grid, 0, unknown, history.reached, self.record.diverged_at, rows
            )

    @property
    def computed(self) -> int:
        """The latest iteration whose loss is known; -1 before the first."""
        return self.record.computed

    def advance(self, count: int) -> np.ndarray:
        """Losses of the next iterations, shape (count, R); NaN for what has diverged and been
        dropped."""
        losses = np.full((count, len(self.record.diverged_at)), np.nan)
        if self.alive:
            losses[:, self.alive] = self.engine.advance(count)
            self.record.diverged_at[self.alive] = self.engine.diverged_at
        return losses

    def note(self, losses: np.ndarray) -> None:
        """Take what `advance` returned; at the tuning horizon go on with each method's best step
        only."""
        self.record.history.add(losses)
        if self.computed == self.experiment.tuning_horizon and self.record.tuned is None:
            chosen = self.record.choose()
            alive = [row in self.alive for row in chosen]
            self._go_on_with([row for row, going in zip(chosen, alive, strict=True) if going])
            self.alive = [i for i, going in enumerate(alive) if going]

    def change_steps(self) -> int:
        """Make the changes of step size whose turn it is now; returns the iteration of the next
        one."""
        for at, factor in self.experiment.changes[self._changes_made :]:
            if at > self.computed + 1:
                return at
            self.engine.scale_steps(factor)
            self._changes_made += 1
        return self.experiment.iterations + 1

    def drop_diverged(self) -> None:
        """Compute no longer what has diverged: about half of a grid of step sizes.

        Only at iterations that are powers of two: a product of another size rounds differently, and
        the same experiment must give the same curves however its slices fall.
        """
        going = [row for row in self.alive if self.record.diverged_at[row] < 0]
        if len(going) < len(self.alive):
            self._go_on_with(going)

    def _go_on_with(self, rows: list[int]) -> None:
        if rows:
            self.engine.keep([self.alive.index(row) for row in rows])
        self.alive = rows

    @cached_property
    def stable_steps(self) -> Sequence[float | None]:
        """For each method the largest step size at which the optimum attracts."""
        methods = [self.experiment.method(entry) for entry in self.experiment.methods]
        return [stable_step(self.problem, method) for method in methods]
