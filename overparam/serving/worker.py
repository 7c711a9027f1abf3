"""A process that computes runs in small slices, in turn, and says what is new: `python -m
overparam.serving.worker FD FOLDER`.

It speaks over one socket, which it inherits, in pickles that each come after their length: they
come from and go to our own server only. It ends when the socket does, so a server that dies leaves
no process behind. The same loop serves in a thread of the server where there are to be no
processes.

    in   ("run", key, experiment, upload, until, behind)      compute; say nothing before iteration
    `behind`
         ("want", key, until)                                 as far as `until` now; -1: hold
         ("drop", key)                                        forget it
    out  ("ready", pid)
         ("frame", key, iteration, samples, finished, tuning, start, piece, tips, news, about)
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
from typing import Any, BinaryIO

import numpy as np

from overparam.choices.kinds import ChoiceError, read_choices
from overparam.choices.race import CHOICES, Experiment
from overparam.data import DataError
from overparam.engine.device import choose_device, prepare_thread
from overparam.engine.products import share_forms
from overparam.engine.simulation import Simulation
from overparam.measure.history import RECORDED
from overparam.serving.run import Run, RunError

SLICE = 0.015  # seconds of one turn
FRAME = 0.045  # seconds between two frames of a run, at least
CROWD = 2  # runs of a worker from whose number on frames are further apart: they cost it time
NEWS = 0.4  # seconds between two records of a run that goes on, at least

_LOG = logging.getLogger(__name__)


class _Job:
    """One run here, and what has been said of it."""

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
        """Whether something is known that has not been said."""
        return self.run.computed > self.said and self.run.computed >= self.behind

    def frame(self, crowd: int) -> tuple | None:
        """What is new, or None; for so many runs that share this worker."""
        now, run = time.monotonic(), self.run
        apart = FRAME * max(1.0, crowd / CROWD)
        if not self.owes or (now - self.said_at < apart and self.due):
            return None
        with run.reading() as record:
            if record is None:
                return None
            tuning = record.tuned is None
            view = record.view(record.computed)
            start = self.samples if tuning == self.tuning else 0
            samples = int(np.searchsorted(RECORDED, view.iteration, side="right"))
            news = None
            if not self.due or tuning != self.told_tuning or now - self.told_at >= NEWS:
                begun = self.told > 0 and tuning == self.told_tuning
                news = pickle.dumps(record.since(self.told) if begun else record)
                self.told, self.told_tuning, self.told_at = samples, tuning, now
        curves = view.curves.astype("<f4").T
        piece = np.ascontiguousarray(curves[:, start:samples]).tobytes()
        tips = np.ascontiguousarray(curves[:, -1]).tobytes()
        self.tuning, self.samples, self.said, self.said_at = tuning, samples, view.iteration, now
        about = (run.pace, run.device_note)
        finished = view.iteration >= run.experiment.iterations
        return view.iteration, samples, finished, tuning, start, piece, tips, news, about


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
                job.run.advance(job.until, SLICE)
            if new := job.frame(sum(each.due for each in jobs.values())):
                say(out, ("frame", key, *new))
        except (ChoiceError, DataError, RunError) as error:
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
        if job.due or job.owes:
            turns.append(key)


def _take(
    message: tuple, make: Callable[..., Run], jobs: dict[str, _Job], turns: deque[str]
) -> None:
    kind, key, *rest = message
    if kind == "run":
        experiment, upload, until, behind = rest
        jobs[key] = _Job(make(experiment, upload), until, behind)
        turns.appendleft(key)  # a newcomer comes first
    elif kind == "want" and key in jobs:
        jobs[key].until = rest[0]
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
