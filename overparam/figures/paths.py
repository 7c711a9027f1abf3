"""The two-coordinate problem as a map with the paths of several methods, beside their losses;
played in the browser."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go

from overparam.figures.style import CURRENT_POINT, NEUTRAL, ZERO_AT, axis, base_layout, translucent

FRAMES = 60  # at most, evenly spaced in the logarithm of the iteration
LEVELS = 13
_MAP, _LOSS = [0, 0.60], [0.70, 1]  # of the width
# On a phone the losses stand below the map.
_NARROW = {
    "below": 500,
    "figure": {
        "layout": {
            "height": 600,
            "xaxis": {"domain": [0, 1]},
            "yaxis": {"domain": [0.51, 1]},
            "xaxis2": {"domain": [0, 1]},
            "yaxis2": {"domain": [0, 0.35]},
        }
    },
}


@dataclass(frozen=True)
class Path:
    """One method's way: name, colour, dash, iterations (T,), weights (T, 2), losses (T,); it ends
    at its goal or diverges."""

    name: str
    colour: str
    dash: str
    times: np.ndarray
    weights: np.ndarray
    losses: np.ndarray


def level_curves(p: float, target: np.ndarray, highest: float) -> list[np.ndarray]:
    """Closed curves on which `(1/p)(|w_1 - y_1|^p + |w_2 - y_2|^p)` is constant, from the highest
    loss down by factors of sqrt(10).

    Args: p: loss exponent. target: (y_1, y_2). highest: a loss > 0. Returns: LEVELS curves, each
    (points, 2), the largest first.
    """
    angle = np.linspace(0, 2 * np.pi, 145)
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    shape = np.sign(unit) * np.abs(unit) ** (2 / p)  # |x|^p + |y|^p = 1
    shape[-1] = shape[0]  # a root makes much of the rounding of sin 2 pi
    return [target + (p * highest * 10 ** (-i / 2)) ** (1 / p) * shape for i in range(LEVELS)]


def trajectories(
    paths: Sequence[Path],
    window: tuple[tuple[float, float], tuple[float, float]],
    p: float,
    target: np.ndarray,
    goal: float,
    height: int = 350,
) -> go.Figure:
    """Draw the map and the losses, with a slider and buttons that play the iterations.

    Args:
        paths: the methods' ways from one start.
        window: what is visible, ((lowest, highest) of w_1, of w_2).
        p: loss exponent.
        target: the minimum, shape (2,).
        goal: the loss at which paths end.
        height: in pixels.
    """
    # a loss of 0 stands on the floor of the logarithmic axis; what diverges ends where float32 does
    most = float(np.finfo(np.float32).max)
    paths = [
        replace(
            path,
            losses=np.clip(path.losses, goal / 10, most),
            weights=np.clip(path.weights, -most, most),
        )
        for path in paths
    ]
    figure = go.Figure()
    # curves and not a contour plot: plotly drops one while it plays frames
    farthest = np.abs(np.array(window).T - target).max(axis=0)
    for curve in level_curves(p, target, float((farthest**p).sum() / p)):
        figure.add_scatter(
            x=curve[:, 0].astype(np.float32),
            y=curve[:, 1].astype(np.float32),
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            line={"width": 0.7, "color": translucent(NEUTRAL, 0.45)},
            fill="toself",
            fillcolor=translucent(NEUTRAL, 0.05),
        )
    figure.add_scatter(
        x=[target[0]],
        y=[target[1]],
        mode="markers",
        showlegend=False,
        name="minimum",
        marker={"symbol": "star", "size": 13, "color": NEUTRAL},
        hovertemplate="minimum (%{x:g}, %{y:g})<extra></extra>",
    )
    start = paths[0].weights[0]
    figure.add_scatter(
        x=[start[0]],
        y=[start[1]],
        mode="markers",
        showlegend=False,
        name="start",
        marker={"symbol": "diamond", "size": 11, "color": CURRENT_POINT},
        hovertemplate="start (%{x:.3g}, %{y:.3g})<extra></extra>",
    )
    fixed = len(figure.data)
    for path in paths:
        place = "iteration %{customdata}<br>(%{x:.4g}, %{y:.4g})"
        figure.add_scatter(showlegend=True, **_look(path, place), **_way(path, len(path.times)))
    for path in paths:
        place = "iteration %{customdata}: %{y:.4g}"
        figure.add_scatter(
            xaxis="x2",
            yaxis="y2",
            showlegend=False,
            **_look(path, place),
            **_curve(path, len(path.times)),
        )
    moving = list(range(fixed, fixed + 2 * len(paths)))
    instants = _instants(max(path.times[-1] for path in paths))
    figure.frames = [  # only what changes: plotly takes long to check what it is given
        {
            "name": str(t),
            "traces": moving,
            "data": [
                {"type": "scatter", **part}
                for draw in (_way, _curve)
                for part in (draw(p, _known(p, t)) for p in paths)
            ],
        }
        for t in instants
    ]
    figure.update_layout(
        **base_layout(
            height=height,
            xaxis=axis("w<sub>1</sub>", domain=_MAP, range=window[0], showgrid=False),
            yaxis=axis("w<sub>2</sub>", range=window[1], showgrid=False),
            xaxis2=axis(
                "iteration",
                log=True,
                domain=_LOSS,
                anchor="y2",
                dtick=1,
                tickangle=0,
                minor=None,
                range=_span(paths),
            ),
            yaxis2=axis("loss", log=True, anchor="x2", range=[np.log10(goal / 20), _top(paths)]),
            shapes=[
                {
                    "type": "line",
                    "xref": "x2 domain",
                    "yref": "y2",
                    "x0": 0,
                    "x1": 1,
                    "y0": goal,
                    "y1": goal,
                    "line": {"color": NEUTRAL, "width": 1, "dash": "dot"},
                }
            ],
            meta={"narrow": _NARROW},
            **_transport(instants),
        )
    )
    return figure


def _look(path: Path, place: str) -> dict:
    """What stays the same from frame to frame."""
    return {
        "name": path.name,
        "legendgroup": path.name,
        "mode": "lines+markers",
        "line": {"color": path.colour, "dash": path.dash, "width": 2.5},
        "marker_color": path.colour,
        "marker_line_width": 0,
        "customdata": path.times,
        "hovertemplate": f"{path.name}, {place}<extra></extra>",
    }


def _way(path: Path, count: int) -> dict:
    """The path up to its `count`-th point, its head marked."""
    x, y = path.weights[:count].T.astype(np.float32)
    return {"x": x, "y": y, "marker": {"size": _sizes(count, inner=4)}}


def _curve(path: Path, count: int) -> dict:
    """The loss up to its `count`-th point, its head marked."""
    x, y = np.maximum(path.times[:count], ZERO_AT), path.losses[:count].astype(np.float32)
    return {"x": x, "y": y, "marker": {"size": _sizes(count, inner=0)}}


def _sizes(count: int, inner: int) -> np.ndarray:
    return np.array([inner] * (count - 1) + [10])


def _known(path: Path, time: int) -> int:
    return max(1, int(np.searchsorted(path.times, time, side="right")))


def _instants(last: int) -> list[int]:
    return [int(t) for t in np.unique(np.rint(np.geomspace(1, last + 1, FRAMES)).astype(int) - 1)]


def _span(paths: Sequence[Path]) -> list[float]:
    """log10 of the first and last iteration, with room for the heads: an axis that stands still
    while the curves grow."""
    return [
        float(np.log10(ZERO_AT)) - 0.05,
        float(np.log10(max(path.times[-1] for path in paths) + 1)) + 0.05,
    ]


def _top(paths: Sequence[Path]) -> float:
    """log10 of the highest loss shown: the start's, with room for an overshoot, none for a
    divergence."""
    start = max(path.losses[0] for path in paths)
    finite = np.concatenate([path.losses[np.isfinite(path.losses)] for path in paths])
    return float(np.log10(max(min(finite.max(), 100 * start), 1e-12)) + 0.2)


def _transport(instants: Sequence[int]) -> dict:
    """Play, pause and a slider over the frames."""
    jump = {
        "mode": "immediate",
        "frame": {"duration": 0, "redraw": False},
        "transition": {"duration": 0},
    }
    run = {
        "fromcurrent": True,
        "frame": {"duration": 110, "redraw": False},
        "transition": {"duration": 0},
    }
    look = {"bgcolor": translucent(NEUTRAL, 0.15), "bordercolor": translucent(NEUTRAL, 0.5)}
    return {
        "updatemenus": [
            {
                "type": "buttons",
                "direction": "left",
                "x": 0,
                "xanchor": "left",
                "y": 0,
                "yanchor": "top",
                "showactive": False,
                "pad": {"t": 52, "r": 6},
                **look,
                "buttons": [
                    {"label": "▶ Play", "method": "animate", "args": [None, run]},
                    {"label": "❚❚", "method": "animate", "args": [[None], jump]},
                ],
            }
        ],
        "sliders": [
            {
                "x": 0.38,
                "len": 0.62,
                "y": 0,
                "yanchor": "top",
                "pad": {"t": 48, "b": 0},
                "active": len(instants) - 1,
                "currentvalue": {"prefix": "iteration ", "xanchor": "right"},
                "ticklen": 0,
                "minorticklen": 0,
                **look,
                "steps": [
                    {"label": str(t), "method": "animate", "args": [[str(t)], jump]}
                    for t in instants
                ],
            }
        ],
    }
