"""One step, one output, two weights: the two factors of Claim 2."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import torch

from overparam.choices.kinds import Choice, Number
from overparam.figures.preconditioner import RATE, STRETCH, one_output
from overparam.figures.style import CURRENT_POINT, GRADIENT_AFTER, GRADIENT_BEFORE
from overparam.theory.preconditioner import ellipse, precondition, scale_only
from overparam.ui.components.plot import plot
from overparam.ui.shell.pictures import follow, said
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState
from overparam.ui.shell.trio import dial

LARGEST_W = 3.0
_RATE, _STRETCH = r"\lVert W\rVert^{2-2/N}", r"(N-1)\,\mathrm{Pr}_W G"

CHOICES: tuple[Choice, ...] = (
    Number(
        "w",
        "Size of W",
        0.7,
        0,
        LARGEST_W,
        help="The norm ‖W‖ of the end-to-end weights. Or click in the plot to set W.",
    ),
    Number(
        "angle", "Direction of W (degrees)", 30, -180, 180, help="Or click in the plot to set W."
    ),
    Number("g", "Size of the gradient", 1, 0, 2, help="The norm ‖G‖ of the loss gradient at W."),
    Number("gangle", "Direction of the gradient (degrees)", 105, -180, 180),
)


def show(state: PageState) -> None:
    """Draw the view."""
    left, middle, right = st.columns([1, 1.9, 1.35], gap="medium")
    with left, role("controls", "view"):
        dial(state, "N", 0.1, format="%.1f")
        state.slider("w", step=0.01)
        state.slider("angle", step=1, format="%.0f°")
        state.slider("g", step=0.01)
        state.slider("gangle", step=1, format="%.0f°")
    values = state.values()
    with middle:
        plot(
            picture(values),
            key=state.key("one_plot"),
            alt=(
                "The plane of two weights with W, the gradient G, the preconditioned gradient P(G),"
                " and the ellipse that the preconditioner makes of the unit circle."
            ),
            on_click=lambda event: _set_w(state, event),
            follow=follow(state, "one_plot", picture, ("N", "w", "angle", "g", "gangle")),
        )
    with right, role("words", "numbers"):
        _explain(values)


def picture(values: Mapping[str, Any]) -> go.Figure:
    """The gradient before and after, and the ellipse, of the choices."""
    w, grad, depth = *_vectors(values), values["N"]
    return one_output(
        w[0, 0].numpy(),
        grad[0, 0].numpy(),
        scale_only(w, grad, depth)[0, 0].numpy(),
        precondition(w, grad, depth)[0, 0].numpy(),
        ellipse(w[0, 0], depth).numpy(),
    )


def _vectors(values: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """W and G, (1, 1, 2) each."""
    return _polar(values["w"], values["angle"]), _polar(values["g"], values["gangle"])


def _polar(length: float, degrees: float) -> torch.Tensor:
    angle = math.radians(degrees)
    return torch.tensor(
        [[[length * math.cos(angle), length * math.sin(angle)]]], dtype=torch.float64
    )


def _set_w(state: PageState, event: dict[str, Any]) -> None:
    if event["x"] is not None:
        size = min(round(math.hypot(event["x"], event["y"]), 2), LARGEST_W)
        state.set(w=size, angle=float(round(math.degrees(math.atan2(event["y"], event["x"])))))


def _explain(values: Mapping[str, Any]) -> None:
    depth, vectors = values["N"], _vectors(values)
    w, grad, after = (v[0, 0].numpy() for v in (*vectors, precondition(*vectors, depth)))
    size = float(np.linalg.norm(w))
    rate = size ** (2 - 2 / depth)
    projected = w * (w @ grad) / size**2 if size > 0 else 0 * w
    st.latex(
        f"\\begin{{aligned}} {_in(GRADIENT_AFTER, 'P(G)')} = {_in(RATE, _RATE)} & \\\\ "
        f"\\bigl({_in(GRADIENT_BEFORE, 'G')} + {_in(STRETCH, _STRETCH)} &\\bigr) \\end{{aligned}}"
    )
    rows = (
        (CURRENT_POINT, "W", _pair(w)),
        (RATE, _RATE, f"{size:.2f}^{{{2 - 2 / depth:.2f}}} = {_short(rate)}"),
        (GRADIENT_BEFORE, "G", _pair(grad)),
        (STRETCH, _STRETCH, _pair((depth - 1) * projected)),
        (GRADIENT_AFTER, "P(G)", _pair(after)),
    )
    lines = (f"{_in(colour, name)} &= {_in(colour, value)}" for colour, name, value in rows)
    with said("one"):
        st.latex("\\begin{aligned}" + " \\\\ ".join(lines) + "\\end{aligned}")
        st.markdown(_in_words(depth, w, grad, after))
    with role("aside", "claim"):
        st.caption(
            "Claim 2 of the paper: depth makes a step $-\\eta\\,P(G)$ of $-\\eta\\,G$. Its"
            " **preconditioner** $P$ is an **adaptive rate** that grows with $W$, and a **stretch**"
            " by $N$ along $W$ alone."
        )


def _in_words(depth: float, w: np.ndarray, grad: np.ndarray, after: np.ndarray) -> str:
    """What the picture shows, in words: the special cases first."""
    size, length = float(np.linalg.norm(w)), float(np.linalg.norm(grad))
    if depth == 1:
        return (
            "**Depth 1:** $P$ is the identity, the step is plain gradient descent's and the ellipse"
            " is the unit circle."
        )
    if size == 0:
        return (
            "**$W = 0$:** there is no direction to stretch along and the rate is 0, so $P = 0$ and"
            " the ellipse is a point. A balanced deep network at $W = 0$ does not move, whatever"
            " the gradient."
        )
    rate = size ** (2 - 2 / depth)
    factors = (
        f"Along $W$ a gradient is multiplied by **{_short(depth * rate)}**, across by"
        f" **{_short(rate)}**."
    )
    if length == 0:
        return f"{factors} Here the gradient is **zero**: nothing to act on, and the step is zero."
    cosine = abs(float(w @ grad)) / (size * length)
    if cosine > 1 - 1e-9:
        return (
            f"{factors} Here $G$ lies **along $W$**: it is lengthened or shortened, and not turned."
        )
    if cosine < 1e-9:
        return f"{factors} Here $G$ is **at right angles to $W$**: only the rate acts on it."
    reach = float(np.linalg.norm(after))
    turned = math.degrees(math.acos(min(1.0, float(after @ grad) / (reach * length))))
    longer = reach / length
    return (
        f"{factors} Here $G$ turns by **{turned:.0f}°** towards the line of $W$ and"
        f" becomes **{_short(longer)}** times as long."
    )


def _in(colour: str, formula: str) -> str:
    return f"\\textcolor{{{colour}}}{{{formula}}}"


def _pair(vector: np.ndarray) -> str:
    first, second = np.round(vector, 2) + 0.0  # no minus before a zero
    return rf"({first:.2f},\ {second:.2f})"


def _short(value: float) -> str:
    return f"{value:.3g}" if 1e-3 <= abs(value) < 1e4 or value == 0 else f"{value:.1e}"
