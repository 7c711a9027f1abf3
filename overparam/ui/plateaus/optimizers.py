"""Optimizers: the same nets in iterations, by gradient descent, momentum and Adam."""

from __future__ import annotations

import numpy as np
import streamlit as st

from overparam.choices.plateaus import Family
from overparam.figures import plateaus as figures
from overparam.serving.plateaus import DESCENTS, FAMILIES, OPTIMIZERS, DescentView, Steps
from overparam.ui.components.plot import plot
from overparam.ui.shell.advance import look
from overparam.ui.shell.state import PageState


def show(state: PageState, family: Family) -> None:
    """Draw the view."""
    values = state.values()
    steps = Steps(values["step"], values["adam"], values["horizon"])
    flow = look(FAMILIES.get(family))
    seen = look(DESCENTS.get((family, steps)))
    eps = np.array(family.eps)
    kept = eps > 0
    if not kept.any():
        st.info(
            "ε = 0 stands exactly on the saddle: no optimizer leaves it.", icon=":material/info:"
        )
        return
    times = np.where(np.isfinite(flow.times), flow.times, np.nan)
    middle = np.full(len(eps), np.nan)
    known = np.isfinite(times).any(1)
    middle[known] = np.nanmedian(times[known], axis=1)
    left, right = st.columns([2, 1.1], gap="medium")
    with left:
        _draw(state, eps, kept, seen, middle, steps)
    with right:
        st.markdown(table(family, seen, steps))
        if not seen.finished:
            st.caption(f"Computing … gradient descent is at iteration {seen.done['gd']:,}.")
    st.caption(
        "A dot for each start. Gradient descent needs the flow's time over its step size; momentum"
        " 0.9 a tenth of that, and some iterations to get going. Adam divides each gradient by its"
        " own size, so a small one is as good as a large one: there is no plateau to wait on, and"
        " no law in ε. Dotted: the horizon."
    )


def _draw(
    state: PageState,
    eps: np.ndarray,
    kept: np.ndarray,
    seen: DescentView,
    middle: np.ndarray,
    steps: Steps,
) -> None:
    counts = {name: (OPTIMIZERS[name], found[kept]) for name, found in seen.counts.items()}
    with np.errstate(over="ignore"):  # beyond the axis
        law = middle[kept] / steps.step
    plot(
        figures.iterations(eps[kept], counts, law, steps.horizon),
        key=state.key("iterations"),
        alt=(
            "Iterations until escape against the scale: gradient descent and momentum rise as it"
            " falls, Adam does not."
        ),
    )


def table(family: Family, seen: DescentView, steps: Steps) -> str:
    """Median iterations at the largest and the smallest scale above 0."""
    ends = [i for i, e in enumerate(family.eps) if e > 0]
    first, last = ends[0], ends[-1]
    head = f"| | ε = {family.eps[first]:.3g} | ε = {family.eps[last]:.3g} |\n|---|---|---|"
    sizes = {"gd": steps.step, "momentum": steps.step, "adam": steps.adam}
    rows = [
        f"| {OPTIMIZERS[n]} ({sizes[n]:.3g}) | {_median(found[first], seen.done[n])} |"
        f" {_median(found[last], seen.done[n])} |"
        for n, found in seen.counts.items()
    ]
    return "\n".join([head, *rows])


def _median(counts: np.ndarray, done: int) -> str:
    there = counts[counts >= 0]
    if not there.size:
        return f"not within {done:,}"
    short = f" ({there.size} of {counts.size} escaped)" if there.size < counts.size else ""
    return f"{int(np.median(there)):,}{short}"
