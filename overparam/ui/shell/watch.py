"""The stream behind the race: a page's script hands its browser a key, the browser watches the run
of that key, says how far it wants it computed, and which iteration it shows. Nothing else can be
said here.

    {"key": "...", "until": 1000}    look at another run; -1: have nothing computed
    {"until": 1000}                  as far as this now
    {"order": "...", "at": 120}      shown now, in an order to play of the script's
    {"glance": {"p": "4.5"}}         look at a short run with another p, as the hand moves; see
                                     `Experiment.glance`
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from overparam.choices.kinds import ChoiceError
from overparam.measure.history import LONGEST
from overparam.ui.shell.sockets import NOT_ALLOWED, REPLACED, TOO_LARGE, UNKNOWN, from_here

if TYPE_CHECKING:
    from overparam.serving.workers.hall import Hall
    from overparam.serving.workers.stream import Live, Viewer

ADDRESS = "watch"
MOST_VIEWERS, MOST_BYTES, MOST_A_SECOND = 5000, 4096, 60


def routes(base: str, hall: Callable[[], Hall | None]) -> list[BaseRoute]:
    """The stream.

    Args: base: "" or "/path" of the app. hall: the runs, or None where no script has asked yet.
    """

    async def stream(socket: WebSocket) -> None:
        rooms = hall()
        if not from_here(socket) or (rooms and len(rooms.viewers) >= MOST_VIEWERS):
            await socket.close(NOT_ALLOWED)
            return
        await socket.accept()
        if rooms is None:
            await socket.close(UNKNOWN)
            return
        await _Visit(socket, rooms).stay()

    return [WebSocketRoute(f"{base}/{ADDRESS}", stream)]


class _Visit:
    """One connection, from its first word to its last."""

    def __init__(self, socket: WebSocket, rooms: Hall):
        self._socket, self._rooms = socket, rooms
        self._viewer: Viewer | None = None
        self._sending: asyncio.Task[None] | None = None
        self._heard: deque[float] = deque(maxlen=MOST_A_SECOND)

    async def stay(self) -> None:
        try:
            while (reason := self._take(await self._hear())) is None:
                pass
            await self._socket.close(reason)
        except (WebSocketDisconnect, RuntimeError):
            pass  # gone, or replaced by another stream of the same page
        finally:
            if self._sending is not None:
                self._sending.cancel()
            if self._viewer is not None:
                self._rooms.part(self._viewer)

    async def _hear(self) -> str:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect
        return message.get("text") or ""

    def _take(self, text: str) -> int | None:
        """Do what is asked; why the stream ends, where it does."""
        now = time.monotonic()
        if len(text) > MOST_BYTES:
            return TOO_LARGE
        if len(self._heard) == MOST_A_SECOND and now - self._heard[0] < 1:
            return NOT_ALLOWED
        self._heard.append(now)
        match read(text):
            case {"key": key, "until": until}:
                viewer = self._rooms.look(key, until, self._viewer)
                if viewer is None:
                    return UNKNOWN
                if self._viewer is None:
                    self._viewer = viewer
                    self._sending = asyncio.create_task(_send(self._socket, viewer, self._rooms))
            case {"until": until} if self._viewer is not None:
                self._rooms.want(self._viewer, until)
            case {"order": order, "at": at} if self._viewer is not None:
                self._viewer.place = order, at
            case {"glance": asked} if self._viewer is not None:
                with suppress(ChoiceError):  # the control ends where choices do, but for its page's
                    self._rooms.glance(self._viewer, asked)
            case None:
                return NOT_ALLOWED
            case _:
                return UNKNOWN
        return None


_WORDS, _ITERATIONS = {"key", "order"}, {"until", "at"}
_MESSAGES = ({"key", "until"}, {"until"}, {"order", "at"}, {"glance"})


def read(text: str) -> dict[str, Any] | None:
    """What a message says; None where it is none of ours."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.keys() not in _MESSAGES:
        return None
    for name, value in said.items():
        if name in _WORDS and not isinstance(value, str):
            return None
        if name == "glance" and not _texts(value):
            return None
        if name in _ITERATIONS and not (type(value) is int and -1 <= value <= LONGEST):
            return None
    return said


def _texts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


async def _send(socket: WebSocket, viewer: Viewer, rooms: Hall) -> None:
    """Everything that is new, as soon as the connection takes it; and about how many look."""
    live: Live | None = None
    frame, error, viewers = 0, "", 1
    try:
        while not viewer.replaced:
            if viewer.live is not live:
                live, frame, error = viewer.live, 0, ""
            elif live is not None and live.error != error:
                error = live.error
                if error:
                    await socket.send_text(json.dumps({"error": error}))
            elif len(rooms.viewers) >= 2 * viewers:
                viewers = len(rooms.viewers)
                await socket.send_text(json.dumps({"viewers": viewers}))
            elif live is not None and live.frame > frame:
                since, frame = frame, live.frame
                await socket.send_bytes(live.delta(since))
            else:
                await viewer.news()
        await socket.close(REPLACED)
    except (WebSocketDisconnect, RuntimeError):
        pass  # gone: the listening side takes leave
