"""The controls of the page on plateaus, as far as the open view reads them, and the examples."""

from __future__ import annotations

import streamlit as st

from overparam.choices.kinds import Number
from overparam.choices.plateaus import DEFAULTS, EXAMPLES, Example
from overparam.theory.activations import ACTIVATIONS
from overparam.ui.shell.frame import when_open
from overparam.ui.shell.state import PageState

SCALES = tuple(float(f"{10 ** (i / 2):.3g}") for i in range(-6, 1))  # .001 ... 1


def choose(state: PageState, example: Example) -> None:
    """Go to an example (a callback); what it does not name goes back to its default."""
    state.set(**(DEFAULTS | dict(example.values)))


def examples(state: PageState) -> None:
    """The examples, each one click."""
    with st.popover("Examples", icon=":material/lightbulb:", type="tertiary"):
        for example in EXAMPLES:
            key = state.key(f"example_{example.name}")
            st.button(
                example.label, key=key, on_click=choose, args=(state, example), type="tertiary"
            )


def show(state: PageState) -> None:
    """Activation, depth, which layers are small and how small, and what else there is to choose."""
    values = state.values()
    view, offset = values["view"], ACTIVATIONS[values["act"]].kind == "offset"
    state.select("act")
    state.slider("N")
    _layers(state)
    if view == "modes":
        _scale(state, "alone")
        state.slider("width")
        return
    left, right = st.columns(2)
    with left:
        _scale(state, "least")
    with right:
        _scale(state, "most")
    state.select("data")
    if offset:
        state.toggle("bias", help="Not 0 at 0: followed as a scalar chain, with or without this.")
    if view == "escape":
        state.slider("decay", step=0.01)
    elif view == "balance":
        left, right = st.columns(2)
        with left:
            state.number("pick", step=1)
        with right:
            state.number("draw", step=1)
    elif view == "optimizers":
        left, right = st.columns(2)
        with left:
            state.log_slider("step", 0.001, 1, label="η")
        with right:
            state.log_slider("adam", 0.001, 1, label="η, Adam")
    more = st.popover(
        "More", icon=":material/tune:", type="tertiary", key=state.key("more"), on_change="rerun"
    )
    when_open(more, lambda: _more(state, offset))


def _more(state: PageState, offset: bool) -> None:
    if state.values()["view"] == "optimizers":
        state.log_slider("horizon", 100, 20_000)
    if not offset:
        state.select("start")
    state.slider("width")
    state.slider("seeds", disabled=offset or state.values()["start"] == "symmetric")


def _layers(state: PageState) -> None:
    depth, small = state.standing("N"), state.standing("small")
    st.pills(
        "Small layers, times ε",
        list(range(1, max(depth, *small, 1) + 1)),
        selection_mode="multi",
        key=state.key("small"),
        format_func=lambda j: str(j) if j <= depth else f"({j})",
        help=(
            "Their number r decides how long the plateau is; depth and place do not matter. "
            "In brackets: beyond the depth."
        ),
    )


def _scale(state: PageState, name: str) -> None:
    current = state.standing(name)
    choice = state.table[name]
    assert isinstance(choice, Number)
    st.select_slider(
        choice.label,
        options=sorted({*SCALES, current} | ({0.0} if choice.low == 0 else set())),
        value=current,
        key=state.key(name),
        format_func=lambda v: f"{v:.3g}",
        help=choice.help or None,
    )
