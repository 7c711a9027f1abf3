"""Theorem 2 by hand, in Chromium: a loop drawn with the pointer, the bead and its bar, the link."""

import math
import re

import pytest

PLOT = ".plot.js-plotly-plot"
BALL = ".bead-ball"
SAID = re.compile(r"circulation (\S+?)\u00a0±")


@pytest.fixture
def opened(open_page, serve):
    """Opens the page with its bead at rest, which it is at the end for who asks for less motion."""

    def start(query="view=beat", **how):
        page = open_page(f"{serve('app.py')}/no_regularizer?{query}", **how)
        page.emulate_media(reduced_motion="reduce")
        page.locator(f"{BALL}[cx]").wait_for()
        return page

    return start


def draw(page):
    """A round loop in the upper half of the plane, counterclockwise; returns its points."""
    box = page.locator(f"{PLOT} .nsewdrag").first.bounding_box()
    centre = box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"]
    radius = 0.2 * box["width"]
    turns = [-math.tau * i / 50 for i in range(50)]
    places = [
        (centre[0] + radius * math.cos(turn), centre[1] + radius * math.sin(turn)) for turn in turns
    ]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place)
    page.mouse.up()
    page.wait_for_url("**corners=**")


def gathered(page) -> float:
    said = page.locator(BALL).get_attribute("aria-valuetext")
    return float(said.split("gathered ")[1].replace("−", "-"))


def circulation(page) -> float:
    return float(SAID.search(page.get_by_test_id("stAlert").inner_text())[1].replace("−", "-"))


def test_a_drawn_loop_is_walked_judged_and_kept_in_the_link(opened):
    page = opened()
    before = circulation(page)
    draw(page)
    page.wait_for_function(
        "before => !document.querySelector('[data-testid=stAlert]').innerText.includes(before)",
        arg=f"{before:.6g}",
    )
    found = circulation(page)
    assert found > 0.1  # where the curl is positive
    page.locator(BALL).press("End")
    assert gathered(page) == pytest.approx(found, rel=6e-3)  # three digits
    assert "x=" not in page.url  # a stroke is no click, which would move the ellipse
    again = opened(page.url.split("?")[1])
    assert circulation(again) == found
    again.get_by_role("slider", name="Depth N").press("Home")
    again.get_by_text("No contradiction on this curve").wait_for()
    again.wait_for_function(
        f"document.querySelector('{BALL}').getAttribute('aria-valuetext').endsWith('gathered 0')"
    )


def test_the_bead_is_taken_along_the_curve_and_back(opened):
    page = opened("view=beat&curve=circle&x=0.5&y=0.5&a=0.4")
    page.locator(BALL).press("End")
    page.locator(BALL).press("ArrowLeft")
    box = page.locator(BALL).bounding_box()
    at = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*at)
    page.mouse.down()
    page.mouse.move(at[0] - 4, at[1] + 12, steps=4)
    page.mouse.up()
    share = float(page.locator(BALL).get_attribute("aria-valuenow"))
    assert 90 <= share < 98
    assert "x=" not in page.url.replace("x=0.5", "") and "polygon" not in page.url


def test_a_finger_draws_a_loop(opened):
    page = opened()
    box = page.locator(f"{PLOT} .nsewdrag").first.bounding_box()
    touch = page.context.new_cdp_session(page)
    for i, (across, up) in enumerate(((0.3, 0.3), (0.4, 0.3), (0.5, 0.4), (0.4, 0.5), (0.3, 0.4))):
        at = {"x": box["x"] + across * box["width"], "y": box["y"] + up * box["height"]}
        kind = "touchMove" if i else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at]})
        page.wait_for_timeout(50)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_url("**corners=**")
