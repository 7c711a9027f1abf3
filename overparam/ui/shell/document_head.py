"""What the head of a page's document says beside Streamlit's own, before any script has run.

So a style holds from the first paint; one that a page's script brings comes when much has been
painted already, which then moves. And what takes long to load begins at once.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEAD = b"</head>"


class DocumentHead:
    """Starlette's middleware that writes into the head of documents of HTML.

    Args: app: what answers. written: HTML for the end of the head, from the path and the query of
    the document's address.
    """

    def __init__(self, app: ASGIApp, written: Callable[[str, str], str]):
        self._app, self._written = app, written

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or not _asks_for_page(scope):
            await self._app(scope, receive, send)
            return
        # compressed, it could not be read; it is a few kilobytes
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        start: Message | None = None
        body = b""

        async def hold(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            body += message.get("body", b"")
            if start is None or message.get("more_body"):
                return
            ours = self._written(scope["path"], scope["query_string"].decode("latin-1"))
            document = body.replace(HEAD, ours.encode() + HEAD, 1)
            own = (b"content-length", b"etag", b"last-modified")
            headers = [(name, value) for name, value in start["headers"] if name not in own]
            headers.append((b"content-length", str(len(document)).encode()))
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": document})

        await self._app({**scope, "headers": plain}, receive, hold)


def _asks_for_page(scope: Scope) -> bool:
    """Whether a browser opens a page: these alone say that they take HTML."""
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])
