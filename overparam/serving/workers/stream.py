"""Runs that many people watch at once: computed by workers, sent to everybody as the same few
bytes.

A `Live` is the record of a run. `delta(since)` is everything that a viewer lacks who has its frame
`since`, encoded once for all who stand there: in step everybody gets the same bytes, and whoever is
late or slow gets a larger delta instead of a queue. So the memory held for a viewer is bounded, and
nothing is dropped. A `Room` is what a lecturer shows, under a code; a `Hall` holds all.

A frame, little-endian:

    u8 curves M | u8 flags (1: finished) | u16 run number | u32 samples K | u32 iteration | M x u32
    starts | M x float32 tips | float32 values of curve 0 from its start to K, of curve 1, ...

Sample j of a curve belongs to iteration `history.RECORDED[j]`, so no x is sent; the tip is the
value at `iteration`. A curve whose start is 0 replaces what the viewer has; else it goes on where
the viewer stands.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.engine.products import share_forms
from overparam.measure.history import RECORDED
from overparam.serving.run import RUNS
from overparam.serving.workers.pool import Job, Workers, wanted_workers
from overparam.serving.workers.worker import serve_socket

HEAD = struct.Struct("<BBHII")
TICK = 0.05  # seconds between two frames to the viewers of a run, at least
SHARE = 0.5  # of the event loop's time that sending may take
HOLD = -1
MOST_ROOMS, MOST_RUNS, MOST_OTHERS = 200, 100, 300
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without what looks alike


class Live:
    """A run as the server knows it, and as it is shared out."""

    def __init__(self, key: str, experiment: Experiment, upload: Data | None, number: int):
        self.key, self.experiment, self.upload, self.number = key, experiment, upload, number
        self.until, self.iteration, self.samples = HOLD, -1, 0
        self.finished, self.error = False, ""
        self.rooms: set[Room] = set()
        curves = len(experiment.methods)
        self._values, self._tips = (
            np.zeros((curves, len(RECORDED)), "<f4"),
            np.full(curves, np.nan, "<f4"),
        )
        self.frame = 0
        self._lengths = [0]  # samples known at each frame
        self._replaced = [0] * curves  # the frame at which a curve became another one
        self._encoded: dict[int, bytes] = {}

    @property
    def due(self) -> bool:
        return self.until > self.iteration

    def begin(self) -> tuple:
        return ("run", self.key, self.experiment, self.upload, self.until, self.iteration + 1)

    def go_on(self) -> tuple:
        return ("want", self.key, self.until)

    def take(
        self,
        iteration: int,
        samples: int,
        finished: bool,
        starts: Sequence[int],
        pieces: Sequence[bytes],
        tips: bytes,
    ) -> None:
        """A worker's frame, as described in `worker`."""
        self.frame += 1
        for i, (start, piece) in enumerate(zip(starts, pieces, strict=True)):
            if start == 0:
                self._replaced[i] = self.frame
            self._values[i, start:samples] = np.frombuffer(piece, "<f4")
        self.iteration, self.samples, self.finished = iteration, samples, finished
        self._tips = np.frombuffer(tips, "<f4")
        self._lengths.append(samples)
        self._encoded.clear()

    def delta(self, since: int) -> bytes:
        """What a viewer lacks who has frame `since`; 0: all."""
        if since not in self._encoded:
            starts = [0 if frame > since else self._lengths[since] for frame in self._replaced]
            head = HEAD.pack(
                len(starts), self.finished, self.number & 0xFFFF, self.samples, self.iteration
            )
            pieces = [
                self._values[i, start : self.samples].tobytes() for i, start in enumerate(starts)
            ]
            self._encoded[since] = b"".join(
                [head, np.asarray(starts, "<u4").tobytes(), self._tips.tobytes(), *pieces]
            )
        return self._encoded[since]


class Room:
    """What a lecturer shows under a code: a run, how far it is shown, and whether it goes on."""

    def __init__(self, code: str):
        self.code, self.position, self.playing, self.link = code, 0, False, ""
        self.live: Live | None = None
        self.said = -1, ""  # what followers are told of it, and of which version that is
        self.version = 0  # of what is described, not of the curves
        self.viewers = 0
        self._news: asyncio.Future[None] | None = None

    @property
    def until(self) -> int:
        """How far its run is wanted: not at all where nobody follows."""
        if self.live is None or not self.viewers:
            return HOLD
        return self.live.experiment.iterations if self.playing else self.position

    async def news(self) -> None:
        """Wait for the next change of the room, or of its run."""
        if self._news is None:
            self._news = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._news)

    def wake(self) -> None:
        """There is something new."""
        if self._news is not None:
            self._news.set_result(None)
            self._news = None


class Answered(Job, Protocol):
    """A job that is no run: `receive` is called on the event loop with what its worker says, the
    key left out, until it is `finished` or that was an error."""

    finished: bool

    def receive(self, kind: str, *rest: Any) -> None: ...


class Hall:
    """All rooms and all runs that are watched in them, and what else workers do; lives on the
    server's event loop, scripts speak to it from their threads.

    Args: workers: processes; None: as many as `workers.wanted_workers` says.
    """

    def __init__(self, workers: int | None = None):
        self._count = workers
        self.rooms: OrderedDict[str, Room] = OrderedDict()
        self._lives: OrderedDict[str, Live] = OrderedDict()
        self._others: OrderedDict[str, Answered] = OrderedDict()
        self._made = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self.workers: Workers | None = None
        self._due: dict[str, float] = {}  # of runs whose viewers are woken later: when
        self._last: dict[str, float] = {}
        self._cost = 0.0

    async def open(self) -> None:
        """On the server's event loop, at its start."""
        count = wanted_workers() if self._count is None else self._count
        self.workers = Workers(self._receive, count, _in_this_process)
        share_forms(self.workers.folder)
        self.workers.start()
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        """At the server's end."""
        assert self.workers is not None
        self._loop = None
        share_forms(None)
        await self.workers.stop()

    @property
    def processes(self) -> int:
        """How many worker processes stand ready."""
        return self.workers.processes if self._loop is not None and self.workers is not None else 0

    def compute(self, job: Answered) -> None:
        """From a script: have the workers begin a job, or go on with it."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._compute, job)

    def _compute(self, job: Answered) -> None:
        self._others[job.key] = job
        self._others.move_to_end(job.key)
        while len(self._others) > MOST_OTHERS:
            self._workers.drop(self._others.popitem(last=False)[0])
        self._workers.compute(job)

    def new_code(self) -> str:
        """A code that nobody will guess, for a room of one's own."""
        return "".join(secrets.choice(ALPHABET) for _ in range(8))

    def show(
        self,
        code: str,
        experiment: Experiment,
        upload: Data | None,
        position: int,
        playing: bool,
        link: str = "",
    ) -> None:
        """From a lecturer's script: this is what the room shows now; `link`: of the page in the
        app, relative to the app."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(
                self._show, code, experiment, upload, position, playing, link
            )

    def _show(
        self,
        code: str,
        experiment: Experiment,
        upload: Data | None,
        position: int,
        playing: bool,
        link: str,
    ) -> None:
        room = self.rooms.pop(code, None) or Room(code)
        self.rooms[code] = room
        while len(self.rooms) > MOST_ROOMS:
            _, old = self.rooms.popitem(last=False)
            self._empty(old)
        live = self._live(experiment, upload)
        if (room.live, room.position, room.playing, room.link) == (live, position, playing, link):
            return
        if room.live is not live:
            self._empty(room)
            room.live = live
            live.rooms.add(room)
        room.position, room.playing, room.link, room.version = (
            position,
            playing,
            link,
            room.version + 1,
        )
        room.wake()
        self.wanted(live)

    def enter(self, room: Room) -> None:
        """Somebody follows."""
        room.viewers += 1
        if room.live is not None:
            self.wanted(room.live)

    def leave(self, room: Room) -> None:
        """Somebody follows no longer."""
        room.viewers -= 1
        if room.live is not None:
            self.wanted(room.live)

    def _empty(self, room: Room) -> None:
        live, room.live = room.live, None
        room.version += 1
        room.wake()
        if live is not None:
            live.rooms.discard(room)
            self.wanted(live)

    def _live(self, experiment: Experiment, upload: Data | None) -> Live:
        key = repr(experiment)
        live = self._lives.pop(key, None)
        if live is None or live.error:
            self._made += 1
            live = Live(key, experiment, upload, self._made)
        self._lives[key] = live
        unwatched = [each for each in self._lives.values() if not each.rooms and each is not live]
        for old in unwatched[: max(0, len(self._lives) - MOST_RUNS)]:
            del self._lives[old.key]
            self._workers.drop(old.key)
        return live

    @property
    def _workers(self) -> Workers:
        assert self.workers is not None
        return self.workers

    def wanted(self, live: Live) -> None:
        """Viewers or lecturers have changed their minds: compute as far as the one who wants most,
        or hold."""
        until = max((room.until for room in live.rooms), default=HOLD)
        if until == live.until or live.finished or live.error:
            return
        live.until = until
        self._workers.compute(live)

    def _receive(self, kind: str, key: str, *rest: Any) -> None:
        if (other := self._others.get(key)) is not None:
            other.receive(kind, *rest)
            if kind == "error" or other.finished:
                del self._others[key]
                self._workers.drop(key)
            return
        live = self._lives.get(key)
        if live is None:
            return
        if kind == "error":
            live.error = rest[0]
            for room in live.rooms:
                room.version += 1
        else:
            live.take(*rest)
        if live.finished or live.error:
            self._workers.drop(key)  # the record is here
        self._tick(live)

    def _tick(self, live: Live) -> None:
        """Wake the viewers, at most every 50 ms, and more seldom where sending to all takes longer
        than half of that."""
        assert self._loop is not None
        if live.key in self._due:
            return
        at = max(self._loop.time(), self._last.get(live.key, 0.0) + max(TICK, self._cost / SHARE))
        self._due[live.key] = at
        self._loop.call_at(at, self._wake, live)

    def _wake(self, live: Live) -> None:
        assert self._loop is not None
        del self._due[live.key]
        loop, began = self._loop, self._loop.time()
        self._last[live.key] = began
        for room in live.rooms:
            room.wake()

        def sent() -> None:  # after everybody who was woken has had their turn
            self._cost = loop.time() - began

        loop.call_soon(lambda: loop.call_soon(sent))


def _in_this_process(stream: socket.socket) -> None:
    """Serve a socket in a thread of the server, with the runs that the pages share."""
    serve_socket(stream, RUNS.get)
