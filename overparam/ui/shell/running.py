"""What the running server has beside Streamlit's pages: worker processes, and the runs that are
watched."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from overparam.serving.workers.hall import Hall
    from overparam.serving.workers.pool import Workers

_server: tuple[asyncio.AbstractEventLoop, Workers] | None = None
_hall: Hall | None = None
_making = threading.Lock()


def begin(loop: asyncio.AbstractEventLoop, workers: Workers) -> None:
    """The server starts; it will have its runs computed by these."""
    global _server
    _server = loop, workers


async def end() -> None:
    """The server ends, and its workers."""
    global _server, _hall
    server, hall, _server, _hall = _server, _hall, None, None
    if hall is not None:
        from overparam.serving.maps.shared import compute_with

        compute_with(None)
        await hall.close()
    elif server is not None:
        await server[1].stop()


def has_streams() -> bool:
    """Whether this server hands out streams."""
    return _server is not None


def hall() -> Hall | None:
    """The runs that are watched and the workers, for a page's script; None where the server has no
    routes of our own.

    Made when first asked for.
    """
    global _hall
    from overparam.serving.maps.shared import compute_with
    from overparam.serving.workers.hall import Hall

    with _making:
        if _hall is None and _server is not None:
            loop, workers = _server
            made = Hall(workers)
            asyncio.run_coroutine_threadsafe(made.open(), loop).result()
            _hall = made
            compute_with(made)
        return _hall


def open_hall() -> Hall | None:
    """The same for a route, which does not make them: None where no script has asked yet."""
    return _hall
