"""The value last chosen stands: on a slow first visit, when a control leaves and returns, in a
hand, on the way back."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.browser.walk import settle

CONTROLS = re.compile(r"/static/js/(Slider|NumberInput|Selectbox|ButtonGroup|Checkbox|TextInput)\.")
REFUSALS = "[data-testid=stAlertContentError], [data-testid=stAlertContentWarning]"
LINKS = (
    "convergence?problem=two&p=6&ratio=50&methods=1_gd~2_gd&steps=shared&step=0.001&iterations=100000",
    "convergence?problem=synthetic&p=3&methods=1_gd~2_gd&iterations=200&horizon=200&grid=4",
    "where_depth_helps?detail=quick&depth=4&scale=0.2&loss=0.001&horizon=500&grid=4",
    "preconditioner?view=matrix&N=5&outputs=2&inputs=3&s1=1.8&basis=7&dense=1",
    "preconditioner?view=run&problem=two&p=3&ratio=20&iterations=200&scale=0.1&t=7",
    "no_regularizer?N=5&r=0.4&R=2&loss=quadratic&c=2&h1=3",
    "no_regularizer?view=beat&curve=polygon&corners=0.4%2C0.2%3B1%2C0.9%3B0.1%2C0.8&N=5&R=2",
)


def chosen(page) -> dict[str, str]:
    return {
        name: values[0]
        for name, values in parse_qs(urlsplit(page.evaluate("location.href")).query).items()
    }


def run_again(page) -> None:
    """A click that changes no choice: the script runs, and the browser sends what its controls
    hold."""
    page.get_by_role("button", name="Lessons").click()
    settle(page)


@pytest.mark.parametrize("link", LINKS)
def test_choices_stand_where_the_controls_code_comes_late(open_page, serve, link):
    page, held = open_page("about:blank"), []
    page.route(CONTROLS, lambda route: route.continue_() if held is None else held.append(route))
    page.goto(f"{serve('app.py')}/{link}")
    page.add_style_tag(content="html { --page: visible !important; }")  # before it stands
    page.locator(".main-svg").first.wait_for(state="attached")
    wanted = chosen(page)
    run_again(page)
    assert held, "nothing came late: have the files of the controls other names?"
    late, held = held, None
    for route in late:
        route.continue_()
    page.wait_for_load_state("networkidle")
    run_again(page)
    page.keyboard.press("Escape")
    assert chosen(page) == wanted
    assert page.locator(REFUSALS).filter(visible=True).count() == 0


def segment(page, key: str, label: str) -> None:
    page.locator(f".st-key-{key}").get_by_text(label, exact=True).click()
    settle(page)


def pick(page, key: str, label: str) -> None:
    page.locator(f".st-key-{key} input").click()
    page.get_by_role("option", name=label, exact=True).click()
    settle(page)


def test_controls_that_leave_the_page_return_as_they_were(open_page, serve):
    page = open_page(
        f"{serve('app.py')}/convergence?problem=two&p=3&horizon=500&grid=6&iterations=200&methods=1_gd~2_gd"
    )
    page.locator(".live-chart").wait_for()
    settle(page)
    wanted = chosen(page)
    segment(page, "race_steps", "shared")
    page.keyboard.press("1")
    settle(page)
    segment(page, "race_steps", "tuned")
    run_again(page)
    assert chosen(page) == wanted

    page.goto(f"{serve('app.py')}/no_regularizer?r=0.4&R=2&N=4&loss=quadratic&h1=3")
    page.locator(".plot .main-svg").first.wait_for(state="attached")
    settle(page)
    wanted = chosen(page)
    for part in ("Draw a loop", "Come close", "Not said", "Walk around"):
        segment(page, "reg_view", part)
    run_again(page)
    assert chosen(page) == wanted
    assert page.locator(REFUSALS).filter(visible=True).count() == 0

    page.goto(
        f"{serve('app.py')}/preconditioner?N=5&w=1.2&outputs=2&s1=1.8&ratio=20&problem=two&iterations=200&scale=0.1&t=7"
    )
    page.locator(".plot .main-svg").first.wait_for(state="attached")
    settle(page)
    wanted = chosen(page)
    for part in ("One step, matrices", "Trajectories", "Along a run", "One step, one output"):
        segment(page, "pre_view", part)
        run_again(page)
        page.keyboard.press("Escape")
    assert chosen(page) == wanted

    page.goto(f"{serve('app.py')}/where_depth_helps?detail=quick&depth=4&grid=5&horizon=500")
    page.locator(".plot .main-svg").first.wait_for(state="attached")
    settle(page)
    wanted = chosen(page)
    before = page.locator(".st-key-map_x input").input_value()
    pick(page, "map_x", "depth N")
    run_again(page)
    page.keyboard.press("Escape")
    pick(page, "map_x", before)
    run_again(page)
    assert chosen(page) == wanted


def test_a_slider_stays_in_the_hand_while_the_script_runs_again(open_page, serve):
    page = open_page(
        f"{serve('app.py')}/where_depth_helps?x=scale&y=shape&detail=fine&horizon=20000&p=5"
    )
    page.locator(".plot .main-svg").first.wait_for(state="attached")
    settle(page)
    page.evaluate("""() => {
        window.runs = 0
        const began = (change) => change.target.dataset.testScriptState === "running"
        new MutationObserver((all) => { window.runs += all.filter(began).length }).observe(
            document.querySelector("[data-testid=stApp]"),
            { attributeFilter: ["data-test-script-state"] })
    }""")
    page.get_by_role("button", name="Compute the map").click()
    slider = page.locator(".st-key-map_depth input[type=range]")
    box = page.locator(".st-key-map_depth [role=group]").bounding_box()
    middle = (
        "s => (b => [b.x + b.width / 2, b.y + b.height /"
        " 2])(s.closest('[style*=left]').getBoundingClientRect())"
    )
    at = slider.evaluate(middle)
    page.mouse.move(*at)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], at[1], steps=5)
    held = slider.input_value()
    assert held != "3" and "depth" not in chosen(page)
    page.wait_for_function("window.runs >= 4")
    assert slider.input_value() == held
    page.mouse.up()
    page.wait_for_function(f"new URL(location.href).searchParams.get('depth') === '{held}'")
    page.get_by_role("button", name="Pause").click()


def test_back_leads_to_a_pages_default_choices(open_page, serve):
    page = open_page(f"{serve('app.py')}/convergence?steps=shared&p=3")
    page.locator(".live-chart").wait_for()
    settle(page)
    page.goto(f"{serve('app.py')}/preconditioner")
    slider = page.get_by_role("slider", name="Depth N")
    slider.wait_for()
    settle(page)
    slider.press("ArrowRight")
    page.wait_for_url("**N=3.1**")
    page.go_back()
    page.wait_for_function("!new URL(location.href).searchParams.has('N')")
    settle(page)
    assert slider.input_value() == "3" and "N" not in chosen(page)
    page.go_forward()
    page.wait_for_url("**N=3.1**")
    settle(page)
    assert slider.input_value() == "3.1"
