"""The map of where depth helps, and the runs of one of its cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from overparam.figures.style import (
    NEUTRAL,
    RED,
    ZERO_AT,
    axis,
    base_layout,
    depth_colour,
    depth_dash,
    log_ticks,
    translucent,
)

Array = NDArray[Any]

MOST = 6  # log2 of the speed-up at either end of the scale: 64 times
MOST_NUMBERED = 16  # columns, beyond which the factors would not fit into the cells
MOST_CELLS_NUMBERED = 25 * 25  # of the finest map that the page computes
LEAST_CELL, BESIDE_CELLS = (
    24,
    125,
)  # pixels: a narrower cell holds no number; what axis and scale take of the width
AROUND = 0.5  # decades of step sizes shown beyond those that arrived
# Blue against yellow is told apart with every common colour deficiency, and light against dark
# carries the size once more. Neither is the blue or the orange of a depth's curve.
SPEED_UP: list[tuple[float, str]] = [
    (0, "#6b4e00"),
    (0.25, "#c79a1e"),
    (0.5, "#e4e6ea"),
    (0.75, "#7482d2"),
    (1, "#2c389f"),
]
_TICKS = {-6: "1/64", -3: "1/8", 0: "1", 3: "8", 6: "64"}
_LETTERS = ("#ffffff", "#14181f")
SCALE = {
    "cmin": -MOST,
    "cmax": MOST,
    "colorscale": SPEED_UP,
    "colorbar": {
        "title": {"text": "times faster", "side": "right"},
        "tickvals": list(_TICKS),
        "ticktext": list(_TICKS.values()),
        "thickness": 12,
        "len": 1,
        "outlinewidth": 0,
        "xpad": 6,
        "ypad": 0,
    },
}

# Cells without a number: who arrived at the goal before it was given up.
ONLY_DEEP, ONLY_PLAIN, NEITHER = (
    "only {deep}",
    "only depth 1",
    "neither",
)  # {deep}: what the deep one is called
CENSORED = {ONLY_DEEP: "#141c66", ONLY_PLAIN: "#3f2d00", NEITHER: NEUTRAL}  # beyond the scale
HATCH = (-0.5, 0.0, 0.5)  # where the lines of a cell's texture stand


@dataclass(frozen=True)
class Axis:
    """One side of the map: its name and the values of its columns or rows, as they are written."""

    name: str
    values: Sequence[str]


def speed_up_map(
    x: Axis,
    y: Axis,
    log2: Array,
    censored: Sequence[Sequence[str | None]],
    words: Sequence[Sequence[str]],
    selected: tuple[int, int] | None = None,
    deep: str = "depth N",
    unsure: Array | None = None,
) -> go.Figure:
    """Draw the map: colour is the speed-up of depth, the number on it its factor; a cell without
    one is darker than the scale, or hatched.

    Args:
        x, y: the axes.
        log2: log2 of depth 1's iterations over depth N's, (rows, columns), NaN where there is no
            such number.
        censored: for each cell a key of CENSORED, or None.
        words: for each cell what hovering says; "" for one that is not known yet.
        selected: column and row that is framed.
        deep: what the legend calls the deep one of a race.
        unsure: cells that are marked, as starts disagree there, (rows, columns).
    """
    rows, columns = log2.shape
    figure = go.Figure()
    numbered = columns <= MOST_NUMBERED
    common = {
        "x": np.arange(columns),
        "y": np.arange(rows),
        "xgap": 1.5,
        "ygap": 1.5,
        "customdata": words,
        "hovertemplate": "%{customdata}<extra></extra>",
        "hoverongaps": False,
    }
    for (
        letters
    ) in _LETTERS:  # a part of the cells each: white letters on dark ones, black ones on the rest
        mine = np.array([[_letters(value) == letters for value in row] for row in log2])
        figure.add_heatmap(
            **common,
            z=np.where(mine, np.clip(log2, -MOST, MOST), np.nan),
            coloraxis="coloraxis",
            text=[
                [_cell_text(v) if m else "" for v, m in zip(*each, strict=True)]
                for each in zip(log2, mine, strict=True)
            ],
            texttemplate="%{text}" if numbered else None,
            textfont={"color": letters},
        )
    for kind, colour in CENSORED.items():
        here = np.array([[mark == kind for mark in row] for row in censored])
        fill = translucent(colour, 0.15) if kind == NEITHER else colour
        figure.add_heatmap(
            **common,
            z=np.where(here, 1.0, np.nan),
            colorscale=[[0, fill], [1, fill]],
            showscale=False,
            text=np.where(here & (kind != NEITHER), "only", ""),
            texttemplate="%{text}" if numbered else None,
            textfont={"color": _LETTERS[0]},
        )
        figure.add_scatter(**_legend_entry(kind.format(deep=deep), kind, colour, here))
    if unsure is not None and unsure.any():
        at = np.argwhere(unsure)
        figure.add_scatter(
            x=at[:, 1] + 0.36,
            y=at[:, 0] + 0.36,
            mode="markers",
            name="starts disagree",
            marker={"size": 5, "color": RED},
            hoverinfo="skip",
        )
    shapes = []
    if selected is not None:
        left, low = selected[0] - 0.5, selected[1] - 0.5
        frame = {
            "x0": left,
            "x1": left + 1,
            "y0": low,
            "y1": low + 1,
            "line": {"color": RED, "width": 3},
        }
        shapes = [{"type": "rect", **frame}]
    return figure.update_layout(
        **base_layout(
            height=410,
            xaxis=_labelled(x, 65),
            yaxis=_labelled(y, 130),
            shapes=shapes,
            legend={"title": {"text": "arrived: ", "side": "left"}, "itemclick": False},
            coloraxis=SCALE,
            meta={
                "narrow": {
                    "below": LEAST_CELL * columns + BESIDE_CELLS,
                    "figure": {"data": [_unnumbered(trace) for trace in figure.data]},
                }
            },
            margin={"t": 30, "r": 4},
            hoverlabel={"align": "left"},
        )
    )


def _legend_entry(name: str, kind: str, colour: str, here: Array) -> dict[str, Any]:
    """What the legend says of cells without a number: their colour, or their texture, which is
    drawn into them."""
    if kind != NEITHER:
        edge = {"color": NEUTRAL, "width": 1}  # dark on a dark page
        marker = {"symbol": "square", "size": 11, "color": colour, "line": edge}
        return {"x": [None], "y": [None], "mode": "markers", "name": name, "marker": marker}
    ends = [
        (c + side * (0.46 - max(0.0, side * at)), r + side * (0.46 - max(0.0, -side * at)))
        if side
        else (math.nan, math.nan)
        for r, c in np.argwhere(here)
        for at in HATCH
        for side in (-1, 1, 0)
    ]
    x, y = zip(*ends, strict=True) if ends else ([None], [None])
    return {
        "x": x,
        "y": y,
        "mode": "lines",
        "name": name,
        "line": {"color": colour, "width": 1.5},
        "hoverinfo": "skip",
    }


def _unnumbered(trace: Any) -> dict[str, str]:
    return {"texttemplate": ""} if trace.type == "heatmap" else {}


def _letters(log2: float) -> str:
    """White or black, whichever stands out more on the colour of a cell (WCAG 2 contrast)."""
    place = (np.clip(log2, -MOST, MOST) + MOST) / (2 * MOST)
    stops = [stop for stop, _ in SPEED_UP]
    channels = np.array(
        [[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for _, colour in SPEED_UP]
    )
    rgb = np.array([np.interp(place, stops, channel) for channel in channels.T])
    luminance = np.dot(
        np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4),
        [0.2126, 0.7152, 0.0722],
    )
    return _LETTERS[0] if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.058 else _LETTERS[1]


def _labelled(side: Axis, most: int) -> dict:
    """An axis of columns or rows: every one named, or every second where names are many or
    long."""
    count = len(side.values)
    every = 1 if count * max(map(len, side.values)) <= most else 2
    return axis(
        side.name,
        range=[-0.5, count - 0.5],
        tickvals=list(range(0, count, every)),
        ticktext=list(side.values[::every]),
        showgrid=False,
        ticks="",
    )


def _cell_text(log2: float) -> str:
    """A speed-up short enough for a cell: 1/7 for seven times slower, 0.7 for less than twice."""
    size = 2 ** abs(log2) if np.isfinite(log2) else 0
    if log2 < 0 and 1.05 < size < 1.95:
        return f"{1 / size:.1f}"
    return f"1/{size:.0f}" if log2 < 0 and 1.95 <= size < 9.95 else factor(log2)


def factor(log2: float) -> str:
    """A speed-up in two digits: 12 for twelve times faster, 1/12 for twelve times slower."""
    if not np.isfinite(log2):
        return ""
    size = 2 ** abs(log2)
    text = f"{size:.1f}".removesuffix(".0") if size < 9.95 else f"{float(f'{size:.2g}'):.0f}"
    return text if log2 >= 0 or text == "1" else f"1/{text}"


def cell_curves(
    depths: tuple[float, float], times: NDArray[np.int64], losses: Array, goal: float, title: str
) -> go.Figure:
    """The loss (or gap) of the two depths at their best step sizes, against the iteration.

    Args:
        depths: N and 1. times: (K,). losses: (K, 2), NaN after divergence. goal: drawn as a line.
            title: of the upright axis.
    """
    figure = go.Figure()
    for depth, curve, (colour, dash) in zip(depths, losses.T, _looks(depths), strict=True):
        figure.add_scatter(
            x=np.maximum(times, ZERO_AT),
            y=np.where(curve > 0, curve, np.nan),
            mode="lines",
            name=f"depth {depth:.3g}",
            line={"color": colour, "dash": dash, "width": 2.5},
            customdata=times,
            hovertemplate=f"depth {depth:.3g}, iteration %{{customdata}}:"
            f" %{{y:.3g}}<extra></extra>",
        )
    last = np.log10(max(times[-1], 2))
    finite = losses[np.isfinite(losses) & (losses > 0)]
    bottom, top = (
        np.log10(goal) - 1,
        np.log10(max(goal, min(finite.max(initial=goal), 100 * np.nanmax(losses[0])))) + 0.3,
    )
    return figure.update_layout(
        **base_layout(
            height=180,
            xaxis=axis(
                "iteration", log=True, range=[np.log10(ZERO_AT), last], **log_ticks(0, last)
            ),
            yaxis=axis(title, log=True, range=[bottom, top], **log_ticks(bottom, top, 2)),
            shapes=[_level(goal, "y")],
            margin={"t": 26},
        )
    )


def cell_tuning(
    depths: tuple[float, float],
    steps: Array,
    reached: NDArray[np.int64],
    best: tuple[int, int],
    until: int,
) -> go.Figure:
    """Iterations to the goal against the step size, both depths, the quickest marked; a step that
    did not arrive is left out.

    Args:
        depths: N and 1. steps: in the problem's unit, (S,). reached: (2, S), negative where not
            reached. best: places in the grid.
        until: iterations computed.
    """
    figure, arrived = go.Figure(), (reached >= 0).any(axis=0)
    log = np.log10(steps[arrived] if arrived.any() else steps)
    low, high = log.min() - AROUND, log.max() + AROUND
    bottom, top = (
        np.log10(max(reached[reached >= 0].min(initial=until), 1)) - 0.4,
        np.log10(until) + 0.2,
    )
    for depth, own, place, (colour, dash) in zip(
        depths, reached, best, _looks(depths), strict=True
    ):
        shown = np.where(own >= 0, np.maximum(own, 1), np.nan)
        sizes = np.full(len(steps), 5)
        sizes[place] = 13 if own[place] >= 0 else 5
        figure.add_scatter(
            x=steps,
            y=shown,
            mode="lines+markers",
            name=f"depth {depth:.3g}",
            connectgaps=False,
            customdata=own,
            line={"color": colour, "dash": dash, "width": 2},
            marker={
                "color": colour,
                "size": sizes,
                "symbol": np.where(sizes > 5, "star", "circle"),
                "line": {"width": 0},
            },
            hovertemplate=f"depth {depth:.3g}, step %{{x:.3g}}: %{{customdata}}"
            f" iterations<extra></extra>",
        )
    return figure.update_layout(
        **base_layout(
            height=190,
            xaxis=axis(
                "step size, in leaps to the target",
                log=True,
                range=[low, high],
                **log_ticks(low, high),
            ),
            yaxis=axis("iterations", log=True, range=[bottom, top], **log_ticks(bottom, top, 2)),
            legend={"title": {"text": "★ quickest  ", "side": "left"}},
            margin={"t": 26},
        )
    )


def _looks(depths: tuple[float, float]) -> list[tuple[str, str]]:
    """Colour and dash of depth N and depth 1; where they would be the same, as for N = 1.25, N
    looks like depth 2."""
    deep, plain = depths
    shown = deep if depth_colour(deep) != depth_colour(plain) else 2
    return [(depth_colour(shown), depth_dash(shown)), (depth_colour(plain), depth_dash(plain))]


def _level(value: float, yref: str) -> dict:
    return {
        "type": "line",
        "xref": "paper",
        "yref": yref,
        "x0": 0,
        "x1": 1,
        "y0": value,
        "y1": value,
        "line": {"color": translucent(NEUTRAL, 0.9), "width": 1.2, "dash": "dot"},
    }
