"""The look that every page shares, in the head of the document.

So what it places stands there from the first paint; a style that a script brings comes when much
has been painted already, which then moves.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEAD = b"</head>"


class EarlyStyle:
    """Starlette's middleware that writes a style sheet into documents of HTML that have a head.

    Args: app: what answers. style: the sheet, without its tags.
    """

    def __init__(self, app: ASGIApp, style: str):
        self._app, self._style = app, f"<style>{style}</style>".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not _asks_for_page(scope):
            await self._app(scope, receive, send)
            return
        # compressed, it could not be read; it is two kilobytes
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        start: Message | None = None
        body = b""

        async def written(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if start is None or message.get("more_body"):
                return
            sheet = body.replace(HEAD, self._style + HEAD, 1)
            own = (b"content-length", b"etag", b"last-modified")
            headers = [(name, value) for name, value in start["headers"] if name not in own]
            headers.append((b"content-length", str(len(sheet)).encode()))
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": sheet})

        await self._app({**scope, "headers": plain}, receive, written)


def _asks_for_page(scope: Scope) -> bool:
    """Whether a browser opens a page: these alone say that they take HTML."""
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
