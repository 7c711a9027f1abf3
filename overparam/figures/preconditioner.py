"""Pictures of one step: what the implicit preconditioner does to a gradient of two weights, and its
eigenvalues."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from overparam.figures.style import (
    BLUE,
    CURRENT_POINT,
    GRADIENT_AFTER,
    GRADIENT_BEFORE,
    GRID,
    MAGENTA,
    NEUTRAL,
    ORANGE,
    VIOLET,
    axis,
    base_layout,
    translucent,
    unchecked,
)

RATE = VIOLET  # the adaptive rate ||W||^{2-2/N}
STRETCH = MAGENTA  # the stretch along W
_WINDOWS = np.array([1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256])


def one_output(
    w: np.ndarray, grad: np.ndarray, scaled: np.ndarray, after: np.ndarray, ellipse: np.ndarray
) -> go.Figure:
    """Draw a gradient of two weights before and after the preconditioner, with its two factors.

    Args:
        w: W, shape (2,).
        grad: G, shape (2,).
        scaled: ||W||^{2-2/N} G, shape (2,).
        after: P(G), shape (2,).
        ellipse: image of the unit circle under P, shape (n, 2).
    """
    reach = 1.12 * max(1.0, np.abs(ellipse).max(), *(np.abs(v).max() for v in (w, grad, after)))
    window = _WINDOWS[
        min(np.searchsorted(_WINDOWS, reach), len(_WINDOWS) - 1)
    ]  # in steps, so that it rarely moves
    angle = np.linspace(0, 2 * np.pi, 121)
    data: list[dict[str, Any]] = [
        {
            "x": np.cos(angle),
            "y": np.sin(angle),
            "name": "unit circle",
            "mode": "lines",
            "hoverinfo": "skip",
            "line": {"color": NEUTRAL, "width": 1.5, "dash": "6px,4px"},
        },
        {
            "x": ellipse[:, 0],
            "y": ellipse[:, 1],
            "name": "its image under P",
            "mode": "lines",
            "hoverinfo": "skip",
            "fill": "toself",
            "line": {"color": GRADIENT_AFTER, "width": 2},
            "fillcolor": translucent(GRADIENT_AFTER, 0.12),
        },
    ]
    length = np.linalg.norm(w)
    if length > 0:
        far = 3 * window * w / length
        data.append(
            {
                "x": [-far[0], far[0]],
                "y": [-far[1], far[1]],
                "mode": "lines",
                "hoverinfo": "skip",
                "showlegend": False,
                "line": {"color": translucent(CURRENT_POINT, 0.8), "width": 1.5, "dash": "2px,4px"},
            }
        )
    origin = np.zeros(2)
    same = np.allclose(grad, after, rtol=1e-3, atol=1e-3 * window)
    arrows = [
        _arrow(origin, grad, GRADIENT_BEFORE, window),
        _arrow(origin, scaled, RATE, window, width=2),
        _arrow(scaled, after, STRETCH, window, width=2),
        _arrow(origin, after, GRADIENT_AFTER, window),
        _arrow(origin, w, CURRENT_POINT, window),
    ]
    longer = np.linalg.norm(scaled) > np.linalg.norm(
        grad
    )  # that arrow runs on through the tip of G
    aside = np.round(_unit(grad) - _unit(after), 6) if longer and not same else grad
    tips = [
        ("W", w, CURRENT_POINT, w),
        ("P(G)", after, GRADIENT_AFTER, after),
        ("G", grad, GRADIENT_BEFORE, aside),
    ]
    if same:
        tips[1:] = [("G = P(G)", grad, GRADIENT_BEFORE, grad)]
    for name, tip, colour, _ in tips:
        data.append(
            {
                "x": [tip[0]],
                "y": [tip[1]],
                "mode": "markers",
                "name": name,
                "showlegend": False,
                "marker": {"color": colour, "size": 7},
                "hovertemplate": f"{name} = (%{{x:.4g}}, %{{y:.4g}})<extra></extra>",
            }
        )
    layout = base_layout(
        height=470,
        annotations=[a for a in arrows if a] + _labels(tips, apart=0.06 * window),
        xaxis=axis("first weight", range=[-window, window], zeroline=True, zerolinecolor=GRID),
        yaxis=axis(
            "second weight",
            range=[-window, window],
            zeroline=True,
            zerolinecolor=GRID,
            scaleanchor="x",
        ),
        uirevision=float(window),
    )
    return unchecked([{"type": "scatter"} | trace for trace in data], layout)


def eigenvalue_map(
    table: np.ndarray, names: tuple[list[str], list[str]], chosen: tuple[int, int]
) -> go.Figure:
    """Draw the eigenvalues of the preconditioner as a map over (r, s), exact values on hover, one
    cell marked.

    Args:
        table: lambda(r, s), shape (k, d).
        names: labels of the rows r and of the columns s.
        chosen: the marked cell (r, s).
    """
    rows, columns = names
    r, s = chosen
    return _matrix(
        table,
        {
            "x": columns,
            "y": rows,
            "xgap": 2,
            "ygap": 2,
            "zmin": 0,
            "zmax": max(table.max(), 1e-300),
            "colorscale": [[0, translucent(ORANGE, 0.05)], [1, translucent(ORANGE, 0.8)]],
            "customdata": [[[r, s] for s in range(table.shape[1])] for r in range(table.shape[0])],
            "hovertemplate": "%{y}, %{x}: λ = %{z:.10g}<extra></extra>",
        },
        "{:.3g}",
        shapes=[
            {
                "type": "rect",
                **{"x0": s - 0.49, "x1": s + 0.49, "y0": r - 0.49, "y1": r + 0.49},
                "line": {"color": BLUE, "width": 3},
            }
        ],
    )


def signed_matrix(matrix: np.ndarray, letters: tuple[str, str], text: bool = True) -> go.Figure:
    """Draw the entries of a matrix, positive ones orange and negative ones blue.

    Args:
        matrix: shape (rows, columns).
        letters: what a row and a column are called on hover.
        text: write the entries into the cells.
    """
    limit, gap = max(np.abs(matrix).max(), 1e-300), 2 if text else 1
    return _matrix(
        matrix,
        {
            "x": [str(i + 1) for i in range(matrix.shape[1])],
            "y": [str(o + 1) for o in range(matrix.shape[0])],
            "xgap": gap,
            "ygap": gap,
            "zmin": -limit,
            "zmax": limit,
            "colorscale": [
                [0, translucent(BLUE, 0.8)],
                [0.5, translucent(BLUE, 0)],
                [0.5, translucent(ORANGE, 0)],
                [1, translucent(ORANGE, 0.8)],
            ],
            "hovertemplate": f"{letters[0]} %{{y}}, {letters[1]} %{{x}}: %{{z:.6g}}<extra></extra>",
        },
        "{:.2f}" if text else None,
    )


def _matrix(
    matrix: np.ndarray, look: dict[str, Any], number: str | None, **layout: Any
) -> go.Figure:
    """Square cells; the numbers are a trace of their own, as these take the theme's text colour."""
    rows, columns = matrix.shape
    cell = min(62, 372 / columns, 250 / rows)
    bare: dict[str, Any] = {
        "showgrid": False,
        "ticks": "",
        "type": "category",
        "constrain": "domain",
    }
    data = [{"type": "heatmap", "z": matrix, "showscale": False, **look}]
    if number is not None:
        data.append(
            {
                "type": "scatter",
                "mode": "text",
                "x": look["x"] * rows,
                "y": [name for name in look["y"] for _ in range(columns)],
                "text": [number.format(entry) for entry in matrix.flat],
                "hoverinfo": "skip",
                "showlegend": False,
            }
        )
    return unchecked(
        data,
        base_layout(
            height=round(rows * cell) + 40,
            xaxis=axis(**bare, side="top", categoryarray=look["x"], range=[-0.5, columns - 0.5]),
            yaxis=axis(**bare, categoryarray=look["y"], range=[rows - 0.5, -0.5], scaleanchor="x"),
            margin={"t": 8, "r": 8},
            **layout,
        ),
    )


def _arrow(
    start: np.ndarray, end: np.ndarray, colour: str, window: float, width: float = 3
) -> dict | None:
    """An arrow in the units of the axes; None where it would be shorter than its head."""
    if np.linalg.norm(end - start) < 0.015 * window:
        return None
    return {
        "x": end[0],
        "y": end[1],
        "ax": start[0],
        "ay": start[1],
        "xref": "x",
        "yref": "y",
        "axref": "x",
        "ayref": "y",
        "showarrow": True,
        "arrowhead": 2,
        "arrowsize": 1,
        "arrowwidth": width,
        "arrowcolor": colour,
        "text": "",
    }


def _labels(tips: list[tuple[str, np.ndarray, str, np.ndarray]], apart: float) -> list[dict]:
    """A label at each tip, on the side given last; tips that nearly coincide share one, in the
    first one's colour."""
    merged: list[tuple[str, np.ndarray, str, np.ndarray]] = []
    for name, tip, colour, side in tips:
        for i, (names, place, first, beside) in enumerate(merged):
            if np.linalg.norm(tip - place) < apart:
                merged[i] = (f"{names}, {name}", place, first, beside)
                break
        else:
            merged.append((name, tip, colour, side))
    return [_label(*each) for each in merged]


def _unit(vector: np.ndarray) -> np.ndarray:
    """The direction of a vector; 0 for 0."""
    return vector / max(np.linalg.norm(vector), np.finfo(float).tiny)


def _label(text: str, tip: np.ndarray, colour: str, side: np.ndarray) -> dict:
    away = _unit(side) if side.any() else np.array([1.8, -1.0])
    return {
        "x": tip[0],
        "y": tip[1],
        "text": f"<b>{text}</b>",
        "showarrow": False,
        "font": {"color": colour},
        "xshift": float(18 * away[0]),
        "yshift": float(14 * away[1]),
    }
