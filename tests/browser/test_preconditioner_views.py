"""The preconditioner page in Chromium: clicks in the pictures, sliders without a blink, play."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.chart import watch_removals

PLOT = ".plot.js-plotly-plot"


@pytest.fixture
def view(open_page, serve):
    """Opens a view and waits for its first picture."""

    def start(query: str = ""):
        page = open_page(f"{serve('app.py')}/preconditioner{query}")
        page.locator(f"{PLOT} .nsewdrag").first.wait_for()
        settle(page)
        return page

    return start


def settle(page) -> None:
    page.wait_for_timeout(300)
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget], .stSpinner')")


def chosen(page) -> dict[str, str]:
    return {
        name: values[0]
        for name, values in parse_qs(urlsplit(page.evaluate("location.href")).query).items()
    }


def click_at(page, x: float, y: float) -> None:
    """Click at a point given in the units of the first picture's axes."""
    place = page.eval_on_selector(
        PLOT,
        """(p, [x, y]) => {
            const box = p.querySelector(".nsewdrag").getBoundingClientRect()
            const { xaxis, yaxis } = p._fullLayout
            return [box.left + xaxis.c2p(x), box.top + yaxis.c2p(y)]
        }""",
        [x, y],
    )
    page.mouse.click(*place)


def wait_for_choice(page, name: str) -> float:
    page.wait_for_function(f"new URL(location.href).searchParams.has('{name}')")
    settle(page)
    return float(chosen(page)[name])


def test_a_click_sets_w(view):
    page = view()
    click_at(page, -0.6, 0.8)
    assert wait_for_choice(page, "w") == pytest.approx(1.0, abs=0.03)
    assert wait_for_choice(page, "angle") == pytest.approx(126.9, abs=2)


def test_a_slider_moved_quickly_stays_where_it_was_put(view):
    page = view()
    slider = page.locator(".st-key-pre_N input")
    slider.focus()
    for _ in range(20):  # faster than the browser's URL follows
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(40)
    assert float(slider.input_value()) == pytest.approx(5.0)
    page.wait_for_function("new URL(location.href).searchParams.get('N') === '5'")
    settle(page)
    assert float(slider.input_value()) == pytest.approx(5.0) and float(
        chosen(page)["N"]
    ) == pytest.approx(5.0)


def test_a_slider_moves_the_picture_without_a_blink(view):
    page = view()
    watch_removals(page, PLOT, f"{PLOT} .main-svg")
    before = page.eval_on_selector(PLOT, "p => p.calcdata[1][0].x")
    page.locator(".stSlider input").first.focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(60)
    wait_for_choice(page, "N")
    assert page.evaluate("window.removals") == 0
    assert page.eval_on_selector(PLOT, "p => p.calcdata[1][0].x") != before


def test_the_picture_follows_a_hand_of_which_the_script_has_not_heard(view):
    page = view()
    slider = page.locator(".st-key-pre_w")
    x, y, width, height = slider.locator("[style*='left:']").first.bounding_box().values()
    across = slider.bounding_box()["width"]
    image = "document.querySelector('.plot').calcdata[1][0].x"
    before = said = page.evaluate(image)
    words = page.locator(".st-key-said_one")
    page.mouse.move(x + width / 2, y + height / 2)
    page.mouse.down()
    for share in (0.2, 0.3):
        page.mouse.move(x + share * across, y + height / 2)
        page.wait_for_function(f"was => {image} !== was", arg=said)
        said = page.evaluate(image)
    assert float(words.evaluate("e => getComputedStyle(e).opacity")) < 1  # of the values before
    assert "w" not in chosen(page)
    page.mouse.move(x + width / 2, y + height / 2)
    page.mouse.up()  # where it was: the script hears of nothing
    page.wait_for_function(
        f"was => {image} === was && !document.querySelector('.ahead')", arg=before
    )
    assert float(words.evaluate("e => getComputedStyle(e).opacity")) == 1
    page.mouse.down()
    page.mouse.move(x + 0.2 * across, y + height / 2)
    page.mouse.up()
    wait_for_choice(page, "w")
    page.wait_for_function("() => !document.querySelector('.ahead')")
    assert page.evaluate(image) != before


def test_a_click_on_a_cell_chooses_its_eigenvector(view):
    page = view("?view=matrix")
    click_at(page, 3, 1)
    assert wait_for_choice(page, "r") == 2 and wait_for_choice(page, "s") == 4
    assert any(r"\lambda(2, 4)" in text for text in page.locator("annotation").all_text_contents())


def test_a_click_on_the_map_starts_there_and_play_runs_to_the_end(view):
    page = view("?view=paths&share=tenth")
    click_at(page, 4, 0.5)
    assert wait_for_choice(page, "x") == pytest.approx(4, abs=0.1)
    assert wait_for_choice(page, "y") == pytest.approx(0.5, abs=0.05)
    page.eval_on_selector(
        PLOT,
        """(p) => {
            window.played = []
            p.on("plotly_animatingframe", (event) => window.played.push(event.name))
            p.on("plotly_animated", () => (window.ended = true))
        }""",
    )
    page.get_by_text("▶ Play").click()
    page.wait_for_timeout(300)
    page.get_by_text("❚❚").click()
    page.wait_for_timeout(300)
    page.evaluate("window.played = []; window.ended = false")
    page.get_by_text("▶ Play").click()
    page.wait_for_function("window.ended")
    played = page.evaluate("window.played")
    frames = page.eval_on_selector(PLOT, "p => p._transitionData._frames.map((f) => f.name)")
    assert (
        1 < len(played) < len(frames) and played == frames[-len(played) :]
    )  # went on from where it was paused


def test_a_click_in_a_reading_sets_the_cursor(view):
    page = view("?view=run&problem=two&iterations=100")
    low, high = page.eval_on_selector(PLOT, "p => p._fullLayout.yaxis.range")
    click_at(page, 10, 10 ** ((low + high) / 2))
    assert wait_for_choice(page, "t") == pytest.approx(10, abs=1)
