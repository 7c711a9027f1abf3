"""Walking through a course by keyboard, as a lecturer does; shared by its test and by the contact
sheet."""

from __future__ import annotations

from collections.abc import Iterator

from overparam.story.courses.step import MAP, RACE, Course, Step

RUN_SECONDS = 120
HIGHEST = (  # picture that is seen, in pixels
    "Math.max(0, ...[...document.querySelectorAll('.plot, .live-chart-plot')]"
    ".filter(p => p.checkVisibility()).map(p => p.clientHeight))"
)


def settle(page) -> None:
    """Wait until the script is at rest and every picture has been drawn."""
    page.wait_for_timeout(200)  # the script begins a moment after the key
    at_rest = (
        "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
    )
    page.wait_for_function(at_rest, timeout=1000 * RUN_SECONDS)
    page.locator("[data-testid=stHtml] style").nth(1).wait_for(
        state="attached"
    )  # of the frame and of its header
    page.wait_for_function(
        "[...document.querySelectorAll('.plot, .live-chart-plot')].every(p =>"
        " p.querySelector('.main-svg'))"
    )
    page.wait_for_timeout(300)  # formulas are typeset after the text has come


def turn_to(page, course: Course, place: int) -> None:
    """From the step before, by Page Down, or wait for the first one; until it is at rest."""
    if place:
        page.keyboard.press("PageDown")
    card = page.locator(".st-key-lesson_card")
    card.get_by_text(f"{place + 1} of {len(course.steps)}").wait_for()
    page.locator(".main-svg").first.wait_for(state="attached")  # each step has a picture
    settle(page)


def walk(page, address: str, course: Course, more: str = "") -> Iterator[tuple[int, Step, str]]:
    """Open the first step by its link (`more`: further URL parameters) and the others by Page Down.

    Yields (place, step, moment), moment being "opened", "run" on pages with a Run button, and
    "answered".
    """
    page.goto(f"{address}/?lesson={course.name}-1{more}")
    for place, step in enumerate(course.steps):
        turn_to(page, course, place)
        yield place, step, "opened"
        if step.page in (RACE, MAP):
            page.keyboard.press("Space")
            settle(page)
            yield place, step, "run"
        page.keyboard.press("a")
        page.locator(".st-key-lesson_answer").wait_for(state="detached")
        settle(page)
        yield place, step, "answered"


def overflow(page) -> dict[str, int]:
    """Pixels by which the content is larger than the window, downwards and sideways."""
    return page.evaluate("""() => {
            const boxes = [document.querySelector('[data-testid=stMain]'), document.documentElement]
            return { down: Math.max(...boxes.map((b) => b.scrollHeight - b.clientHeight)),
                     sideways: Math.max(...boxes.map((b) => b.scrollWidth - b.clientWidth)) }
        }""")
