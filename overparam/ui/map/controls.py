"""What a map is of: an atlas, or the choices of one that is computed here."""

from __future__ import annotations

import streamlit as st

from overparam.choices.map import AXES, SHAPE
from overparam.ui.map.atlas import Opened, atlas_control
from overparam.ui.shell.state import PageState

SLIDERS = {"depth": 1, "p": 0.5}


def sidebar(state: PageState) -> Opened | None:
    """All choices; the atlas, where one is opened."""
    with st.sidebar:
        opened = atlas_control(state)
        if opened is None:
            controls(state)
        return opened


def controls(state: PageState) -> None:
    """The choices of a map that is computed here."""
    problem = state.select("problem")
    label = AXES | {"shape": SHAPE[problem]}
    x, y = (state.select(name, format_func=label.get) for name in ("x", "y"))
    kind = state.segmented(
        "kind", format_func={"network": "network", "rule": "rule, real N"}.get, width="stretch"
    )
    free = [name for name in ("depth", "p", "shape", "scale") if name not in (x, y)]
    for name in free:
        if name == "shape":
            state.log_slider(
                "ratio" if problem == "two" else "condition",
                1,
                100 if problem == "two" else 1e4,
            )
        elif name == "scale":
            state.log_slider("scale", 1e-4, 10)
        else:
            state.slider(
                name,
                step=0.25 if (name, kind) == ("depth", "rule") else SLIDERS[name],
                format="%g",
            )
    state.log_slider("loss" if problem == "two" else "gap", 1e-8 if problem == "two" else 1e-6, 0.9)
    with st.expander("Step sizes, horizon, detail, start"):
        state.log_slider("horizon", 10, 20_000)
        if "step" not in (x, y):
            state.slider("grid", step=1)
        state.segmented("detail", width="stretch")
        state.segmented("starts", width="stretch")
        state.segmented("start", width="stretch")
        state.number("seed", step=1)
