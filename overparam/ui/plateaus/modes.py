"""Modes: a teacher of three strengths is learned one mode after the other."""

from __future__ import annotations

import numpy as np
import streamlit as st

from overparam.choices.plateaus import MODES, Family
from overparam.figures import plateaus as figures
from overparam.serving.plateaus import FAMILIES, mode_times
from overparam.ui.components.plot import plot
from overparam.ui.shell.advance import look
from overparam.ui.shell.state import PageState


def show(state: PageState, family: Family) -> None:
    """Draw the view."""
    seen = look(FAMILIES.get(family))
    curve = seen.curves[0]
    halves = mode_times(curve)
    left, right = st.columns([2, 1], gap="medium")
    with left:
        plot(
            figures.modes(curve.times, curve.others, MODES, halves),
            key=state.key("modes"),
            alt=(
                "The strength of each of the teacher's three modes over time; dots where each is"
                " half there."
            ),
        )
    if family.eps[0] == 0 and family.r >= 2:
        st.info(
            "ε = 0 stands exactly on the saddle: its gradient is 0, and it stays for ever.",
            icon=":material/info:",
        )
        return
    with right:
        st.markdown(table(halves))
        if not seen.finished:
            st.caption(
                f"Computing … time {curve.times[-1]:.3g}, {100 * curve.loss[-1]:.1f} % of the loss"
                " left."
            )
    st.caption(
        "White inputs, three outputs. The times do not go like $1/s$: by the time that a weak mode"
        " leaves, the strong ones have changed the layers that it needs. In a linear net the order"
        " is that of the strengths $s$; elsewhere, from small ε, weak modes can change places."
    )


def table(halves: np.ndarray) -> str:
    """When each mode is half there, beside the times that 1/s would give."""
    head = "| mode | " + " | ".join(f"s = {s:g}" for s in MODES) + " |\n|---|" + "---|" * len(MODES)
    times = " | ".join(f"{t:.4g}" if np.isfinite(t) else "not yet" for t in halves)
    with np.errstate(divide="ignore", invalid="ignore"):  # there from the start
        ratios = halves / halves[0]
    ratio = " | ".join(f"**{t:.2f}**" if np.isfinite(t) else "–" for t in ratios)
    plain = " | ".join(f"{MODES[0] / s:.2f}" for s in MODES)
    rows = [
        f"| half there at | {times} |",
        f"| over the first | {ratio} |",
        f"| 1/s would say | {plain} |",
    ]
    return "\n".join([head, *rows])
