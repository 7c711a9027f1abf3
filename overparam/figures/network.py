"""A network drawn: one matrix beside the N whose product it is, and the same step of both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from overparam.figures.style import BLUE, NEUTRAL, ORANGE, base_layout, translucent

THICKEST, THINNEST = 11.0, 1.5  # pixels of the largest weight and of a small one
SINGLE, FIRST, LAST = (-0.2, 1.2), 2.4, 8.0  # places along the picture
HEIGHTS = (1.0, 0.0)  # of the two inputs; what they feed stands between


def network_figure(
    single: NDArray[np.float64],
    layers: Sequence[NDArray[np.float64]],
    titles: tuple[str, str],
    height: int = 300,
) -> go.Figure:
    """Draw a linear model of two inputs twice: one matrix W, and W_N ... W_1 with one hidden unit.

    A weight is a line, as thick as the weight is large, blue where it is positive and orange where
    it is negative; each matrix is a box around its lines.

    Args:
        single: W, shape (2,).
        layers: W_1 of shape (2,), then numbers W_2 ... W_N.
        titles: of the two drawings.
    """
    figure = go.Figure()
    flat = [np.ravel(each) for each in layers]
    largest = max(float(np.abs(np.concatenate([single, *flat])).max()), 1e-12)
    middle = float(np.mean(HEIGHTS))
    boxes = []

    def edge(x: tuple[float, float], y: tuple[float, float], weight: float, name: str) -> None:
        share = abs(weight) / largest
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={
                "color": BLUE if weight >= 0 else ORANGE,
                "width": THINNEST + (THICKEST - THINNEST) * share,
            },
            hovertemplate=f"{name} = {weight:.4g}<extra></extra>",
        )

    def matrix(name: str, x: tuple[float, float], weights: NDArray[np.float64]) -> None:
        starts = HEIGHTS if len(weights) == 2 else (middle,)
        for i, (start, weight) in enumerate(zip(starts, weights, strict=True), start=1):
            edge(x, (start, middle), float(weight), f"{name}, weight {i}")
        numbers = ", ".join(f"{weight:.3g}" for weight in weights)
        boxes.append((x, f"<b>{name}</b><br>{numbers}"))

    matrix("W", SINGLE, np.ravel(single))
    places = np.linspace(FIRST, LAST, len(flat) + 1)
    for j, weights in enumerate(flat):
        matrix(f"W<sub>{j + 1}</sub>", (float(places[j]), float(places[j + 1])), weights)
    nodes = [(x, y) for x in (SINGLE[0], FIRST) for y in HEIGHTS]
    nodes += [(SINGLE[1], middle), *((float(x), middle) for x in places[1:])]
    figure.add_scatter(
        x=[x for x, _ in nodes],
        y=[y for _, y in nodes],
        mode="markers",
        marker={"size": 13, "color": NEUTRAL},
        hoverinfo="skip",
    )
    figure.update_layout(
        **base_layout(
            height=height,
            showlegend=False,
            xaxis={"visible": False, "range": [-0.6, LAST + 0.4], "fixedrange": True},
            yaxis={"visible": False, "range": [-0.95, 1.75], "fixedrange": True},
            shapes=[
                {
                    "type": "rect",
                    "x0": x[0] + 0.12 * (x[1] - x[0]),
                    "x1": x[1] - 0.12 * (x[1] - x[0]),
                    "y0": -0.25,
                    "y1": 1.25,
                    "line": {"color": translucent(NEUTRAL, 0.8), "width": 1},
                    "layer": "below",
                }
                for x, _ in boxes
            ],
            annotations=[
                {"x": sum(x) / 2, "y": -0.3, "yanchor": "top", "text": text, "showarrow": False}
                for x, text in boxes
            ]
            + [
                {
                    "x": sum(x) / 2,
                    "y": 1.7,
                    "yanchor": "top",
                    "text": text,
                    "showarrow": False,
                }
                for x, text in zip((SINGLE, (FIRST, LAST)), titles, strict=True)
            ],
        )
    )
    return figure
