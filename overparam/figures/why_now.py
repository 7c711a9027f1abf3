"""Why a run is fast now: gap, effective step, curvature and product over one axis of iterations,
and an empty plane for the ellipse of the preconditioner at the cursor."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from overparam.figures.readings import Panel, vertical
from overparam.figures.style import GRID, LIMIT, ZERO_AT, axis, base_layout

PLANE = ("xaxis2", "yaxis5")
_SPACE = 0.09  # between two panels, of the height, for the title of the lower one
_NARROW = 560  # pixels; below, the plane stands under the panels
_PANELS = {"wide": ((0.0, 0.68), (0.0, 1.0)), "narrow": ((0.0, 1.0), (0.34, 1.0))}
_PLANE = {"wide": ((0.77, 1.0), (0.32, 1.0)), "narrow": ((0.0, 0.36), (0.0, 0.21))}


def why_now(
    panels: Sequence[Panel],
    times: np.ndarray,
    limit: float,
    sides: tuple[str, str],
    reach: float,
    height: int,
) -> go.Figure:
    """Draw four readings of a run above each other, with room for the cursor to write in.

    Args:
        panels: from the top, four, each with its title above.
        times: iterations, shape (T,).
        limit: a line in the lowest panel.
        sides: what the axes of the plane of the ellipses are called.
        reach: half the width of that plane.
        height: in pixels.
    """
    figure, x = go.Figure(), np.maximum(times, ZERO_AT)
    for place, panel in enumerate(panels):
        suffix = _suffix(place)
        for curve in panel.readings:
            positive = np.where(curve.y > 0, curve.y, np.nan)
            line = {"color": curve.colour, "dash": curve.dash, "width": 2.5}
            figure.add_scatter(
                x=x, y=positive, yaxis=f"y{suffix}", name=curve.name, mode="lines", line=line
            )
    # an axis without a trace is not drawn
    figure.add_scatter(x=[0], y=[0], xaxis="x2", yaxis="y5", mode="markers", marker={"size": 1})
    figure.add_shape(
        type="line",
        xref="x domain",
        yref=f"y{_suffix(len(panels) - 1)}",
        x0=0,
        x1=1,
        y0=limit,
        y1=limit,
        line={"color": LIMIT, "width": 1.5, "dash": "dot"},
    )
    wide, narrow = _arranged(panels, "wide"), _arranged(panels, "narrow")
    verticals = {
        f"yaxis{_suffix(i)}": vertical(panel, labels=2) | {"title": None}
        for i, panel in enumerate(panels)
    }
    span = [np.log10(ZERO_AT * 0.9), np.log10(max(x[-1], 1) * 1.1)]
    plane: dict[str, Any] = {
        "range": [-reach, reach],
        "zeroline": True,
        "zerolinecolor": GRID,
        "nticks": 5,
    }
    figure.update_layout(
        **base_layout(
            height=height,
            showlegend=False,
            margin={"t": 24},
            xaxis=axis("iteration", log=True, range=span, anchor=f"y{_suffix(len(panels) - 1)}"),
            **verticals,
            xaxis2=axis(sides[0], anchor="y5", **plane),
            yaxis5=axis(sides[1], anchor="x2", scaleanchor="x2", **plane),
            meta={"narrow": {"below": _NARROW, "figure": {"layout": {"height": 640} | narrow}}},
        )
    )
    return figure.update_layout(**wide)


def _arranged(panels: Sequence[Panel], shape: str) -> dict:
    """Where panels, plane and titles stand."""
    (left, right), (low, high) = _PANELS[shape]
    across, up = _PLANE[shape]
    share = (high - low - _SPACE * (len(panels) - 1)) / len(panels)
    layout: dict = {
        "xaxis": {"domain": [left, right]},
        "xaxis2": {"domain": list(across)},
        "yaxis5": {"domain": list(up)},
    }
    titles = [(panel.title, left, high - i * (share + _SPACE)) for i, panel in enumerate(panels)]
    for i, (_, _, top) in enumerate(titles):
        layout[f"yaxis{_suffix(i)}"] = {"domain": [max(top - share, 0), min(top, 1)]}
    layout["annotations"] = [
        {
            "xref": "paper",
            "yref": "paper",
            "x": at,
            "y": top,
            "xanchor": "left",
            "yanchor": "bottom",
            "showarrow": False,
            "text": title,
        }
        for title, at, top in (*titles, ("step for every G of length 1", across[0], up[1]))
    ]
    return layout


def _suffix(place: int) -> str:
    return "" if place == 0 else str(place + 1)
