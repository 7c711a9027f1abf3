"""Where depth helps and where it hurts: iterations of depth N and of depth 1 to a goal, over a map
of two quantities.

Every cell of the map is a problem of its own, solved with a whole grid of step sizes at depth N and
at depth 1; each depth is judged at its own best step. All runs on the same data are rows of one
batch, so a map of thousands of runs takes seconds. A depth is decided by the first of its step
sizes to arrive, so its other rows are let go at once.

As with `runs.Run`, nothing works in the background: whoever looks asks for a slice, through the
fair gate.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import torch

from overparam.choices.map import TUNED, Cell, Plan
from overparam.data.synthetic import synthetic
from overparam.engine.device import no_memory, prepare_thread
from overparam.engine.losses import lp
from overparam.engine.problem import Problem, two_coordinate, two_coordinates
from overparam.engine.simulation import Method, Simulation
from overparam.engine.turns import GATE
from overparam.measure.curvature import sharpness
from overparam.measure.history import History
from overparam.measure.step_sizes import Terrain, step_grid, step_range
from overparam.serving.memory import Room
from overparam.serving.opening_map import stored_map
from overparam.serving.registry import Registry

FIRST_STAGE = (
    32  # iterations that every block gets before any block goes on; then twice as many, and so on
)
SLICE_SECONDS = 0.01
MOST_ROWS, MOST_LOSSES = 4000, 2e6  # of one batch; numbers in one slice of its losses
SAMPLES, INPUTS, NOISE, SPECTRUM = 200, 10, 0.1, "geometric"  # of the synthetic problem
UNTRIED, UNKNOWN, NEVER = -3, -2, -1
MOST_RUNS = 90_000  # of a map: some 60 MB


class SweepError(RuntimeError):
    """A map that cannot go on; the message tells the person what happened and what to do."""


@dataclass(frozen=True)
class View:
    """A map as far as it is known; arrays of shape (rows, columns) = (values of y, values of x).

    deep, plain: iterations of depth N and of depth 1 to the goal, NEVER where no step size of the
    grid arrived, UNKNOWN where it is not known yet. deep_step, plain_step: the step size that was
    quickest, NaN where there is none. deep_edge, plain_edge: whether it is the first or last of its
    grid.
    """

    deep: np.ndarray
    plain: np.ndarray
    deep_step: np.ndarray
    plain_step: np.ndarray
    deep_edge: np.ndarray
    plain_edge: np.ndarray

    @property
    def log2_speed_up(self) -> np.ndarray:
        """log2 of depth 1's iterations over depth N's; NaN in cells where either is not known or
        never arrived."""
        both = (self.deep >= 0) & (self.plain >= 0)
        return np.where(both, np.log2(np.maximum(self.plain, 1) / np.maximum(self.deep, 1)), np.nan)


class Trial:
    """One depth on one problem with all its step sizes, until the first of them arrives."""

    def __init__(self, steps: np.ndarray):
        self.steps = steps
        self.iterations, self.step, self.at_edge = UNKNOWN, np.nan, False

    def arrive(self, iteration: int, place: int) -> None:
        self.iterations, self.step = iteration, float(self.steps[place])
        self.at_edge = len(self.steps) > 1 and place in (0, len(self.steps) - 1)


class Block:
    """The trials that share their data, as rows of one batch."""

    def __init__(self, plan: Plan, cells: Sequence[Cell]):
        problem, goals = _data(plan, cells)
        self.trials = {cell: Trial(step_sizes(plan, cell)) for cell in cells}
        rows = [
            (i, place)
            for i, trial in enumerate(self.trials.values())
            for place in range(len(trial.steps))
        ]
        self._owner, self._place = np.array(rows).T
        self._goal = goals[self._owner]
        methods = [
            _methods(plan, cell, trial.steps, problem.d) for cell, trial in self.trials.items()
        ]
        self._simulation = Simulation(
            problem.rows(self._owner.tolist()), [m for own in methods for m in own]
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


def _data(plan: Plan, cells: Sequence[Cell]) -> tuple[Problem, np.ndarray]:
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


def _methods(plan: Plan, cell: Cell, steps: np.ndarray, d: int) -> list[Method]:
    kind = "network" if cell.depth == 1 else plan.kind  # the same at depth 1, and quicker
    w_e = start_weights(plan.start, plan.seed, cell.scale, d)
    return [Method(cell.depth, kind=kind, step=float(step), w_e=w_e) for step in steps]


class Sweep:
    """A map being computed."""

    def __init__(self, plan: Plan):
        prepare_thread()
        self.plan, self.finished = plan, False
        self.held, self.asked = (
            0,
            time.monotonic(),
        )  # runs in memory while it is computed; when somebody last looked
        self._cells = [
            [plan.cell(x, y) for x in range(len(plan.values("x")))]
            for y in range(len(plan.values("y")))
        ]
        self._batches = _batches(plan, [cell for row in self._cells for cell in row])
        self._blocks: list[Block] = []  # begun and not ended
        self._begun = 0
        self._trials: dict[Cell, Trial] = {}
        self._work, self._slices = threading.Lock(), self._generate()
        self.runs = sum(len(step_sizes(plan, cell)) for cells in self._batches for cell in cells)

    @property
    def decided(self) -> float:
        """Share of the trials, two a cell, whose outcome is known."""
        return sum(trial.iterations != UNKNOWN for trial in list(self._trials.values())) / sum(
            map(len, self._batches)
        )

    def seconds_left(self) -> float:
        """At most so long: what arrives in the meantime is computed no further."""
        blocks = self._blocks
        known = sum(block.pace * (self.plan.horizon + 1 - block.iteration) for block in blocks)
        return known * (1 + (len(self._batches) - self._begun) / max(1, len(blocks)))

    def advance(self, seconds: float = 0.03) -> None:
        """Compute for about so many seconds; while somebody else computes this very map, wait for
        them instead.

        Raises: SweepError, in one sentence for the person, where there is no memory for it; the map
        then begins again.
        """
        self.asked = time.monotonic()
        if self.finished or not self._work.acquire(timeout=seconds):
            return
        try:
            with GATE:
                prepare_thread()
                stop = time.perf_counter() + seconds
                while not self.finished and time.perf_counter() < stop:
                    self.finished = next(self._slices, True)
        except (MemoryError, RuntimeError) as error:
            self._forget()  # a generator that has raised would only say that it has ended
            if no_memory(error):
                raise SweepError(
                    "No memory is left for this map: choose less detail or fewer step sizes a"
                    " decade."
                ) from error
            raise
        finally:
            if self.finished:
                self.held = 0
            self._work.release()

    def _forget(self) -> None:
        self._blocks, self._begun, self._trials, self._slices, self.held = (
            [],
            0,
            {},
            self._generate(),
            0,
        )

    def let_go(self) -> None:
        """Forget what was computed, unless it is being computed just now; whoever asks next begins
        anew."""
        if self._work.acquire(blocking=False):
            self._forget()
            self._work.release()

    def _generate(self) -> Iterator[bool]:
        """Slices of work, stage by stage over the whole map, so that all of it is known roughly
        before any of it in full."""
        if self.runs > MOST_RUNS:
            raise SweepError(
                f"This map would take {self.runs:,} runs: choose less detail or fewer step sizes a"
                " decade."
            )
        if not ROOM.take(self, self.runs):
            raise SweepError(
                "The server is busy with other large maps: try again in a minute, or choose less"
                " detail."
            )
        for cells in self._batches:
            block = Block(self.plan, cells)
            self._trials |= block.trials
            self._blocks, self._begun = [*self._blocks, block], self._begun + 1
            yield from self._stage(block, FIRST_STAGE)
        stage = FIRST_STAGE
        while self._blocks:
            stage *= 2
            for block in self._blocks:
                yield from self._stage(block, stage)

    def _stage(self, block: Block, until: int) -> Iterator[bool]:
        while block.iteration < min(until, self.plan.horizon + 1):
            block.advance(min(until, self.plan.horizon + 1), SLICE_SECONDS)
            yield False
        if not block.prune():
            self._blocks = [other for other in self._blocks if other is not block]

    def view(self) -> View:
        """The map as far as it is known now."""
        self.asked = time.monotonic()
        shape = (len(self._cells), len(self._cells[0]))
        deep, plain = np.full(shape, UNKNOWN), np.full(shape, UNKNOWN)
        deep_step, plain_step = np.full(shape, np.nan), np.full(shape, np.nan)
        deep_edge, plain_edge = np.zeros(shape, bool), np.zeros(shape, bool)
        for at in np.ndindex(shape):
            cell = self._cells[at[0]][at[1]]
            for wanted, count, step, edge in (
                (cell, deep, deep_step, deep_edge),
                (cell.plain, plain, plain_step, plain_edge),
            ):
                if trial := self._trials.get(wanted):
                    count[at], step[at], edge[at] = trial.iterations, trial.step, trial.at_edge
        return View(deep, plain, deep_step, plain_step, deep_edge, plain_edge)


def _batches(plan: Plan, cells: Sequence[Cell]) -> list[list[Cell]]:
    """The trials of a map, depth 1 included, each once: batches that share their data and are not
    too large."""
    shared: dict[tuple, dict[Cell, None]] = {}
    for cell in cells:
        data = (cell.p,) if plan.problem == "two" else (cell.p, cell.shape)
        shared.setdefault(data, {}).update({cell.plain: None, cell: None})
    batches: list[list[Cell]] = []
    for mine in shared.values():
        rows = MOST_ROWS
        for cell in mine:
            size = len(step_sizes(plan, cell))
            if rows + size > MOST_ROWS:
                batches.append([])
                rows = 0
            batches[-1].append(cell)
            rows += size
    return batches


class StoredSweep:
    """A map that was computed beforehand: to those who look at it a `Sweep` that has finished."""

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


def _sweep(plan: Plan) -> Sweep | StoredSweep:
    kept = stored_map(plan)
    if kept is None:
        return Sweep(plan)
    view = View(**{each.name: kept[each.name] for each in fields(View)})
    return StoredSweep(plan, view, int(kept["runs"]))


ROOM = Room(most=600_000)  # runs of all maps that are being computed: some 400 MB
SWEEPS: Registry[Sweep | StoredSweep] = Registry(most=144, make=_sweep)


@dataclass(frozen=True)
class CellRuns:
    """The runs of one cell: depth N first, then depth 1, each with all its step sizes.

    steps: those of both (S,), absolute. unit: of the step sizes. reached: iterations to the goal
    (2, S), NEVER where it was not reached until `until`, UNTRIED where a depth was not given that
    step. best: the quickest step's place in the grid for each depth, or that of the lowest loss
    where none arrived. times (K,) and losses (K, 2): the curves of these two, NaN after divergence.
    goal, least: losses.
    """

    steps: np.ndarray
    unit: float
    reached: np.ndarray
    best: tuple[int, int]
    times: np.ndarray
    losses: np.ndarray
    goal: float
    least: float
    until: int


def cell_runs(plan: Plan, cell: Cell) -> CellRuns:
    """Compute the runs of one cell with every step size, to ten times the slower depth's arrival,
    or until it is given up."""
    prepare_thread()
    problem = cell_problem(plan, cell)
    _, (goal,) = _data(plan, [cell])
    own = [step_sizes(plan, each) for each in (cell, cell.plain)]
    ends = np.cumsum([len(steps) for steps in own])[:-1]
    methods = [
        m
        for each, steps in zip((cell, cell.plain), own, strict=True)
        for m in _methods(plan, each, steps, problem.d)
    ]
    simulation = Simulation(problem, methods)
    history, pace, stop = History(len(methods), [goal]), 1e-4, plan.horizon
    while history.iteration <= stop:
        with GATE:
            prepare_thread()
            start = time.perf_counter()
            count = int(min(stop + 1 - history.iteration, max(1, 0.03 / pace), 4096))
            history.add(simulation.advance(count))
            pace = (time.perf_counter() - start) / count
        reached = np.split(history.reached[:, 0], ends)
        first = [at[at >= 0].min(initial=plan.horizon + 1) for at in reached]
        if max(first) <= plan.horizon:
            stop = max(history.iteration - 1, min(stop, 10 * int(max(first)) + 20))
    last = np.split(np.where(np.isfinite(history.last), history.last, np.inf), ends)
    best = [
        int(np.lexsort((end, np.where(at < 0, np.inf, at)))[0])
        for at, end in zip(reached, last, strict=True)
    ]
    times, losses = history.until(stop)
    unit = step_unit(plan, cell)
    lattice = [np.rint(np.log10(steps / unit) * plan.grid).astype(int) for steps in own]
    together = np.union1d(*lattice)
    places = [np.searchsorted(together, mine) for mine in lattice]
    both, arrivals = np.empty(len(together)), np.full((2, len(together)), UNTRIED)
    for at, steps in zip(places, own, strict=True):
        both[at] = steps
    for row, at, counts in zip(arrivals, places, reached, strict=True):
        row[at] = counts
    return CellRuns(
        steps=both,
        unit=unit,
        reached=arrivals,
        best=(int(places[0][best[0]]), int(places[1][best[1]])),
        times=times,
        losses=losses[:, [best[0], len(own[0]) + best[1]]],
        goal=float(goal),
        least=0.0 if plan.problem == "two" else problem.optimum().loss,
        until=stop,
    )
