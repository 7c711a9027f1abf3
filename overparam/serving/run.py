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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.engine.device import choose_device, no_memory, prepare_thread
from overparam.engine.optimizers import OPTIMIZERS, moves
from overparam.engine.simulation import Simulation
from overparam.engine.turns import GATE
from overparam.measure.step_sizes import Grid, search_ranges, step_grid
from overparam.serving.course import Course, Record, Tuned, View
from overparam.serving.memory import Room
from overparam.serving.registry import Registry


class RunError(RuntimeError):
    """A run that cannot go on; the message tells the person what happened and what to do."""


# a method must be able to step along gradients so much longer than at W = 0: they add up, and
# layers lengthen them
MARGIN = 10.0
_LOG = logging.getLogger(__name__)


class Watched:
    """An experiment being computed, as all who look at it see it."""

    def __init__(self, experiment: Experiment):
        self.experiment, self.device_note = experiment, ""
        self.asked = time.monotonic()  # when somebody last looked
        self._data = threading.Lock()
        self.pace = 1e-3  # seconds an iteration, measured as it goes

    @property
    def record(self) -> Record | None:
        """All that is known of it; None before its first slice."""
        raise NotImplementedError

    def advance(self, until: int, seconds: float = 0.03) -> None:
        """Have it computed for about so many seconds, to iteration `until` at most; return at once
        where that is already known.

        Raises: ChoiceError, DataError or RunError, each with one sentence for the person.
        """
        raise NotImplementedError

    @contextmanager
    def reading(self) -> Iterator[Record | None]:
        """What is known, and nobody adds to it meanwhile; None where that is nothing."""
        with self._data:
            record = self.record
            yield record if record is not None and record.computed >= 0 else None

    @property
    def computed(self) -> int:
        """The latest iteration whose loss is known; -1 before the first."""
        record = self.record
        return record.computed if record else -1

    @property
    def finished(self) -> bool:
        return self.computed >= self.experiment.iterations

    @property
    def tuned(self) -> Tuned | None:
        """What tuning found; None while step sizes are still compared."""
        record = self.record
        return record.tuned if record else None

    @property
    def rows(self) -> int:
        """Runs computed together: the whole grid while tuning."""
        record = self.record
        return len(record.grid.methods) if record else 0

    def seconds_left(self, until: int | None = None) -> float:
        """To an iteration, or to the end; estimated from the pace of the latest slice, and the
        smaller batch after tuning."""
        record, until = self.record, self.experiment.iterations if until is None else until
        together = min(until, self.experiment.tuning_horizon) if self.tuned is None else until
        going = np.count_nonzero(record.diverged_at < 0) if record else 0
        alone = len(self.experiment.methods) / max(1, going) if record else 1.0
        return self.pace * (max(0, together - self.computed) + alone * max(0, until - together))

    def comparison(self) -> Tuned | None:
        """The whole grid as compared so far, or at the tuning horizon; None before anything is
        known, or where nothing is tuned."""
        with self.reading() as record:
            if record is None or not self.experiment.tuning_horizon:
                return None
            return record.tuned or record.compare()

    def view(self, position: int) -> View | None:
        """The run up to an iteration; None before anything is known."""
        self.asked = time.monotonic()
        with self.reading() as record:
            return None if record is None or position < 0 else record.view(position)

    def stable_steps(self) -> Sequence[float | None]:
        """For each method the largest step size at which the optimum attracts
        (`step_sizes.stable_step`)."""
        raise NotImplementedError


class Run(Watched):
    """One experiment computed in this process: its course, and who may advance it when."""

    def __init__(self, experiment: Experiment, upload: Data | None = None):
        super().__init__(experiment)
        self._upload, self._work = upload, threading.Lock()
        self.held = 0  # numbers in memory while it is computed
        self._course: Course | None = None  # from its first slice on
        self._device, self._gpu_failed = torch.device("cpu"), False

    @property
    def record(self) -> Record | None:
        course = self._course
        return course.record if course else None

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
                # somebody else may have got there while this thread waited
                if self.computed < until:
                    prepare_thread()
                    self._slice(until, seconds)
        except (MemoryError, RuntimeError) as error:
            self._recover(error)
        finally:
            if self._course is None:
                self.held = 0  # it did not begin
            self._work.release()

    def _slice(self, until: int, seconds: float) -> None:
        course = self._course = self._course or self._begin()
        stop, horizon = time.perf_counter() + seconds, self.experiment.tuning_horizon
        while (left := stop - time.perf_counter()) > 0 and self.computed < until:
            checkpoint = 1 << max(4, max(self.computed, 0).bit_length())
            end = min(until, checkpoint, course.change_steps() - 1)
            end = min(end, horizon) if course.record.tuned is None else end
            most = 1 + 2e6 / len(course.grid.methods)
            count = int(min(end - self.computed, max(1, left / self.pace), most))
            before = time.perf_counter()
            losses = course.advance(count)
            with self._data:
                course.note(losses)
            if self.computed == checkpoint:
                course.drop_diverged()
            self.pace = (time.perf_counter() - before) / count
        if self.finished:
            del course.engine  # the curves are all that is needed from here on
            self.held = 0

    def _begin(self) -> Course:
        choices = self.experiment
        methods = [choices.method(entry) for entry in choices.methods]
        problem = choices.build("cpu", self._upload)
        steps: list[Sequence[float]] = [[m.step] for m in methods]
        if choices.tuning_horizon:
            steps = [
                step_grid(low, high, choices.grid).tolist()
                for low, high in search_ranges(problem, methods)
            ]
        grid = Grid.of(methods, steps)
        choices.check_fit(problem, len(grid.methods))
        starts = Simulation(problem, methods).end_to_end()
        with np.errstate(over="ignore", invalid="ignore"):
            losses, gradients = problem.value_and_grad(
                torch.cat([torch.zeros_like(starts[:1]), starts])
            )
        if not bool(losses[0].isfinite()):
            raise RunError(
                "The loss at W = 0 does not fit into float32: choose float64, or a smaller p."
            )
        least, first = problem.optimum().loss, problem.loss_at_zero
        if not first - least > 1e-9 * first:  # the gap, a share of this, would be rounding
            raise RunError(
                "There is nothing to learn here: W = 0 is already the optimum. Choose other data."
            )
        stuck = [
            OPTIMIZERS[m.optimizer].label
            for m, own in zip(methods, gradients[1:], strict=True)
            for each in (MARGIN * gradients[0], own)
            if bool(each.any()) and not moves(OPTIMIZERS[m.optimizer], each.flatten())
        ]
        if stuck:
            words = " and ".join(dict.fromkeys(stuck))
            raise RunError(
                "Float32 cannot hold the squares of these gradients, which set the step of"
                f" {words}: choose float64, a smaller p, or a start nearer 0."
            )
        if not ROOM.take(self, choices.numbers(problem, len(grid.methods))):
            raise RunError(
                "The server is busy with other large runs: try again in a minute, or use fewer step"
                " sizes a decade."
            )
        if not self._gpu_failed:
            work = 2.0 * problem.m * (problem.d + problem.k) * problem.k * len(grid.methods)
            self._device, self.device_note = choose_device(work)
        there = problem if self._device.type == "cpu" else choices.build(self._device, self._upload)
        return Course(choices, problem, grid, Simulation(there, grid.methods))

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
            self._course = None

    def let_go(self) -> None:
        """Forget what was computed, unless it is being computed just now; whoever asks next begins
        anew."""
        if self._work.acquire(blocking=False):
            self._forget()
            self.held = 0
            self._work.release()

    def stable_steps(self) -> Sequence[float | None]:
        course = self._course
        if course is None:
            return [None] * len(self.experiment.methods)
        with GATE:
            return course.stable_steps


ROOM = Room(most=150_000_000)  # numbers held by all runs being computed: 1.2 GB in float64
RUNS: Registry[Run] = Registry(most=48, make=Run)
