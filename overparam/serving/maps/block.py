"""One batch of a map: trials that share their data, as rows of one simulation.

Every cell of a map is a problem of its own, solved with a whole grid of step sizes at depth N and
at depth 1; each depth is judged at its own best step. A depth is decided by the first of its step
sizes to arrive, so its other rows are let go at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from overparam.choices.map import TUNED, Cell, Plan
from overparam.data.synthetic import synthetic
from overparam.engine.losses import lp
from overparam.engine.problem import Problem, two_coordinate, two_coordinates
from overparam.engine.simulation import Method, Simulation
from overparam.measure.curvature import sharpness
from overparam.measure.step_sizes import Terrain, step_grid, step_range

MOST_LOSSES = 2e6  # numbers in one slice of a batch's losses
SAMPLES, INPUTS, NOISE, SPECTRUM = 200, 10, 0.1, "geometric"  # of the synthetic problem
UNTRIED, UNKNOWN, NEVER = -3, -2, -1


class Outcome(NamedTuple):
    """Of a trial: iterations to the goal, NEVER where no step size of the grid arrived, UNKNOWN
    where it is not known yet; the step size that was quickest, NaN where there is none; whether it
    is the first or last of its grid."""

    iterations: int
    step: float
    at_edge: bool


class Trial:
    """One depth on one problem with all its step sizes, until the first of them arrives."""

    def __init__(self, steps: np.ndarray):
        self.steps = steps
        self.iterations, self.step, self.at_edge = UNKNOWN, np.nan, False

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.iterations, self.step, self.at_edge)

    def arrive(self, iteration: int, place: int) -> None:
        self.iterations, self.step = iteration, float(self.steps[place])
        self.at_edge = len(self.steps) > 1 and place in (0, len(self.steps) - 1)


class Block:
    """The trials that share their data, as rows of one batch."""

    def __init__(self, plan: Plan, cells: Sequence[Cell]):
        problem, goals = shared_data(plan, cells)
        self.trials = {cell: Trial(step_sizes(plan, cell)) for cell in cells}
        rows = [
            (i, place)
            for i, trial in enumerate(self.trials.values())
            for place in range(len(trial.steps))
        ]
        self._owner, self._place = np.array(rows).T
        self._goal = goals[self._owner]
        rows_of = [
            methods(plan, cell, trial.steps, problem.d) for cell, trial in self.trials.items()
        ]
        self._simulation = Simulation(
            problem.rows(self._owner.tolist()), [m for own in rows_of for m in own]
        )
        self.pace, self._horizon = 1e-4, plan.horizon  # seconds an iteration, measured as it goes

    @property
    def iteration(self) -> int:
        """Iterations whose losses have been looked at."""
        return self._simulation.iteration

    def advance(self, until: int, seconds: float) -> None:
        """Look at losses for about so many seconds, up to but without iteration `until`."""
        count = int(
            min(
                until - self.iteration,
                max(1, seconds / self.pace),
                1 + MOST_LOSSES / len(self._owner),
            )
        )
        before, start = time.perf_counter(), self.iteration
        losses = self._simulation.advance(count)
        self._note_arrivals(losses, start)
        self.pace = (time.perf_counter() - before) / count

    def _note_arrivals(self, losses: np.ndarray, start: int) -> None:
        here = losses <= self._goal
        rows = np.flatnonzero(here.any(0))
        first = here[:, rows].argmax(0)
        trials = list(self.trials.values())
        # the earliest wins; of those that arrive together, the one that is lowest then
        for row, at in sorted(
            zip(rows, first, strict=True), key=lambda r: (r[1], losses[r[1], r[0]])
        ):
            trial = trials[self._owner[row]]
            if trial.iterations == UNKNOWN:
                trial.arrive(start + int(at), int(self._place[row]))

    def prune(self) -> bool:
        """Let go of rows that can decide nothing any more; whether any is left.

        Only asked for at the end of a stage, so that batches have the same size however the slices
        fall: a product of another size may round differently, and a best step is sometimes a lucky
        one.
        """
        trials = list(self.trials.values())
        open_ = np.array([trial.iterations == UNKNOWN for trial in trials])[self._owner] & (
            self._simulation.diverged_at < 0
        )
        over = self.iteration > self._horizon
        left = [] if over else np.flatnonzero(open_).tolist()
        for i, trial in enumerate(trials):
            if trial.iterations == UNKNOWN and i not in self._owner[left]:
                trial.iterations = NEVER
        if not left:
            del self._simulation
            return False
        if len(left) < len(self._owner):
            self._simulation.keep(left)
            self._owner, self._place, self._goal = (
                self._owner[left],
                self._place[left],
                self._goal[left],
            )
        return True


def shared_data(plan: Plan, cells: Sequence[Cell]) -> tuple[Problem, np.ndarray]:
    """The data that cells share: a problem (a row for each cell), and goals as losses for each
    cell."""
    if plan.problem == "two":
        y = np.array([[cell.shape, 1.0] for cell in cells])
        return two_coordinates(cells[0].p, y), np.full(len(cells), plan.loss)
    problem = cell_problem(plan, cells[0])
    least = problem.optimum().loss
    goal = least + plan.gap * (problem.loss_at_zero - least)
    return problem, np.full(len(cells), goal)


def cell_problem(plan: Plan, cell: Cell) -> Problem:
    """The problem of one cell."""
    return (
        two_coordinate(cell.p, cell.shape)
        if plan.problem == "two"
        else _synthetic(cell.p, cell.shape, plan.seed)
    )


@lru_cache(maxsize=512)  # as many as a map has cells
def _synthetic(p: float, condition: float, seed: int) -> Problem:
    return Problem(*synthetic(SAMPLES, INPUTS, 1, condition, SPECTRUM, NOISE, seed), lp(p))


def step_unit(plan: Plan, cell: Cell) -> float:
    """The step that goes from W = 0 to the target in one leap, if the loss had one input: `(p - 1)
    / lambda_max(H(0))`."""
    return (cell.p - 1) / _terrain(plan, cell).at_zero


def step_sizes(plan: Plan, cell: Cell) -> np.ndarray:
    """The step sizes that a cell is tried with: `step_range`, on the lattice of its problem's
    unit."""
    terrain = _terrain(plan, cell)
    unit = (cell.p - 1) / terrain.at_zero
    if cell.step != TUNED:
        return np.array([unit * cell.step])
    low, high = step_range(
        Method(cell.depth, kind=plan.kind if cell.depth > 1 else "network"), terrain
    )
    return unit * step_grid(low / unit, high / unit, plan.grid)


def _terrain(plan: Plan, cell: Cell) -> Terrain:
    if (
        plan.problem == "two"
    ):  # in closed form, as a map has hundreds of cells: H = (p - 1) diag |w_i - y_i|^{p-2}
        y = np.array([cell.shape, 1.0])
        far = np.abs(np.array(start_weights(plan.start, plan.seed, cell.scale, 2)[0]) - y).max()
        at_zero, at_start = (
            float((cell.p - 1) * distance ** (cell.p - 2)) for distance in (cell.shape, far)
        )
        return Terrain(cell.p, at_zero, at_start, cell.scale, float(np.linalg.norm(y)))
    return _synthetic_terrain(cell.p, cell.shape, cell.scale, plan.start, plan.seed)


@lru_cache(maxsize=4096)  # asked for at every depth and step of a cell
def _synthetic_terrain(p: float, condition: float, scale: float, start: str, seed: int) -> Terrain:
    problem = _synthetic(p, condition, seed)
    at = torch.tensor(start_weights(start, seed, scale, problem.d), dtype=torch.float64)
    at_zero, at_start = sharpness(problem, torch.stack([torch.zeros_like(at), at])).tolist()
    return Terrain(p, at_zero, at_start, scale, problem.reach())


def start_weights(start: str, seed: int, scale: float, d: int) -> tuple[tuple[float, ...], ...]:
    """Where both depths of a cell start: W_0 of norm `scale`, along (1, .., 1) or along a
    direction drawn with the seed, any or one with positive weights."""
    direction = torch.ones(d, dtype=torch.float64)
    if start != "even":
        direction = torch.randn(
            d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
        )
    if start == "positive":
        direction = direction.abs()
    return (tuple((direction * (scale / direction.norm())).tolist()),)


def methods(plan: Plan, cell: Cell, steps: np.ndarray, d: int) -> list[Method]:
    kind = "network" if cell.depth == 1 else plan.kind  # the same at depth 1, and quicker
    w_e = start_weights(plan.start, plan.seed, cell.scale, d)
    return [Method(cell.depth, kind=kind, step=float(step), w_e=w_e) for step in steps]
