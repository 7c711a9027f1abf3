"""Routes of the app on a server of their own, in a thread of the test's process."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from tests.browser.server import unused_port


@contextmanager
def listening(
    routes: Sequence[BaseRoute],
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
) -> Iterator[int]:
    """The port at which they answer."""
    port = unused_port()
    app = Starlette(routes=list(routes), lifespan=lifespan)
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level="error", ws="websockets-sansio"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    yield port
    server.should_exit = True
    thread.join(timeout=30)
