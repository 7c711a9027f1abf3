"""Graphs of the page on Theorem 2: magnitudes against a radius, the share that no regularizer
supplies against depth, and gaps against iterations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from overparam.figures.style import GRID, REST_PART, axis, base_layout, translucent, unchecked
from overparam.figures.theorem import METHODS

Array = NDArray[Any]


def limit_figure(
    radii: Array, series: Sequence[tuple[str, str, Array, bool]], x_title: str
) -> go.Figure:
    """Magnitudes against a radius on logarithmic axes.

    Args:
        radii: shape (q,).
        series: name, colour, values (q,) and whether they are a formula (a line) rather than
            measured (points).
    """
    data = []
    for name, colour, values, formula in series:
        shown = np.where(values > 0, values, np.nan)
        if np.isnan(shown).all():
            continue
        style = (
            {"mode": "lines", "line": {"color": colour, "width": 2, "dash": "12px,4px"}}
            if formula
            else {"mode": "markers", "marker": {"color": colour, "size": 9, "symbol": "circle"}}
        )
        data.append({"type": "scatter", "x": radii, "y": shown, "name": name} | style)
    layout = base_layout(
        height=360,
        xaxis=axis(x_title, log=True, dtick=1),
        yaxis=axis(log=True),
        legend={
            "orientation": "v",
            "x": 0.02,
            "y": 0.98,
            "yanchor": "top",
        },  # what rises leaves this corner free
        margin={"t": 8},
    )
    return unchecked(data, layout)


def share_figure(
    depths: Array, shares: Array, depth: float, share: float, height: int = 255
) -> go.Figure:
    """The share of F that no regularizer supplies, in per cent, against depth, with the current
    depth marked."""
    look = {
        "type": "scatter",
        "showlegend": False,
        "hovertemplate": "N = %{x:.3g}: %{y:.3g} %<extra></extra>",
    }
    data = [
        look
        | {
            "x": depths,
            "y": 100 * shares,
            "mode": "lines",
            "line": {"color": REST_PART, "width": 3},
            "fill": "tozeroy",
            "fillcolor": translucent(REST_PART, 0.15),
        },
        look
        | {
            "x": [depth],
            "y": [100 * share],
            "mode": "markers",
            "marker": {"size": 12, "color": REST_PART},
        },
    ]
    layout = base_layout(
        height=height,
        xaxis=axis("depth N", range=[0.8, 10.2], dtick=1),
        yaxis=axis("% of ∫‖F‖²", range=[0, 108 * max(*shares, share) or 1]),
        margin={"t": 4, "b": 4},
    )
    return unchecked(data, layout)


def descent_figure(gaps: Mapping[str, Array], goals: Sequence[float]) -> go.Figure:
    """The gap of each method of METHODS against iterations, with the goals as lines."""
    figure = go.Figure()
    longest = max(_settled(gap, goals[-1]) for gap in gaps.values())
    highest = max(float(np.nanmax(gap[: longest + 1])) for gap in gaps.values())
    for name, gap in gaps.items():
        colour, dash = METHODS[name]
        shown = np.where(gap[: longest + 1] > 0, gap[: longest + 1], np.nan)
        figure.add_scatter(
            x=np.arange(shown.size),
            y=shown,
            name=name,
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2.5},
        )
    for goal in goals:
        figure.add_hline(y=goal, line={"color": GRID, "width": 1.5})
    return figure.update_layout(
        **base_layout(
            height=205,
            xaxis=axis("iteration", range=[0, longest]),
            yaxis=axis(
                "gap",
                log=True,
                range=[np.log10(goals[-1]) - 0.5, np.clip(np.log10(highest) + 0.2, 0.3, 3)],
            ),
        )
    )


def _settled(gap: Array, goal: float, least: int = 20, most: int = 120) -> int:
    """How far the iteration axis has to go to show a run reaching the goal."""
    below = np.flatnonzero(gap <= goal)
    return int(np.clip(1.2 * below[0] if below.size else most, least, most))
