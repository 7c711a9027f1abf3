"""The closest that any regularizer can come: the best potential, the rest, and gradient descent
with either."""

from __future__ import annotations

import numpy as np
import streamlit as st

from overparam.choices.theorem import Case
from overparam.figures.style import REST_PART
from overparam.figures.theorem import METHODS, descent_figure, field_figure, share_figure
from overparam.theory.curves import Array
from overparam.theory.potential import Descent
from overparam.ui.components.plot import plot
from overparam.ui.shell.state import PageState
from overparam.ui.theorem import compute

HEIGHT = 225


def show(state: PageState, case: Case) -> None:
    """Draw the part."""
    values = state.values()
    key, depth, half_width = compute.case_key(values), values["N"], values["R"]
    found = compute.closest(key, depth, half_width, case)
    turn = np.radians(values["angle"])
    start = (float(values["start"] * np.cos(turn)), float(values["start"] * np.sin(turn)))
    obstacle = _obstacle(case, half_width, start)
    runs = (
        {} if obstacle else compute.descents(key, depth, half_width, start, case, found.potential)
    )
    pictures = st.columns(3, gap="small")
    with pictures[0]:
        st.markdown("**$F$ (arrows) and $\\varphi^*$ (colour)**")
        _potential_picture(state, case, found, runs)
    with pictures[1]:
        st.markdown("**The rest $F - \\nabla\\varphi^*$**, colour: relative to $F$")
        _rest_picture(state, found)
    with pictures[2]:
        st.markdown("**Its share against depth**")
        plot(
            share_figure(found.depths, found.shares, depth, found.potential.share, HEIGHT),
            key=state.key("closest_share"),
            alt="The share of F that no regularizer can supply, in per cent, against depth.",
        )
    st.markdown(_share_in_words(found))
    if obstacle:
        st.info(obstacle, icon=":material/info:")
        return
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


def _obstacle(case: Case, half_width: float, start: tuple[float, float]) -> str:
    """Why there is no descent to show, or nothing."""
    least = case.flat.minimum()
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
    if np.abs(start).max() > half_width:
        return "The start lies outside the square: raise R, or start nearer to 0."
    return ""


def _potential_picture(
    state: PageState, case: Case, found: compute.Closest, runs: dict[str, Descent]
) -> None:
    phi = found.potential
    field = compute.field_of(
        compute.case_key(state.values()), state.values()["N"], phi.half_width, case
    )
    inside = np.abs(field.at).max(1) <= phi.half_width
    axis, values = phi.axis[::2], phi.values[::2, ::2]
    figure = field_figure(
        field.at[inside],
        field.vectors[inside],
        phi.half_width,
        background=(axis, values - values[axis.size // 2, axis.size // 2], "φ*"),
        contours=True,
        paths={name: run.path[: _shown(run.gap)] for name, run in runs.items()},
        least=case.flat.minimum() if runs else None,
        small=True,
        height=HEIGHT,
    )
    alt = (
        "Arrows: F. Colour and lines: the best potential. Paths: gradient descent, depth N, and the"
        " best regularizer."
    )
    plot(figure, key=state.key("closest_potential"), alt=alt)


def _rest_picture(state: PageState, found: compute.Closest) -> None:
    phi = found.potential
    middle = (phi.axis[1:] + phi.axis[:-1]) / 2
    some = slice(4, None, 8)
    at = np.stack(
        [g.ravel() for g in np.meshgrid(middle[some], middle[some], indexing="ij")], axis=1
    )
    vectors = np.stack((phi.along[some, some].ravel(), phi.across[some, some].ravel()), axis=1)
    figure = field_figure(
        at,
        vectors,
        phi.half_width,
        background=(middle[::2], np.minimum(found.ratio[::2, ::2], 1.0), "‖rest‖ / ‖F‖"),
        arrow_colour=REST_PART,
        small=True,
        height=HEIGHT,
    )
    alt = (
        "Arrows: what is left of F, on a scale of their own. Colour: its length relative to that"
        " of F."
    )
    plot(figure, key=state.key("closest_rest"), alt=alt)


def _shown(gap: Array) -> int:
    """A path is drawn until it reaches the last goal, or for a hundred steps."""
    below = np.flatnonzero(gap <= compute.GOALS[-1])
    return int(below[0]) + 1 if below.size else 100


def _table(runs: dict[str, Descent]) -> str:
    """Iterations to each goal, each at its own best step size."""
    rows = [
        ["iterations to a gap of", *(f"{goal:g}" for goal in compute.GOALS)],
        [":--", *["--:"] * len(compute.GOALS)],
    ]
    for name, run in runs.items():
        counts = ["never" if count is None else str(count) for count in run.arrivals]
        rows.append([f":color[{name}]{{foreground='{METHODS[name][0]}'}}", *counts])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _descent_in_words(runs: dict[str, Descent]) -> str:
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
