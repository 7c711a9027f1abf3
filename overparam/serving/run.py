"""Runs that outlive the script that draws them: an Experiment being computed, and the registry that
shares them.

Nothing here works in the background. Whoever looks at a run asks it to advance a little, through
the fair gate, and then reads what is new. Pausing is not asking; a run that nobody asks stands
still; two people with the same experiment ask the same run.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from math import prod

import numpy as np
import torch

from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.engine.device import choose_device, no_memory, prepare_thread
from overparam.engine.optimizers import OPTIMIZERS, moves
from overparam.engine.simulation import Simulation
from overparam.engine.turns import GATE
from overparam.measure.history import GAPS, History
from overparam.measure.step_sizes import Grid, search_ranges, stable_step, step_grid
from overparam.serving.memory import Room
from overparam.serving.registry import Registry


class RunError(RuntimeError):
    """A run that cannot go on; the message tells the person what happened and what to do."""


# a method must be able to step along gradients so much longer than at W = 0: they add up, and
# layers lengthen them
MARGIN = 10.0
_LOG = logging.getLogger(__name__)
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


@dataclass(frozen=True)
class View:
    """A run as seen up to an iteration; M methods, K times.

    times (K,); gaps (K, M), NaN after divergence; reached (M, T): first iteration at each gap of
    GAPS, -1 where not (yet); steps (M,): step sizes in use at the end, the best so far while
    tuning; diverged_at (M,), -1 where not; tuning: whether the grid is still being compared;
    at_edge (M,): the chosen step is the first or last of its grid; first, least: L_0 and L* of the
    gap; fewest (M, T): the least iterations to each gap that any step size of the grid needs, -1
    where none is there (yet); None where step sizes are given.
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


class Run:
    """One experiment being computed: its history so far and the simulation that extends it."""

    def __init__(self, experiment: Experiment, upload: Data | None = None):
        self.experiment, self.tuned, self.device_note = experiment, None, ""
        self._upload, self._work, self._data = upload, threading.Lock(), threading.Lock()
        self._simulation: Simulation | None = None
        self.held, self.asked = (
            0,
            time.monotonic(),
        )  # numbers in memory while it is computed; when somebody last looked
        self._history: History | None = None
        self._pace = 1e-3  # seconds an iteration, measured as it goes
        self._device, self._gpu_failed = torch.device("cpu"), False

    @property
    def computed(self) -> int:
        """The latest iteration whose loss is known; -1 before the first."""
        history = self._history
        return history.iteration - 1 if history else -1

    @property
    def finished(self) -> bool:
        return self.computed >= self.experiment.iterations

    @property
    def rows(self) -> int:
        """Runs computed together: the whole grid while tuning."""
        return len(self._grid.methods) if self._history else 0

    def seconds_left(self, until: int | None = None) -> float:
        """To an iteration, or to the end; estimated from the pace of the latest slice, and the
        smaller batch after tuning."""
        until = self.experiment.iterations if until is None else until
        together = min(until, self.experiment.tuning_horizon) if self.tuned is None else until
        alone = len(self.experiment.methods) / max(1, len(self._alive)) if self._history else 1.0
        return self._pace * (max(0, together - self.computed) + alone * max(0, until - together))

    def advance(self, until: int, seconds: float = 0.03) -> None:
        """Compute for about so many seconds, to iteration `until` at most; return at once where
        that is already known.

        While somebody else computes this very run, wait for them instead.
        Raises: ChoiceError, DataError or RunError, each with one sentence for the person.
        """
        until, self.asked = min(until, self.experiment.iterations), time.monotonic()
        if self.computed >= until or not self._work.acquire(timeout=seconds):
            return
        try:
            with GATE:
                if (
                    self.computed < until
                ):  # somebody else may have got there while this thread waited
                    prepare_thread()
                    self._slice(until, seconds)
        except (MemoryError, RuntimeError) as error:
            self._recover(error)
        finally:
            if self._history is None:
                self.held = 0  # it did not begin
            self._work.release()

    def _slice(self, until: int, seconds: float) -> None:
        if self._history is None:
            self._begin()
        stop, horizon = time.perf_counter() + seconds, self.experiment.tuning_horizon
        while (left := stop - time.perf_counter()) > 0 and self.computed < until:
            checkpoint = 1 << max(4, max(self.computed, 0).bit_length())
            end = min(until, checkpoint, self._change_steps() - 1)
            end = min(end, horizon) if self.tuned is None else end
            count = int(min(end - self.computed, max(1, left / self._pace), 1 + 2e6 / self.rows))
            before = time.perf_counter()
            losses = self._compute(count)
            with self._data:
                self._history.add(losses)
                if self.computed == horizon and self.tuned is None:
                    self._choose()
            if self.computed == checkpoint:
                self._drop_diverged()
            self._pace = (time.perf_counter() - before) / count
        if self.finished:
            self._simulation, self.held = None, 0  # the curves are all that is needed from here on

    def _change_steps(self) -> int:
        """Make the changes of step size whose turn it is now; returns the iteration of the next
        one."""
        for at, factor in self.experiment.changes[self._changes_made :]:
            if at > self.computed + 1:
                return at
            self._simulation.scale_steps(factor)
            self._changes_made += 1
        return self.experiment.iterations + 1

    def _compute(self, count: int) -> np.ndarray:
        """Losses of the next iterations, shape (count, R); NaN for what has diverged and been
        dropped."""
        losses = np.full((count, len(self._diverged_at)), np.nan)
        if self._alive:
            losses[:, self._alive] = self._simulation.advance(count)
            self._diverged_at[self._alive] = self._simulation.diverged_at
        return losses

    def _drop_diverged(self) -> None:
        """Compute no longer what has diverged: about half of a grid of step sizes.

        Only at iterations that are powers of two: a product of another size rounds differently, and
        the same experiment must give the same curves however its slices fall.
        """
        going = [row for row in self._alive if self._diverged_at[row] < 0]
        if len(going) < len(self._alive):
            self._go_on_with(going)

    def _go_on_with(self, rows: list[int]) -> None:
        if rows:
            self._simulation.keep([self._alive.index(row) for row in rows])
        self._alive = rows

    def _begin(self) -> None:
        choices = self.experiment
        methods = [choices.method(entry) for entry in choices.methods]
        problem = choices.build("cpu", self._upload)
        steps = [[m.step] for m in methods]
        if choices.tuning_horizon:
            steps = [
                step_grid(low, high, choices.grid) for low, high in search_ranges(problem, methods)
            ]
        with np.errstate(over="ignore", invalid="ignore"):
            at_zero, gradient = problem.value_and_grad(
                torch.zeros(1, problem.k, problem.d, dtype=problem.dtype)
            )
        if not bool(at_zero.isfinite()):
            raise RunError(
                "The loss at W = 0 does not fit into float32: choose float64, or a smaller p."
            )
        stuck = [
            o.label
            for o in (OPTIMIZERS[m.optimizer] for m in methods)
            if bool(gradient.any()) and not moves(o, MARGIN * gradient.flatten())
        ]
        if stuck:
            words = " and ".join(dict.fromkeys(stuck))
            raise RunError(
                f"Float32 cannot hold the squares of these gradients, by which {words} sets the"
                " step: choose float64, or a smaller p."
            )
        grid = Grid.of(methods, steps)
        choices.check_fit(problem, len(grid.methods))
        if not ROOM.take(self, choices.numbers(problem, len(grid.methods))):
            raise RunError(
                "The server is busy with other large runs: try again in a minute, or use fewer step"
                " sizes a decade."
            )
        if not self._gpu_failed:
            work = 2.0 * problem.m * (problem.d + problem.k) * problem.k * len(grid.methods)
            self._device, self.device_note = choose_device(work)
        least, first = problem.optimum().loss, problem.loss_at_zero
        if not first - least > 1e-9 * first:  # the gap, a share of this, would be rounding
            raise RunError(
                "There is nothing to learn here: W = 0 is already the optimum. Choose other data."
            )
        self._problem, self._grid, self._changes_made = problem, grid, 0
        there = problem if self._device.type == "cpu" else choices.build(self._device, self._upload)
        self._simulation = Simulation(there, grid.methods)
        rows = list(range(len(grid.methods)))
        self._alive, self._diverged_at = rows, np.full(len(rows), -1)
        self._history = History(len(rows), [least + gap * (first - least) for gap in GAPS])
        if not choices.tuning_horizon:
            self.tuned = Tuned(
                grid, 0, np.full(len(rows), np.nan), self._history.reached, self._diverged_at, rows
            )

    def _choose(self) -> None:
        """The tuning horizon is reached: go on with each method's best step only."""
        self.tuned = self._compare()
        chosen = self.tuned.chosen
        self._history.keep(chosen)
        alive = [row in self._alive for row in chosen]
        self._go_on_with([row for row, going in zip(chosen, alive, strict=True) if going])
        self._alive, self._diverged_at = (
            [i for i, going in enumerate(alive) if going],
            self._diverged_at[chosen],
        )

    def _compare(self) -> Tuned:
        settled, reached = self._history.settled(), self._history.reached.copy()
        chosen = self._best(settled, reached)
        return Tuned(
            self._grid,
            self.computed,
            self._problem.gap(settled),
            reached,
            self._diverged_at.copy(),
            chosen,
        )

    def _best(self, losses: np.ndarray, reached: np.ndarray) -> list[int]:
        least, counts = self._problem.optimum().loss, np.where(reached < 0, np.inf, reached)
        solved = least + SOLVED[self.experiment.precision] * (self._problem.loss_at_zero - least)
        losses = np.where(np.isfinite(losses), np.maximum(losses, solved), np.inf)
        if self.experiment.aim == "end":
            return self._grid.best(losses, counts[:, -1])
        return self._grid.best(counts[:, GAPS.index(float(self.experiment.aim))], losses)

    def comparison(self) -> Tuned | None:
        """The whole grid as compared so far, or at the tuning horizon; None before anything is
        known, or where nothing is tuned."""
        with self._data:
            if not self.experiment.tuning_horizon or self.computed < 0:
                return None
            return self.tuned or self._compare()

    def _recover(self, error: Exception) -> None:
        """A failing GPU: start again on the CPU and say so. No memory: say so. Anything else is our
        mistake."""
        if isinstance(error, RunError):
            raise error
        if self._device.type != "cpu":
            self._device, self._gpu_failed = torch.device("cpu"), True
            self._forget()
            _LOG.warning(
                "a run was started again on the CPU", exc_info=error
            )  # for whoever runs the server
            self.device_note = (
                "The GPU failed or ran out of memory: this run was started again on the CPU."
            )
            return
        if no_memory(error):
            self._forget()
            raise RunError(
                "No memory is left for this run: choose fewer methods or fewer step sizes a decade."
            ) from error
        raise error

    def _forget(self) -> None:
        with self._data:
            self._simulation, self._history, self.tuned = None, None, None

    def let_go(self) -> None:
        """Forget what was computed, unless it is being computed just now; whoever asks next begins
        anew."""
        if self._work.acquire(blocking=False):
            self._forget()
            self.held = 0
            self._work.release()

    def view(self, position: int) -> View | None:
        """The run up to an iteration; None before anything is known."""
        self.asked = time.monotonic()
        with self._data:
            if self._history is None or self.computed < 0 or position < 0:
                return None
            times, losses = self._history.until(position)
            reached, diverged = self._history.reached, self._diverged_at
            tuning, fewest = self.tuned is None, None
            if self.experiment.tuning_horizon:
                known = reached if tuning else self.tuned.reached
                fewest = self._grid.fastest(np.where(known <= position, known, -1))
            if tuning:  # one row for each method: the best so far
                settled = losses[-1] if position < self.computed else self._history.settled()
                rows = self._best(settled, np.where(reached <= position, reached, -1))
                losses, reached, diverged = losses[:, rows], reached[rows], diverged[rows]
            else:
                rows = self.tuned.chosen
            return View(
                iteration=min(position, self.computed),
                times=times,
                gaps=self._problem.gap(losses),
                reached=np.where(reached <= position, reached, -1),
                steps=self._grid.steps[rows]
                * prod(by for at, by in self.experiment.changes if at <= position),
                diverged_at=np.where(diverged <= position, diverged, -1),
                tuning=tuning,
                at_edge=np.array(
                    [
                        self._grid.at_edge(row) and bool(self.experiment.tuning_horizon)
                        for row in rows
                    ]
                ),
                first=self._problem.loss_at_zero,
                least=self._problem.optimum().loss,
                fewest=fewest,
            )

    def stable_steps(self) -> list[float | None]:
        """For each method the largest step size at which the optimum attracts
        (`tuning.stable_step`)."""
        if not hasattr(self, "_stable"):
            with GATE:
                self._stable = [
                    stable_step(self._problem, self.experiment.method(entry))
                    for entry in self.experiment.methods
                ]
        return self._stable


ROOM = Room(most=150_000_000)  # numbers held by all runs being computed: 1.2 GB in float64
RUNS: Registry[Run] = Registry(most=48, make=Run)
