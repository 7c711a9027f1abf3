"""On stage: a lecturer's screen, a lecturer's keys, a phone, a printed sheet."""

import re

import pytest

from tests.browser.walk import settle

TWO = "convergence?problem=two&steps=shared&step=0.001&iterations=100000&methods=1_gd~2_gd"


@pytest.fixture
def race(open_page, serve):
    page = open_page(f"{serve('app.py')}/{TWO}")
    page.locator(".live-chart .main-svg").first.wait_for(state="attached")
    settle(page)
    return page


def runs(page) -> None:
    """Space starts the run, and pauses it."""
    page.keyboard.press("Space")
    page.get_by_role("button", name="Pause").wait_for()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Run", exact=False).wait_for()
    settle(page)


def test_space_runs_wherever_the_focus_is(race):
    race.get_by_role("slider", name="Loss exponent p").press("ArrowRight")
    runs(race)
    race.locator(".st-key-race_axis").get_by_text("linear", exact=True).click()
    settle(race)
    runs(race)
    assert "axis=linear" in race.url  # the segment stayed chosen
    race.locator(".st-key-race_problem input").click()
    race.get_by_role("option", name="Diabetes").click()
    settle(race)
    runs(race)


def test_space_presses_the_button_that_has_the_focus_and_is_text_in_a_box(race):
    methods = race.locator(".st-key-race_editor button").first
    methods.focus()
    race.keyboard.press("Space")
    race.get_by_test_id("stDataFrame").wait_for()
    race.keyboard.press("Escape")
    label = race.locator(".live-chart-labels button").first
    label.focus()
    race.keyboard.press("Space")
    race.wait_for_function(
        "document.querySelector('.live-chart-labels button').ariaPressed === 'false'"
    )
    race.locator(".st-key-race_rest summary").focus()
    race.keyboard.press("Space")
    box = race.get_by_role("spinbutton", name="Seed")
    box.wait_for()
    settle(race)
    box.click()
    race.keyboard.press("Space")
    settle(race)
    assert race.get_by_role("button", name="Pause").count() == 0


def test_keys_of_a_lesson_work_with_the_focus_on_a_slider(open_page, serve):
    page = open_page(f"{serve('app.py')}/?lesson=demo-3")
    slider = page.get_by_role("slider", name="Depth N")
    slider.wait_for()
    settle(page)
    slider.press("ArrowRight")
    settle(page)
    page.keyboard.press("a")
    page.locator(".st-key-lesson_answer").wait_for(state="detached")
    page.keyboard.press("PageDown")
    page.get_by_text("4 of 7").wait_for()


WIDE = (
    "Home",
    "The race",
    "Where depth helps",
    "Beyond linear",
    "The preconditioner",
    "No regularizer",
    "Plateaus",
)


@pytest.mark.parametrize("mode", ["", "?projector=1"])
def test_every_page_is_a_click_or_two_away_at_every_width(open_page, serve, mode):
    page = open_page(f"{serve('app.py')}/{mode}")
    entries = page.get_by_test_id("stTopNav")
    entries.wait_for()
    for width in (1280, 1024):
        page.set_viewport_size({"width": width, "height": 720})
        settle(page)
        found = set()
        tools = page.locator(".st-key-app_tools").bounding_box()["x"]
        for link in entries.get_by_role("link").all():
            found.add(link.inner_text().split("\n")[-1])
            assert link.bounding_box()["x"] + link.bounding_box()["width"] <= tools
        for menu in entries.get_by_role("button").all():
            assert menu.bounding_box()["x"] + menu.bounding_box()["width"] <= tools
            menu.click()
            link = page.get_by_test_id("stTopNavDropdownLink")
            link.first.wait_for()
            found |= {each.inner_text().split("\n")[-1] for each in link.all() if each.is_visible()}
            page.keyboard.press("Escape")
        assert found >= set(WIDE)


def test_a_phones_drawer_closes_over_the_page_that_was_chosen_in_it(open_page, serve):
    page = open_page(f"{serve('app.py')}/", size=(390, 844))
    page.get_by_test_id("stExpandSidebarButton").click()
    drawer = page.get_by_test_id("stSidebar")
    page.locator("[data-testid=stSidebar][data-collapsed=false]").wait_for()
    drawer.get_by_role("link", name="The race").click()
    page.wait_for_url("**/convergence**")
    page.locator("[data-testid=stSidebar][data-collapsed=true]").wait_for(state="attached")


def test_a_printed_sheet_is_as_wide_as_the_window(race):
    sheet = race.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)", sheet)
    assert boxes and {round(float(width) / 0.75) for width, _ in boxes} == {1280}
    race.emulate_media(media="print")
    assert not race.locator(".st-key-app_tools").is_visible()


def test_the_picture_of_another_view_goes_at_once(open_page, serve):
    page = open_page(f"{serve('app.py')}/preconditioner")
    page.locator(".st-key-pre_one_plot .main-svg").first.wait_for(state="attached")
    settle(page)
    page.evaluate("""() => {
        window.seen = [] // is the old picture, whenever something changes beside the new controls?
        const look = () => {
            const old = document.querySelector(".st-key-pre_one_plot")
            const come = document.querySelector(".st-key-pre_problem")
            if (old && come) window.seen.push(old.checkVisibility())
        }
        const all = { subtree: true, childList: true, attributes: true }
        new MutationObserver(look).observe(document.body, all)
    }""")
    page.locator(".st-key-pre_view").get_by_text("Along a run").click()
    page.wait_for_url("**view=run**")
    page.locator(".st-key-pre_problem").wait_for()
    settle(page)
    assert not any(page.evaluate("window.seen"))  # a busy machine may show the script's end at once
    assert page.locator(".st-key-pre_one_plot").count() == 0
