"""All that workers do for the people of this server: runs that are watched, and jobs that are
none."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import socket
import threading
import time
from collections import OrderedDict
from typing import Any, Protocol

from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.engine.products import share_forms
from overparam.serving.memory import UNWATCHED_SECONDS
from overparam.serving.run import RUNS
from overparam.serving.workers.distant import Distant
from overparam.serving.workers.pool import Job, Workers
from overparam.serving.workers.stream import HOLD, Live, Room, Viewer, Watcher
from overparam.serving.workers.worker import serve_socket

TICK = 0.05  # seconds between two frames to the viewers of a run, at least
SHARE = 0.5  # of the event loop's time that sending may take
MOST_ROOMS, MOST_RUNS, MOST_OTHERS, MOST_OFFERS = 200, 100, 300, 5000
ASKED_SECONDS = 1.0  # a script that wants a run to go on asks again within this time
ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without what looks alike


class Answered(Job, Protocol):
    """A job that is no run: `receive` is called on the event loop with what its worker says, the
    key left out, until it is `finished` or that was an error."""

    finished: bool

    def receive(self, kind: str, *rest: Any) -> None: ...


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

    def _live(self, experiment: Experiment, upload: Data | None, passing: bool = False) -> Live:
        key = repr(experiment)
        with self._lock:
            live = self._lives.get(key)
            if live is None:
                self._made += 1
                run = Distant(experiment, upload, lambda until: self._ask(key, until))
                live = self._lives[key] = Live(key, upload, self._made, run, passing)
            live.passing &= passing
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
            until = max(until, *(watcher.until for watcher in live.watchers))
        live.asked = max(live.asked, until)
        if live.expiry is not None:
            live.expiry.cancel()
        live.expiry = self._loop.call_later(ASKED_SECONDS, self._forget, live)
        self.wanted(live, until)

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
        self.wanted(live, room.until)

    def _empty(self, room: Room) -> None:
        room.version += 1
        self._watch(room, None)
        room.wake()

    def enter(self, room: Room) -> None:
        """Somebody follows."""
        room.viewers += 1
        if room.live is not None:
            self.wanted(room.live, room.until)

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
        viewer.wants, viewer.chosen = until, live
        self._watch(viewer, live)
        viewer.wake()
        return viewer

    def glance(self, viewer: Viewer, asked: dict[str, str]) -> None:
        """A viewer's hand moves a control: they look at a short run of what it says meanwhile.

        Raises: ChoiceError where it says what cannot be.
        """
        if (chosen := viewer.chosen) is not None:
            experiment = chosen.experiment.glance(asked)
            viewer.wants = experiment.iterations
            self._watch(viewer, self._live(experiment, chosen.upload, passing=True))
            viewer.wake()

    def want(self, viewer: Viewer, until: int) -> None:
        """A viewer has changed their mind."""
        viewer.wants = until
        if viewer.live is not None:
            self.wanted(viewer.live, until)

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
            if before.passing and not before.watchers:
                with self._lock:
                    self._lives.pop(before.key, None)
                self.workers.drop(before.key)
        if live is not None:
            live.watchers.add(watcher)
            self.wanted(live, watcher.until)
            self._let_go()

    def _let_go(self) -> None:
        """Of the runs that nobody has watched for a while the oldest, where there are too many."""
        with self._lock:
            since = time.monotonic() - UNWATCHED_SECONDS
            idle = [x for x in self._lives.values() if not x.watchers and x.run.asked < since]
            for old in idle[: max(0, len(self._lives) - MOST_RUNS)]:
                del self._lives[old.key]
                self.workers.drop(old.key)

    def wanted(self, live: Live, until: int = HOLD) -> None:
        """Somebody has changed their mind and wants `until`: compute as far as the one who wants
        most, or hold."""
        if live.finished or live.error or until == live.until:
            return
        if until < live.until:  # they may have been the only one
            for watcher in live.watchers:
                until = max(until, watcher.until)
                if until == live.until:
                    return
            until = max(until, live.asked)
            if until == live.until:
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
        if live.passing and not (live.finished or live.error):
            return  # nobody draws a part of it, and the whole would wait until the next tick
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
