"""Load a running server with browser-less sessions, and say what each of them got.

    python -m tests.load.sessions --url http://127.0.0.1:8501 --sessions 60 --same --pid PID
    python -m tests.load.sessions --url http://127.0.0.1:8501 --sessions 20 --different --seconds 30
    python -m tests.load.sessions --url http://127.0.0.1:8501 --sessions 100 --idle --pid PID
    python -m tests.load.sessions --url http://127.0.0.1:8501 --sessions 300 --churn --pid PID

`--same`: all press Run together on the same choices. `--different`: each on choices of its own.
`--idle`: the pages stay open and nobody presses anything. `--churn`: one after the other opens a
page, presses Run, and leaves. Every form ends by itself, and only a server on this machine may be
asked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from websockets.asyncio.client import ClientConnection

from overparam.serving.workers.stream import FINISHED, HEAD, HOLD
from tests.load.client import Session, exception, frame, loopback, stream
from tests.load.report import Seen, Watch, memory_mb, report

MOST_SESSIONS, MOST_SECONDS = 1000, 600
REST = 3  # seconds between the last page and the first press
EACH, AT_REST, AT_ONCE = 0.12, 0.025, 0.8  # seconds, as in player.js


class StartTogether:
    """Lets everybody go once as many have arrived as are expected, or have given up."""

    def __init__(self, expected: int):
        self._missing, self._go = expected, asyncio.Event()

    def arrive(self) -> None:
        self._missing -= 1
        if self._missing <= 0:
            self._go.set()

    async def wait(self) -> None:
        await self._go.wait()


class Player:
    """What the page's chart does where curves come through a stream: watches, says how far it wants
    the run, and which iteration it shows. Of the place that a browser glides along nothing is
    imitated: a run is at its end as soon as all of it is known."""

    def __init__(self, url: str, seen: Seen):
        self._url, self._seen = url, seen
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task] = []
        self._until, self._at, self._finished, self._viewers = HOLD, 0, False, 1
        self._feed: dict = {}
        self._started = False  # before the script has heard of it
        self._whole = asyncio.Event()

    async def press(self, session: Session, label: str) -> None:
        """Where many look, play at once and let the script hear of it later."""
        if self._finished:  # somebody has had it computed, and it is all here
            self._seen.frames.append(time.monotonic())
            self._seen.complete = self._seen.frames[0]
        spread = EACH * (self._viewers - 1)
        if self._socket is None or spread < AT_ONCE:
            await session.press(label)
            return
        self._started, self._until = True, self._feed["limit"]
        await self._socket.send(json.dumps({"until": self._until}))
        self._tasks.append(asyncio.create_task(self._say(self._feed["order"])))
        self._tasks.append(asyncio.create_task(self._press_later(session, label, spread)))

    async def _press_later(self, session: Session, label: str, spread: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._whole.wait(), random.random() * spread)
            await asyncio.sleep(random.random() * AT_REST * (self._viewers - 1))
        await session.press(label)

    async def follow(self, feed: dict) -> None:
        """A snapshot says this of the stream."""
        if self._started and not feed["playing"]:
            return
        self._started = False
        before, self._feed = self._feed, feed
        until = feed["limit"] if feed["playing"] and not self._finished else HOLD
        if self._socket is None:
            self._socket = await stream(self._url, feed["address"])
            self._tasks.append(asyncio.create_task(self._receive()))
        if feed["key"] != before.get("key"):
            await self._socket.send(json.dumps({"key": feed["key"], "until": until}))
        elif until != self._until:
            await self._socket.send(json.dumps({"until": until}))
        self._until = until
        if feed["playing"] and feed["order"] != before.get("order"):
            self._tasks.append(asyncio.create_task(self._say(feed["order"])))

    async def _receive(self) -> None:
        async for data in self._socket:
            if isinstance(data, str):
                said = json.loads(data)
                self._viewers = said.get("viewers", self._viewers)
                self._seen.errors += filter(None, [said.get("error")])
                continue
            _, flags, number, _, self._at, _ = HEAD.unpack_from(data)
            self._finished = bool(flags & FINISHED)
            if self._seen.pressed is None:
                continue
            self._seen.frames.append(time.monotonic())
            self._seen.runs.add(str(number))
            self._seen.reached = self._at
            if self._finished:
                self._whole.set()
                self._seen.complete = self._seen.complete or time.monotonic()

    async def _say(self, order: str) -> None:
        """Where it is, as often as player.js does."""
        while self._feed["order"] == order:
            await self._socket.send(json.dumps({"order": order, "at": self._at}))
            if self._finished:
                break
            await asyncio.sleep(max(100, 2 * self._viewers) / 1000)

    async def __aenter__(self) -> Player:
        return self

    async def __aexit__(self, *exc_info) -> None:
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                self._seen.errors.append(f"{type(ended).__name__}: {ended}")
        if self._socket is not None:
            await self._socket.close()


async def visit(
    url: str,
    page: str,
    query: str,
    button: str | None,
    start: StartTogether,
    until: float,
    early: bool = False,
) -> Seen:
    """Open a page, wait for the others, press the button, and watch until the run has ended and the
    page has said so, or the time `until`: whoever has not seen the end by then counts as an error,
    unless they are to leave `early`."""
    clock, seen, arrived, last = time.monotonic, Seen(time.monotonic()), False, None
    feed: dict | None = None
    try:
        async with (
            asyncio.timeout(until - clock()),
            Session(url) as session,
            Player(url, seen) as player,
        ):
            await session.open(page, query)
            async for message in session:
                now = clock()
                if wrong := exception(message):
                    seen.errors.append(wrong)
                if (shown := frame(message)) is not None:
                    feed = shown.feed
                    if feed is not None:
                        await player.follow(feed)
                    elif seen.pressed is not None and shown.content != last:
                        # not the old picture once more
                        seen.frames.append(now)
                        seen.runs.add(shown.run)
                        seen.reached = shown.reached
                    last = shown.content
                if message.WhichOneof("type") != "script_finished":
                    continue
                if message.script_finished == message.FINISHED_EARLY_FOR_RERUN:
                    continue
                if seen.page is None:
                    seen.page, arrived = now, True
                    start.arrive()
                    await start.wait()
                    if button is not None:
                        await asyncio.sleep(REST)
                        seen.pressed = clock()
                        await player.press(session, button)
                elif seen.pressed is not None and (feed is None or seen.complete is not None):
                    if feed is not None and feed["playing"]:
                        continue
                    seen.finished = now
                    break
    except TimeoutError:
        if seen.page is None:
            seen.errors.append("the page was not complete in time")
        elif seen.pressed is not None and not early:
            whole = "whole" if seen.complete is not None else f"there until {seen.reached:.0f}"
            seen.errors.append(f"the page did not say in time that the run ended: curves {whole}")
    except (
        Exception
    ) as error:  # whatever a server under load can do to its client belongs into the report
        seen.errors.append(f"{type(error).__name__}: {error}")
    finally:
        if not arrived:
            start.arrive()
    return seen


async def together(a: argparse.Namespace) -> list[Seen]:
    start, until = StartTogether(a.sessions), time.monotonic() + a.seconds
    queries = [a.query.format(i=i) if a.different else a.query for i in range(a.sessions)]
    button = None if a.idle else a.press
    return await asyncio.gather(*(visit(a.url, a.page, q, button, start, until) for q in queries))


async def one_by_one(a: argparse.Namespace) -> list[Seen]:
    results, until = [], time.monotonic() + a.seconds
    for i in range(a.sessions):
        if time.monotonic() >= until:
            print(f"time is over after {i} sessions")
            break
        results.append(
            await visit(
                a.url,
                a.page,
                a.query,
                a.press,
                StartTogether(1),
                min(until, time.monotonic() + a.stay),
                early=True,
            )
        )
        if (i + 1) % 50 == 0 and a.pid is not None:
            print(f"after {i + 1:4} sessions {memory_mb(a.pid):8.1f} MB")
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.load.sessions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--url", required=True, help="the server, on this machine: http://127.0.0.1:PORT"
    )
    parser.add_argument("--sessions", type=int, default=20, help=f"1 to {MOST_SESSIONS}")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help=f"when to stop, at most {MOST_SECONDS}"
    )
    parser.add_argument(
        "--page", default="convergence", help="path of the page; empty for the home page"
    )
    parser.add_argument(
        "--query",
        help="choices as in the page's URL; {i} is the session's number (--different: seed={i})",
    )
    parser.add_argument("--press", default="Run", help="label of the button to press")
    parser.add_argument(
        "--stay", type=float, default=5.0, help="--churn: seconds on the page at most"
    )
    parser.add_argument(
        "--pid", type=int, help="the server's process, to see its memory and processor time"
    )
    form = parser.add_mutually_exclusive_group(required=True)
    for name in ("same", "different", "idle", "churn"):
        form.add_argument(f"--{name}", action="store_true")
    a = parser.parse_args(arguments)
    if a.query is None:
        a.query = "problem=diabetes" + ("&seed={i}" if a.different else "")
    try:
        a.url = loopback(a.url)
    except ValueError as error:
        parser.error(str(error))
    if not (1 <= a.sessions <= MOST_SESSIONS and 0 < a.seconds <= MOST_SECONDS):
        parser.error(f"--sessions goes from 1 to {MOST_SESSIONS}, --seconds to {MOST_SECONDS}.")

    watch = Watch(a.pid)

    async def everything() -> list[Seen]:
        sampling = asyncio.create_task(watch.sample())
        results = await (one_by_one(a) if a.churn else together(a))
        sampling.cancel()
        return results

    results = asyncio.run(everything())
    report(results)
    watch.report()
    return 1 if any(s.errors for s in results) else 0


if __name__ == "__main__":
    sys.exit(main())
