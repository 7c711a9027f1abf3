"""An atlas, computed: blocks of a map solved by as many processes as there are, on this machine or
on many, with the same numbers however many.

Which trials share a block follows from the map alone: a batch of another size may round
differently. For the same reason products are taken in their plain form, not in the one that a
machine finds fastest. The slowest blocks come first, so that no long one is left for the end.
"""

from __future__ import annotations

import hashlib
import logging
import signal
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import BrokenProcessPool

from overparam.choices.atlas import AtlasPlan
from overparam.choices.map import Cell
from overparam.engine.device import prepare_thread
from overparam.engine.products import plain_forms
from overparam.serving.maps.atlas_file import Atlas, AtlasError, listed
from overparam.serving.maps.block import UNKNOWN, Block
from overparam.serving.maps.sweep import FIRST_STAGE, View

BLOCK_RUNS = (
    2000  # of one batch, about: fewer cost more time in all, more leave workers idle at the end
)
DECADES = 5  # of step sizes that a trial takes, about
MOST_DEATHS = 3  # of worker processes, one after the other without a block in between
CONNECT_SECONDS = 10

Found = tuple[np.ndarray, np.ndarray, np.ndarray]  # iterations, step size, edge of a block's trials


@cache
def versions() -> Mapping[str, str]:
    """What the numbers of an atlas depend on besides its choices; `code` is a fingerprint of the
    files that compute them."""
    root = Path(__file__).parents[2]
    files = [
        f for name in ("theory", "data", "engine", "measure") for f in (root / name).rglob("*.py")
    ]
    files += [root / "choices/map.py", Path(__file__).with_name("block.py"), Path(__file__)]
    code = hashlib.sha256(b"".join(f.read_bytes() for f in sorted(files))).hexdigest()[:12]
    return {"code": code, "torch": torch.__version__.split("+")[0], "numpy": np.__version__}


def solve(wanted: Mapping[str, str], plan: AtlasPlan, cells: Sequence[Cell]) -> Found:
    """Solve the trials of one block to their end; in a worker.

    Args: wanted: the versions that have to be there.
    """
    if versions() != wanted:
        raise AtlasError(
            f"A worker computes with {listed(versions())}, and this atlas with {listed(wanted)}:"
            " have the same on all machines."
        )
    prepare_thread()
    with plain_forms():
        block, stage = Block(plan, cells), FIRST_STAGE
        while True:
            until = min(stage, plan.horizon + 1)
            while block.iteration < until:
                block.advance(until, seconds=1.0)
            if not block.prune():
                break
            stage *= 2
    trials = list(block.trials.values())
    return (
        np.array([trial.iterations for trial in trials], np.int32),
        np.array([trial.step for trial in trials], np.float64),
        np.array([trial.at_edge for trial in trials], bool),
    )


class Making:
    """An atlas being computed: every trial once, two a cell, fewer where cells share depth 1."""

    def __init__(self, plan: AtlasPlan, known: Atlas | None = None):
        self.plan = plan
        cells = plan.cells()
        number: dict[Cell, int] = {}
        for cell in (each for row in cells for each in row):
            for trial in (cell.plain, cell):
                number.setdefault(trial, len(number))
        self._trials = list(number)
        self._deep = np.array([[number[cell] for cell in row] for row in cells])
        self._plain = np.array([[number[cell.plain] for cell in row] for row in cells])
        self._iterations = np.full(len(number), UNKNOWN, np.int32)
        self._step, self._edge = np.full(len(number), np.nan), np.zeros(len(number), bool)
        if known is not None:
            view = known.view
            for at, own in (
                (self._deep, (view.deep, view.deep_step, view.deep_edge)),
                (self._plain, (view.plain, view.plain_step, view.plain_edge)),
            ):
                self._iterations[at], self._step[at], self._edge[at] = own

    @property
    def trials(self) -> int:
        return len(self._trials)

    @property
    def decided(self) -> int:
        """Trials whose outcome is known."""
        return int((self._iterations != UNKNOWN).sum())

    def blocks(self) -> list[np.ndarray]:
        """The numbers of the trials of each block that is not known yet, the slowest block
        first."""
        plan = self.plan
        data: dict[tuple[float, ...], list[int]] = {}
        for i, cell in enumerate(self._trials):
            shared = (cell.p,) if plan.problem == "two" else (cell.p, cell.shape)
            data.setdefault(shared, []).append(i)
        runs = 1 if "step" in (plan.x, plan.y) else DECADES * plan.grid
        size = max(2, BLOCK_RUNS // runs)
        blocks = [
            np.array(own[start : start + size])
            for own in data.values()
            for start in range(0, len(own), size)
        ]
        blocks.sort(key=lambda own: max(_slowness(self._trials[i]) for i in own), reverse=True)
        return [own for own in blocks if (self._iterations[own] == UNKNOWN).any()]

    def compute(self, pool: Pool) -> Iterator[int]:
        """Solve all that is not known yet; yields the number of decided trials after each block.

        A worker that dies takes no more with it than the block that it had: another one solves it.
        Raises: AtlasError.
        """
        deaths = 0
        while blocks := self.blocks():
            tasks = ((i, self.plan, [self._trials[n] for n in own]) for i, own in enumerate(blocks))
            try:
                for i, found in pool.solve(tasks, patience=60 + 2e-3 * self.plan.horizon):
                    own, deaths = blocks[i], 0
                    self._iterations[own], self._step[own], self._edge[own] = found
                    yield self.decided
            except BrokenProcessPool as error:
                deaths += 1
                if deaths == MOST_DEATHS:
                    raise AtlasError(
                        f"Worker processes ended {deaths} times without a result, perhaps for want"
                        " of memory: take fewer workers."
                    ) from error

    def atlas(self) -> Atlas:
        """What is known now."""
        pairs = [
            (known[self._deep], known[self._plain])
            for known in (self._iterations, self._step, self._edge)
        ]
        return Atlas(self.plan, View(*(array for pair in pairs for array in pair)), versions())


def _slowness(cell: Cell) -> tuple[float, ...]:
    """What takes more iterations compares higher: a high power, a bad condition, depth with a start
    close to 0."""
    return cell.p, cell.shape, cell.depth, -cell.scale


class Pool:
    """Where blocks are solved: in this process (one worker), in processes of this machine (more of
    them), or wherever the workers of a Dask scheduler are.

    with Pool(workers=4) as pool: ...
    """

    def __init__(self, workers: int = 1, scheduler: str | None = None):
        self._workers, self._scheduler = workers, scheduler
        self._stack = ExitStack()

    def __enter__(self) -> Pool:
        """Raises: AtlasError where there is no such scheduler, or it has no fitting workers."""
        if self._scheduler is None:
            backend: dict[str, Any] = {"n_jobs": self._workers, "backend": "loky"}
            backend |= {"inner_max_num_threads": 1} if self._workers > 1 else {}
        else:
            self._stack.enter_context(dask_client(self._scheduler))
            backend = {"n_jobs": -1, "backend": "dask"}
        self._stack.enter_context(parallel_config(**backend))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def solve(self, tasks: Iterator[tuple], patience: float) -> Iterator[tuple[int, Found]]:
        """The number and the outcome of each task (number, plan, cells), as they come.

        Args: patience: seconds without any result after which workers elsewhere are given up.
        """
        parallel = Parallel(
            return_as="generator_unordered",
            # workers elsewhere do not wait for the next task's way
            pre_dispatch="8 * n_jobs" if self._scheduler else "2 * n_jobs",
            timeout=patience if self._scheduler else None,
        )
        with ExitStack() as stack:
            with _deaf_to_interrupts():  # so are the processes that it starts
                found = parallel(delayed(_numbered)(versions(), *task) for task in tasks)
            stack.callback(_close, found)
            try:
                # not `yield from`, with which joblib would warn of what is given up
                yield from map(tuple, found)
            except TimeoutError as error:
                raise AtlasError(
                    f"The workers of {self._scheduler} have sent nothing for {patience:.0f} s: see"
                    " whether they and the scheduler still run."
                ) from error
            except CancelledError as error:
                raise AtlasError(
                    f"The connection to the scheduler {self._scheduler} was lost: start it and its"
                    " workers again."
                ) from error


def _numbered(
    wanted: Mapping[str, str], number: int, plan: AtlasPlan, cells: Sequence[Cell]
) -> tuple[int, Found]:
    return number, solve(wanted, plan, cells)


def _close(generator: Any) -> None:
    """Give up what is not solved yet; joblib would warn that it is."""
    with warnings.catch_warnings(action="ignore"):
        generator.close()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Ctrl+C is for the process that writes the file; those that are started within do not hear
    it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def dask_client(address: str) -> Iterator[None]:
    """A connection to a Dask scheduler, which joblib then uses.

    Raises: AtlasError where Dask is not installed, nothing answers, or there are no workers that
    compute the same.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise AtlasError(
            'Dask is not installed here: run pip install ".[dask]", or use --workers for this'
            " machine alone."
        ) from error
    log = logging.getLogger("distributed.client")  # tells with tracebacks what is a sentence here
    log.setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TypeError) as error:  # nobody there, or no address at all
        raise AtlasError(
            f"No Dask scheduler answers at {address!r}: start one with `dask scheduler`, and"
            " give its address such as tcp://127.0.0.1:8786."
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
            there = client.run(versions)
        except TimeoutError as error:
            raise AtlasError(
                f"The scheduler {address} has no workers: start some with `dask worker {address}`."
            ) from error
        except ImportError as error:
            raise AtlasError(
                f"A worker of {address} has no package overparam: install it there, the same as"
                " here."
            ) from error
        for worker, found in there.items():
            if found != versions():
                raise AtlasError(
                    f"The worker {worker} computes with {listed(found)}, this machine with"
                    f" {listed(versions())}: have the same on all machines."
                )
        yield
