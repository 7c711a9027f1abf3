"""The step size of the race: each method's best one, or one for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from overparam.choices.methods import STEP, Entry
from overparam.figures.race import method_styles
from overparam.ui.components.chart import Slider
from overparam.ui.race.tuning import tuned_twin
from overparam.ui.race.watching import known_run
from overparam.ui.shell.state import PageState
from overparam.ui.shell.trio import marks, shares, typed

BEST, OWN = "best", "own"
LOW, HIGH, PER_DECADE = -4, 2, 12
STEPS = tuple(
    float(f"{10 ** (i / PER_DECADE):.3g}") for i in range(LOW * PER_DECADE, HIGH * PER_DECADE + 1)
)


def step_control(state: PageState, values: Mapping[str, Any]) -> Callable[[], None]:
    """A slider from "best" to the step sizes that all methods share, and a box.

    Args: values: as published.
    Returns: what draws a mark at each method's best one, for when they have been compared.
    """
    key = state.key("eta")
    shared = values["steps"] == "shared"
    place = values["step"] if shared else OWN if values["steps"] == "each" else BEST
    options = _options(values)
    if st.session_state.get(key) != place:
        st.session_state[key] = place
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        with st.container(width="stretch", gap=None):
            st.select_slider(
                "Step size η",
                options,
                place,
                key=key,
                format_func=lambda step: step if isinstance(step, str) else f"{step:.3g}",
                help="Best: each method has its own best step size, ★ below. Else one for all.",
                on_change=lambda: _take(state, st.session_state[key]),
            )
            below = st.empty()
        typed(
            state,
            "step",
            lambda step: _take(state, step),
            values["step"] if shared else None,
            placeholder=place,
        )
    words = sum(isinstance(option, str) for option in options)
    return lambda: _mark(values, below, options, words)


def _options(values: Mapping[str, Any]) -> list[str | float]:
    """What the slider offers: words first."""
    own = [OWN] if values["steps"] == "each" else []
    steps = {*STEPS, values["step"]} if values["steps"] == "shared" else STEPS
    return [BEST, *own, *sorted(steps)]


def step_sizes(state: PageState, values: Mapping[str, Any]) -> Slider:
    """The slider of the step size, as a chart follows it."""
    says = {
        str(i): {"steps": "shared", "step": STEP.write(option)}
        if isinstance(option, float)
        else {"steps": "tuned"}
        for i, option in enumerate(_options(values))
        if option != OWN
    }
    return Slider(f".st-key-{state.key('eta')}", says)


def _mark(values: Mapping[str, Any], below: DeltaGenerator, options: list, words: int) -> None:
    """A mark at each method's best step size, as soon as it is known; the slider's first options
    are words."""
    methods, best = values["methods"], _best(values)
    looks = dict(zip(methods, method_styles(methods), strict=True))
    where = shares(options[words:], list(best.values()))
    stretch = len(options) - 1
    places = [
        (
            (words + at * (stretch - words)) / stretch,
            looks[entry][0],
            f"{entry.label()}: best at {step:.3g}",
        )
        for (entry, step), at in zip(best.items(), where, strict=True)
    ]
    below.html(marks(places))


def _take(state: PageState, step: float | str) -> None:
    if step == BEST:
        state.set(steps="tuned", changes=())
    elif isinstance(step, (int, float)):
        state.set(steps="shared", step=STEP.check(float(step)))


def _best(values: Mapping[str, Any]) -> dict[Entry, float]:
    """The best step size of each method, where they have been compared."""
    run = known_run(tuned_twin(values))
    tuned = None if run is None else run.tuned
    if tuned is None:
        return {}
    return {
        entry: float(tuned.grid.steps[row])
        for entry, row in zip(values["methods"], tuned.chosen, strict=True)
    }
