"""The race's choices: the row above the chart, and the sidebar with all the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from overparam.ui.race.buttons import run_curves
from overparam.ui.race.presets import preset_menu
from overparam.ui.race.rivals import depth_chips, rival_chips
from overparam.ui.race.step_size import step_control
from overparam.ui.shell.frame import when_open
from overparam.ui.shell.notes import notes
from overparam.ui.shell.problem import problem_controls
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState
from overparam.ui.shell.trio import trio


def sidebar(state: PageState) -> None:
    """Every choice but the methods, the exponent and the step size."""
    with st.sidebar:
        preset_menu(state, partial(run_curves, state))
        problem_controls(state)
        state.segmented("steps", width="stretch")
        steps = st.session_state[state.key("steps")]
        if steps == "tuned":
            state.log_slider("horizon", 10, 100_000)
            state.slider("grid", step=1)
            state.select("aim")
        state.log_slider("iterations", 10, 1_000_000)
        when_open(
            st.expander("Start, decay, precision, seed", key="race_rest", on_change="rerun"),
            partial(_rest, state),
        )
        notes("race", width="stretch")


def _rest(state: PageState) -> None:
    state.select("start")
    state.log_slider("scale", 1e-4, 10)
    state.number("decay", step=0.001)
    state.segmented("precision", width="stretch")
    state.number("seed", step=1)


def row(
    state: PageState, values: Mapping[str, Any], lecture: bool
) -> tuple[Callable[[], None], DeltaGenerator | None]:
    """Depth, exponent and step size, and the rivals.

    Args: values: as published.
    Returns: what is to be called when the curves stand still; in a lecture the place beside the
    rivals for the line about the run, as below the chart it would take room from the picture.
    """
    status: DeltaGenerator | None = None

    def rest() -> None:
        nonlocal status
        rival_chips(state)
        if lecture:
            status = role("words", "status", width="stretch").empty()

    arrived = trio(
        state, lambda: depth_chips(state, not lecture), lambda: step_control(state, values), rest
    )
    return arrived, status
