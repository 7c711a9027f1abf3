"""Speaker notes: what a lecturer says at the step that the hall sees, in a window of its own that
keeps step with the first one, either way."""

from __future__ import annotations

import re

import streamlit as st

from overparam.choices.kinds import ChoiceError
from overparam.story.courses.step import Course
from overparam.story.lessons import find, name_of
from overparam.ui.components.window import app_window
from overparam.ui.shell.lesson_card import go, lecture_code
from overparam.words import show

CODE = re.compile(r"[0-9a-f]{8}")
_STYLE = """<style>
[data-testid="stHeader"], [data-testid="stSidebar"],
[data-testid="stLayoutWrapper"]:has(> .st-key-app_tools) { display: none; }
.stMain .stMainBlockContainer { padding-top: 1.5rem; max-width: 52rem; }
.stMain [data-testid="stMarkdown"] p { font-size: 1.2rem; }
</style>"""


def window(page: str) -> None:
    """Mount what the whole window needs, and let it keep step with the other window of a lecture.

    Args: page: which one is open.
    """
    app_window(page, lecture_code(), st.query_params.get("lesson"), _heard)


def speaker_notes() -> bool:
    """Whether this window is the one with the notes, which are then drawn in the place of a
    page."""
    if "notes" not in st.query_params:
        return False
    st.html(_STYLE)
    try:
        code = lecture_code()
        if not CODE.fullmatch(code):
            raise ChoiceError(
                f"{show(code)} names no lecture: open the notes by their link beside a lesson."
            )
        _notes(*find(st.query_params.get("lesson", "")))
    except ChoiceError as error:
        st.warning(str(error), icon=":material/link_off:")
    return True


def _heard(lesson: str) -> None:
    """The other window has gone to another step (a callback)."""
    if "lesson" in st.query_params:
        _to(*find(lesson))


def _to(course: Course, place: int) -> None:
    if "notes" in st.query_params:
        st.query_params["lesson"] = name_of(course, place)
    else:
        go(course, place)


def _notes(course: Course, place: int) -> None:
    step, last = course.steps[place], len(course.steps) - 1
    minute = round(course.minutes * place / (last + 1))
    st.caption(
        f"Speaker notes · {course.title} · {place + 1} of {last + 1} · begins at about minute"
        f" {minute} of {course.minutes}"
    )
    st.markdown(f"### {step.claim}\n\n{step.watch}")
    if step.tries:
        st.markdown(f"*To try:* {', '.join(each.label for each in step.tries)}.")
    st.markdown(f"**Ask:** {step.question}")
    st.markdown(f"**Answer:** {step.answer}")
    if place < last:
        st.caption(f"Next: {course.steps[place + 1].claim}")
    with st.container(horizontal=True, gap="xsmall"):
        st.button(
            "Back", shortcut="PageUp", disabled=place == 0, on_click=_to, args=(course, place - 1)
        )
        st.button(
            "Next",
            shortcut="PageDown",
            type="primary",
            disabled=place == last,
            on_click=_to,
            args=(course, place + 1),
        )
