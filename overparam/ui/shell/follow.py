"""The page that follows a lecturer: a few kilobytes and one connection, no session of Streamlit;
and the stream that feeds it.

Followers look and steer nothing: the stream takes no message from them.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from overparam.figures.race import method_styles
from overparam.ui.shell.sockets import NOT_ALLOWED, UNKNOWN, from_here

if TYPE_CHECKING:
    from overparam.serving.workers.hall import Hall
    from overparam.serving.workers.stream import Live, Room

MOST_FOLLOWERS = 5000

_HERE = Path(__file__).parent
_SOURCES = (
    _HERE / "awake.js",
    _HERE.parent / "components" / "stream.js",
    _HERE / "follow.js",
)
_SCRIPT = "\n".join(source.read_text(encoding="utf-8") for source in _SOURCES)
_PAGE = (_HERE / "follow.html").read_text(encoding="utf-8").replace("FOLLOW", _SCRIPT)
_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; script-src 'sha256-{_HASH}'; style-src 'unsafe-inline'; connect-src"
    " 'self'"
)


def routes(base: str, hall: Callable[[], Hall | None]) -> list[BaseRoute]:
    """The page /follow/CODE and its stream.

    Args: base: "" or "/path" of the app. hall: the rooms, or None where nobody has shown anything
    yet.
    """
    followers = 0

    async def page(_: Request) -> Response:
        return HTMLResponse(
            _PAGE, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        )

    async def stream(socket: WebSocket) -> None:
        nonlocal followers
        if not from_here(socket) or followers >= MOST_FOLLOWERS:
            await socket.close(NOT_ALLOWED)
            return
        await socket.accept()
        rooms = hall()
        room = rooms.rooms.get(socket.path_params["code"].upper()) if rooms else None
        if rooms is None or room is None:
            await socket.close(UNKNOWN)
            return
        followers += 1
        rooms.enter(room)
        sending = asyncio.create_task(_send(socket, room))
        try:
            await socket.receive_text()
            await socket.close(NOT_ALLOWED)
        except WebSocketDisconnect:
            pass
        finally:
            sending.cancel()
            followers -= 1
            rooms.leave(room)

    return [
        Route(f"{base}/follow/{{code}}", page),
        WebSocketRoute(f"{base}/follow/{{code}}/stream", stream),
    ]


async def _send(socket: WebSocket, room: Room) -> None:
    """Everything that is new, as soon as the connection takes it."""
    live: Live | None = None
    version, frame = -1, 0
    try:
        while True:
            if room.version != version:
                version = room.version
                if room.live is not live:
                    live, frame = room.live, 0
                await socket.send_text(_described(room))
            elif live is not None and live.frame > frame:
                since, frame = frame, live.frame
                await socket.send_bytes(live.delta(since))
            else:
                await room.news()
    except (WebSocketDisconnect, RuntimeError):
        pass  # gone: the receiving side takes leave


def _described(room: Room) -> str:
    if room.said[0] != room.version:
        room.said = room.version, json.dumps(_description(room))
    return room.said[1]


def _description(room: Room) -> dict[str, object]:
    live = room.live
    if live is None:
        return {
            "run": 0,
            "title": "",
            "limit": 1,
            "curves": [],
            "position": 0,
            "playing": False,
            "error": _OVER,
            "link": "../",
        }
    methods = live.experiment.methods
    looks = zip(methods, method_styles(methods), strict=True)
    return {
        "run": live.number,
        "title": live.experiment.summary(),
        "limit": live.experiment.iterations,
        "curves": [
            {"name": entry.label(), "colour": colour, "dash": dash}
            for entry, (colour, dash) in looks
        ],
        "position": room.position,
        "playing": room.playing,
        "error": live.error,
        "link": f"../{room.link}",
    }


_OVER = "Nothing is shown under this code any more: ask for a new one."
