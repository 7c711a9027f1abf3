"""Readings along a run, stacked over one axis of iterations with one cursor."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from overparam.figures.style import NEUTRAL, ZERO_AT, axis, base_layout, translucent

_SPACE = 0.1  # between two panels, of the height
_LAW = {"color": NEUTRAL, "dash": "5px,4px", "width": 2}


@dataclass(frozen=True)
class Reading:
    """One reading against the figure's iterations; `law` draws it dashed and grey, `detail` is its
    longer name on hover."""

    name: str
    colour: str
    dash: str
    y: np.ndarray
    law: bool = False
    detail: str = ""


@dataclass(frozen=True)
class Panel:
    """One row of the figure: readings over a common vertical axis."""

    title: str
    readings: Sequence[Reading]
    log: bool = True


def stacked(
    panels: Sequence[Panel], times: np.ndarray, cursor: int, height: int = 430
) -> go.Figure:
    """Draw readings of a run above each other, iteration to the right, with the cursor through all
    of them.

    Args:
        panels: from the top.
        times: iterations, shape (T,).
        cursor: the iteration marked.
        height: in pixels.
    """
    figure, x = go.Figure(), np.maximum(times, ZERO_AT)
    share = (1 - _SPACE * (len(panels) - 1)) / len(panels)
    layout: dict = {}
    named: set[str] = set()
    shapes = [
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": max(cursor, ZERO_AT),
            "x1": max(cursor, ZERO_AT),
            "y0": 0,
            "y1": 1,
            "line": {"color": NEUTRAL, "width": 1.5},
        }
    ]
    for place, panel in enumerate(panels):
        suffix = "" if place == 0 else str(place + 1)
        top = 1 - place * (share + _SPACE)
        layout[f"yaxis{suffix}"] = vertical(panel) | {
            "domain": [max(top - share, 0), top],
            "anchor": "x",
        }
        for curve in panel.readings:
            positive = np.where(curve.y > 0, curve.y, np.nan) if panel.log else curve.y
            figure.add_scatter(
                x=x,
                y=positive,
                yaxis=f"y{suffix}",
                name=curve.name,
                legendgroup=curve.name,
                mode="lines",
                showlegend=curve.name not in named and not curve.law,
                customdata=times,
                line=(
                    _LAW if curve.law else {"color": curve.colour, "dash": curve.dash, "width": 2.5}
                ),
                hovertemplate=(
                    f"{curve.detail or curve.name}: %{{y:.4g}} at iteration"
                    " %{customdata}<extra></extra>"
                ),
            )
            if not curve.law:
                named.add(curve.name)
    bottom = "y" if len(panels) == 1 else f"y{len(panels)}"
    span = [np.log10(ZERO_AT * 0.9), np.log10(max(x[-1], 1) * 1.1)]
    return figure.update_layout(
        **base_layout(
            height=height,
            shapes=shapes,
            xaxis=axis("iteration", log=True, range=span, anchor=bottom),
            **layout,
        )
    )


def vertical(panel: Panel, labels: int = 4) -> dict:
    """The axis of a panel; a logarithmic one has about so many labels of decades, or some at 1, 2,
    5 where it spans hardly more than one."""
    if not panel.log:
        return axis(panel.title, zeroline=True, zerolinecolor=NEUTRAL)
    values = np.concatenate([curve.y for curve in panel.readings])
    values = values[np.isfinite(values) & (values > 0)]
    decades = np.log10(values.max() / values.min()) if values.size else 0
    return axis(
        panel.title,
        log=True,
        dtick="D2" if decades < 1.3 else max(1, round(decades / labels)),
        minor=None,
    )


def memory(
    rho: float, coefficients: np.ndarray, reference: np.ndarray, colour: str, height: int = 250
) -> go.Figure:
    """Draw the weights of past gradients in one step of a depth-2 network, relative to that of the
    present one.

    Args:
        rho: the weight of the present gradient.
        coefficients: mu(t, tau) for tau = 0..t-1, shape (t,).
        reference: what momentum 0.9 would give, relative to the present gradient, shape (t,).
        colour: of the bars.
        height: in pixels.
    """
    age = np.arange(len(coefficients), 0, -1)
    figure = go.Figure()
    figure.add_scatter(
        x=np.concatenate([age, [0]]),
        y=np.concatenate([coefficients / rho, [1]]),
        name="depth 2, measured",
        mode="lines",
        fill="tozeroy",
        line={"color": colour, "width": 2},
        fillcolor=translucent(colour, 0.15),
        hovertemplate="%{x} steps ago: %{y:.4g}<extra></extra>",
    )
    figure.add_scatter(
        x=np.concatenate([age, [0]]),
        y=np.concatenate([reference, [1]]),
        name="momentum 0.9, for comparison",
        mode="lines",
        line={"color": NEUTRAL, "dash": "5px,3px", "width": 2},
        hovertemplate="%{x} steps ago: %{y:.4g}<extra></extra>",
    )
    return figure.update_layout(
        **base_layout(
            height=height,
            # the oldest stands off the corner, where its label would meet that of the other axis
            xaxis=axis("age of the gradient, in steps", range=[1.05 * len(age), -0.02 * len(age)]),
            yaxis=axis("weight / weight of the newest", zeroline=True),
        )
    )
