"""Predict first, in Chromium: what is to be guessed is not seen, a guess stays where it was drawn,
and the sentence's numbers are those of the drawn curve and of the race."""

import math
import re
from itertools import pairwise

import pytest

from overparam.choices.methods import parse_methods
from overparam.choices.race import CHOICES, OPENING, Experiment
from overparam.measure.history import GAPS
from overparam.serving.run import RUNS
from tests.browser.walk import settle

CHART = ".live-chart"
PLOT = f"{CHART} .js-plotly-plot"
PAD, PATH = ".live-chart-pad", ".live-chart-guess path"
TOLD = f"{CHART}-told p"
CLAIM = ".st-key-role_answer_claim"
VERDICT = re.compile(
    r"To g ≤ (\S+) you guessed ([\d,]+) iterations for depth 2; it takes ([\d,]+): (.+)\."
)
GUESSING = "&".join(f"{name}={value}" for name, value in (OPENING | {"guess": "1"}).items())


@pytest.fixture
def opened(open_page, serve):
    """Opens the race with its guess to be drawn; for who asks for less motion the truth is there at
    once."""

    def start(query: str = GUESSING, **how):
        page = open_page(f"{serve('app.py')}/convergence?{query}", **how)
        page.emulate_media(reduced_motion="reduce")
        page.locator(f"{PAD}[style]").wait_for()
        page.wait_for_function(f"document.querySelector('{PLOT}')?.data?.length >= 3")
        page.get_by_text(re.compile("iteration 500 of 500")).wait_for()
        settle(page)  # the last curves may move the axis once more
        return page

    return start


@pytest.fixture(scope="module")
def measured() -> dict[float, int]:
    """For each gap the iteration at which depth 2 is there, by the same experiment here."""
    values = {choice.name: choice.default for choice in CHOICES}
    chosen = {"problem": "cancer", "iterations": 500, "horizon": 500}
    experiment = Experiment.of(values | chosen | {"methods": parse_methods(OPENING["methods"])})
    run = RUNS.get(experiment, None)
    while run.computed < 500:
        run.advance(500)
    view = run.view(500)
    return dict(zip(GAPS, view.reached[1].tolist(), strict=True))


def seen(page) -> list[str]:
    return page.eval_on_selector(
        PLOT, "p => p.data.filter(t => t.visible === true).map(t => t.meta[0])"
    )


def place_of(page, iteration: float, gap: float) -> tuple[float, float]:
    """Where a point is on the screen."""
    return page.eval_on_selector(
        PLOT,
        """(plot, [x, y]) => {
            const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect()
            return [box.left + xaxis._offset + xaxis.c2p(x), box.top + yaxis._offset + yaxis.c2p(y)]
        }""",
        [iteration, gap],
    )


def drawn(page) -> list[tuple[float, float]]:
    """The guess as it is on the screen, in iterations and gaps."""
    return page.eval_on_selector(
        PLOT,
        """(plot, path) => {
            const { xaxis, yaxis } = plot._fullLayout
            const way = document.querySelector(path).getAttribute("d") ?? ""
            return (way.match(/[-\\d.]+,[-\\d.]+/g) ?? []).map((at) => {
                const [left, top] = at.split(",").map(Number)
                return [xaxis.p2c(left - xaxis._offset), yaxis.p2c(top - yaxis._offset)]
            })
        }""",
        PATH,
    )


def draw(page, points: list[tuple[float, float]]) -> None:
    places = [place_of(page, *point) for point in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=8)
    page.mouse.up()


def show(page) -> None:
    page.get_by_role("button", name="Show", exact=True).click()
    page.locator(TOLD).get_by_text("you guessed").wait_for()


def number(text: str) -> int:
    return int(text.replace(",", ""))


def test_a_guess_stays_where_it_was_drawn_and_is_judged_by_the_race(opened, measured):
    page = opened()
    assert seen(page) == ["depth 1"] and not page.get_by_text("avoidable loss").is_visible()
    assert not page.get_by_role("button", name="depth 2: show or hide").is_visible()
    draw(page, [(1, 1), (10, 0.5), (300, 0.01), (450, 0.003)])
    before = drawn(page)
    assert len(before) > 20
    assert all(a[0] < b[0] for a, b in pairwise(before))  # one value for each
    show(page)
    assert seen(page) == ["depth 1", "depth 2", "depth 3"]
    page.get_by_text("avoidable loss").wait_for()
    after = drawn(page)
    assert len(after) == len(before)
    for (x, y), (then_x, then_y) in zip(after, before, strict=True):
        assert math.log(x) == pytest.approx(math.log(then_x), abs=0.02)
        assert math.log(y) == pytest.approx(math.log(then_y), abs=0.06)
    goal, guessed, count, judged = VERDICT.fullmatch(page.locator(TOLD).inner_text()).groups()
    assert float(goal) == 0.01 and number(count) == measured[0.01]
    arrival = next(x for x, y in after if y <= 0.01)
    assert number(guessed) == pytest.approx(300, rel=0.05)
    assert number(guessed) == pytest.approx(arrival, rel=0.05)
    factor = number(guessed) / number(count)
    assert judged == f"too slow by a factor of {factor:.2g}"


def test_clearing_is_one_press_and_hides_the_truth_again(opened):
    page = opened()
    draw(page, [(1, 1), (60, 0.01), (200, 0.001)])
    show(page)
    assert "too fast by a factor of" in page.locator(TOLD).inner_text()
    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_function(
        f"document.querySelector('{PLOT}').data.filter(t => t.visible === true).length === 1"
    )
    assert drawn(page) == [] and seen(page) == ["depth 1"]
    assert not page.get_by_text("avoidable loss").is_visible()
    page.get_by_role("button", name="Guess first").click()  # the switch: no more guessing
    page.locator(PAD).wait_for(state="detached")
    page.wait_for_function(
        f"document.querySelector('{PLOT}').data.filter(t => t.visible === true).length === 3"
    )
    assert "guess" not in page.url


def test_a_part_drawn_again_takes_the_place_of_what_was_there(opened):
    page = opened()
    draw(page, [(1, 1), (400, 0.1)])
    draw(page, [(100, 0.001), (20, 0.001)])  # backwards
    values = drawn(page)
    assert all(a[0] < b[0] for a, b in pairwise(values))
    inside = [y for x, y in values if 21 < x < 99]
    assert inside and all(y == pytest.approx(0.001, rel=0.05) for y in inside)
    assert any(y > 0.05 for x, y in values if x > 110)


def test_it_is_drawn_by_keys_and_by_a_finger(opened):
    page = opened()
    page.locator(PAD).focus()
    for key in ("ArrowRight",) * 12 + ("ArrowDown", "ArrowRight") * 9:
        page.keyboard.press(key)
    by_keys = drawn(page)
    assert len(by_keys) > 15 and by_keys[0][1] == pytest.approx(1, rel=0.05)
    assert by_keys[-1][1] < 0.1
    page.get_by_role("button", name="Clear", exact=True).click()
    touch = page.context.new_cdp_session(page)
    points = [(2, 0.8), (10, 0.4), (50, 0.05), (200, 0.005)]
    for i, point in enumerate(points):
        x, y = place_of(page, *point)
        kind = "touchMove" if i else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        page.wait_for_timeout(50)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert drawn(page)[-1] == pytest.approx(points[-1], rel=0.1)
    show(page)
    assert VERDICT.fullmatch(page.locator(TOLD).inner_text())


def test_the_race_that_begins_is_the_truth_and_runs_over_the_guess(opened):
    page = opened()
    draw(page, [(1, 1), (300, 0.01)])
    before = drawn(page)
    page.keyboard.press("Space")
    page.wait_for_function(
        f"document.querySelector('{PLOT}').data.filter(t => t.visible === true).length === 3"
    )
    page.locator(TOLD).get_by_text("you guessed").wait_for()
    assert len(drawn(page)) == len(before)


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("lesson=why-7", (1280, 720)),
        (f"{GUESSING}&projector=1", (1280, 720)),
        (GUESSING, (390, 800)),
    ],
)
def test_it_works_in_a_lesson_before_a_hall_and_on_a_phone(opened, query, size):
    page = opened(query, size=size)
    assert page.evaluate("document.querySelector('.stMain').scrollWidth <= innerWidth")
    page.locator(TOLD).scroll_into_view_if_needed()
    draw(page, [(1, 1), (300, 0.01), (400, 0.008)])
    show(page)
    assert VERDICT.fullmatch(page.locator(TOLD).inner_text())
    box = page.locator(TOLD).bounding_box()
    assert 0 <= box["x"] and box["x"] + box["width"] <= size[0]
    assert 0 <= box["y"] and box["y"] + box["height"] <= size[1]
