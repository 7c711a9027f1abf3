"""Try to beat it: a curve of one's own."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from overparam.choices.kinds import ChoiceError
from overparam.choices.theorem import Case, own_curve, points
from overparam.theory.curves import Curve
from overparam.ui.shell.state import PageState
from overparam.ui.theorem import around, compute


def show(state: PageState, case: Case) -> None:
    """Draw the part."""
    left, right = st.columns([1.15, 1], gap="medium")
    with right:
        st.markdown(
            "If $F$ were a gradient, **every** closed curve would give 0. One curve that does not"
            " is enough; one that does proves nothing."
        )
        curve = _controls(state)
        if curve:
            values = state.values()
            found = compute.walk(compute.case_key(values), values["N"], curve, case)
            around.judge(found.total)
            work = found.total.absolute
            if work > 0:
                st.markdown(
                    f"Of all the work done along the way, ∫|F·dz| = {work:.4g},"
                    f" **{abs(found.total.value) / work:.2%}** did not cancel. Can you find a curve"
                    " with more?"
                )
            st.caption(around.stokes_in_words(found))
    with left:
        movable = state.values()["curve"] != "polygon"
        around.draw_field(
            state, case, curve, "beat_field", on_click=partial(_move, state) if movable else None
        )
        if movable:
            st.caption("Click in the picture to move the curve there.")


def _controls(state: PageState) -> Curve:
    """The parameters of the curve; no curve, with one sentence, where they make none."""
    kind = state.segmented("curve", label_visibility="collapsed")
    if kind == "polygon":
        words = "Points along e, across: x,y; x,y; … in the order of the walk."
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
            state.slider("tilt", step=5.0)
    try:
        return own_curve(state.values())
    except ValueError as error:
        st.error(str(error), icon=":material/error:")
        return ()


def _move(state: PageState, event: dict[str, Any]) -> None:
    """A click in the picture moves the centre of the curve (a callback)."""
    if event["x"] is not None and abs(event["x"]) <= 4 and abs(event["y"]) <= 4:
        state.set(x=round(event["x"], 2), y=round(event["y"], 2))
