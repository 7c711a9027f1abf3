"""What streams of ours ask of a browser, whichever they are."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.websockets import WebSocket

# why a stream is closed; those from 4000 on are for good
NOT_ALLOWED, TOO_LARGE, REPLACED, UNKNOWN = 1008, 1009, 4001, 4004


def from_here(socket: WebSocket) -> bool:
    """Browsers always say whose page opens a stream: it must be a page of the host that they
    ask."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")
