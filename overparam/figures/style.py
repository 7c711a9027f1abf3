"""The look that all figures share: colours, dashes, axes, layout.

The eight colours were found by a search over the sRGB cube that maximises the smallest pairwise
distance in CIELAB, for normal vision and for simulated protanopia, deuteranopia and tritanopia (G.
Machado, M. Oliveira, L. Fernandes, "A Physiologically-based Model for Simulation of Color Vision
Deficiency", 2009), under the condition that every colour keeps a contrast of at least 3.5:1 (WCAG
2) on both backgrounds, so that one palette serves both themes.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

LIGHT_BACKGROUND = "#ffffff"
DARK_BACKGROUND = "#0e1117"

BLUE, ORANGE, VIOLET, RED = "#248bed", "#d16c05", "#7f38ff", "#ce242f"
SAGE, UMBER, MAUVE, MAGENTA = "#6e925d", "#78676c", "#be6cb0", "#c005ba"
PALETTE = (BLUE, ORANGE, VIOLET, RED, SAGE, UMBER, MAUVE, MAGENTA)

# One dash per colour, so that hue is never the only difference between two curves.
DASHES = (
    "solid",
    "12px,4px",
    "3px,3px",
    "12px,3px,3px,3px",
    "22px,5px",
    "22px,4px,3px,4px",
    "2px,7px",
    "12px,3px,3px,3px,3px,3px",
)

NEUTRAL = "#7f8794"  # reference lines, axes' zero, "nothing here": also 3:1 on both backgrounds
GRID = "rgba(127, 135, 148, 0.25)"
READABLE = 4.5  # contrast that WCAG 2 asks of text; a line needs 3
TRANSPARENT = "rgba(0, 0, 0, 0)"

ZERO_AT = 0.7  # where iteration 0 stands on a logarithmic axis

GRADIENT_BEFORE = BLUE  # G, the loss gradient
GRADIENT_AFTER = ORANGE  # what the preconditioner of depth makes of it
CURRENT_POINT = RED  # W, where the step is taken
PIECES = (
    BLUE,
    ORANGE,
    VIOLET,
    RED,
)  # the curve Gamma: segment -Re..-re, arc r, segment re..Re, arc R
REST_PART = RED  # the share of the field F that no regularizer can supply
LIMIT = RED  # a stability limit, a bound


def depth_colour(depth: float) -> str:
    """Return the colour of a depth, the same on every page; a real-valued depth takes that of the
    nearest integer.

    Args:
        depth: depth N >= 1; from 9 on the colours repeat.

    Raises: ValueError where depth < 1.
    """
    return PALETTE[_depth_index(depth)]


def depth_dash(depth: float) -> str:
    """Return the dash that goes with `depth_colour(depth)`."""
    return DASHES[_depth_index(depth)]


def readable(colour: str, background: str) -> str:
    """Return the colour nearest to a "#rrggbb" colour whose contrast with a background is at least
    4.5:1, for text.

    It is mixed with black on a light background, with white on a dark one, in sRGB.
    """
    towards = 0 if luminance(background) > 0.5 else 255
    start = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    for share in range(101):
        mixed = "#" + "".join(f"{round(c + (towards - c) * share / 100):02x}" for c in start)
        low, high = sorted((luminance(mixed), luminance(background)))
        if (high + 0.05) / (low + 0.05) >= READABLE:
            return mixed
    raise ValueError(f"no mixture of {colour} can be read on {background}")


def luminance(colour: str) -> float:
    """Return the relative luminance of a "#rrggbb" colour as WCAG 2 defines it, in [0, 1]."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def translucent(colour: str, alpha: float) -> str:
    """Return a "#rrggbb" colour as "rgba(...)" with opacity `alpha` in [0, 1]: for bands and
    fills."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {alpha:g})"


def axis(title: str = "", *, log: bool = False, **over: Any) -> dict[str, Any]:
    """Return the settings of one axis: the title in Unicode or with <sub>, <sup>; logarithmic ticks
    read 10 to the k.

    `over` adds to these settings or replaces them.
    """
    settings: dict[str, Any] = {
        "title": {"text": title, "standoff": 10},
        "automargin": True,
        "ticklabeloverflow": "allow",  # there is room for them: none need be measured once more
        "gridcolor": GRID,
        "zeroline": False,
    }
    if log:
        settings |= {"type": "log", "exponentformat": "power"}
    return settings | over


def log_ticks(low: float, high: float, most: int = 6) -> dict[str, Any]:
    """Return tick settings for a logarithmic axis between two powers of ten: whole decades, or 1,
    2, 5 where these are few.

    Args: low, high: log10 of the ends. most: about as many ticks as there is room for.
    """
    return {"dtick": max(1, math.ceil((high - low) / most)) if high - low > 1.7 else "D2"}


def base_layout(**over: Any) -> dict[str, Any]:
    """Return the layout that every figure starts from, for `fig.update_layout(**base_layout(...))`.

    No background and no title of its own; the legend stands above the plot, where it cannot cover
    data; zoom and hidden curves survive a redraw (`uirevision`).  Font sizes are left to
    Streamlit's theme because only those follow the projector mode.  `over` is merged in, level by
    level: `base_layout(xaxis=axis("iteration"), legend={"y": 1.1})`.
    """
    layout: dict[str, Any] = {
        "paper_bgcolor": TRANSPARENT,
        "plot_bgcolor": TRANSPARENT,
        "margin": {"l": 8, "r": 16, "t": 16, "b": 8},
        "xaxis": axis(),
        "yaxis": axis(),
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
            "title": {"text": ""},
        },
        "hovermode": "closest",
        "hoverlabel": {"namelength": -1},
        "uirevision": "keep",
        "colorway": list(PALETTE),
    }
    return _merge(layout, over)


def unchecked(data: Sequence[dict[str, Any]], layout: dict[str, Any]) -> go.Figure:
    """Return the figure of these dicts, for pictures that follow a hand: to have plotly check each
    attribute takes ten times as long."""
    return go.Figure({"data": data, "layout": layout}, _validate=False)


def _depth_index(depth: float) -> int:
    if not depth >= 1:
        raise ValueError(f"depth must be at least 1, not {depth}")
    return (round(depth) - 1) % len(PALETTE)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        merged[key] = (
            _merge(inner, value)
            if isinstance(inner, Mapping) and isinstance(value, Mapping)
            else value
        )
    return merged
