"""What the whole window needs from JavaScript, on every page: keys, the phone's drawer, the printed
sheet."""

from pathlib import Path

import streamlit as st

_component = st.components.v2.component(
    "app_window",
    js=(Path(__file__).parent / "window.js").read_text(encoding="utf-8"),
    isolate_styles=False,
)


def app_window(page: str) -> None:
    """Mount it, out of sight. Args: page: which one is open."""
    with st.container(key="app_window"):
        _component(key="app_window_script", data={"page": page})


def icon_only(*keys: str) -> str:
    """Style for the buttons of these keys: their icon alone is seen, their label is for those who
    do not see it."""
    labels = ", ".join(f'.st-key-{key} button [data-testid="stMarkdownContainer"]' for key in keys)
    return (
        f"{labels} {{ position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path:"
        " inset(50%); }"
    )
