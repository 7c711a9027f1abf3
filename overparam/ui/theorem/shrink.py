"""Shrink the curve: the limits R -> 0 and r -> 0 of the proof, with the order of what is left
out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from overparam.choices.theorem import Case, theorem_curve
from overparam.figures.style import BLUE, ORANGE, RED
from overparam.figures.theorem_graphs import limit_figure
from overparam.theory.curves import Integral
from overparam.theory.field import observed_order
from overparam.ui.components.plot import plot
from overparam.ui.shell.pictures import said
from overparam.ui.shell.state import PageState
from overparam.ui.theorem import around, compute

NO_LEADING_TERM = (
    "G(0) = 0: there is no leading term to compare with. Choose a loss whose gradient at 0 is not"
    " 0."
)


def show(state: PageState, case: Case) -> None:
    """Draw the part."""
    values = state.values()
    a, ratio = _order(values), values["r"] / values["R"]
    if not around.gamma(state):
        return
    if case.c == 0:
        st.info(NO_LEADING_TERM)
        return
    left, right = st.columns(2, gap="medium")
    with left:
        with said("outer_head"):
            st.markdown(f"**R → 0** with r/R = {ratio:.3g} fixed: the leading term wins.")
        plot(
            outer_picture(values, case),
            key=state.key("shrink_outer"),
            alt=(
                "Logarithmic axes: the circulation follows its leading term, the remainder falls"
                " faster as R goes to 0."
            ),
            follow=around.followed(state, "shrink_outer", outer_picture, of_data=False),
        )
        found = _shrinking(values, case)
        with said("outer"):
            st.markdown(_remainder_in_words(observed_order(found.radii, found.rest), a))
    with right:
        with said("inner_head"):
            st.markdown(
                f"**r → 0** with R = {values['R']:.3g} fixed: the small arc does not matter."
            )
        plot(
            inner_picture(values, case),
            key=state.key("shrink_inner"),
            alt=(
                "Logarithmic axes: the distance of the circulation from its limit falls as r goes"
                " to 0."
            ),
            follow=around.followed(state, "shrink_inner", inner_picture, ("N", "R"), of_data=False),
        )
        with said("inner"):
            st.markdown(_limit_in_words(_closing(values, case), a))
    st.caption(
        "Theorem 2 needs only a remainder of smaller order than $R^a$, $a = 3 - 2/N$. Measured"
        " here: for smooth losses it is of order $R^{a+2}$, as terms of $G$ linear in $W$ cancel on"
        " a half ring by symmetry."
    )


def outer_picture(values: Mapping[str, Any], case: Case) -> go.Figure:
    """The circulation as R goes to 0, its leading term and the remainder."""
    _check(values, case)
    found = _shrinking(values, case)
    return limit_figure(
        found.radii,
        [
            ("|circulation|, measured", BLUE, np.abs(found.around), False),
            (
                f"leading term, order R<sup>{_order(values):.3g}</sup>",
                BLUE,
                np.abs(found.leading),
                True,
            ),
            ("|remainder|, measured", ORANGE, _clear(found.rest), False),
        ],
        "R",
    )


def inner_picture(values: Mapping[str, Any], case: Case) -> go.Figure:
    """The distance of the circulation from its limit as r goes to 0."""
    _check(values, case)
    found, a = _closing(values, case), _order(values)
    gaps = _clear(found.gap)
    return limit_figure(
        found.radii,
        [
            ("|circulation − its limit|, measured", RED, gaps, False),
            (
                f"order r<sup>{a:.3g}</sup>",
                RED,
                gaps[0] * (found.radii / found.radii[0]) ** a,
                True,
            ),
        ],
        "r",
    )


def _check(values: Mapping[str, Any], case: Case) -> None:
    """Raise ValueError where there is no curve, or no leading term."""
    theorem_curve(values)
    if case.c == 0:
        raise ValueError(NO_LEADING_TERM)


def _shrinking(values: Mapping[str, Any], case: Case) -> compute.Shrinking:
    ratio = values["r"] / values["R"]
    return compute.shrinking(compute.case_key(values), values["N"], ratio, values["R"], case)


def _closing(values: Mapping[str, Any], case: Case) -> compute.Closing:
    return compute.closing(compute.case_key(values), values["N"], values["R"], case)


def _order(values: Mapping[str, Any]) -> float:
    """a, the order of the leading term."""
    return 3 - 2 / float(values["N"])


def _limit_in_words(found: compute.Closing, a: float) -> str:
    slope = observed_order(found.radii, found.gap)
    limit = f"The limit is **{found.limit}**"
    if slope:
        return f"{limit}, approached like $r^{{{slope:.2f}}}$ (the proof says $a = {a:.3g}$)."
    return f"{limit}."


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
