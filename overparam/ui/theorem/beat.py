"""Theorem 2 by hand: a loop drawn in the plane, and what F gathers on the way round it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from overparam.choices.kinds import ChoiceError
from overparam.choices.theorem import Case, drawn_corners, own_curve, points
from overparam.theory.curves import Curve, Integral, trace
from overparam.ui.components.plot import plot
from overparam.ui.shell.pictures import said
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState
from overparam.ui.shell.trio import dial
from overparam.ui.theorem import around, compute

MOST_POINTS = 1000  # of a stroke that are looked at


def show(state: PageState, case: Case) -> None:
    """Draw the part."""
    left, right = st.columns([1.9, 1], gap="medium")
    with right, role("controls", "loop", gap="xsmall"):
        dial(state, "N", 0.1)
        verdict = said("loop")
        curve = _controls(state)
    with left:
        _show(state, case)
    if not curve:
        with left:
            st.caption("**Draw a loop in the picture.**")
        return
    values = state.values()
    integrand = compute.case_key(values), values["N"], curve, case
    found = compute.walk(*integrand)
    with verdict:
        around.judge(found.total)
        st.caption(around.stokes_in_words(found.total, compute.area(*integrand)))
    with left:
        _words(found.total, movable=state.values()["curve"] != "polygon")


def _show(state: PageState, case: Case) -> None:
    values = state.values()
    words = "A bead walks around the closed curve; beside it the line integral so far."
    plot(
        picture(values, case),
        key=state.key("beat_field"),
        alt=around.in_words(values, case, words),
        on_click=partial(_move, state) if values["curve"] != "polygon" else None,
        on_drawn=partial(_draw, state),
        follow=around.followed(
            state, "beat_field", picture, ("N", "R", "x", "y", "a", "b", "tilt")
        ),
    )


def picture(values: Mapping[str, Any], case: Case) -> go.Figure:
    """The field, the loop of the choices, and the integral along it."""
    try:
        curve = own_curve(values)
    except ValueError:
        return around.field(values, case, [])
    found = compute.way(compute.case_key(values), values["N"], curve, case)
    walked = found.points, found.share, found.work
    return around.field(values, case, [np.concatenate(trace(curve))], walked=walked)


def _words(total: Integral, movable: bool) -> None:
    """How much of the work a loop leaves, what to do, and what follows."""
    if total.absolute > 0:
        share = abs(total.value) / total.absolute
        with said("loop_work"):
            st.markdown(
                f"**{100 * share:.2f} %** of ∫|F·dW| = {total.absolute:.4g} did not cancel. Can you"
                " draw a loop with more?"
            )
    st.caption(
        "**Draw a loop in the picture.** The bar rises where the bead goes with the arrows, and"
        " falls where it goes against them; drag the bead to go again."
        + (" A click moves the curve." if movable else "")
        + " If $F$ were a gradient, the bar would come back to 0 on **every** loop: one that does"
        " not is enough, one that does proves nothing."
    )


def _controls(state: PageState) -> Curve:
    """The parameters of the curve; no curve, with one sentence, where they make none."""
    kind = state.segmented("curve", label_visibility="collapsed")
    if kind == "polygon":
        words = "Points along e, across: x,y; x,y; … in the order of the walk. Drawn or typed."
        st.text_input("Corners", state.standing("corners"), key=state.key("corners"), help=words)
        try:
            points(st.session_state[state.key("corners")])
        except ChoiceError as error:
            st.error(str(error), icon=":material/error:")
            return ()
    else:
        one, two = st.columns(2)
        with one:
            state.slider("x", step=0.05)
            state.slider("a", step=0.05, **({"label": "radius"} if kind == "circle" else {}))
        with two:
            state.slider("y", step=0.05)
            if kind == "ellipse":
                state.slider("b", step=0.05)
        if kind == "ellipse":
            state.slider("tilt", step=5.0, format="%.0f°")
    try:
        return own_curve(state.values())
    except ValueError as error:
        st.error(str(error), icon=":material/error:")
        return ()


def _draw(state: PageState, stroke: list[list[float]]) -> None:
    """A loop drawn in the picture becomes the curve (a callback)."""
    state.set(curve="polygon", corners=drawn_corners(stroke[:MOST_POINTS], state.values()["R"]))


def _move(state: PageState, event: dict[str, Any]) -> None:
    """A click in the picture moves the centre of the curve (a callback)."""
    if event["x"] is not None and abs(event["x"]) <= 4 and abs(event["y"]) <= 4:
        state.set(x=round(event["x"], 2), y=round(event["y"], 2))
