"""What the whole window needs from JavaScript, on every page: keys, the phone's drawer, the printed
sheet, and keeping step with another window."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "app_window",
    js=(Path(__file__).parent / "window.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def app_window(
    page: str, lecture: str, lesson: str | None, on_lesson: Callable[[str], None]
) -> None:
    """Mount it, out of sight.

    Args:
        page: which one is open.
        lecture: windows of this browser with the same one keep step.
        lesson: the step that is open.
        on_lesson: called with the step that another window has gone to.
    """

    def heard() -> None:
        if lesson := st.session_state["app_window_script"].lesson:
            on_lesson(lesson)

    with st.container(key="app_window"):
        _component(
            key="app_window_script",
            data={"page": page, "lecture": lecture, "lesson": lesson},
            on_lesson_change=heard,
        )


def icon_only(*keys: str) -> str:
    """Style for the buttons of these keys: their icon alone is seen, their label is for those who
    do not see it."""
    labels = ", ".join(f'.st-key-{key} button [data-testid="stMarkdownContainer"]' for key in keys)
    return (
        f"{labels} {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path:"
        " inset(50%); }"
    )
