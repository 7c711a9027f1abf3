"""The closest that any regularizer can come: the best potential, the rest, and gradient descent
with either."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from overparam.choices.theorem import Case
from overparam.figures.style import REST_PART
from overparam.figures.theorem import METHODS, field_figure
from overparam.figures.theorem_graphs import descent_figure, share_figure
from overparam.theory.curves import Array
from overparam.theory.potential import Descent
from overparam.ui.components.plot import Follow, plot
from overparam.ui.shell.pictures import said
from overparam.ui.shell.state import PageState
from overparam.ui.theorem import around, compute

HEIGHT = 225


def show(state: PageState, case: Case) -> None:
    """Draw the part."""
    values = state.values()
    runs = _runs(values, case)
    pictures = st.columns(3, gap="small")
    with pictures[0]:
        st.markdown("**$F$ (arrows) and $\\varphi^*$ (colour)**")
        # where there is a minimum to descend to, it takes a tenth of a second to find the paths
        with said("paths") if runs else st.container():
            plot(
                potential_picture(values, case),
                key=state.key("closest_potential"),
                alt=(
                    "Arrows: F. Colour and lines: the best potential. Paths: gradient descent,"
                    " depth N, and the best regularizer."
                ),
                follow=None if runs else _followed(state, "closest_potential", potential_picture),
            )
    with pictures[1]:
        st.markdown("**The rest $F - \\nabla\\varphi^*$**, colour: relative to $F$")
        plot(
            rest_picture(values, case),
            key=state.key("closest_rest"),
            alt=(
                "Arrows: what is left of F, on a scale of their own. Colour: its length relative to"
                " that of F."
            ),
            follow=_followed(state, "closest_rest", rest_picture),
        )
    with pictures[2]:
        st.markdown("**Its share against depth**")
        plot(
            share_picture(values, case),
            key=state.key("closest_share"),
            alt="The share of F that no regularizer can supply, in per cent, against depth.",
            follow=_followed(state, "closest_share", share_picture),
        )
    with said("closest"):
        st.markdown(_share_in_words(_closest(values, case)))
    if not runs:
        st.info(_obstacle(values, case), icon=":material/info:")
        return
    with said("descents"):
        _show_descents(state, runs)


def _show_descents(state: PageState, runs: Mapping[str, Descent]) -> None:
    if st.session_state.get("app_projector"):  # the room belongs to the pictures above
        st.markdown(_table(runs))
        return
    left, right = st.columns(2, gap="medium")
    with left:
        plot(
            descent_figure({name: run.gap for name, run in runs.items()}, compute.GOALS),
            key=state.key("closest_descent"),
            alt="The gap to the least loss of three ways of descending, against iterations.",
        )
    with right:
        st.markdown(_table(runs))
    st.caption(_descent_in_words(runs))


def potential_picture(values: Mapping[str, Any], case: Case) -> go.Figure:
    """The field, the best potential, and the ways of descending where there is a minimum."""
    phi, runs = _closest(values, case).potential, _runs(values, case)
    field = compute.field_of(compute.case_key(values), values["N"], phi.half_width, case)
    inside = np.abs(field.at).max(1) <= phi.half_width
    axis, heights = phi.axis[::2], phi.values[::2, ::2]
    return field_figure(
        field.at[inside],
        field.vectors[inside],
        phi.half_width,
        background=(axis, heights - heights[axis.size // 2, axis.size // 2], "φ*"),
        contours=True,
        paths={name: run.path[: _shown(run.gap)] for name, run in runs.items()},
        least=case.flat.minimum() if runs else None,
        small=True,
        height=HEIGHT,
    )


def rest_picture(values: Mapping[str, Any], case: Case) -> go.Figure:
    """What the best potential leaves of the field."""
    found = _closest(values, case)
    phi = found.potential
    middle = (phi.axis[1:] + phi.axis[:-1]) / 2
    some = slice(4, None, 8)
    at = np.stack(
        [g.ravel() for g in np.meshgrid(middle[some], middle[some], indexing="ij")], axis=1
    )
    vectors = np.stack((phi.along[some, some].ravel(), phi.across[some, some].ravel()), axis=1)
    return field_figure(
        at,
        vectors,
        phi.half_width,
        background=(middle[::2], np.minimum(found.ratio[::2, ::2], 1.0), "‖rest‖ / ‖F‖"),
        arrow_colour=REST_PART,
        small=True,
        height=HEIGHT,
    )


def share_picture(values: Mapping[str, Any], case: Case) -> go.Figure:
    """The share of the rest against depth, that of the choices marked."""
    key, depth, share = (
        compute.case_key(values),
        values["N"],
        _closest(values, case).potential.share,
    )
    curve = compute.share_curve(key, values["R"], case)
    return share_figure(compute.DEPTHS, curve, depth, share, HEIGHT)


def _followed(
    state: PageState, name: str, picture: Callable[[Mapping[str, Any], Case], go.Figure]
) -> Follow | None:
    return around.followed(state, name, picture, ("N", "R"), of_data=False)


def _closest(values: Mapping[str, Any], case: Case) -> compute.Closest:
    return compute.closest(compute.case_key(values), values["N"], values["R"], case)


def _start(values: Mapping[str, Any]) -> tuple[float, float]:
    turn = np.radians(values["angle"])
    return float(values["start"] * np.cos(turn)), float(values["start"] * np.sin(turn))


def _runs(values: Mapping[str, Any], case: Case) -> dict[str, Descent]:
    """Of each of METHODS; none where there is an obstacle."""
    if _obstacle(values, case):
        return {}
    key, phi = compute.case_key(values), _closest(values, case).potential
    return compute.descents(key, values["N"], values["R"], _start(values), case, phi)


def _share_in_words(found: compute.Closest) -> str:
    share = found.potential.share
    supplied = (
        "In the mean over this square the nearest gradient, $\\nabla\\varphi^*$, supplies"
        f" **{100 * (1 - share):.2f} %** of $\\int\\|F\\|^2$"
    )
    if share <= max(found.error, 1e-20):
        return f"{supplied}. What is left is the error of the grid: $F$ is a gradient."
    return (
        f"{supplied}; no regularizer supplies the other **{100 * share:.3f} %**"
        f" (±\u00a0{100 * found.error:.1g} %)."
    )


def _obstacle(values: Mapping[str, Any], case: Case) -> str:
    """Why there is no descent to show, or nothing."""
    least, half_width = case.flat.minimum(), values["R"]
    if least is None or not least.any():
        return (
            "This loss has no minimum away from 0 to descend to: choose another loss to see what φ*"
            " does to gradient descent."
        )
    if np.abs(least).max() > half_width:
        return (
            "The minimum of the loss lies outside the square: raise R above"
            f" {np.abs(least).max():.2f} to see the descents."
        )
    if np.abs(_start(values)).max() > half_width:
        return "The start lies outside the square: raise R, or start nearer to 0."
    return ""


def _shown(gap: Array) -> int:
    """A path is drawn until it reaches the last goal, or for a hundred steps."""
    below = np.flatnonzero(gap <= compute.GOALS[-1])
    return int(below[0]) + 1 if below.size else 100


def _table(runs: Mapping[str, Descent]) -> str:
    """Iterations to each goal, each at its own best step size."""
    rows = [
        ["iterations to a gap of", *(f"{goal:g}" for goal in compute.GOALS)],
        [":--", *["--:"] * len(compute.GOALS)],
    ]
    for name, run in runs.items():
        counts = ["never" if count is None else str(count) for count in run.arrivals]
        rows.append([f":color[{name}]{{foreground='{METHODS[name][0]}'}}", *counts])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _descent_in_words(runs: Mapping[str, Descent]) -> str:
    words = (
        "Measured here, each goal at its own best step size of a grid (12 a decade, 500"
        " iterations). "
    )
    if runs["along ∇φ*"].arrivals[-1] is None:
        words += (
            "Descent on $\\varphi^*$ ends at a minimum of $\\varphi^*$, not of $L$: the fit is"
            " decided where $F$ is large, while near 0 and near the minimum $F$ is small and the"
            " rest outweighs it. Another regularizer, worse in the mean, may descend better."
        )
    return words
