"""The race in Chromium: five seconds of twelve curves, keys, and a slider moved while it runs."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.chart import (
    CHART,
    PLOT,
    painted,
    ranges,
    shown,
    wait_painted,
    watch_removals,
    zoom,
)
from tests.browser.walk import settle

TWELVE = "~".join(
    f"{depth}_{optimizer}" for depth in (1, 2, 3, 4) for optimizer in ("gd", "momentum", "adam")
)
# a million iterations: the run cannot end while it is watched
ENDLESS = (
    f"convergence?problem=synthetic&steps=shared&step=0.001&iterations=1000000&methods={TWELVE}"
)


@pytest.fixture
def race(open_page, serve):
    """The race page with twelve curves, painted once."""
    page = open_page(f"{serve('app.py')}/{ENDLESS}")
    page.wait_for_function(f"Number(document.querySelector('{CHART}')?.dataset.painted) > 0")
    return page


def iteration(page) -> int:
    return int(
        re.search(
            r"iteration ([\d,]+) of",
            page.get_by_text(re.compile(r"^iteration [\d,]+ of")).inner_text(),
        )[1].replace(",", "")
    )


def box_at_rest(page) -> dict:
    """Of the plot: what is said above it may take another line as the run begins."""
    box, before = page.locator(f"{PLOT} .nsewdrag").bounding_box(), None
    while box != before:
        page.wait_for_timeout(700)
        before, box = box, page.locator(f"{PLOT} .nsewdrag").bounding_box()
    return box


def test_five_seconds_of_twelve_curves(race, record_property):
    watch_removals(race, CHART, PLOT, f"{PLOT} .main-svg")
    race.keyboard.press("Space")
    wait_painted(race, 3)
    race.get_by_role("button", name="depth 3", exact=True).click()
    zoomed = zoom(race, box_at_rest(race))
    frames, start = painted(race), time.perf_counter()
    race.wait_for_timeout(5000)
    rate = (painted(race) - frames) / (time.perf_counter() - start)
    record_property("painted frames a second", round(rate, 1))
    print(f"{rate:.1f} painted frames a second")
    assert race.evaluate("window.removals") == 0
    assert ranges(race) == pytest.approx(zoomed)
    assert len(shown(race)) == 11 and "depth 3" not in shown(race)
    race.evaluate(
        "document.activeElement.blur()"
    )  # the label that was clicked has the focus: Space would press it again
    race.keyboard.press("Space")
    race.get_by_role("button", name="Run").wait_for()


def test_a_slider_moved_during_a_run_starts_the_new_run_and_ends_the_old_one(race):
    race.keyboard.press("Space")
    wait_painted(race, 5)
    old = race.locator(CHART).get_attribute("data-run")
    race.get_by_role("slider", name="Loss exponent p").press("ArrowRight")
    race.wait_for_function(f"document.querySelector('{CHART}').dataset.run !== '{old}'")
    race.evaluate(f"""() => {{
        window.runs = new Set()
        const root = document.querySelector("{CHART}")
        const note = () => window.runs.add(root.dataset.run)
        new MutationObserver(note).observe(root, {{ attributes: true }})
    }}""")
    wait_painted(race, 10)
    assert (
        race.evaluate("[...window.runs]")
        == [race.locator(CHART).get_attribute("data-run")]
        != [old]
    )
    assert "p=4.25" in race.url
    race.keyboard.press("Space")


def test_pause_stands_still_and_step_moves_on_from_there(race):
    race.keyboard.press("Space")
    wait_painted(race, 5)
    race.keyboard.press("Space")
    race.get_by_role("button", name="Run").wait_for()
    race.locator(
        "[data-testid=stApp][data-test-script-state=notRunning]"
    ).wait_for()  # its last picture is drawn
    stopped = iteration(race)
    race.wait_for_timeout(700)
    assert iteration(race) == stopped
    race.get_by_role("button", name="+10", exact=True).click()
    race.wait_for_function(f"document.body.innerText.includes('iteration {stopped + 10:,} of')")


def test_reload_restores_every_control(race):
    race.get_by_role("slider", name="Loss exponent p").press("ArrowRight")
    race.wait_for_url("**p=4.25**")
    race.reload()
    race.wait_for_function(f"Number(document.querySelector('{CHART}')?.dataset.painted) > 0")
    assert race.get_by_role("slider", name="Loss exponent p").input_value() == "4.25"
    assert len(shown(race)) == 12


def test_depth_5_p_6_and_a_step_size_take_three_actions(open_page, serve):
    page = open_page(f"{serve('app.py')}/convergence")
    page.get_by_text("avoidable loss is gone").wait_for()
    # 1, 2, 3
    page.locator(".st-key-race_depths").get_by_role("button", name="5", exact=True).click()
    page.wait_for_url("**5_gd**")
    for name, value, told in (
        ("race_p_typed", "6", "**p=6**"),
        ("race_step_typed", "0.05", "**step=0.05**"),
    ):
        box = page.locator(f".st-key-{name} input")
        box.fill(value)
        box.press("Enter")
        page.wait_for_url(told)
    assert "steps=shared" in page.url and "5_gd" in page.url and "problem=cancer" in page.url


@pytest.mark.parametrize("size", [(1280, 720), (390, 800)])
def test_arrivals_at_about_the_same_iteration_are_read_apart(open_page, serve, size):
    page = open_page(
        f"{serve('app.py')}/convergence?problem=cancer&p=2&methods=1_gd~2_gd~3_gd&iterations=500&horizon=500",
        size=size,
    )
    page.wait_for_function("document.querySelectorAll('.live-chart text.flag').length === 3")
    page.wait_for_function(f"!document.querySelector('{CHART}').classList.contains('moving')")
    boxes = page.eval_on_selector_all(
        ".live-chart text.flag",
        "all => all.map((t) => t.getBoundingClientRect()).sort((a, b) => a.top - b.top).map((b) =>"
        " [b.left, b.top, b.right, b.bottom])",
    )
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            apart = a[2] <= b[0] or b[2] <= a[0]
            assert apart or a[1] >= b[3] - 4  # the room above a digit is empty


OVER_ANOTHER = """() => {
  window.over = []
  const look = () => {
    const all = [...document.querySelectorAll(".live-chart text.flag, .live-chart text.bracket")]
    const boxes = all.map((text) => [text.textContent, text.getBoundingClientRect()])
    for (const [i, [one, a]] of boxes.entries()) {
      for (const [other, b] of boxes.slice(0, i)) {
        const apart = a.right <= b.left || b.right <= a.left
        if (!apart && a.top < b.bottom - 4 && b.top < a.bottom - 4) over.push(`${one} ${other}`)
      }
    }
    requestAnimationFrame(look)
  }
  look()
}"""


def test_no_arrival_is_written_over_another_while_they_come(open_page, serve):
    """On a phone, at every frame: the axis opens only after the first ones have come."""
    page = open_page(
        f"{serve('app.py')}/convergence?methods=1_gd~2_gd~3_gd~4_gd~8_gd&iterations=3000&horizon=3000",
        size=(390, 800),
    )
    page.wait_for_function(f"Number(document.querySelector('{CHART}')?.dataset.painted) > 0")
    page.evaluate(OVER_ANOTHER)
    page.keyboard.press("Space")
    page.get_by_text("iteration 3,000 of 3,000").wait_for()
    page.wait_for_function(f"!document.querySelector('{CHART}').classList.contains('moving')")
    assert page.locator(f"{CHART} text.flag").count() == 5
    assert page.evaluate("over") == []


def test_curves_follow_the_hand_on_the_step_size(open_page, serve):
    race = open_page(f"{serve('app.py')}/convergence")
    chart, claim = race.locator(CHART), race.locator(".st-key-role_answer_claim")
    race.wait_for_function(f"Number(document.querySelector('{CHART}')?.dataset.painted) > 0")
    before = claim.inner_text()
    slider = race.locator(".st-key-race_eta")
    x, y, width, height = slider.locator("[style*='left:']").first.bounding_box().values()
    across = slider.bounding_box()["width"]
    race.mouse.move(x + width / 2, y + height / 2)
    race.mouse.down()
    for share in (0.3, 0.4, 0.5):  # each value gets a run of its own before the next one
        seen = int(chart.get_attribute("data-glances") or 0)
        race.mouse.move(x + share * across, y + height / 2)
        race.wait_for_function(
            "n => Number(document.querySelector('.live-chart').dataset.glances) > n", arg=seen
        )
    assert "glancing" in chart.get_attribute("class")
    box = race.locator(".st-key-race_step_typed")
    for of_the_values_before in (claim, box):
        assert float(of_the_values_before.evaluate("e => getComputedStyle(e).opacity")) < 1
    assert "steps" not in race.url  # the script has not heard of it
    race.mouse.up()
    race.wait_for_url("**steps=shared**")
    race.wait_for_function("() => !document.querySelector('.live-chart.glancing')")
    expect(claim).not_to_have_text(before)
    expect(box).to_have_css("opacity", "1")


def test_a_curve_that_diverges_leaves_and_does_not_come_down(open_page, serve):
    choices = "problem=two&p=6&steps=shared&step=0.001&iterations=1000&methods=1_gd~2_gd"
    page = open_page(f"{serve('app.py')}/convergence?{choices}")
    curves = """() => document.querySelector(".live-chart-plot").data.map(
        ({ y }) => Array.from(y).filter(Number.isFinite))"""
    page.evaluate("""() => {
        window.drawn = [[]] // heights of the points of every curve that the canvas shows meanwhile
        const { beginPath, lineTo } = CanvasRenderingContext2D.prototype
        CanvasRenderingContext2D.prototype.beginPath = function () {
            window.drawn.push([])
            beginPath.call(this)
        }
        CanvasRenderingContext2D.prototype.lineTo = function (x, y) {
            window.drawn.at(-1).push(y)
            lineTo.call(this, x, y)
        }
    }""")
    page.get_by_role("button", name="Run").click()
    page.get_by_text("Diverged: plain gradient descent").wait_for()
    settle(page)
    for gaps in page.evaluate(curves):
        assert gaps[-1] == max(gaps) > 10
    drawn = [ys for ys in page.evaluate("window.drawn") if len(ys) > 1]
    assert drawn and all(ys == sorted(ys, reverse=True) for ys in drawn)  # pixels from above
