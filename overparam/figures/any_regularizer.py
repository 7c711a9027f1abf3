"""Figures of the panels that ask for any regularizer at all: two roads, the trap, any
dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from overparam.figures.style import (
    BLUE,
    NEUTRAL,
    ORANGE,
    PALETTE,
    RED,
    axis,
    base_layout,
    depth_colour,
    depth_dash,
)
from overparam.figures.theorem import DIVERGING

Array = NDArray[Any]


def roads_figure(
    one: Array, other: Array, work_one: Array, work_other: Array, depth: float
) -> go.Figure:
    """Both roads in a plane, coloured by the work that the force does per length.

    Args:
        one, other: points of the road by depth 1 and of that by depth N, (n1, 2), (n2, 2).
        work_one, work_other: work per length at these points, (n1,), (n2,).
        depth: N.
    """
    figure = go.Figure()
    size = float(np.percentile(np.abs(np.concatenate((work_one, work_other))), 98)) or 1.0
    for name, way, colour, dash in (
        ("out: depth 1, then straight on", one, depth_colour(1), depth_dash(1)),
        (f"back: depth {depth:g}", other, depth_colour(max(2, depth)), depth_dash(max(2, depth))),
    ):
        figure.add_scatter(
            x=way[:, 0],
            y=way[:, 1],
            mode="lines",
            name=name,
            line={"color": colour, "width": 2, "dash": dash},
            hoverinfo="skip",
        )
    for i, (way, work) in enumerate(((one, work_one), (other, work_other))):
        some = slice(None, None, 6)
        figure.add_scatter(
            x=way[some, 0],
            y=way[some, 1],
            mode="markers",
            showlegend=False,
            marker={
                "size": 7,
                "color": work[some],
                "cmin": -size,
                "cmax": size,
                "colorscale": DIVERGING,
                "line": {"width": 0.3, "color": NEUTRAL},
                "showscale": i == 0,
                "colorbar": {
                    "title": {"text": "work per length", "side": "right"},
                    "thickness": 8,
                    "outlinewidth": 0,
                    "nticks": 5,
                },
            },
            hovertemplate="%{marker.color:.3g}<extra></extra>",
        )
    for name, point, symbol in (("start", one[0], "diamond"), ("end", one[-1], "star")):
        figure.add_scatter(
            x=point[:1],
            y=point[1:],
            mode="markers",
            name=name,
            showlegend=False,
            marker={"symbol": symbol, "size": 13, "color": RED},
            hovertemplate=name + "<extra></extra>",
        )
    return figure.update_layout(
        **base_layout(
            height=320,
            xaxis=axis("from start to end"),
            yaxis=axis("across"),
        )
    )


def works_figure(
    one: float, other: float, difference: float, half: float, depth: float
) -> go.Figure:
    """Two bars of work between the same ends, and their difference with its error bar."""
    values = [one, other, difference]
    figure = go.Figure(
        go.Bar(
            x=["road 1<br>depth 1", f"road 2<br>depth {depth:g}", "<b>difference</b>"],
            y=values,
            marker={"color": [depth_colour(1), depth_colour(max(2, depth)), NEUTRAL]},
            error_y={"array": [0, 0, half], "thickness": 2, "width": 8, "visible": True},
            text=[f"{value:.4g}".replace("-", "−") for value in values],
            textposition="outside",
            constraintext="none",
            cliponaxis=False,
            showlegend=False,
            hovertemplate="%{y:.8g}<extra></extra>",
        )
    )
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.25 * max(high - low, 1e-300)
    return figure.update_layout(
        **base_layout(
            height=290,
            xaxis=axis(tickangle=0),
            yaxis=axis(
                "work",
                range=[low - (room if low else 0), high + (room if high else 0)],
                zeroline=True,
                zerolinecolor=NEUTRAL,
            ),
        )
    )


def loops_figure(kappa: Array, error: Array, null: Array, chosen: int) -> go.Figure:
    """kappa of the force and of G around the loop of every start, on a logarithmic axis; each (S,).

    error: of kappa. null: kappa of G with the same points, which is rounding or the error of the
        rule.
    """
    starts = np.arange(1, kappa.size + 1)
    figure = go.Figure()
    floor = 1e-8
    for name, values, bars, colour, symbol in (
        ("the force", kappa, error, ORANGE, "circle"),
        ("G, at most (it must be 0)", null, None, BLUE, "x"),
    ):
        figure.add_scatter(
            x=starts,
            y=np.maximum(values, floor),
            error_y=None if bars is None else {"array": bars},
            mode="markers",
            name=name,
            marker={
                "color": colour,
                "symbol": symbol,
                "size": [13 if i == chosen else 9 for i in range(kappa.size)],
            },
            customdata=values,
            hovertemplate="start %{x}: %{customdata:.3g}<extra>" + name + "</extra>",
        )
    return figure.update_layout(
        **base_layout(
            height=290,
            xaxis=axis("start", dtick=1, range=[0.5, kappa.size + 0.5]),
            yaxis=axis("κ", log=True, range=[-8.3, 0], dtick=2),
        )
    )


def skew_figure(depths: Sequence[float], distance: Array, shares: Sequence[Array]) -> go.Figure:
    """The share of the Jacobian that is skew along the run of each depth, in per cent; distance
    (n,) in shares of the way."""
    figure = go.Figure()
    for depth, share in zip(depths, shares, strict=True):
        figure.add_scatter(
            x=distance,
            y=100 * share,
            mode="lines+markers",
            name=f"depth {depth:g}",
            line={"color": depth_colour(depth), "dash": depth_dash(depth), "width": 2.5},
            hovertemplate="%{y:.3g} %<extra></extra>",
        )
    return figure.update_layout(
        **base_layout(
            height=290,
            xaxis=axis("share of the way"),
            yaxis=axis("% skew", rangemode="tozero"),
        )
    )


def trap_figure(
    counts: Array, potential: tuple[Array, Array], anything: tuple[Array, Array]
) -> go.Figure:
    """The share left against the number of runs fitted: a free potential and any smooth field, here
    and on other runs."""
    figure = go.Figure()
    for name, values, colour, dash in (
        ("a potential, on these runs", potential[0], ORANGE, "3px,3px"),
        ("a potential, on other runs", potential[1], ORANGE, "solid"),
        ("any field, on these runs", anything[0], BLUE, "3px,3px"),
        ("any field, on other runs", anything[1], BLUE, "solid"),
    ):
        figure.add_scatter(
            x=counts,
            y=np.maximum(values, 1e-12),
            mode="lines+markers",
            name=name,
            line={"color": colour, "dash": dash, "width": 2.5},
            marker={"size": 8},
            hovertemplate="%{x} runs: %{y:.3g}<extra>" + name + "</extra>",
        )
    return figure.update_layout(
        **base_layout(
            height=360,
            xaxis=axis("runs fitted, M", log=True, tickvals=counts.tolist()),
            yaxis=axis("share of ‖f‖² left", log=True, dtick=2),
        )
    )


def dimension_figure(
    depths: Array, balls: dict[int, Array], shells: dict[int, Array], depth: float
) -> go.Figure:
    """The share that no regularizer supplies against depth, in per cent: in balls, and with all
    radii counted alike."""
    figure = go.Figure()
    for i, d in enumerate(balls):
        for values, dash, words in (
            (balls[d], "solid", "ball"),
            (shells[d], "3px,3px", "radii alike"),
        ):
            figure.add_scatter(
                x=depths,
                y=100 * values,
                mode="lines",
                name=f"d = {d}, {words}",
                line={"color": PALETTE[i], "dash": dash, "width": 2.5},
                hovertemplate="N = %{x:.3g}: %{y:.3g} %<extra>d = " + f"{d}, {words}</extra>",
            )
    figure.add_vline(x=depth, line={"color": NEUTRAL, "width": 1.5, "dash": "3px,3px"})
    return figure.update_layout(
        **base_layout(
            height=380,
            xaxis=axis("depth N", range=[0.9, float(depths[-1]) + 0.1]),
            yaxis=axis("% of ∫‖F‖²", rangemode="tozero"),
            legend={"orientation": "v", "x": 0.02, "y": 0.98, "yanchor": "top"},
        )
    )
