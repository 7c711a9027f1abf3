"""Figures of the page on Theorem 2: the field F in the plane with what is drawn into it, and its
circulation by pieces."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from overparam.figures.style import (
    BLUE,
    GRADIENT_AFTER,
    GRADIENT_BEFORE,
    MAGENTA,
    NEUTRAL,
    PIECES,
    REST_PART,
    SAGE,
    VIOLET,
    axis,
    base_layout,
    translucent,
    unchecked,
)

Array = NDArray[Any]

NUMBERS = ("①", "②", "③", "④")
# Zero is transparent, so that one scale serves both themes.
DIVERGING = [
    [0, translucent(SAGE, 0.75)],
    [0.5, translucent(SAGE, 0.0)],
    [0.5, translucent(MAGENTA, 0.0)],
    [1, translucent(MAGENTA, 0.6)],
]
RISING = [
    [0, translucent(MAGENTA, 0.0)],
    [1, translucent(MAGENTA, 0.6)],
]  # for what is never negative
METHODS = {  # name -> colour, dash
    "along G": (GRADIENT_BEFORE, "solid"),
    "along F": (GRADIENT_AFTER, "12px,4px"),
    "along ∇φ*": (VIOLET, "3px,3px"),
}


def field_figure(
    at: Array,
    vectors: Array,
    half_width: float,
    *,
    background: tuple[Array, Array, str] | None = None,
    contours: bool = False,
    curve: Sequence[Array] = (),
    colours: Sequence[str] = PIECES,
    highlight: Sequence[int] | None = None,
    walked: tuple[Array, Array, Array] | None = None,
    paths: Mapping[str, Array] | None = None,
    least: Array | None = None,
    arrow_colour: str = NEUTRAL,
    axes: tuple[str, str] = ("", ""),
    small: bool = False,
    height: int = 460,
) -> go.Figure:
    """A vector field on the square [-s, s]^2 with a closed curve, or paths, drawn into it.

    Args:
        at, vectors: where the arrows stand and what they show, (n, 2) each; an arrow's length goes
            with the root of the vector's.
        half_width: s.
        background: positions of one axis (q,), values (q, q) indexed [along, across], and the name
            of the quantity.
        contours: lines of equal value over the background.
        curve: points along each piece, in order.
        colours: of the pieces, used again from the start where there are more.
        highlight: indices of the pieces to stress; None for all.
        walked: points along the way (n, 2), for a bead that walks there: as `way` in meta; the
            share of the way and the line integral by then, (n,) each, drawn beside the field, below
            it where it is narrow.
        paths: points of each method of METHODS.
        least: the minimum of the loss.
        arrow_colour: of the field.
        axes: their names; the text beside must give what is left out.
        small: leave out the colour bar.
    """
    edge = [-1.1 * half_width, 1.1 * half_width]
    if small:
        edge = [-half_width, half_width]
    arrows = _arrows(at, vectors, half_width, half_shaft=0.06 if small else 0.028)
    data = [arrows | {"fillcolor": arrow_colour}]
    if background is not None:
        data.insert(0, _background(*background, contours) | {"showscale": not small})
    if curve:
        stressed = [highlight is None or i in highlight for i in range(len(curve))]
        data += _curve(curve, colours, stressed)
    for name, points in (paths or {}).items():
        colour, dash = METHODS[name]
        data.append(
            {
                "type": "scatter",
                "x": points[:, 0],
                "y": points[:, 1],
                "name": name,
                "mode": "lines+markers",
                "showlegend": False,
                "line": {"color": colour, "dash": dash, "width": 2.5},
                "marker": {"size": 4, "color": colour},
            }
        )
    if least is not None:
        data.append(
            _mark(least, "minimum of the loss", {"symbol": "star", "size": 14, "color": REST_PART})
        )
    data.append(_mark((0, 0), "origin", {"symbol": "cross-thin-open", "size": 9, "color": NEUTRAL}))
    beside: dict[str, Any] = {}
    if walked is not None:
        line, beside = _running(*walked)
        data.append(line)
    layout = base_layout(
        height=height,
        margin={"t": 4 if small else 30, "b": 4},
        xaxis=axis(axes[0], range=edge, constrain="domain", showgrid=False),
        yaxis=axis(
            axes[1],
            range=edge,
            scaleanchor="x",
            constrain="domain",
            constraintoward="top",
            showgrid=False,
        ),
    )
    if beside:
        layout |= beside | {"xaxis": layout["xaxis"] | {"domain": [0, 0.66]}}
    return unchecked(data, layout)


def pieces_figure(values: Array, closed: Array | None) -> go.Figure:
    """The circulation piece by piece and in total, beside its closed form.

    Args:
        values: of the four pieces, shape (4,).
        closed: their closed forms, shape (4,), or None.
    """
    names = [
        f"{n}<br>{what}"
        for n, what in zip(NUMBERS, ("segment", "arc r", "segment", "arc R"), strict=True)
    ] + ["<b>total</b>"]
    bars = np.append(values, values.sum())
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": names,
            "y": bars,
            "marker": {"color": [*PIECES, NEUTRAL]},
            "text": [short(v) for v in bars],
            "textposition": "outside",
            "constraintext": "none",
            "cliponaxis": False,
            "showlegend": False,
            "hovertemplate": "%{y:.10g}<extra></extra>",
        }
    ]
    if closed is not None:
        data.append(
            {
                "type": "scatter",
                "x": names,
                "y": np.append(closed, closed.sum()),
                "mode": "markers",
                "name": "closed form",
                "marker": {
                    "symbol": "line-ew-open",
                    "size": 34,
                    "color": NEUTRAL,
                    "line": {"width": 3},
                },
                "hovertemplate": "closed form %{y:.10g}<extra></extra>",
            }
        )
    low, high = min(bars.min(), 0), max(bars.max(), 0)
    span = high - low if high - low > 1e-12 else 1.0  # of rounding no axis is made
    room = 0.4 * span  # for a label at the end of a bar, at half this height too
    layout = base_layout(
        height=215,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        bargap=0.35,
        showlegend=closed is not None,
        xaxis=axis(
            tickangle=0, type="category", categoryarray=names, range=[-0.5, len(names) - 0.5]
        ),
        yaxis=axis(
            "line integral",
            range=[low - (room if low else 0), high + room],
            zeroline=True,
            zerolinecolor=NEUTRAL,
        ),
    )
    return unchecked(data, layout)


def short(value: float) -> str:
    """A number for a label: four digits, 0 where only rounding is left, a true minus sign."""
    return "0" if abs(value) < 1e-11 else f"{value:.4g}".replace("-", "−")


def _rounded_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 5, 7 times a power of ten: an axis that stands still while a
    number moves a little."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * next(m for m in (1, 1.5, 2, 3, 5, 7, 10) if m * power >= value))


def _background(positions: Array, values: Array, name: str, contours: bool) -> dict[str, Any]:
    size = float(np.nanpercentile(np.abs(values), 99)) or 1.0
    low, scale = (0.0, RISING) if values.min() >= 0 else (-size, DIVERGING)
    common = {
        "x": positions,
        "y": positions,
        "z": values.T.astype(np.float32),
        "zmin": low,
        "zmax": size,
        "colorscale": scale,
        "name": name,
        "hovertemplate": f"{name} %{{z:.4g}}<extra></extra>",
        "colorbar": {
            "orientation": "h",
            "title": {"text": f" {name}", "side": "right"},
            "thickness": 8,
            "outlinewidth": 0,
            "nticks": 5,
            "len": 0.6,
            "x": 0.5,
            "xanchor": "center",
            "y": 1.0,
            "yanchor": "bottom",
        },
    }
    if contours:
        lines = {
            "start": low,
            "end": size,
            "size": size / 8,
            "coloring": "heatmap",
            "showlines": True,
        }
        return common | {
            "type": "contour",
            "contours": lines,
            "line": {"color": NEUTRAL, "width": 0.8},
        }
    # the browser smooths its cells: "best" has plotly work out every pixel of the screen
    return common | {"type": "heatmap", "zsmooth": "fast"}


def _arrows(at: Array, vectors: Array, half_width: float, half_shaft: float) -> dict[str, Any]:
    """All arrows as one filled shape: of broken lines plotly makes an element for every part.

    Args: half_shaft: half the width of a long arrow's shaft, as a share of the arrows' distance.
    """
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    largest = float(np.nanmax(norm, initial=0.0))
    spacing = 2 * half_width / np.sqrt(len(at))
    unit = np.divide(vectors, norm, out=np.zeros_like(vectors), where=norm > 0)
    length = 0.95 * spacing * np.sqrt(norm / (largest or 1.0))
    aside = np.stack((-unit[:, 1], unit[:, 0]), axis=1)
    tip, tail = at + length / 2 * unit, at - length / 2 * unit
    neck, half = tip - 0.35 * length * unit, np.minimum(half_shaft * spacing, 0.1 * length) * aside
    barb = half + 0.18 * length * aside
    gap = np.full_like(at, np.nan)
    corners = (tail + half, neck + half, neck + barb, tip, neck - barb, neck - half, tail - half)
    points = np.stack((*corners, gap), axis=1).reshape(-1, 2).astype(np.float32)
    return {
        "type": "scatter",
        "x": points[:, 0],
        "y": points[:, 1],
        "mode": "none",
        "fill": "toself",
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _curve(
    pieces: Sequence[Array], colours: Sequence[str], stressed: Sequence[bool]
) -> list[dict[str, Any]]:
    """The pieces of a curve, each with an arrow at its middle that shows the way round; the numbers
    of four."""
    shown = [
        colour if stress else translucent(colour, 0.3)
        for colour, stress in zip(itertools.cycle(colours), stressed, strict=False)
    ]
    lines = [
        {
            "type": "scatter",
            "x": points[:, 0],
            "y": points[:, 1],
            "mode": "lines",
            "line": {"color": colour, "width": 5 if stress else 3},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        for points, colour, stress in zip(pieces, shown, stressed, strict=True)
    ]
    middles = [len(points) // 2 for points in pieces]
    at = np.array([points[i] for points, i in zip(pieces, middles, strict=True)])
    ways = [points[i + 1] - points[i - 1] for points, i in zip(pieces, middles, strict=True)]
    arrows = {
        "type": "scatter",
        "x": at[:, 0],
        "y": at[:, 1],
        "mode": "markers+text",
        "text": [f"<b>{number}</b>" for number in NUMBERS] if len(pieces) == 4 else "",
        "textposition": [_left(way) for way in ways],
        "hoverinfo": "skip",
        "showlegend": False,
        "textfont": {"size": 18},
        "marker": {
            "symbol": "arrow",
            "size": 17,
            "color": shown,
            "angle": [float(np.degrees(np.arctan2(*way))) for way in ways],
        },
    }
    return [*lines, arrows]


def _left(way: Array) -> str:
    """To the left of the way, which is inside of a counterclockwise curve."""
    if abs(way[0]) > abs(way[1]):
        return "top center" if way[0] > 0 else "bottom center"
    return "middle left" if way[1] > 0 else "middle right"


def _mark(place: Sequence[float] | Array, name: str, marker: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": [place[0]],
        "y": [place[1]],
        "mode": "markers",
        "name": name,
        "showlegend": False,
        "marker": marker,
    }


def _running(points: Array, share: Array, work: Array) -> tuple[dict[str, Any], dict[str, Any]]:
    """The line integral so far: its curve, and what of the layout it takes."""
    lowest, highest = min(float(work.min()), 0.0), max(float(work.max()), 0.0)
    top = _rounded_up(max(highest, -lowest, 1e-9))
    way = {"x": points[:, 0], "y": points[:, 1], "share": share, "work": work}
    below = {
        "height": 620,
        "xaxis": {"domain": [0, 1]},
        "yaxis": {"domain": [0.36, 1]},
        "xaxis2": {"domain": [0, 1]},
        "yaxis2": {"domain": [0, 0.2], "side": "left"},
    }
    curve = {
        "type": "scatter",
        "x": share,
        "y": work,
        "xaxis": "x2",
        "yaxis": "y2",
        "mode": "lines",
        "line": {"color": BLUE, "width": 2.5},
        "showlegend": False,
        "hovertemplate": "%{x:.0%} of the way: %{y:.4g}<extra></extra>",
    }
    return curve, {
        "xaxis2": axis(
            "of the way round",
            domain=[0.72, 1],
            anchor="y2",
            range=[-0.08, 1.08],
            tickvals=[0, 0.5, 1],
            tickformat=".0%",
            showgrid=False,
        ),
        "yaxis2": axis(
            "∫ F·dW so far",
            anchor="x2",
            side="right",
            range=[-0.12 * top if lowest > -0.1 * top else -1.15 * top, 1.15 * top],
            zeroline=True,
            zerolinecolor=NEUTRAL,
            zerolinewidth=2,
        ),
        "meta": {
            "narrow": {"below": 480, "figure": {"layout": below}},
            "way": {name: along.tolist() for name, along in way.items()},  # meta keeps no arrays
        },
    }
