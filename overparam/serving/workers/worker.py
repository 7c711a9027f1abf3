"""A process that computes runs in small slices, in turn, and says what is new: `python -m
overparam.serving.workers.worker FD FOLDER`.

It speaks over one socket, which it inherits, in pickles that each come after their length: they
come from and go to our own server only. It ends when the socket does, so a server that dies leaves
no process behind. The same loop serves in a thread of the server where there are to be no
processes.

    in   ("run", key, experiment, upload, until, behind)      compute; say nothing before iteration
    `behind`
         ("map", key, plan, part, parts, seconds)             compute a part of a map for so long
         ("want", key, until)                                 a run as far as `until` now; -1: hold;
                                                              a map for so many more seconds
         ("drop", key)                                        forget it
    out  ("ready", pid)
         ("frame", key, iteration, samples, finished, tuning, start, piece, tips, news, about)
         ("map", key, outcomes, finished, runs, seconds left) of trials that are newly decided
         ("error", key, sentence)

Of a frame: `samples` of the lattice `history.RECORDED` are known; the curves' values from sample
`start` on are `piece`, float32, one curve after the other, those before stand; `tips` are the
values at `iteration` itself. `news`, pickled, is the whole `Record` or what `Record.since` gives;
None in most frames, as it holds every row while step sizes are compared, and only scripts read it.
`about` is the pace and a note on the device.
"""

from __future__ import annotations

import logging
import os
import pickle
import queue
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

import numpy as np

from overparam.choices.kinds import ChoiceError, read_choices
from overparam.choices.map import Cell, Plan
from overparam.choices.race import CHOICES, Experiment
from overparam.data import DataError
from overparam.engine.device import choose_device, prepare_thread
from overparam.engine.products import share_forms
from overparam.engine.simulation import Simulation
from overparam.measure.history import RECORDED
from overparam.serving.maps.sweep import Sweep, SweepError
from overparam.serving.run import Run, RunError

SLICE = 0.015  # seconds of one turn
FRAME, MAP_FRAME = 0.045, 0.2  # seconds between two messages about a run or a map, at least
CROWD = 2  # runs of a worker from whose number on frames are further apart: they cost it time
NEWS = 8  # so many times as far apart are records of a run that goes on

_LOG = logging.getLogger(__name__)


class _Job(Protocol):
    """What is computed here in turns, and what has been said of it.

    due: whether more is wanted. owes: whether something is known that has not been said.
    """

    @property
    def due(self) -> bool: ...
    @property
    def owes(self) -> bool: ...
    def want(self, until: float) -> None: ...
    def advance(self) -> None: ...
    def news(self, crowd: int) -> tuple | None:
        """What is new: the message without its key, or None; for so many jobs under way here."""


class _Run:
    """A run."""

    def __init__(self, run: Run, until: int, behind: int):
        self.run, self.until, self.behind = run, until, behind
        # of the last frame, and of the last record; once tuning is over, the curves are others
        self.tuning: bool | None = None
        self.told_tuning: bool | None = None
        self.samples, self.said, self.said_at = 0, -1, -1.0
        self.told, self.told_at = 0, -1.0

    @property
    def due(self) -> bool:
        return self.run.computed < min(self.until, self.run.experiment.iterations)

    @property
    def owes(self) -> bool:
        return self.run.computed > self.said and self.run.computed >= self.behind

    def want(self, until: float) -> None:
        self.until = int(until)

    def advance(self) -> None:
        self.run.advance(self.until, SLICE)

    def news(self, crowd: int) -> tuple | None:
        now, run = time.monotonic(), self.run
        apart = FRAME * max(1.0, crowd / CROWD)
        if not self.owes or (now - self.said_at < apart and self.due):
            return None
        with run.reading() as record:
            if record is None:
                return None
            tuning, iteration = record.tuned is None, record.computed
            start = self.samples if tuning == self.tuning else 0
            samples = int(np.searchsorted(RECORDED, iteration, side="right"))
            curves, tips = record.curves(start, samples)
            news = None
            if not self.due or tuning != self.told_tuning or now - self.told_at >= NEWS * apart:
                begun = self.told > 0 and tuning == self.told_tuning
                news = pickle.dumps(record.since(self.told) if begun else record)
                self.told, self.told_tuning, self.told_at = samples, tuning, now
        pieces = np.ascontiguousarray(curves.T, "<f4").tobytes(), tips.astype("<f4").tobytes()
        self.tuning, self.samples, self.said, self.said_at = tuning, samples, iteration, now
        finished = iteration >= run.experiment.iterations
        about = run.pace, run.device_note
        return "frame", iteration, samples, finished, tuning, start, *pieces, news, about


class _Map:
    """A part of a map, computed for so many seconds since somebody looked."""

    def __init__(self, plan: Plan, part: int, parts: int, seconds: float):
        self.sweep, self.owes = Sweep(plan, part, parts), True
        self.said: set[Cell] = set()
        self.said_at = -1.0
        self.want(seconds)

    @property
    def due(self) -> bool:
        return not self.sweep.finished and time.monotonic() < self.until

    def want(self, until: float) -> None:
        self.until = time.monotonic() + until

    def advance(self) -> None:
        self.sweep.advance(SLICE)
        self.owes = True

    def news(self, crowd: int) -> tuple | None:
        now = time.monotonic()
        if not self.owes or (self.due and now - self.said_at < MAP_FRAME):
            return None
        new = {cell: out for cell, out in self.sweep.outcomes.items() if cell not in self.said}
        self.said |= new.keys()
        self.said_at, self.owes = now, False
        return "map", new, self.sweep.finished, self.sweep.runs, self.sweep.seconds_left()


def serve(inp: BinaryIO, out: BinaryIO, make: Callable[..., Run] = Run) -> None:
    """Compute what is asked for until the input ends.

    Args: make: a run from an experiment and an upload.
    """
    prepare_thread()
    jobs: dict[str, _Job] = {}
    turns: deque[str] = deque()
    inbox: queue.SimpleQueue = queue.SimpleQueue()
    threading.Thread(target=_read, args=(inp, inbox), daemon=True).start()
    say(out, ("ready", os.getpid()))
    while True:
        try:
            while (message := inbox.get(block=not turns)) is not None:
                _take(message, make, jobs, turns)
            return
        except queue.Empty:
            pass
        key = turns.popleft()
        if (job := jobs.get(key)) is None:
            continue
        try:
            if job.due:
                job.advance()
            new = job.news(sum(each.due for each in jobs.values()))
        except (ChoiceError, DataError, RunError, SweepError) as error:
            _give_up(out, jobs, key, str(error))
            continue
        except Exception:
            _LOG.exception("a run failed")
            _give_up(
                out,
                jobs,
                key,
                "This run failed on the server: change a choice, or look into the server's log.",
            )
            continue
        if new:
            kind, *rest = new
            say(out, (kind, key, *rest))
        if job.due or job.owes:
            turns.append(key)


def _take(
    message: tuple, make: Callable[..., Run], jobs: dict[str, _Job], turns: deque[str]
) -> None:
    kind, key, *rest = message
    if kind == "run":
        experiment, upload, until, behind = rest
        jobs[key] = _Run(make(experiment, upload), until, behind)
        turns.appendleft(key)  # a newcomer comes first
    elif kind == "map":
        jobs[key] = _Map(*rest)
        turns.appendleft(key)
    elif kind == "want" and key in jobs:
        jobs[key].want(rest[0])
        if key not in turns:
            turns.append(key)
    elif kind == "drop":
        jobs.pop(key, None)


def _give_up(out: BinaryIO, jobs: dict[str, _Job], key: str, sentence: str) -> None:
    jobs.pop(key, None)
    say(out, ("error", key, sentence))


def say(out: BinaryIO, message: Any) -> None:
    """Send a message."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    out.write(struct.pack("<I", len(data)) + data)
    out.flush()


def _read(inp: BinaryIO, inbox: queue.SimpleQueue) -> None:
    """Put what comes into the box; None at the end."""
    try:
        while len(head := inp.read(4)) == 4:
            inbox.put(pickle.loads(inp.read(struct.unpack("<I", head)[0])))
    except (OSError, EOFError, ValueError, pickle.UnpicklingError):
        pass
    inbox.put(None)


def serve_socket(stream: socket.socket, make: Callable[..., Run] = Run) -> None:
    """`serve` on a socket, until the other end closes it."""
    try:
        with stream, stream.makefile("rb") as inp, stream.makefile("wb") as out:
            serve(inp, out, make)
    except (BrokenPipeError, ConnectionResetError):
        pass


def warm_up() -> None:
    """A short run of the default choices: what is imported or made at first use is then there. A
    GPU's libraries alone take most of a second."""
    experiment = Experiment.of(read_choices(CHOICES, {"iterations": "20"})[0])
    run = Run(experiment)
    while not run.finished:
        run.advance(20, 1.0)
    run.view(20)
    device, _ = choose_device(float("inf"))
    if device.type == "cpu":
        return
    methods = [experiment.method(entry) for entry in experiment.methods]
    try:
        Simulation(experiment.build(device), methods).advance(20)
    except RuntimeError:  # the run that needs it says so to a person
        _LOG.warning("the GPU does not compute", exc_info=True)


def main() -> None:
    """As a program of its own, for systems where processes cannot be forked, and for GPUs, which do
    not survive a fork."""
    share_forms(sys.argv[2])
    prepare_thread()
    warm_up()
    serve_socket(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)


if __name__ == "__main__":
    main()
