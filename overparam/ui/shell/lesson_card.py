"""Lessons on the screen: the card of a step beside its page, and the controls that it does not need
out of sight."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from overparam.choices.kinds import ChoiceError
from overparam.story.courses.step import (
    BEYOND,
    GRADIENT,
    HOME,
    MAP,
    PLATEAUS,
    RACE,
    REGULARIZER,
    Course,
    Step,
)
from overparam.story.lessons import COURSES, find, name_of
from overparam.ui.shell.roles import LESSON, hidden
from overparam.ui.shell.state import follow_url, stands_at
from overparam.ui.shell.transport import stand_at

_WIDGETS = (
    "Slider",
    "NumberInput",
    "Selectbox",
    "ButtonGroup",
    "Checkbox",
    "TextInput",
    "Button",
    "FileUploader",
)
_PREFIX = {  # of the keys of a page's widgets
    HOME: "home",
    RACE: "race",
    MAP: "map",
    GRADIENT: "pre",
    REGULARIZER: "reg",
    PLATEAUS: "plateaus",
    BEYOND: "beyond",
}
_OF_FRAME = (
    "lesson",
    "projector",
    "notes",
    "embed",
    "embed_options",
)  # parameters that are not a page's choices
_CARD = """<style>
.st-key-lesson_card { gap: 0.75rem; }
.st-key-lesson_card h3 { padding: 0 0 0.5rem !important; }
.st-key-lesson_card p { font-size: 0.95rem; line-height: 1.45; }
.st-key-lesson_stage { gap: 0.75rem; }
.stMain .stMainBlockContainer { padding-bottom: 0.5rem; }
.st-key-lesson_stage .katex-display { font-size: 0.8em; }
LESSON
.st-key-lesson_question {
  border-left: 3px solid var(--st-primary-color, #0b6bcb); padding-left: 0.75rem;
}
</style>""".replace("LESSON", LESSON)

_BARE = """
.stMain .stMainBlockContainer { padding-top: 0.25rem; padding-bottom: 1rem; }
.st-key-lesson_stage, .st-key-lesson_card { gap: 0.5rem; }
.st-key-lesson_card button kbd { display: none; }
[data-testid="stLayoutWrapper"]:has(> .st-key-app_tools) {
  top: auto; bottom: 0.25rem; right: auto; left: 0.75rem; opacity: 0.7;
}
"""


@contextmanager
def beside_lesson(page: StreamlitPage) -> Iterator[None]:
    """Run a page inside this: beside the card of the lesson's step that the URL names, if it names
    one.

    When a session comes to a step, its page is opened and its choices are set; from then on they
    are the person's own.
    """
    text = st.query_params.get("lesson")
    if text is None:
        st.session_state["lesson__at"] = None
        yield
        return
    try:
        course, place = find(text)
    except ChoiceError as error:
        st.warning(str(error), icon=":material/link_off:")
        yield
        return
    step = course.steps[place]
    if f"pages/{page.url_path or 'home'}.py" != step.page:
        st.switch_page(step.page, query_params=_query(course, place))
    if st.session_state.get("lesson__at") != text:
        st.session_state["lesson__at"], st.session_state["lesson__answer"] = text, False
        if not [name for name in st.query_params if name not in _OF_FRAME]:
            st.query_params.update(step.query)
    st.html(_CARD + _hidden(step))
    card, stage = st.columns([1, 3.5], gap="medium")
    with card, st.container(key="lesson_card"):
        _card(course, place)
    with stage, st.container(key="lesson_stage"):
        yield


def menu() -> None:
    """The courses, as links to their first steps."""
    for course in COURSES.values():
        first = course.steps[0]
        with st.container(gap=None):
            st.page_link(
                first.page,
                label=f"**{course.title}**",
                icon=":material/school:",
                query_params=_query(course, 0),
            )
            st.caption(f"{len(course.steps)} steps, about {course.minutes} minutes")


def lecture_code() -> str:
    """What the windows of one lecture have in common: the one that the hall sees, and the one with
    the notes."""
    own = st.session_state.setdefault("lesson__code", secrets.token_hex(4))
    return st.query_params.get("notes", own)


def _projector() -> bool:
    return st.query_params.get("projector") == "1"


def _query(course: Course, place: int) -> dict[str, str]:
    return {"lesson": name_of(course, place), **course.steps[place].query}


def _card(course: Course, place: int) -> None:
    step, last = course.steps[place], len(course.steps) - 1
    st.caption(f"{course.title} · {place + 1} of {last + 1}")
    st.markdown(f"### {step.claim}")
    if not (
        _projector() and st.session_state["lesson__answer"]
    ):  # what has served its turn makes room
        st.markdown(step.watch)
    if step.tries:
        with st.container(horizontal=True, gap="xsmall"):
            names = {name for each in step.tries for name in each.query}
            for i, each in enumerate(step.tries):
                args = (course, place, each.query)
                chosen = stands_at(_PREFIX[step.page], each.query, names)
                kind: Literal["primary", "secondary"] = "primary" if chosen else "secondary"
                st.button(
                    each.label,
                    key=f"lesson_try_{i}",
                    on_click=_try,
                    args=args,
                    type=kind,
                    icon=":material/science:",
                )
    with st.container(key="lesson_question"):
        st.markdown(f"**{step.question}**")
        if st.session_state["lesson__answer"]:
            st.markdown(step.answer)
        else:
            st.button(
                "Answer",
                key="lesson_answer",
                on_click=_reveal,
                shortcut="A",
                type="tertiary",
                icon=":material/visibility:",
            )
    with st.container(horizontal=True, gap="xsmall"):
        back, forth = (course, place - 1), (course, place + 1)
        st.button(
            "Back",
            key="lesson_back",
            shortcut="PageUp",
            disabled=place == 0,
            on_click=go,
            args=back,
        )
        if place < last:
            st.button(
                "Next",
                key="lesson_next",
                shortcut="PageDown",
                type="primary",
                on_click=go,
                args=forth,
            )
        elif st.button("Finish", key="lesson_finish", type="primary"):
            st.switch_page(HOME)
    if _projector():
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.toggle("All controls", key="lesson_all")
        st.link_button(
            "Notes",
            f"?lesson={name_of(course, place)}&notes={lecture_code()}",
            type="tertiary",
            icon=":material/speaker_notes:",
            help="Speaker notes in a second window, which keeps step with this one",
        )
        st.button(
            "Leave",
            key="lesson_leave",
            type="tertiary",
            on_click=_leave,
            help="Close the lesson, keep the page as it is",
        )


def go(course: Course, place: int) -> None:
    """Open a step (a callback)."""
    follow_url(_PREFIX[course.steps[place].page])
    st.query_params.from_dict(_query(course, place))


def _reveal() -> None:
    st.session_state["lesson__answer"] = True


def _leave() -> None:
    st.query_params.pop(
        "lesson", None
    )  # gone already at the second of two clicks, or where the browser went back


def _try(course: Course, place: int, query: Mapping[str, str]) -> None:
    follow_url(_PREFIX[course.steps[place].page])
    st.query_params.from_dict({"lesson": name_of(course, place), **query})
    if course.steps[place].page == RACE:
        stand_at(0, playing=True)


def _hidden(step: Step) -> str:
    """Style that hides every control but the needed ones, and what the page itself says in answer
    to the question."""
    if st.session_state.get("lesson_all"):
        return ""
    spared = "".join(f":not(.st-key-{_PREFIX[step.page]}_{name})" for name in step.needs)
    widgets = ", ".join(f'[data-testid="st{kind}"]' for kind in _WIDGETS)
    hide = [
        f'.st-key-lesson_stage [data-testid="stElementContainer"]:has({widgets}){spared}',
        '.st-key-lesson_stage [data-testid="stPopover"]',
        '[data-testid="stSidebar"]',
        '[data-testid="stExpandSidebarButton"]',
        (  # named above
            '.st-key-lesson_stage :is([data-testid="stElementContainer"],'
            ' [data-testid="stHeading"]):has(h1, h2, h3)'
        ),
    ]
    if step.needs:  # the parts in which nothing is needed
        needed = ", ".join(f".st-key-{_PREFIX[step.page]}_{name}" for name in step.needs)
        hide += [f"{part}:not(:has({needed}))" for part in hidden("controls")[:1]]
    else:
        hide += hidden("controls")
    if not st.session_state["lesson__answer"]:
        hide += hidden("answer")
    bare = ""
    if _projector():  # the whole window for the step
        hide.append('[data-testid="stHeader"]')
        bare = _BARE
    return f"<style>{', '.join(hide)} {{ display: none }}{bare}</style>"
