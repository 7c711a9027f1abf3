"""The first picture of the home page in the hand: the browser's mathematics against the server's;
start, minimum and depth moved in Chromium."""

from __future__ import annotations

import re

import numpy as np
import pytest

from overparam.measure.illustration import nearness, step_grid, tuned_run
from overparam.ui.home.picture import GOAL, HORIZON, STEPS_A_DECADE
from tests.browser.server import ROOT

DESCENT = ROOT / "overparam" / "ui" / "components" / "descent.js"
ENTRIES, WORDS = ".descent-entry", ".descent-words"
AT_REST = """() => !document.querySelector('.descending')
    && document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"""
WATCH = """() => {
    window.pictures = 0
    window.runs = 0
    const count = (of, attribute, what) => {
        const seen = new MutationObserver(() => { window[what] += 1 })
        seen.observe(document.querySelector(of), { attributeFilter: [attribute] })
    }
    count('.plot', 'data-followed', 'pictures')
    count('[data-testid=stApp]', 'data-test-script-state', 'runs')
}"""


@pytest.fixture(scope="module")
def in_browser(profile):
    """`in_browser(start, target, depth, p, first)`: a tuned run as the browser computes it."""
    page = profile.new_page()
    factors, reach = nearness()
    problem = {
        "goal": GOAL,
        "horizon": HORIZON,
        "grid": step_grid(STEPS_A_DECADE).tolist(),
        "factors": factors.tolist(),
        "reach": reach,
    }
    source = DESCENT.read_text(encoding="utf-8")

    def run(start, target, depth, p, first):
        given = [start, target, depth, problem | {"p": p}, first]
        return page.evaluate(f"(given) => {{ {source} return tunedDescent(...given) }}", given)

    yield run
    page.close()


@pytest.mark.parametrize("p", [2, 4])
@pytest.mark.parametrize(
    ("start", "target", "depth"),
    [
        ((0.1, 0.01), (10.0, 1.0), 1),
        ((0.1, 0.01), (10.0, 1.0), 3),
        ((-1.0, 0.5), (10.0, 1.0), 2),
        ((9.04, 0.551), (4.14, 0.557), 7),  # none of its step sizes serves all starts at p = 4
        ((0.0, 0.0), (10.0, 1.0), 3),  # stays where it is
        ((5.0, 1.2), (-1.0, 0.3), 8),
        ((10.0, 1.0), (10.0, 1.0), 5),  # there already
    ],
)
def test_the_browser_computes_what_the_server_does(in_browser, start, target, depth, p):
    expected = tuned_run(
        depth,
        p,
        target,
        start,
        goal=GOAL,
        horizon=HORIZON,
        steps_per_decade=STEPS_A_DECADE,
    )
    for first in (0, 60, 120):  # where the search begins is of no consequence
        found = in_browser(start, target, depth, p, first)
        way = np.array(found["way"])
        assert step_grid(STEPS_A_DECADE)[found["step"]] == expected.step_size
        assert found["iterations"] == expected.iterations
        np.testing.assert_allclose(way[:, :2], expected.weights, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(way[:, 2], expected.loss, rtol=1e-9, atol=1e-12)


@pytest.fixture
def home(open_page, serve):
    """Opens the home page with its first picture at rest."""

    def start(query="", **how):
        page = open_page(f"{serve('app.py')}/?{query}", **how)
        page.emulate_media(reduced_motion="reduce")
        page.locator(".descent-start[transform]").wait_for()
        page.wait_for_function(AT_REST)
        return page

    return start


def middle(page, handle: str) -> tuple[float, float]:
    box = page.locator(f"{handle} > path").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def counts(page) -> list[int]:
    """The iterations of depth 1 and of the other one, as the picture says them."""
    texts = page.locator(ENTRIES).all_inner_texts()
    return [int(re.search(r": ([\d,]+) iteration", text)[1].replace(",", "")) for text in texts]


def test_paths_follow_the_hand_without_the_script_and_the_link_on_release(home):
    page = home()
    assert counts(page) == [1789, 554]
    assert "3.2 times fewer" in page.locator(WORDS).inner_text()
    page.evaluate(WATCH)
    x, y = middle(page, ".descent-start")
    page.mouse.move(x, y)
    page.mouse.down()
    for share in range(1, 21):
        page.mouse.move(x + 9 * share, y - 3 * share)
        page.wait_for_function("pictures => window.pictures >= pictures", arg=share)
    assert page.evaluate("window.runs") == 0 and "w1" not in page.url
    followed = counts(page)
    assert followed != [1789, 554] and "slower" in page.locator(WORDS).inner_text()
    page.mouse.up()
    page.wait_for_url("**w1=**w2=**")
    page.wait_for_function(AT_REST)
    assert page.evaluate("window.runs") > 0
    assert counts(page) == followed  # the server's numbers are those of the browser
    end = middle(page, ".descent-start")
    assert end == pytest.approx((x + 180, y - 60), abs=1)  # the axes stand still
    page.reload()
    page.locator(".descent-start[transform]").wait_for()
    assert counts(page) == followed
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function(f"() => document.querySelector('{ENTRIES}').innerText.includes('1,789')")
    assert "w1" not in page.url


def test_minimum_and_depth_move_too_by_hand_and_by_keys(home):
    page = home("p=2")
    assert counts(page)[0] == 1 and "slower" in page.locator(WORDS).inner_text()
    x, y = middle(page, ".descent-target")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y + 20, steps=3)
    page.mouse.up()
    page.wait_for_url("**y1=**y2=**")
    page.get_by_role("slider", name="Depth N").press("ArrowRight")
    page.wait_for_url("**N=4**")
    page.locator(".descent-start").press("ArrowUp")
    page.wait_for_url("**w2=0.04**")
    page.wait_for_function(AT_REST)
    assert "p=2" in page.url and "y1=" in page.url and "N=4" in page.url
    assert page.locator(ENTRIES).nth(1).inner_text().startswith("depth 4:")


def test_what_is_moved_before_the_server_has_answered_is_kept(home):
    page = home("p=2")
    for handle in (".descent-start", ".descent-target"):
        x, y = middle(page, handle)
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 30, y - 10, steps=2)
        page.mouse.up()
    page.wait_for_url("**w1=**y1=**")
    page.wait_for_function(AT_REST)
    assert "w1=" in page.url
