"""What app.py adds to Streamlit's server: routes of our own, and small messages that leave at
once."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from streamlit import config
from streamlit.starlette import App

from overparam.serving.workers.pool import Workers, wanted_workers
from overparam.ui.components import chart_js, plotly_js
from overparam.ui.shell import follow, frontend, pictures, running, watch
from overparam.ui.shell.document_head import DocumentHead
from overparam.ui.shell.look import (
    PAGE,
    ROOM_FOR_SIDEBAR,
    UNTIL_IT_STANDS,
    WITH_SIDEBAR,
    shared,
)

KEPT = "public, max-age=31536000, immutable"
AWAKE = (Path(__file__).parent / "awake.js").read_text(encoding="utf-8")


def base_path() -> str:
    """The path below which the app is served, "" or "/name": Streamlit puts it before its own
    routes only."""
    path = (config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{path}" if path else ""


def routes() -> list[BaseRoute]:
    """All routes beside Streamlit's."""
    return [
        Route(f"{base_path()}/{plotly_js.ROUTE}", _kept(plotly_js.plain, plotly_js.compressed)),
        Route(f"{base_path()}/{chart_js.ROUTE}", _kept(chart_js.plain, chart_js.compressed)),
        *follow.routes(base_path(), running.open_hall),
        *watch.routes(base_path(), running.open_hall),
        *pictures.routes(base_path()),
    ]


def middleware() -> list[Middleware]:
    """What stands before Streamlit's answers."""
    return [Middleware(DocumentHead, written=head)]


def head(path: str, query: str) -> str:
    """What the head of a page's document says beside Streamlit's own."""
    asked, page = parse_qs(query), path.rpartition("/")[2]
    embedded = asked.get("embed") == ["true"]
    style = PAGE + shared(embedded) + UNTIL_IT_STANDS
    if page in WITH_SIDEBAR and not embedded and asked.get("projector") != ["1"]:
        style += ROOM_FOR_SIDEBAR
    return (
        f"<script>{AWAKE}</script><style>{style}</style>{plotly_js.ASKED}{chart_js.ASKED}"
        f"{frontend.asked()}"
    )


def lifespan(warm_up: Callable[[], None]) -> Callable[[App], AbstractAsyncContextManager[None]]:
    """From the server's start to its end.

    Args: warm_up: done before anybody comes; two pages at once may not import the same.
    """

    @asynccontextmanager
    async def running_server(_: App) -> AsyncIterator[None]:
        no_delay()
        plotly_js.serve_by_route()
        workers = Workers(wanted_workers())
        if workers.count:  # they import what they need at the same time
            workers.start()
        running.begin(asyncio.get_running_loop(), workers)
        warm_up()
        yield
        await running.end()

    return running_server


def _kept(
    plain: Callable[[], bytes], compressed: Callable[[], bytes]
) -> Callable[[Request], Awaitable[Response]]:
    """A script that a browser may keep for ever."""

    async def answer(request: Request) -> Response:
        headers = {
            "Cache-Control": KEPT,
            "Vary": "Accept-Encoding",
        }
        body = plain
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"], body = "gzip", compressed
        text = await asyncio.to_thread(body)
        return Response(text, media_type="text/javascript", headers=headers)

    return answer


def no_delay() -> int:
    """Let small messages leave at once; returns for how many listening sockets.

    Streamlit makes its socket without naming the protocol, and asyncio switches Nagle's algorithm
    off only where the protocol says TCP: every second small message would wait for the browser's
    delayed acknowledgement, 40 ms. What a listening socket accepts inherits the option.
    """
    found = 0
    for descriptor in _descriptors():
        try:
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            with socket.socket(fileno=os.dup(descriptor)) as each:
                internet = each.family in (socket.AF_INET, socket.AF_INET6)
                if internet and each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    found += 1
        except OSError:
            pass  # closed by now
    return found


def _descriptors() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except FileNotFoundError:  # not Linux
        return list(range(3, 256))
