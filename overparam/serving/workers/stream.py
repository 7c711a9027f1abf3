"""Runs that many people watch at once: computed by workers, sent to everybody as the same few
bytes.

A `Live` is the record of a run. `delta(since)` is everything that a viewer lacks who has its frame
`since`, encoded once for all who stand there: in step everybody gets the same bytes, and whoever is
late or slow gets a larger delta instead of a queue. So the memory held for a viewer is bounded, and
nothing is dropped. Those who watch a run say how far they want it: a `Viewer`, who looks at a page,
and a `Room`, what a lecturer shows under a code. A `Hall` holds all.

A frame, little-endian:

    u8 curves M | u8 flags (1: finished, 2: step sizes are compared) | u16 run number | u32 samples
    K | u32 iteration | u32 start | M x float32 tips | float32 values of curve 0 from the start to
    K, of curve 1, ...

Sample j of a curve belongs to iteration `history.RECORDED[j]`, so no x is sent; the tip is the
value at `iteration`. Curves whose start is 0 replace what the viewer has; else they go on where the
viewer stands.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import pickle
import secrets
import socket
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.engine.products import share_forms
from overparam.engine.turns import GATE
from overparam.measure.history import RECORDED
from overparam.measure.step_sizes import stable_step
from overparam.serving.course import Record
from overparam.serving.memory import UNWATCHED_SECONDS
from overparam.serving.run import RUNS, RunError, Watched
from overparam.serving.workers.pool import Job, Workers
from overparam.serving.workers.worker import serve_socket

HEAD = struct.Struct("<BBHIII")
FINISHED, COMPARING = 1, 2
TICK = 0.05  # seconds between two frames to the viewers of a run, at least
SHARE = 0.5  # of the event loop's time that sending may take
HOLD = -1
MOST_ROOMS, MOST_RUNS, MOST_OTHERS, MOST_OFFERS = 200, 100, 300, 5000
ASKED_SECONDS = 1.0  # a script that wants a run to go on asks again within this time
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without what looks alike


class Distant(Watched):
    """A run that workers compute, as scripts of pages see it: what is asked for is waited for.

    Args: ask: called with an iteration, from any thread, that is wanted now.
    """

    def __init__(self, experiment: Experiment, upload: Data | None, ask: Callable[[int], None]):
        super().__init__(experiment)
        self._upload, self._ask = upload, ask
        self._record: Record | None = None
        self._error, self._news = "", threading.Condition(self._data)
        self._stable: Sequence[float | None] | None = None

    @property
    def record(self) -> Record | None:
        return self._record

    def advance(self, until: int, seconds: float = 0.03) -> None:
        until, self.asked = min(until, self.experiment.iterations), time.monotonic()
        if self.computed >= until:
            return
        with self._news:
            self._ask(until)
            self._news.wait(seconds)
            error, self._error = self._error, ""  # whoever asks again may have better luck
        if error:
            raise RunError(error)

    def take(self, news: bytes, about: tuple[float, str]) -> None:
        """A worker's news."""
        told = pickle.loads(news)
        with self._news:
            self.pace, self.device_note = about
            if isinstance(told, Record):
                self._record = told
            elif self._record is not None:
                self._record.take(*told)
            self._news.notify_all()

    def fail(self, sentence: str) -> None:
        """The workers gave it up."""
        with self._news:
            self._error = sentence
            self._news.notify_all()

    def stable_steps(self) -> Sequence[float | None]:
        if self._stable is None:
            chosen = self.experiment
            with GATE:
                problem = chosen.build("cpu", self._upload)
                self._stable = [stable_step(problem, chosen.method(e)) for e in chosen.methods]
        return self._stable


class Live:
    """A run as the server knows it, and as it is shared out."""

    def __init__(self, key: str, upload: Data | None, number: int, run: Distant):
        self.key, self.experiment, self.upload, self.number = key, run.experiment, upload, number
        self.run = run
        self.until, self.iteration, self.samples = HOLD, -1, 0
        self.finished, self.tuning, self.error = False, False, ""
        self.watchers: set[Watcher] = set()
        self.asked = HOLD  # by scripts
        self.expiry: asyncio.TimerHandle | None = None  # of that
        curves = len(self.experiment.methods)
        self._values = np.zeros((curves, len(RECORDED)), "<f4")
        self._tips = np.full(curves, np.nan, "<f4").tobytes()
        self.frame = 0
        self._lengths = [0]  # samples known at each frame
        self._replaced = 0  # the frame at which the curves became others
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
        tuning: bool,
        start: int,
        piece: bytes,
        tips: bytes,
    ) -> None:
        """A worker's frame, as described in `worker`."""
        self.frame += 1
        if start == 0:
            self._replaced = self.frame
        curves = len(self._values)
        self._values[:, start:samples] = np.frombuffer(piece, "<f4").reshape(curves, -1)
        self.iteration, self.samples, self._tips = iteration, samples, tips
        self.finished, self.tuning = finished, tuning
        self._lengths.append(samples)
        self._encoded.clear()

    def delta(self, since: int) -> bytes:
        """What a viewer lacks who has frame `since`; 0: all."""
        if since not in self._encoded:
            start = 0 if self._replaced > since else self._lengths[since]
            flags = FINISHED * self.finished + COMPARING * self.tuning
            head = HEAD.pack(
                len(self._values),
                flags,
                self.number & 0xFFFF,
                self.samples,
                self.iteration,
                start,
            )
            values = np.ascontiguousarray(self._values[:, start : self.samples])
            self._encoded[since] = head + self._tips + values.tobytes()
        return self._encoded[since]


class Watcher:
    """Who watches a run, and how far they want it."""

    def __init__(self) -> None:
        self.live: Live | None = None
        self._news: asyncio.Future[None] | None = None

    @property
    def until(self) -> int:
        """The iteration up to which its run is wanted; HOLD: not at all."""
        raise NotImplementedError

    async def news(self) -> None:
        """Wait for the next change."""
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


class Viewer(Watcher):
    """Somebody who looks at a page of the app: at most one for each of its sessions."""

    def __init__(self, session: str):
        super().__init__()
        self.session, self.wants, self.replaced = session, HOLD, False
        self.place = "", 0  # which order to play it follows, and the iteration that it shows

    @property
    def until(self) -> int:
        return self.wants


class Room(Watcher):
    """What a lecturer shows under a code: a run, how far it is shown, and whether it goes on."""

    def __init__(self, code: str):
        super().__init__()
        self.code, self.position, self.playing, self.link = code, 0, False, ""
        self.said = -1, ""  # what followers are told of it, and of which version that is
        self.version = 0  # of what is described, not of the curves
        self.viewers = 0

    @property
    def until(self) -> int:
        if self.live is None or not self.viewers:
            return HOLD
        return self.live.experiment.iterations if self.playing else self.position


class Hall:
    """All runs that are watched, all who watch them, and what else workers do; lives on the
    server's event loop, scripts speak to it from their threads.

    Args: workers: who compute the runs; they may be on their way already.
    """

    def __init__(self, workers: Workers):
        self.workers = workers
        self.rooms: OrderedDict[str, Room] = OrderedDict()
        self.viewers: dict[str, Viewer] = {}  # by session
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()  # of what scripts' threads look up and change:
        self._lives: OrderedDict[str, Live] = OrderedDict()
        self._others: OrderedDict[str, Answered] = OrderedDict()
        self._keys: OrderedDict[str, list[str]] = OrderedDict()  # by session, the latest last
        self._offers: dict[str, tuple[str, str]] = {}  # of each key: its session and its run
        self._made = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due: set[str] = set()  # runs whose viewers will be woken
        self._last: dict[str, float] = {}
        self._cost = 0.0

    async def open(self) -> None:
        """On the server's event loop, at its start."""
        self.workers.receive, self.workers.thread = self._receive, _in_this_process
        share_forms(self.workers.folder)
        self.workers.start()
        self._loop = asyncio.get_running_loop()

    async def close(self) -> None:
        """At the server's end."""
        self._loop = None
        share_forms(None)
        await self.workers.stop()

    # From the scripts' threads.

    @property
    def processes(self) -> int:
        """How many worker processes stand ready."""
        return self.workers.processes if self._loop is not None else 0

    def compute(self, job: Answered) -> None:
        """Have the workers begin a job, or go on with it."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._compute, job)

    def run(self, experiment: Experiment, upload: Data | None) -> Distant:
        """The run of an experiment, there for everybody who chooses the same."""
        return self._live(experiment, upload).run

    def find(self, experiment: Experiment) -> Distant | None:
        """The run of an experiment, if somebody has looked at it."""
        with self._lock:
            live = self._lives.get(repr(experiment))
        return live.run if live else None

    def offer(self, session: str, experiment: Experiment, upload: Data | None) -> tuple[str, int]:
        """A key by which a session's page may watch a run, and the run's number in frames.

        It is no other session's key, and one of its two latest: a run of the script that has been
        replaced may ask once more.
        """
        live = self._live(experiment, upload)
        said = f"{session}\n{live.key}".encode()
        key = hmac.new(self._secret, said, hashlib.sha256).hexdigest()[:32]
        with self._lock:
            others = [each for each in self._keys.pop(session, []) if each != key]
            self._keys[session], self._offers[key] = [*others[-1:], key], (session, live.key)
            gone = others[:-1]
            while len(self._keys) > MOST_OFFERS:
                gone += self._keys.popitem(last=False)[1]
            for each in gone:
                del self._offers[each]
        return key, live.number & 0xFFFF

    def place(self, session: str, order: str) -> int | None:
        """The iteration that a session's browser shows; None where it does not follow that order
        to play."""
        viewer = self.viewers.get(session)
        return viewer.place[1] if viewer is not None and viewer.place[0] == order else None

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
            live = self._live(experiment, upload)
            self._loop.call_soon_threadsafe(self._show, code, live, position, playing, link)

    def _live(self, experiment: Experiment, upload: Data | None) -> Live:
        key = repr(experiment)
        with self._lock:
            live = self._lives.get(key)
            if live is None:
                self._made += 1
                run = Distant(experiment, upload, lambda until: self._ask(key, until))
                live = self._lives[key] = Live(key, upload, self._made, run)
            self._lives.move_to_end(key)
            return live

    def _ask(self, key: str, until: int) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._asked, key, until)

    # On the event loop.

    def _compute(self, job: Answered) -> None:
        self._others[job.key] = job
        self._others.move_to_end(job.key)
        while len(self._others) > MOST_OTHERS:
            self.workers.drop(self._others.popitem(last=False)[0])
        self.workers.compute(job)

    def _asked(self, key: str, until: int) -> None:
        assert self._loop is not None
        live = self._lives.get(key)
        if live is None:
            return
        if live.error:
            self._say(live, "")
        live.asked = max(live.asked, until)
        if live.expiry is not None:
            live.expiry.cancel()
        live.expiry = self._loop.call_later(ASKED_SECONDS, self._forget, live)
        self.wanted(live)

    def _forget(self, live: Live) -> None:
        live.asked, live.expiry = HOLD, None
        self.wanted(live)

    def _show(self, code: str, live: Live, position: int, playing: bool, link: str) -> None:
        room = self.rooms.pop(code, None) or Room(code)
        self.rooms[code] = room
        while len(self.rooms) > MOST_ROOMS:
            _, old = self.rooms.popitem(last=False)
            self._empty(old)
        if (room.live, room.position, room.playing, room.link) == (live, position, playing, link):
            return
        if room.live is not live:
            self._empty(room)
            self._watch(room, live)
        room.position, room.playing, room.link = position, playing, link
        room.version += 1
        room.wake()
        self.wanted(live)

    def _empty(self, room: Room) -> None:
        room.version += 1
        self._watch(room, None)
        room.wake()

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

    def look(self, key: str, until: int, viewer: Viewer | None) -> Viewer | None:
        """Somebody looks at the run of a key from now on, as far as `until`; None where no script
        has given that key out.

        Args: viewer: who they are, if they have looked at something already.
        """
        session, run = self._offers.get(key, ("", ""))
        live = self._lives.get(run)
        if live is None or (viewer is not None and viewer.session != session):
            return None
        if viewer is None:
            if other := self.viewers.get(session):
                other.replaced = True
                self.part(other)
                other.wake()
            viewer = self.viewers[session] = Viewer(session)
            if len(self.viewers).bit_count() == 1:  # twice as many as the last time
                for each in self.viewers.values():
                    each.wake()
        viewer.wants = until
        self._watch(viewer, live)
        viewer.wake()
        return viewer

    def want(self, viewer: Viewer, until: int) -> None:
        """A viewer has changed their mind."""
        viewer.wants = until
        if viewer.live is not None:
            self.wanted(viewer.live)

    def part(self, viewer: Viewer) -> None:
        """A viewer looks no longer."""
        self._watch(viewer, None)
        if self.viewers.get(viewer.session) is viewer:
            del self.viewers[viewer.session]

    def _watch(self, watcher: Watcher, live: Live | None) -> None:
        before, watcher.live = watcher.live, live
        if before is not None and before is not live:
            before.watchers.discard(watcher)
            self.wanted(before)
        if live is not None:
            live.watchers.add(watcher)
            self.wanted(live)
            self._let_go()

    def _let_go(self) -> None:
        """Of the runs that nobody has watched for a while the oldest, where there are too many."""
        with self._lock:
            since = time.monotonic() - UNWATCHED_SECONDS
            idle = [x for x in self._lives.values() if not x.watchers and x.run.asked < since]
            for old in idle[: max(0, len(self._lives) - MOST_RUNS)]:
                del self._lives[old.key]
                self.workers.drop(old.key)

    def wanted(self, live: Live) -> None:
        """Somebody has changed their mind: compute as far as the one who wants most, or hold."""
        until = max((watcher.until for watcher in live.watchers), default=HOLD)
        until = max(until, live.asked)
        if until == live.until or live.finished or live.error:
            return
        live.until = until
        self.workers.compute(live)

    def _receive(self, kind: str, key: str, *rest: Any) -> None:
        if (other := self._others.get(key)) is not None:
            other.receive(kind, *rest)
            if kind == "error" or other.finished:
                del self._others[key]
                self.workers.drop(key)
            return
        live = self._lives.get(key)
        if live is None:
            return
        if kind == "error":
            live.until = HOLD
            live.run.fail(rest[0])
            self._say(live, rest[0])
        else:
            *frame, news, about = rest
            live.take(*frame)
            if news is not None:
                live.run.take(news, about)
        if live.finished or live.error:
            self.workers.drop(key)  # the record is here
        self._tick(live)

    def _say(self, live: Live, error: str) -> None:
        live.error = error
        for watcher in live.watchers:
            if isinstance(watcher, Room):
                watcher.version += 1

    def _tick(self, live: Live) -> None:
        """Wake the viewers, at most every 50 ms, and more seldom where sending to all takes longer
        than half of that."""
        assert self._loop is not None
        if live.key in self._due:
            return
        at = max(self._loop.time(), self._last.get(live.key, 0.0) + max(TICK, self._cost / SHARE))
        self._due.add(live.key)
        self._loop.call_at(at, self._wake, live)

    def _wake(self, live: Live) -> None:
        assert self._loop is not None
        self._due.discard(live.key)
        loop, began = self._loop, time.thread_time()
        self._last[live.key] = loop.time()
        for watcher in live.watchers:
            watcher.wake()

        def sent() -> None:  # after everybody who was woken has had their turn
            self._cost = time.thread_time() - began  # its own work, not what it waits for others

        loop.call_soon(lambda: loop.call_soon(sent))


def _in_this_process(stream: socket.socket) -> None:
    """Serve a socket in a thread of the server, with the runs that the pages share."""
    serve_socket(stream, RUNS.get)
