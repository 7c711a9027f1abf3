"""Figures of the view on alignment: interface matrices."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from overparam.figures.style import NEUTRAL, VIOLET, axis, base_layout, translucent

# Zero is transparent, so that one scale serves both themes.
_RISING = [[0, translucent(VIOLET, 0.0)], [1, translucent(VIOLET, 1.0)]]


def interface_maps(matrices: NDArray[np.float64], r: int, height: int = 290) -> go.Figure:
    """|T_j| between neighbouring layers, side by side, with the block of the top r framed.

    Args:
        matrices: |T_j|, shape (J, h, h).
        r: size of the block.
    """
    figure, count = go.Figure(), len(matrices)
    h, columns = matrices.shape[-1], min(count, 2 if count <= 4 else 3)
    rows = -(-count // columns)
    layout: dict[str, object] = {}
    shapes = []
    for j, matrix in enumerate(matrices):
        suffix = "" if j == 0 else str(j + 1)
        row, column = divmod(j, columns)
        left, top = column / columns, 1 - row / rows
        layout[f"xaxis{suffix}"] = axis(
            f"U<sub>{j + 1}</sub>",
            domain=[left, left + 0.86 / columns],
            anchor=f"y{suffix}",
            showgrid=False,
            showticklabels=False,
            ticks="",
            constrain="domain",
            range=[-0.5, h - 0.5],
        )
        layout[f"yaxis{suffix}"] = axis(
            f"V<sub>{j + 2}</sub>",
            domain=[max(0.0, top - (0.78 if rows > 1 else 1.0) / rows), top],
            anchor=f"x{suffix}",
            showgrid=False,
            showticklabels=False,
            ticks="",
            range=[h - 0.5, -0.5],
            scaleanchor=f"x{suffix}",
            constrain="domain",
        )
        figure.add_heatmap(
            z=matrix,
            xaxis=f"x{suffix}",
            yaxis=f"y{suffix}",
            zmin=0,
            zmax=1,
            colorscale=_RISING,
            showscale=False,
            xgap=1,
            ygap=1,
            hovertemplate=f"|T{j + 1}[%{{y}}, %{{x}}]| = %{{z:.3f}}<extra></extra>",
        )
        for size, dash, width in ((r, "solid", 2.5), (h, "solid", 1)):
            shapes.append(
                {
                    "type": "rect",
                    "xref": f"x{suffix}",
                    "yref": f"y{suffix}",
                    "x0": -0.5,
                    "y0": -0.5,
                    "x1": min(size, h) - 0.5,
                    "y1": min(size, h) - 0.5,
                    "line": {"color": NEUTRAL, "width": width, "dash": dash},
                }
            )
    return figure.update_layout(
        **base_layout(height=height, shapes=shapes, showlegend=False, **layout)
    )
