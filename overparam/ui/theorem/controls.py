"""The choices that all parts of the page share, in the sidebar, and the examples."""

from __future__ import annotations

import streamlit as st

from overparam.choices.theorem import DEFAULTS, EXAMPLES, SHAPE, Case, Example
from overparam.data import ethanol_is_cached
from overparam.ui.shell.problem import ethanol_control
from overparam.ui.shell.state import PageState
from overparam.ui.shell.trio import dial
from overparam.ui.shell.upload import upload_control, uploaded
from overparam.ui.theorem import compute, estimate

STEPS = {"turn": 5.0, "p": 0.5}
RADII = {
    "around": ("r", "R"),
    "shrink": ("r", "R"),
    "beat": ("R",),
    "closest": ("R",),
    "proof": ("r", "R"),
}  # that a part reads


def choose(state: PageState, example: Example) -> None:
    """Go to an example (a callback); what it does not name goes back to its default."""
    state.set(
        **{
            name: value
            for name, value in (DEFAULTS | dict(example.values)).items()
            if name != "csv"
        }
    )


def sidebar(state: PageState) -> None:
    """Loss, depth and radii, as far as the open part reads them."""
    with st.sidebar:
        with st.popover("Examples", icon=":material/lightbulb:", width="stretch"):
            for example in EXAMPLES:
                key = state.key(f"example_{example.name}")
                st.button(
                    example.label,
                    key=key,
                    on_click=choose,
                    args=(state, example),
                    width="stretch",
                    type="tertiary",
                )
        view = st.session_state[state.key("view")]
        if view == "limits":
            return
        if view == "estimate":
            estimate.sidebar(state)
            return
        if view != "beat":  # there it stands beside the picture
            dial(state, "N", 0.1)
        for name, column in zip(RADII[view], st.columns(len(RADII[view])), strict=True):
            with column:
                state.slider(name, step=0.01)
        kind = state.select("loss")
        if kind == "csv":
            upload_control(state)
        elif kind == "ethanol":
            ethanol_control()
        for name in SHAPE[kind]:
            if name == "across":
                state.select(name)
            else:
                state.slider(name, step=STEPS.get(name, 0.05))
        if view == "closest":
            state.slider("angle", step=5.0)
            state.slider("start", step=0.05)


def find_case(state: PageState) -> Case | None:
    """The loss and the plane; None, with a sentence on the page, where there is none yet."""
    values = state.values()
    if (values["loss"] == "ethanol" and not ethanol_is_cached()) or (
        values["loss"] == "csv" and uploaded(state) is None
    ):
        st.info(
            "The data are not here yet: the controls beside say how to get them.",
            icon=":material/database:",
        )
        return None
    try:
        return compute.find_case(
            compute.case_key(values), values, uploaded(state) if values["loss"] == "csv" else None
        )
    except ValueError as error:
        st.error(str(error), icon=":material/error:")
        return None
