"""The server's side of its workers: how many there are, how they come to be, and what becomes of
the runs of one that dies.

workers = Workers(count=2)
workers.start()                            # on the server's event loop
workers.receive = ...                      # before the first
workers.compute(job)                       # by the worker with the fewest runs
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from overparam.engine.device import cores

ROOT = Path(__file__).parents[3]
MOST_DEATHS = 3  # of its worker, until a run is given up
_LOG = logging.getLogger(__name__)


class Job(Protocol):
    """A computation as the workers need it."""

    key: str

    @property
    def due(self) -> bool:
        """Whether more of it is wanted than is known."""

    def begin(self) -> tuple:
        """The message with which a worker takes it, from where it is known."""

    def go_on(self) -> tuple:
        """The message that says how far it is wanted now."""


def wanted_workers() -> int:
    """As many as there are cores to use, or as OVERPARAM_WORKERS says; 0: everything is computed in
    the server's own process."""
    text = os.environ.get("OVERPARAM_WORKERS", "")
    if text and not text.isdecimal():
        raise SystemExit(
            "OVERPARAM_WORKERS must be a whole number such as 2, or 0 for no processes of their"
            f" own, not {text!r}."
        )
    if os.name == "nt":  # sockets cannot be handed to another process there
        return 0
    return min(int(text), 64) if text else cores()


class Worker:
    """One process, or one thread where there are to be no processes, and the socket to it."""

    def __init__(self, workers: Workers):
        self._workers = workers
        self.jobs: dict[str, Job] = {}
        self.deaths: dict[str, int] = {}
        self.pid: int | None = None
        self._process: subprocess.Popen | None = None  # None where it was forked, or is a thread
        self._writer: asyncio.StreamWriter | None = None

    async def keep(self) -> None:
        """Have it; have another whenever it ends, for the same runs: nothing is lost, as a run is
        its experiment."""
        while True:
            began = time.monotonic()
            end, self._process = self._workers.make()
            reader, self._writer = await asyncio.open_connection(sock=end)
            for job in self.jobs.values():
                self._send(job.begin())
            try:
                while True:
                    (length,) = struct.unpack("<I", await reader.readexactly(4))
                    kind, *rest = pickle.loads(await reader.readexactly(length))
                    if kind == "ready":
                        (self.pid,) = rest
                    else:
                        self._workers.receive(kind, *rest)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            await self.end()
            _LOG.warning("a worker (process %s) ended; another takes its place", self.pid)
            self.pid = None
            self._count_deaths()
            if time.monotonic() - began < 1:
                await asyncio.sleep(1)  # not again and again without a pause

    async def end(self) -> None:
        """Close its socket, with which it ends, and take note of its end."""
        if self._writer is not None:
            self._writer.close()
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)

    def _count_deaths(self) -> None:
        for key, job in list(self.jobs.items()):
            self.deaths[key] = self.deaths.get(key, 0) + job.due
            if self.deaths[key] >= MOST_DEATHS:
                self.drop(key)
                sentence = (
                    f"This run ended its process {MOST_DEATHS} times, perhaps for want of memory:"
                    " choose something smaller."
                )
                self._workers.receive("error", key, sentence)

    def compute(self, job: Job) -> None:
        """Take a job, or take note of how far it is wanted now."""
        if job.key in self.jobs:
            self._send(job.go_on())
        else:
            self.jobs[job.key] = job
            self._send(job.begin())

    def drop(self, key: str) -> None:
        """Forget a job."""
        if self.jobs.pop(key, None) is not None:
            self.deaths.pop(key, None)
            self._send(("drop", key))

    def _send(self, message: tuple) -> None:
        if self._writer is not None and not self._writer.is_closing():
            data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
            self._writer.write(struct.pack("<I", len(data)) + data)


class Workers:
    """All workers of a server, on its event loop.

    Args: count: of processes; 0: a thread.
    """

    def __init__(self, count: int):
        self.count = count
        # called with ("frame", key, ...) or ("error", key, sentence), as in `worker`
        self.receive: Callable[..., None] = _nobody
        # serves a socket in this process, for count 0
        self.thread: Callable[[socket.socket], None] = _nobody
        self._folder = tempfile.TemporaryDirectory(
            prefix="overparam-", ignore_cleanup_errors=True
        )  # where they agree on forms
        self._zygote: subprocess.Popen | None = None
        self._control: socket.socket | None = None
        self.workers = [Worker(self) for _ in range(max(1, count))]
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def folder(self) -> str:
        """Where processes agree on the forms of products (`engine.products.share_forms`)."""
        return self._folder.name

    @property
    def processes(self) -> int:
        """How many processes stand ready."""
        return sum(worker.pid is not None for worker in self.workers) if self.count else 0

    def start(self) -> None:
        """Have them come up, in the background, if they do not already."""
        self._keepers = self._keepers or [
            asyncio.create_task(worker.keep()) for worker in self.workers
        ]

    def compute(self, job: Job) -> None:
        """Have a job done as far as it is wanted."""
        theirs = next((worker for worker in self.workers if job.key in worker.jobs), None)
        if theirs is None:
            theirs = min(
                self.workers,
                key=lambda worker: sum(job.due for job in worker.jobs.values()),
            )
        theirs.compute(job)

    def drop(self, key: str) -> None:
        """Forget a job."""
        for worker in self.workers:
            worker.drop(key)

    async def stop(self) -> None:
        """End them all: each ends with its socket."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self.workers))
        if self._control is not None:
            self._control.close()
        if self._zygote is not None:
            await asyncio.to_thread(self._zygote.wait)
        self._folder.cleanup()

    def make(self) -> tuple[socket.socket, subprocess.Popen | None]:
        """A new worker: our end of its socket, and its process where that is ours to wait for."""
        ours, its = socket.socketpair()
        if self.count == 0:
            threading.Thread(target=self.thread, args=(its,), name="runs", daemon=True).start()
            return ours, None
        process = None
        if can_fork():
            self._fork(its)
        else:
            process = self._start("overparam.serving.workers.worker", its)
        its.close()
        return ours, process

    def _fork(self, its: socket.socket) -> None:
        if self._zygote is None or self._zygote.poll() is not None:
            self._control, other = socket.socketpair()
            self._zygote = self._start("overparam.serving.workers.zygote", other)
            other.close()
        assert self._control is not None
        socket.send_fds(self._control, [b"fork"], [its.fileno()])

    def _start(self, program: str, end: socket.socket) -> subprocess.Popen:
        one_thread = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
        )
        command = [sys.executable, "-m", program, str(end.fileno()), self.folder]
        return subprocess.Popen(
            command,
            pass_fds=[end.fileno()],
            cwd=ROOT,
            env=os.environ | one_thread,
            stdin=subprocess.DEVNULL,
        )


def _nobody(*_: object) -> None:
    """Nobody listens yet."""


def can_fork() -> bool:
    """Whether workers are forked from a process that has everything imported: on Linux without a
    GPU, which survives no fork."""
    return sys.platform == "linux" and not Path("/dev/nvidiactl").exists()
