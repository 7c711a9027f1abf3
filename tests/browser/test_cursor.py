"""The cursor in time, in Chromium: its numbers are those of the record, it moves without the page's
script, and what is chosen stays in the link."""

import re

import pytest

from overparam.choices.methods import Entry
from overparam.choices.race import CHOICES, Experiment
from overparam.measure.trajectory import falls, follow, log_times, stability
from overparam.serving.run import RUNS
from overparam.ui.preconditioner.along_run import GRID
from overparam.ui.preconditioner.readings import PER_DECADE, methods_at

LINE, WORDS = ".cursor-line", ".cursor-words"
FALLS = re.compile(r"(?:falls|rises) by (\S+) %")
LENGTH = 100


@pytest.fixture
def opened(open_page, serve):
    """Opens the view with its cursor drawn."""

    def start(query: str = "", **how):
        address = f"{serve('app.py')}/preconditioner?view=run&problem=two&iterations={LENGTH}"
        page = open_page(address + query, **how)
        page.locator(".cursor-layer ellipse").nth(1).wait_for()
        settle(page)
        return page

    return start


@pytest.fixture(scope="module")
def record():
    """The same runs from the measure module: times (T,), gaps (T, 2), readings."""
    experiment = Experiment.of(
        {choice.name: choice.default for choice in CHOICES}
        | {
            "problem": "two",
            "p": 4.0,
            "methods": (Entry(1, kind="rule"), Entry(3, kind="rule")),
            "steps": "tuned",
            "iterations": LENGTH,
            "horizon": LENGTH,
            "grid": GRID,
            "scale": 0.04,
        }
    )
    run = RUNS.get(experiment, None)
    while run.tuned is None:
        run.advance(LENGTH)
    steps = tuple(float(run.tuned.grid.steps[row]) for row in run.tuned.chosen)
    problem = experiment.build("cpu")
    way = follow(problem, methods_at(experiment, steps), log_times(LENGTH, PER_DECADE))
    read = stability(problem, way.weights, [1, 3], steps)
    gaps = problem.gap(way.losses)
    return way.times, gaps, read


def settle(page) -> None:
    page.wait_for_timeout(500)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget], .stSpinner')")


def place_of(page, iteration: int) -> tuple[float, float]:
    """Where an iteration is on the screen, in the uppermost panel."""
    return page.eval_on_selector(
        ".plot.js-plotly-plot",
        """(plot, t) => {
            const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect()
            return [box.left + xaxis._offset + xaxis.c2p(t), box.top + yaxis._offset + 5]
        }""",
        iteration,
    )


def at(page) -> int:
    return int(page.locator(LINE).get_attribute("aria-valuenow"))


def shown(page) -> list[tuple[str, float]]:
    """Name and value of every text at the line, half axes of ellipses left out."""
    texts = page.locator(".cursor-layer g text:not(.cursor-half-axes)").all_text_contents()
    return [(name, float(value)) for name, value in (text.split(": ") for text in texts)]


def check(page, record, t: int) -> None:
    times, gaps, read = record
    row = times.tolist().index(t)
    assert at(page) == t
    expected = {
        (f"depth {depth}", float(f"{values[row, i]:.3g}"))
        for values in (gaps, read.effective, read.curvature, read.product)
        for i, depth in enumerate((1, 3))
    }
    assert set(shown(page)) == expected and len(shown(page)) == 8
    words = page.locator(WORDS).inner_text()
    ratio = read.shortest[row, 1] / read.shortest[row, 0]
    fall = 100 * abs(falls(times, gaps)[row, 1])
    assert words.startswith(f"At iteration {t:,} depth 3 steps {ratio:.2g} times as far")
    assert float(FALLS.search(words)[1]) == pytest.approx(fall, rel=0.05)  # two digits


def test_the_cursor_shows_the_numbers_of_the_record_where_it_is(opened, record):
    page = opened("&t=20")
    check(page, record, 20)
    page.locator(LINE).press("Home")
    check(page, record, 0)
    page.locator(LINE).press("ArrowRight")
    check(page, record, 1)
    page.locator(LINE).press("End")
    check(page, record, LENGTH)
    page.mouse.move(*place_of(page, 6))
    check(page, record, 6)


def test_moving_over_the_picture_asks_nothing_of_the_page_and_a_press_does(opened, record):
    page = opened("&t=20")
    sent = []
    page.evaluate("window.drawn = 0")
    page.eval_on_selector(".plot.js-plotly-plot", "p => p.on('plotly_afterplot', () => drawn++)")
    for t in (2, 5, 10, 50):
        page.mouse.move(*place_of(page, t))
        sent.append(at(page))
    page.mouse.move(5, 5)
    assert sent == [2, 5, 10, 51] and at(page) == 20  # 51: the time recorded nearest to 50
    page.wait_for_timeout(800)
    assert page.evaluate("window.drawn") == 0 and "t=" not in page.url.replace("t=20", "")
    page.mouse.click(*place_of(page, 5))
    page.wait_for_url("**t=5*")
    settle(page)
    page.mouse.move(5, 5)
    check(page, record, 5)
    check(opened("&t=5"), record, 5)


def test_a_drag_and_a_finger_take_the_cursor_along(opened, record):
    page = opened("&t=20")
    page.mouse.move(*place_of(page, 10))
    page.mouse.down()
    page.mouse.move(*place_of(page, 3), steps=4)
    page.mouse.up()
    page.mouse.move(5, 5)
    check(page, record, 3)
    page.wait_for_url("**t=3*")
    settle(page)
    touch = page.context.new_cdp_session(page)
    for kind, t in (("touchStart", 2), ("touchMove", 4), ("touchMove", 8)):
        x, y = place_of(page, t)
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    check(page, record, 8)
    page.wait_for_url("**t=8*")


@pytest.mark.parametrize("query", ["", "&projector=1"])
def test_picture_and_sentence_fit_one_screen(opened, query):
    page = opened(query)
    for part in (WORDS, ".plot.js-plotly-plot"):
        box = page.locator(part).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 720
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    texts = page.locator(".cursor-layer g text").all()
    frame = page.locator(".plot.js-plotly-plot").bounding_box()
    for box in (text.bounding_box() for text in texts):
        assert box["x"] >= frame["x"] and box["x"] + box["width"] <= frame["x"] + frame["width"]


def test_a_phone_shows_the_sentence_and_all_panels_in_its_width(opened):
    page = opened("&t=20", size=(390, 800))
    assert page.evaluate("document.querySelector('.stMain').scrollWidth <= 390")
    high = page.locator(WORDS).bounding_box()["height"]
    page.locator(LINE).press("Home")
    assert page.locator(WORDS).bounding_box()["height"] == high  # the picture keeps its place
    right = page.eval_on_selector_all(
        ".cursor-layer g text",
        "all => Math.max(...all.map((t) => t.getBoundingClientRect().right))",
    )
    assert right <= 390
