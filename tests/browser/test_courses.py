"""Every course by keyboard, from the first step to the last, as in a lecture hall: in projector
mode at 1280x720, the smallest window of a projector."""

import pytest

from overparam.story.lessons import COURSES
from tests.browser.walk import HIGHEST, overflow, settle, turn_to, walk


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_course(open_page, serve, course):
    """Every other step in the dark: the theme changes under the lecturer's hand, as at dusk."""
    page = open_page("about:blank")
    seen = []
    for place, step, moment in walk(page, serve("app.py"), course, "&projector=1"):
        where = f"step {place + 1}, {moment}: {step.claim}"
        assert page.get_by_test_id("stException").count() == 0, where
        assert page.get_by_role("alert").filter(visible=True).count() == 0, where
        assert page.get_by_test_id("stSidebar").filter(visible=True).count() == 0, where
        beyond = overflow(page)
        assert max(beyond.values()) <= 0, f"{where}: larger than the window by {beyond}"
        assert page.get_by_text(step.claim, exact=True).is_visible(), where
        if moment != "answered":
            assert page.get_by_role("button", name="Answer").is_visible(), where
        if moment == "opened":
            assert page.evaluate(HIGHEST) >= 300, where
        seen.append((place, moment))
        if moment == "answered":
            page.emulate_media(color_scheme=("dark", "light")[place % 2])
        assert page.faults == [], where
    assert [place for place, moment in seen if moment == "answered"] == list(
        range(len(course.steps))
    )


def test_the_notes_in_a_second_window_keep_step_either_way(open_page, serve):
    hall = open_page(f"{serve('app.py')}/?lesson=why-2")
    with hall.context.expect_page() as second:
        hall.get_by_role("link", name="Notes").click()
    notes = second.value
    notes.set_default_timeout(120_000)
    notes.get_by_text("Speaker notes").wait_for()
    hall.bring_to_front()
    hall.keyboard.press("PageDown")
    notes.wait_for_url("**lesson=why-3**")
    notes.get_by_role("heading", name=COURSES["why"].steps[2].claim).wait_for()
    for step in (4, 5):  # quicker than the hall, whose pages take their time
        notes.keyboard.press("PageDown")
        notes.get_by_role("heading", name=COURSES["why"].steps[step - 1].claim).wait_for()
    for window in (notes, hall):
        window.wait_for_url("**lesson=why-5**")
        window.get_by_role("heading", name=COURSES["why"].steps[4].claim).wait_for()
    settle(hall)
    assert "lesson=why-5" in hall.url and "lesson=why-5" in notes.url  # and nothing goes back
    hall.get_by_role("button", name="Leave").click()
    hall.wait_for_url(lambda url: "lesson" not in url)
    notes.keyboard.press("PageUp")
    notes.wait_for_url("**lesson=why-4**")
    settle(hall)
    assert "lesson" not in hall.url  # who has left is left alone


def test_controls_come_back_with_one_click(open_page, serve):
    page = open_page(f"{serve('app.py')}/?lesson=why-1")
    page.locator(".st-key-lesson_card").wait_for()
    slider = page.locator(".st-key-pre_p")
    slider.wait_for(state="hidden")
    page.get_by_text("All controls").click()
    slider.wait_for(state="visible")
    page.locator(".st-key-pre_view").wait_for(state="visible")


def test_steps_are_usable_on_a_phone(open_page, serve):
    course = COURSES["demo"]
    page = open_page(f"{serve('app.py')}/?lesson={course.name}-1", size=(390, 844))
    for place, step in enumerate(course.steps):
        turn_to(page, course, place)
        assert overflow(page)["sideways"] <= 0, f"step {place + 1}: {step.claim}"
        for name in ("Answer", "Next" if place < len(course.steps) - 1 else "Finish"):
            assert page.get_by_role("button", name=name).is_visible()


def test_projector_mode_enlarges_text_and_lines_without_reload(open_page, serve):
    page = open_page(f"{serve('app.py')}/preconditioner")
    tick, path = ".plot .xtick text", ".plot .js-line"
    page.locator(tick).first.wait_for()

    def size():
        read = (
            "([where, what]) => parseFloat(getComputedStyle(document.querySelector(where))[what])"
        )
        return page.evaluate(read, [tick, "fontSize"]), page.evaluate(read, [path, "strokeWidth"])

    before = size()
    page.locator(".st-key-app_projector_switch button").first.click()
    page.wait_for_url("**projector=1**")
    page.wait_for_function("parseFloat(getComputedStyle(document.documentElement).fontSize) === 20")
    page.wait_for_function(
        f"parseFloat(getComputedStyle(document.querySelector('{tick}')).fontSize) > 1.2 *"
        f" {before[0]}"
    )
    after = size()
    assert after[0] == pytest.approx(1.25 * before[0], rel=0.05) and after[1] == pytest.approx(
        1.25 * before[1], rel=0.01
    )


ALONE = """() => [...document.querySelectorAll("p .katex")].flatMap((formula) => {
  const behind = formula.nextSibling ?? formula.parentElement.nextSibling
  if (!/^[.,;:?)]/.test(behind?.data ?? "")) return []
  const range = document.createRange()
  range.setStart(behind, 0)
  range.setEnd(behind, 1)
  const end = [...formula.querySelectorAll(".base")].at(-1).getBoundingClientRect()
  return [{ text: behind.data, alone: range.getBoundingClientRect().left < end.left }]
})"""


def test_what_stands_behind_a_formula_stays_beside_it(open_page, serve):
    page = open_page(f"{serve('app.py')}/?lesson=why-11")
    page.locator(".st-key-lesson_answer button").click()
    page.locator(".st-key-lesson_answer").wait_for(state="detached")
    page.locator(".katex").first.wait_for()
    for width in range(340, 1300, 60):
        page.set_viewport_size({"width": width, "height": 800})
        found = page.evaluate(ALONE)
        assert len(found) > 3 and not any(each["alone"] for each in found), (width, found)
