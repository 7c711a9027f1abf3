"""Routes of the app on a server of their own, and coroutines, in threads of the test's process."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from overparam.serving.workers.hall import Hall
from overparam.serving.workers.pool import Workers
from tests.browser.server import unused_port


def play(coroutine: Coroutine):
    """What a coroutine returns, run in a thread of its own: while a browser is driven from the
    test's, its event loop is taken."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


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


@contextmanager
def hall_behind(routes: Callable[[str, Callable[[], Hall]], Sequence[BaseRoute]]) -> Iterator:
    """A hall that computes in this process, and the port of its routes, all below /depth."""
    hall = Hall(Workers(0))

    @asynccontextmanager
    async def lifespan(_):
        await hall.open()
        yield
        await hall.close()

    with listening(routes("/depth", lambda: hall), lifespan) as port:
        yield hall, port


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for what other threads bring about; a minute at most."""
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert true()
