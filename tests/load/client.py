"""A browser's side of Streamlit's websocket without the browser: opens a page, presses a button,
reads what is drawn."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect

ATTRIBUTE = re.compile(r'data-([\w-]+)="([^"]*)"')


def loopback(url: str) -> str:
    """`url` without a trailing slash, if it is an http address that leads to this machine and
    nowhere else.

    Raises: ValueError, one sentence for a person.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{url!r} is not an address such as http://127.0.0.1:8501.")
    try:
        found = {info[4][0] for info in socket.getaddrinfo(parts.hostname, parts.port or 80)}
    except OSError as error:
        raise ValueError(f"The host of {url} is not known: {error.strerror}.") from error
    if not all(ipaddress.ip_address(address).is_loopback for address in found):
        raise ValueError(
            f"Only a server on this machine may be loaded, and {parts.hostname} is not: use"
            " 127.0.0.1."
        )
    return url.rstrip("/")


class Session:
    """One person's connection.  `async with Session(url) as s: await s.open(page); async for
    message in s: ...`"""

    def __init__(self, url: str):
        self._connection = connect(
            loopback(url).replace("http", "ws", 1) + "/_stcore/stream",
            subprotocols=["streamlit"],
            max_size=None,
            open_timeout=60,
            close_timeout=2,
            proxy=None,
        )
        self._query, self._page_hash = "", ""
        self.buttons: dict[str, str] = {}  # id by label, of those that can be pressed
        self.popovers: dict[str, str] = {}  # id by label

    async def __aenter__(self) -> Session:
        self._socket = await self._connection.__aenter__()
        return self

    async def __aexit__(self, *exc_info) -> None:
        await self._connection.__aexit__(*exc_info)

    async def open(self, page: str = "", query: str = "") -> None:
        """Ask for a page by its path ("" is the home page) with the choices of a URL's query."""
        self._query = query
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        await self._socket.send(message.SerializeToString())

    async def press(self, label: str) -> None:
        """Press the button of that label. Raises: KeyError, with the labels on the page."""
        if label not in self.buttons:
            raise KeyError(f"no button {label!r} on the page, only {sorted(self.buttons)}")
        await self._change(self.buttons[label], trigger_value=True)

    async def unfold(self, label: str) -> None:
        """Open the popover of that label."""
        await self._change(self.popovers[label], bool_value=True)

    async def _change(self, widget: str, **value) -> None:
        message = BackMsg()
        message.rerun_script.query_string = self._query
        message.rerun_script.page_script_hash = self._page_hash
        message.rerun_script.widget_states.widgets.add(id=widget, **value)
        await self._socket.send(message.SerializeToString())

    async def __aiter__(self) -> AsyncIterator[ForwardMsg]:
        async for raw in self._socket:
            message = ForwardMsg.FromString(raw)
            kind = message.WhichOneof("type")
            if kind == "navigation":
                self._page_hash = message.navigation.page_script_hash
            elif kind == "page_info_changed":
                self._query = message.page_info_changed.query_string
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "button":
                button = message.delta.new_element.button
                if button.disabled:
                    self.buttons.pop(button.label, None)
                else:
                    self.buttons[button.label] = button.id
            elif kind == "delta" and message.delta.add_block.WhichOneof("type") == "popover":
                popover = message.delta.add_block.popover
                self.popovers[popover.label] = popover.id
            yield message


def stream(url: str, path: str) -> connect:
    """A connection to one of the app's own streams."""
    address = f"{loopback(url).replace('http', 'ws', 1)}/{path}"
    return connect(address, max_size=None, open_timeout=60, close_timeout=2, proxy=None)


def exception(message: ForwardMsg) -> str | None:
    """What went wrong on the page, if the message says so."""
    if (
        message.WhichOneof("type") == "delta"
        and message.delta.new_element.WhichOneof("type") == "exception"
    ):
        shown = message.delta.new_element.exception
        return f"{shown.type}: {shown.message}".strip(": ") or "an exception"
    if (
        message.WhichOneof("type") == "script_finished"
        and message.script_finished == message.FINISHED_WITH_COMPILE_ERROR
    ):
        return "the script cannot be compiled"
    return None


@dataclass(frozen=True)
class Frame:
    """A snapshot of a live chart: the run that it belongs to, how far its curves have come along
    the x axis, and the stream that they come through while they move, if there is one."""

    run: str
    reached: float
    content: tuple[str, str]
    feed: dict | None


def frame(message: ForwardMsg) -> Frame | None:
    """The snapshot of a live chart (`<i hidden data-live-chart=...>`) that the message carries, if
    it carries one."""
    if (
        message.WhichOneof("type") != "delta"
        or message.delta.new_element.WhichOneof("type") != "html"
    ):
        return None
    attributes = dict(ATTRIBUTE.findall(message.delta.new_element.html.body))
    if "live-chart" not in attributes:
        return None
    head, points = (
        json.loads(base64.b64decode(attributes["head"])),
        base64.b64decode(attributes["points"]),
    )
    values, at, reached = np.frombuffer(points, "<f4"), 0, 0.0
    for curve in head["curves"]:  # of each curve all x, then all y
        reached = max(reached, float(values[at : at + curve["points"]].max(initial=0)))
        at += 2 * curve["points"]
    return Frame(head["run"], reached, (attributes["head"], attributes["points"]), head["feed"])
