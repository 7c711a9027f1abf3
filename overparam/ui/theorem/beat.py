"""Theorem 2 by hand: a loop drawn in the plane, and what F gathers on the way round it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from overparam.choices.kinds import ChoiceError
from overparam.choices.theorem import Case, drawn_corners, own_curve, points
from overparam.figures.theorem import add_running
from overparam.theory.curves import Curve, Integral, trace
from overparam.ui.components.plot import Bead, plot
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
        verdict = st.container()
        curve = _controls(state)
    with left:
        _picture(state, case, curve)
    if not curve:
        with left:
            st.caption("**Draw a loop in the picture.**")
        return
    values = state.values()
    found = compute.walk(compute.case_key(values), values["N"], curve, case)
    with verdict:
        around.judge(found.total)
        st.caption(around.stokes_in_words(found))
    with left:
        _words(found.total, movable=state.values()["curve"] != "polygon")


def _picture(state: PageState, case: Case, curve: Curve) -> None:
    """The field, the loop with its bead, and the integral so far."""
    figure, alt = around.field_picture(state, case, [np.concatenate(trace(curve))] if curve else [])
    way = None
    if curve:
        values = state.values()
        found = compute.way(compute.case_key(values), values["N"], curve, case)
        add_running(figure, found.share, found.work)
        way = {
            "x": found.points[:, 0].tolist(),
            "y": found.points[:, 1].tolist(),
            "share": found.share.tolist(),
            "work": found.work.tolist(),
        }
    movable = state.values()["curve"] != "polygon"
    plot(
        figure,
        key=state.key("beat_field"),
        alt=f"{alt} A bead walks around the closed curve; beside it the line integral so far.",
        on_click=partial(_move, state) if movable else None,
        bead=Bead(way, partial(_draw, state)),
    )


def _words(total: Integral, movable: bool) -> None:
    """How much of the work a loop leaves, what to do, and what follows."""
    if total.absolute > 0:
        share = abs(total.value) / total.absolute
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
