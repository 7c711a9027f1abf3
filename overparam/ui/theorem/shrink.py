"""Shrink the curve: the limits R -> 0 and r -> 0 of the proof, with the order of what is left
out."""

from __future__ import annotations

import numpy as np
import streamlit as st

from overparam.choices.theorem import Case
from overparam.figures.style import BLUE, ORANGE, RED
from overparam.figures.theorem import limit_figure
from overparam.theory.curves import Integral
from overparam.theory.field import observed_order
from overparam.ui.components.plot import plot
from overparam.ui.shell.state import PageState
from overparam.ui.theorem import around, compute


def show(state: PageState, case: Case) -> None:
    """Draw the part."""
    values = state.values()
    depth, a = values["N"], 3 - 2 / values["N"]
    if not around.gamma(state):
        return
    if case.c == 0:
        st.info(
            "G(0) = 0: there is no leading term to compare with. Choose a loss whose gradient at 0"
            " is not 0."
        )
        return
    found = compute.limits_of(
        compute.case_key(values), depth, values["r"] / values["R"], values["R"], case
    )
    order = observed_order(found.radii, found.rest)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(
            f"**R → 0** with r/R = {values['r'] / values['R']:.3g} fixed: the leading term wins."
        )
        plot(
            limit_figure(
                found.radii,
                [
                    ("|circulation|, measured", BLUE, np.abs(found.around), False),
                    (f"leading term, order R<sup>{a:.3g}</sup>", BLUE, np.abs(found.leading), True),
                    ("|remainder|, measured", ORANGE, _clear(found.rest), False),
                ],
                "R",
            ),
            key=state.key("shrink_outer"),
            alt=(
                "Logarithmic axes: the circulation follows its leading term, the remainder falls"
                " faster as R goes to 0."
            ),
        )
        st.markdown(_remainder_in_words(order, a))
    with right:
        st.markdown(f"**r → 0** with R = {values['R']:.3g} fixed: the small arc does not matter.")
        gaps = _clear(found.gap)
        slope = observed_order(found.inner, found.gap)
        plot(
            limit_figure(
                found.inner,
                [
                    ("|circulation − its limit|, measured", RED, gaps, False),
                    (
                        f"order r<sup>{a:.3g}</sup>",
                        RED,
                        gaps[0] * (found.inner / found.inner[0]) ** a,
                        True,
                    ),
                ],
                "r",
            ),
            key=state.key("shrink_inner"),
            alt=(
                "Logarithmic axes: the distance of the circulation from its limit falls as r goes"
                " to 0."
            ),
        )
        limit = f"The limit is **{found.limit}**"
        st.markdown(
            limit
            + (
                f", approached like $r^{{{slope:.2f}}}$ (the proof says $a = {a:.3g}$)."
                if slope
                else "."
            )
        )
    st.caption(
        "Theorem 2 needs only a remainder of smaller order than $R^a$, $a = 3 - 2/N$. Measured"
        " here: for smooth losses it is of order $R^{a+2}$, as terms of $G$ linear in $W$ cancel on"
        " a half ring by symmetry."
    )


def _remainder_in_words(order: float | None, a: float) -> str:
    if order is None:
        return (
            "The remainder is 0 to rounding: this gradient is linear in $W$, and the closed form is"
            " exact at every $R$."
        )
    return (
        f"The remainder is of order $R^{{{order:.2f}}}$, measured; the theorem needs more than $a ="
        f" {a:.3g}$."
    )


def _clear(values: list[Integral]) -> np.ndarray:
    """Magnitudes that stand clear of their error, NaN elsewhere: a logarithmic axis should not show
    rounding."""
    return np.array([abs(v.value) if abs(v.value) > 10 * v.error else np.nan for v in values])
