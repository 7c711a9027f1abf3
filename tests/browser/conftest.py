"""Chromium and a running server for the tests in this folder.

Without Chromium or playwright these tests are skipped, with the reason; where the variable CI is
set they fail.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.browser.chromium import FLAGS, installed
from tests.browser.server import serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def _not_here(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI is set")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> Iterator[tuple]:
    """What starts a Chromium, and where it is."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _not_here("playwright is not installed")
    found = installed()
    if found is None:
        _not_here("no Chromium on the path")
    with sync_playwright() as playwright:
        yield playwright.chromium, found


@pytest.fixture(scope="session")
def browser(chromium) -> Iterator:
    """A Chromium that keeps nothing: each of its contexts is somebody's first visit."""
    start, found = chromium
    started = start.launch(executable_path=found, args=FLAGS)
    yield started
    started.close()


@pytest.fixture(scope="session")
def profile(chromium, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """The one context of a Chromium that keeps on disk what it has loaded and compiled: a page is
    there after half of the time."""
    start, found = chromium
    folder = tmp_path_factory.mktemp("profile")
    context = start.launch_persistent_context(folder, executable_path=found, args=FLAGS)
    yield context
    context.close()


@pytest.fixture
def new_page(request: pytest.FixtureRequest) -> Iterator[Callable]:
    """`new_page(theme="light", size=(1280, 720), first_visit=False)`: an empty page in a window of
    its own, of somebody who was here before; or who was not, in a context of its own, whose clock
    may be set. Closed when the test ends."""
    with ExitStack() as opened:

        def start(
            theme: str = "light", size: tuple[int, int] = (1280, 720), first_visit: bool = False
        ):
            if first_visit:
                context = request.getfixturevalue("browser").new_context()
                opened.callback(context.close)
            else:
                context = request.getfixturevalue("profile")
                opened.callback(_close_others, context, tuple(context.pages))
            page = context.new_page()
            # a test fails by what it sees, not by how busy the machine is
            page.set_default_timeout(120_000)
            page.set_viewport_size({"width": size[0], "height": size[1]})
            page.emulate_media(color_scheme=theme)
            return page

        yield start


def _close_others(context, stay: tuple) -> None:
    for page in context.pages:
        if page not in stay:
            page.close()


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """`serve(script)` starts a Streamlit script of the project, once, and returns its address."""
    logs: dict[str, Path] = {}
    addresses: dict[str, str] = {}
    with ExitStack() as running:

        def start(script: str) -> str:
            if script not in addresses:
                logs[script] = tmp_path_factory.mktemp("server") / "log"
                addresses[script] = running.enter_context(serving(script, logs[script]))
            return addresses[script]

        yield start
    for script, log in logs.items():
        said = log.read_text(encoding="utf-8", errors="replace")
        assert "Traceback" not in said, f"{script} said:\n{said}"


@pytest.fixture
def open_page(new_page) -> Iterator[Callable]:
    """`open_page(address)` opens a `new_page` there, whose other arguments it takes, too.

    Its `faults` collect what must not happen: errors on the console, uncaught exceptions, requests
    to another host. They are asserted to be none when the test ends; a test that causes one on
    purpose clears the list.
    """
    from playwright.sync_api import TimeoutError as PlaywrightTimeout  # here, as `chromium` is

    opened = []

    def start(address: str, **kind):
        for _ in range(3):
            page = new_page(**kind)
            page.faults = faults = []
            page.on(
                "console",
                lambda m, f=faults: (
                    _is_fault(m) and f.append(f"console: {m.text} {m.location['url']}")
                ),
            )
            page.on("pageerror", lambda e, f=faults: f.append(f"exception: {e}"))
            page.on(
                "request", lambda r, f=faults: _is_foreign(r.url) and f.append(f"request: {r.url}")
            )
            page.goto(address)
            with suppress(PlaywrightTimeout):  # a request that the browser gives up may never end
                page.wait_for_load_state("networkidle", timeout=20_000)
            if not any("ERR_NETWORK_CHANGED" in fault for fault in faults):
                break
            # the machine's network came up or went away: says nothing about the app
            page.close()
        opened.append(page)
        return page

    yield start
    assert [fault for page in opened for fault in page.faults] == []


def _is_fault(message) -> bool:
    # opened at /page, Streamlit first looks for its server below that path: two harmless 404
    probe = message.location["url"].endswith(("/_stcore/health", "/_stcore/host-config"))
    return message.type == "error" and not (probe and "404" in message.text)


def _is_foreign(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))
