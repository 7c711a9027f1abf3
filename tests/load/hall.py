"""A hall of followers: a lecturer shows the race, and everybody opens the follow page at once.

    python -m tests.load.hall --url http://127.0.0.1:8501 --followers 500 --pid PID

Times are from a follower's arrival; the lecturer presses Run as they arrive.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from overparam.serving.workers.stream import FINISHED, HEAD
from tests.load.client import Session, loopback, stream
from tests.load.report import Seen, Watch, report
from tests.load.sessions import StartTogether

MOST_FOLLOWERS = 2000


async def lecture(url: str, query: str, ready: asyncio.Future[str], go: asyncio.Event) -> None:
    """A session in projector mode that opens the code, and presses Run when the hall is there."""
    async with Session(url) as session:
        await session.open("convergence", f"projector=1&{query}")
        unfolded = pressed = False
        async for message in session:
            if message.WhichOneof("type") == "script_finished":
                if not unfolded and "Follow" in session.popovers:
                    unfolded = True
                    await session.unfold("Follow")
                elif ready.done() and not pressed:
                    pressed = True
                    await go.wait()
                    await session.press("Run")
            images = message.delta.new_element.imgs.imgs
            if images and (found := re.search(r"/follow/(\w+)", images[0].caption)):
                if not ready.done():
                    ready.set_result(found[1])


async def follow(url: str, code: str, start: StartTogether, until: float) -> Seen:
    """Open the page as a browser does, then its stream, and watch until the run has ended."""
    start.arrive()
    await start.wait()
    seen = Seen(time.monotonic())
    try:
        async with asyncio.timeout(until - seen.opened):
            parts = urlsplit(url)
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            host = f"{parts.hostname}:{parts.port}"
            request = f"GET /follow/{code} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            writer.write(request.encode())
            page = await reader.read()
            writer.close()
            if b" 200 " not in page[:20]:
                raise RuntimeError(f"the page was not there: {page[:60]!r}")
            seen.page = time.monotonic()
            seen.pressed = seen.opened
            async with stream(url, f"follow/{code}/stream") as socket:
                async for data in socket:
                    if isinstance(data, str):
                        continue
                    _, flags, number, _, seen.reached, _ = HEAD.unpack_from(data)
                    seen.frames.append(time.monotonic())
                    seen.runs.add(str(number))
                    if flags & FINISHED:
                        seen.complete = seen.finished = time.monotonic()
                        break
    except Exception as error:  # belongs into the report
        seen.errors.append(f"{type(error).__name__}: {error}")
    return seen


async def hall(a: argparse.Namespace) -> list[Seen]:
    ready, go = asyncio.get_running_loop().create_future(), asyncio.Event()
    lecturer = asyncio.create_task(lecture(a.url, a.query, ready, go))
    code = await asyncio.wait_for(ready, a.seconds)
    start, until = StartTogether(a.followers), time.monotonic() + a.seconds
    watch = Watch(a.pid)
    everybody = [asyncio.create_task(follow(a.url, code, start, until)) for _ in range(a.followers)]
    await start.wait()
    go.set()
    results = await asyncio.gather(*everybody)
    watch.report()
    lecturer.cancel()
    await asyncio.gather(lecturer, return_exceptions=True)
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.load.hall",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--url", required=True, help="the server, on this machine: http://127.0.0.1:PORT"
    )
    parser.add_argument("--followers", type=int, default=60, help=f"1 to {MOST_FOLLOWERS}")
    parser.add_argument("--seconds", type=float, default=60.0, help="when to stop")
    parser.add_argument("--query", help="choices as in the page's URL; a run of its own each time")
    parser.add_argument(
        "--pid", type=int, help="the server's process, to see its memory and processor time"
    )
    a = parser.parse_args(arguments)
    if a.query is None:
        a.query = f"problem=diabetes&seed={random.randrange(10**6)}"
    try:
        a.url = loopback(a.url)
    except ValueError as error:
        parser.error(str(error))
    if not (1 <= a.followers <= MOST_FOLLOWERS and 0 < a.seconds <= 600):
        parser.error(f"--followers goes from 1 to {MOST_FOLLOWERS}, --seconds to 600.")
    results = asyncio.run(hall(a))
    report(results)
    return 1 if any(s.errors for s in results) else 0


if __name__ == "__main__":
    sys.exit(main())
