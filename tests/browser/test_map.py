"""The map of where depth helps, and the tuning view of the race, in Chromium: filled in place,
paused, clicked."""

import re

import pytest

from tests.browser.walk import settle

PLOT = ".plot.js-plotly-plot"
LARGE = (  # cannot end while it is watched
    "where_depth_helps?x=scale&y=shape&detail=fine&horizon=20000&p=5"
)
SMALL = "where_depth_helps?detail=quick&horizon=300&grid=4"


@pytest.fixture
def shown(open_page, serve):
    """Opens a page of the app and waits for its first picture."""

    def start(path, **how):
        page = open_page(f"{serve('app.py')}/{path}", **how)
        page.wait_for_selector(f"{PLOT} .main-svg")
        return page

    return start


KNOWN = """p => p.calcdata.filter(c => c[0].trace.type === "heatmap")
    .flatMap(c => (c[0].z ?? []).flatMap(row => [...row]))
              .filter(z => Number.isFinite(z)).length"""


def known(page) -> int:
    """Cells with a number."""
    return page.eval_on_selector(PLOT, KNOWN)


def progress(page) -> str:
    return page.get_by_text(re.compile("runs decided|^Complete")).inner_text()


def click_at(page, x, y):
    """Click in the first plot at a place given in the units of its axes."""
    box, at = (
        page.locator(f"{PLOT} .nsewdrag").first.bounding_box(),
        page.eval_on_selector(
            PLOT, "(p, [x, y]) => [p._fullLayout.xaxis.d2p(x), p._fullLayout.yaxis.d2p(y)]", [x, y]
        ),
    )
    page.mouse.click(box["x"] + at[0], box["y"] + at[1])


def test_the_map_fills_in_place_and_pauses(shown):
    page = shown(LARGE)
    page.evaluate(f"document.querySelector('{PLOT}').mine = true")
    page.get_by_role("button", name="Compute the map").click()
    first = known(page)
    page.wait_for_function(f"({KNOWN})(document.querySelector('{PLOT}')) > {first} + 3")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Compute the map").wait_for()
    assert page.eval_on_selector(PLOT, "p => p.mine")  # the chart that was there from the start
    assert (
        page.get_by_role("button", name="Compute the map").count() == 1
    )  # nothing of an earlier run is left over
    paused = progress(page)
    page.wait_for_timeout(700)
    assert progress(page) == paused


def test_another_page_loses_nothing_of_the_map(shown):
    page = shown(SMALL)
    if "Complete" not in progress(page):
        page.get_by_role("button", name="Compute the map").click()
    page.get_by_text(re.compile("^Complete")).wait_for()
    settle(page)
    cells = known(page)
    page.get_by_role("link", name="Home").click()
    page.wait_for_selector(".stMainBlockContainer h1")
    page.get_by_role("link", name="Where depth helps").first.click()
    page.get_by_text(re.compile("^Complete")).wait_for()
    page.wait_for_selector(f"{PLOT} .main-svg")
    settle(page)
    assert known(page) == cells > 10


def test_a_click_opens_the_runs_of_a_cell(shown):
    page = shown(SMALL)
    page.get_by_text(re.compile("ratio y₁ / y₂ = 10, loss exponent p = 4")).wait_for()
    click_at(page, 1, 2)
    page.get_by_text(re.compile("ratio y₁ / y₂ = 2.15, loss exponent p = 4")).wait_for()
    page.wait_for_function("document.querySelectorAll('.plot .main-svg').length >= 3")
    page.wait_for_url(re.compile(r"cell=1\.2"))
    page.wait_for_function(f"document.querySelector('{PLOT}').layout.shapes?.length === 1")


def test_a_narrow_screen_shows_pictures_below_one_another_and_no_tiny_numbers(shown):
    numbers = "p => p.querySelectorAll('.heatmap-label').length"
    page = shown("where_depth_helps?y=scale&p=2&horizon=10", size=(390, 844))
    page.wait_for_function(f"({KNOWN})(document.querySelector('{PLOT}')) > 3")
    assert page.eval_on_selector(PLOT, numbers) == 0
    page.set_viewport_size({"width": 1280, "height": 720})
    page.wait_for_function(f"({numbers})(document.querySelector('{PLOT}')) > 3")
    home = shown("", size=(390, 844))
    below = (  # room for the map's axis
        "({yaxis, yaxis2}) => yaxis2._offset > yaxis._offset + yaxis._length + 30"
    )
    home.wait_for_function(f"({below})(document.querySelector('{PLOT}')._fullLayout)")
    home.set_viewport_size({"width": 1280, "height": 720})
    home.wait_for_function(f"!({below})(document.querySelector('{PLOT}')._fullLayout)")


def test_a_click_on_a_step_size_runs_it(shown):
    page = shown(
        "convergence?problem=two&p=3&ratio=3&iterations=200&horizon=100&grid=3&methods=1_gd~2_gd&axis=tuning"
    )
    page.get_by_text("compared at the tuning horizon of 100").wait_for()
    finite = "p => p.calcdata[0].find(c => Number.isFinite(c.x) && Number.isFinite(c.y))"
    step, gap = page.eval_on_selector(PLOT, f"p => (c => [c.x, c.y])(({finite})(p))")
    click_at(page, step, gap)
    page.wait_for_selector(".live-chart .js-plotly-plot")
    page.get_by_text(re.compile(r"^iteration 200 of 200")).wait_for()
    page.wait_for_url(re.compile("steps=each"))
    assert f"1_gd_s{step!r}"[:12] in page.url
