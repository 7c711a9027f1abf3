"""Every page in Chromium: drawn, at rest, nothing asked of another host, nothing to scroll sideways
on a phone, nothing that is seen to jump while it loads."""

import re
from pathlib import Path

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.PageConfig_pb2 import PageConfig

from overparam.ui.components import chart_js
from tests.browser.test_contrast import all_text_can_be_read
from tests.browser.walk import settle

PAGES = sorted(path.stem for path in (Path(__file__).parents[2] / "pages").glob("*.py"))


# The sum of all shifts is never less than what https://web.dev/articles/cls makes of them.
SHIFT = """window.shift = 0
new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) shift += value
}).observe({ type: "layout-shift", buffered: true })"""


def opened(open_page, address: str, **kind):
    """A page at rest, drawn, that complains of nothing and scrolls sideways nowhere; it counts by
    how much it has jumped."""
    page = open_page("about:blank", **kind)
    page.add_init_script(SHIFT)
    page.goto(address)
    page.locator("html[data-stands] .main-svg").first.wait_for(state="attached")
    settle(page)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    assert page.get_by_test_id("stException").count() == 0
    for box in ("document.documentElement", "document.querySelector('[data-testid=stMain]')"):
        assert page.evaluate(f"{box}.scrollWidth - {box}.clientWidth") <= 0
    return page


def path(name: str) -> str:
    return "" if name == "home" else name


@pytest.mark.parametrize("name", PAGES)
def test_page(open_page, serve, name):
    """Nothing jumps, every button has a name, all text can be read."""
    page = opened(open_page, f"{serve('app.py')}/{path(name)}", first_visit=True)
    assert page.evaluate("shift") < 0.1
    assert page.get_by_role("button", name=re.compile(r"_| icon\b")).all_inner_texts() == []
    named = page.get_by_role("button", name=re.compile(r"\w"))
    assert named.count() == page.get_by_role("button").count()
    assert page.get_by_role("button", name="Projector mode").first.is_visible()
    assert page.locator("[role=img] :is(button, a, [role=button], input)").count() == 0
    all_text_can_be_read(page)


@pytest.mark.parametrize("name", PAGES)
def test_page_on_a_phone_in_the_dark(open_page, serve, name):
    opened(open_page, f"{serve('app.py')}/{path(name)}", theme="dark", size=(390, 844))


@pytest.mark.parametrize("name", PAGES[:2])
@pytest.mark.parametrize("how", ["projector=1", "embed=true"])
def test_nothing_jumps_on_a_stage_or_in_a_frame(open_page, serve, name, how):
    page = opened(open_page, f"{serve('app.py')}/{path(name)}?{how}", first_visit=True)
    assert page.evaluate("shift") < 0.1


def test_no_piece_of_the_frontend_comes_after_the_curves(open_page, serve):
    """A key that is pressed before the buttons are there is lost."""
    page, asked = open_page("about:blank", first_visit=True), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{serve('app.py')}/convergence")
    page.locator(".main-svg").first.wait_for(state="attached")
    settle(page)
    document = page.request.get(page.url, headers={"Accept": "text/html"}).text()
    named = tuple(re.findall(r"static/js/[\w.-]+", document))
    pieces = [url for url in asked if "/static/js/" in url]
    assert pieces and [url for url in pieces if not url.endswith(named)] == []


def said_to(page, address: str) -> list[bytes]:
    """Open an address; what Streamlit's server says to the page."""
    said: list[bytes] = []

    def listen(socket):
        if "_stcore/stream" in socket.url:
            socket.on("framereceived", lambda message: said.append(message))

    page.on("websocket", listen)
    page.goto(address)
    page.locator(".live-chart .main-svg").first.wait_for(state="attached")
    settle(page)
    return said


def test_the_script_of_the_charts_comes_as_a_file(open_page, serve):
    page = open_page("about:blank")
    with page.expect_response(lambda answer: chart_js.ROUTE in answer.url):
        said = said_to(page, f"{serve('app.py')}/convergence")
    line = chart_js.TEXT.splitlines()[0].encode()
    assert any(b"overparam_chart" in message for message in said)
    assert not any(line in message for message in said)


@pytest.mark.parametrize(
    ("query", "state"), [("?projector=1", PageConfig.COLLAPSED), ("", PageConfig.AUTO)]
)
def test_nothing_says_two_things_about_the_sidebar(open_page, serve, query, state):
    address = f"{serve('app.py')}/convergence{query}"
    said = map(ForwardMsg.FromString, said_to(open_page("about:blank"), address))
    states = {
        message.page_config_changed.initial_sidebar_state
        for message in said
        if message.WhichOneof("type") == "page_config_changed"
    }
    assert states - {PageConfig.SIDEBAR_UNSET} == {state}
