"""What a hand on a slider sees is drawn by us (sketch.js): the same picture as Plotly's of the same
choices."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.walk import settle
from tests.load.hand import drag

PLOT = ".plot.js-plotly-plot"


def pictures(page) -> list[np.ndarray]:
    shots = [plot.screenshot() for plot in page.locator(PLOT).all()]
    return [np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int) for shot in shots]


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Of a colour of a pixel, on average; 255 at most."""
    assert one.shape == other.shape
    return float(np.abs(one - other).mean())


def take(page, slider: str, share: float, plots: int) -> None:
    """Move a slider by a share of its width, and hold it until so many plots have followed."""
    track = page.locator(f".st-key-{slider}")
    x, y, width, height = track.locator("[style*='left:']").first.bounding_box().values()
    place = x + width / 2, y + height / 2
    page.mouse.move(*place)
    page.mouse.down()
    page.mouse.move(place[0] + share * track.bounding_box()["width"], place[1], steps=8)
    page.wait_for_function(
        "plots => document.querySelectorAll('.plot.ahead > .plot-sketch').length === plots",
        arg=plots,
    )
    settle(page)
    page.wait_for_timeout(500)  # for the last of what was asked, and the numbers at the scale


@pytest.mark.parametrize(
    ("query", "slider", "share", "plots", "how"),
    [
        ("no_regularizer?r=0.4&R=1.3&loss=quadratic", "reg_h1", 0.3, 2, {}),
        ("no_regularizer?r=0.4&R=1.3&loss=lp", "reg_N", 0.3, 2, {"theme": "dark"}),
        ("no_regularizer?view=beat&r=0.4&R=1.3", "reg_N", 0.1, 1, {}),  # further margins change
        ("no_regularizer?view=proof&r=0.4&R=1.3", "reg_r", 0.3, 1, {}),
        ("no_regularizer?view=closest&N=3.3", "reg_N", 0.3, 3, {}),
        ("preconditioner?view=matrix&inputs=3", "pre_s1", 0.7, 2, {"theme": "dark"}),
    ],
)
def test_a_hand_sees_what_plotly_draws(open_page, serve, query, slider, share, plots, how):
    page = open_page(f"{serve('app.py')}/{query}", **how)
    page.emulate_media(reduced_motion="reduce")  # a bead stands at its end
    page.locator(f"{PLOT} .main-svg").first.wait_for(state="attached")
    if "beat" in query:
        page.locator(".bead-ball").press("End")
    settle(page)
    before = pictures(page)
    take(page, slider, share, plots)
    in_hand = pictures(page)
    followed = page.locator(PLOT).evaluate_all("ps => ps.map(p => p.matches('.ahead'))")
    page.mouse.up()
    page.wait_for_function("() => !document.querySelector('.ahead')")
    settle(page)
    at_rest = pictures(page)
    for old, hand, rest, moved in zip(before, in_hand, at_rest, followed, strict=True):
        if moved:
            assert difference(hand, rest) < difference(old, rest) / 2


def test_a_part_that_was_zoomed_stays_in_hand(open_page, serve):
    page = open_page(f"{serve('app.py')}/no_regularizer?r=0.4&R=1.3")
    field = page.locator(f".st-key-reg_around_field {PLOT}")
    field.locator(".main-svg").first.wait_for(state="attached")
    settle(page)
    shown = "p => JSON.stringify([p._fullLayout.xaxis.range, p._fullLayout.yaxis.range])"
    whole = field.evaluate(shown)
    x, y, width, height = field.locator(".nsewdrag").first.bounding_box().values()
    page.mouse.move(x + 0.3 * width, y + 0.3 * height)
    page.mouse.down()
    page.mouse.move(x + 0.6 * width, y + 0.6 * height, steps=5)
    page.mouse.up()
    zoomed = field.evaluate(shown)
    assert zoomed != whole
    take(page, "reg_r", 0.2, 2)
    assert field.evaluate(shown) == zoomed
    page.mouse.up()
    page.wait_for_function("() => !document.querySelector('.ahead')")
    settle(page)
    assert field.evaluate(shown) == zoomed


def test_the_load_tool_sees_what_follows_a_hand(open_page, serve):
    page = open_page(f"{serve('app.py')}/no_regularizer")
    settle(page)
    seen = drag(page, "reg_N", seconds=0.5)
    assert set(seen["took"]) == {"reg_around_field", "reg_around_pieces"}
    for took in seen["took"].values():
        assert 1 <= len(took) <= seen["values"] and min(took) > 0
