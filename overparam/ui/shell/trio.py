"""Depth, p and step size: three controls in one row, at the same place on every page that has
them. The number of another loss takes the place of p."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import streamlit as st

from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState

STYLE = """<style>
[class*="st-key-role_controls_trio"] .stNumberInput button { display: none; }
.trio-marks {
  position: relative; height: 0.7rem; margin-top: -0.5rem;
  font-size: 0.7rem; line-height: 0.7rem;
}
[class*="st-key-role_controls_trio"] .stButtonGroup > :is([role="toolbar"], [role="group"]) {
  flex-wrap: wrap; row-gap: 0.25rem;
}
@media (max-width: 640px) { /* a phone: the picture first, the controls right below it */
  .stMain [data-testid="stLayoutWrapper"]:has(> [class*="st-key-role_controls_trio"]) { order: 1; }
}
.trio-marks span { position: absolute; transform: translateX(-50%); }
</style>"""
BOX = 64  # pixels of a box to type in
SMALLEST = 1e-12  # of what must be above 0
POWERS = {"2": 2.0, "4": 4.0}


def trio(
    state: PageState,
    depth: Callable[[], object],
    step: Callable[[], Callable[[], None]],
    rest: Callable[[], object],
) -> Callable[[], None]:
    """The row: what `depth` draws, the number of the loss, and what `step` draws, whose value is
    returned; below it what `rest` draws.

    A lecture has one line: depth, the switch of p, and the rest.
    """
    st.html(STYLE)
    loss = st.session_state.get(state.key("loss"), "lp")
    if st.session_state.get("app_projector"):
        with (
            role("controls", f"trio_{state.prefix}"),
            st.container(horizontal=True, gap="small", vertical_alignment="center"),
        ):
            depth()
            if loss == "lp":
                switch(state)
            rest()
        return lambda: None
    with role("controls", f"trio_{state.prefix}"):
        first, second, third = st.columns([1, 1.3, 1], gap="small")
        with first:
            depth()
        with second:
            if loss == "lp":
                exponent(state)
            elif loss == "huber":
                state.log_slider("delta", 0.01, 100)
        with third:
            later = step()
    with role("controls", f"trio_rest_{state.prefix}"):
        rest()
    return later


def exponent(state: PageState) -> None:
    """The loss exponent p: a switch between 2 and 4, a slider, and a box to type in."""
    value = state.standing("p")
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        switch(state)
        state.slider("p", step=0.25, label_visibility="collapsed", width=110)
        typed(state, "p", lambda p: state.set(p=p), value)


def dial(state: PageState, name: str, step: float, **how: Any) -> float:
    """A slider of a Number, and a box to type it into: dragged or typed, on every page alike."""
    key = f"{state.key(name)}_dial"
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key=key):
        value = state.slider(name, step=step, width="stretch", **how)
        typed(state, name, lambda chosen: state.set(**{name: chosen}), value)
    return value


def switch(state: PageState) -> None:
    """The exponents that matter most, as one switch."""
    key, value = f"{state.key('p')}_switch", state.standing("p")
    st.session_state[key] = next((word for word, p in POWERS.items() if p == value), None)
    st.segmented_control(
        "Loss exponent p",
        list(POWERS),
        format_func=lambda p: f"p = {p}",
        key=key,
        on_change=lambda: _switch(state, key),
        width="content",
        label_visibility="collapsed" if st.session_state.get("app_projector") else "visible",
    )


def _switch(state: PageState, key: str) -> None:
    chosen = st.session_state[key]
    if chosen and not state.moved("p"):  # a second press takes nothing back
        state.set(p=POWERS[chosen])


def typed(
    state: PageState, name: str, take: Callable[[float], object], value: float | None, **how: Any
) -> None:
    """A box for the same number as a slider beside it.

    Args: take: given what was typed. value: what stands in it, None for its placeholder.
    """
    choice = state.number_of(name)
    key = f"{state.key(name)}_typed"
    if st.session_state.get(key) != value:
        st.session_state[key] = value

    def _typed() -> None:
        if st.session_state[key] is not None and not state.moved(name):
            take(st.session_state[key])

    st.number_input(
        choice.label,
        # a link may name less than anybody would type
        min_value=min(SMALLEST, value or SMALLEST) if choice.low_open else float(choice.low),
        max_value=float(choice.high),
        value=None if value is None else float(value),  # also where the box comes late
        key=key,
        format="%.4g",
        width=BOX,
        label_visibility="collapsed",
        on_change=_typed,
        **how,
    )


def marks(places: Sequence[tuple[float, str, str]]) -> str:
    """Marks below a slider, as HTML: where (0 to 1), colour, and what each is."""
    spans = "".join(
        f'<span style="left:{100 * at:.2f}%;color:{colour}" title="{escape(words)}">★</span>'
        for at, colour, words in places
    )
    return f'<div class="trio-marks">{spans}</div>'


def shares(options: Sequence[float], values: Sequence[float]) -> list[float]:
    """Where values stand along a slider with these options, which it sets evenly: 0 to 1."""
    last = len(options) - 1
    return [min(range(last + 1), key=lambda i: abs(options[i] - value)) / last for value in values]
