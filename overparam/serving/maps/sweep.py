"""Where depth helps and where it hurts: iterations of depth N and of depth 1 to a goal, over a map
of two quantities.

All trials on the same data are rows of one batch, so a map of thousands of runs takes seconds.

As with `run.Run`, nothing works in the background: whoever looks asks for a slice, through the
fair gate.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from overparam.choices.map import Cell, Plan
from overparam.engine.device import no_memory, prepare_thread
from overparam.engine.turns import GATE
from overparam.serving.maps.block import UNKNOWN, Block, Outcome, Trial, step_sizes
from overparam.serving.memory import Room

FIRST_STAGE = (
    32  # iterations that every block gets before any block goes on; then twice as many, and so on
)
SLICE_SECONDS = 0.01
MOST_ROWS = 4000  # of one batch
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

    @classmethod
    def of(cls, cells: Sequence[Sequence[Cell]], outcomes: Mapping[Cell, Outcome]) -> View:
        """The map of these cells, row by row, as far as their trials are decided."""
        shape = (len(cells), len(cells[0]))
        deep, plain = np.full(shape, UNKNOWN), np.full(shape, UNKNOWN)
        deep_step, plain_step = np.full(shape, np.nan), np.full(shape, np.nan)
        deep_edge, plain_edge = np.zeros(shape, bool), np.zeros(shape, bool)
        for at in np.ndindex(shape):
            cell = cells[at[0]][at[1]]
            for wanted, count, step, edge in (
                (cell, deep, deep_step, deep_edge),
                (cell.plain, plain, plain_step, plain_edge),
            ):
                if found := outcomes.get(wanted):
                    count[at], step[at], edge[at] = found
        return cls(deep, plain, deep_step, plain_step, deep_edge, plain_edge)

    @property
    def log2_speed_up(self) -> np.ndarray:
        """log2 of depth 1's iterations over depth N's; NaN in cells where either is not known or
        never arrived."""
        both = (self.deep >= 0) & (self.plain >= 0)
        return np.where(both, np.log2(np.maximum(self.plain, 1) / np.maximum(self.deep, 1)), np.nan)


class Sweep:
    """A map being computed, or every so many-th of its batches.

    Args: part: from 0, of `parts`. Which trials share a batch follows from the map alone, so that
        parts give the numbers of the whole.
    """

    def __init__(self, plan: Plan, part: int = 0, parts: int = 1):
        prepare_thread()
        self.plan, self.finished = plan, False
        self.held, self.asked = (
            0,
            time.monotonic(),
        )  # runs in memory while it is computed; when somebody last looked
        self._cells = plan.cells()
        every = [cell for row in self._cells for cell in row]
        batches = _batches(plan, every)
        sizes = [sum(len(step_sizes(plan, cell)) for cell in cells) for cells in batches]
        self._batches, self.runs = batches[part::parts], sum(sizes[part::parts])
        self._whole = sum(sizes)
        self._blocks: list[Block] = []  # begun and not ended
        self._begun = 0
        self._trials: dict[Cell, Trial] = {}
        self._work, self._slices = threading.Lock(), self._generate()

    @property
    def outcomes(self) -> dict[Cell, Outcome]:
        """Of the trials that are decided."""
        known = [(cell, trial.outcome) for cell, trial in list(self._trials.items())]
        return {cell: outcome for cell, outcome in known if outcome.iterations != UNKNOWN}

    @property
    def decided(self) -> float:
        """Share of the trials, two a cell, whose outcome is known."""
        return len(self.outcomes) / max(1, sum(map(len, self._batches)))

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
        if self._whole > MOST_RUNS:
            raise SweepError(
                f"This map would take {self._whole:,} runs: choose less detail or fewer step sizes"
                " a decade."
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
        return View.of(self._cells, self.outcomes)


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


ROOM = Room(most=600_000)  # runs of all maps that are being computed: some 400 MB
