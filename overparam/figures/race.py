"""How the methods of a race look: one colour and dash each, the same in every picture of the page;
and the race as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from overparam.figures.style import (
    DASHES,
    MAGENTA,
    MAUVE,
    PALETTE,
    RED,
    SAGE,
    UMBER,
    axis,
    base_layout,
    depth_colour,
    depth_dash,
)

if TYPE_CHECKING:
    from overparam.choices.methods import Entry

# The looks of the optimizers on a single layer, as far as they are free: each the same in every
# race.
OPTIMIZER_LOOKS: dict[str, tuple[str, str]] = {
    "momentum": (RED, DASHES[5]),
    "nesterov": (MAGENTA, DASHES[4]),
    "adagrad": (SAGE, DASHES[7]),
    "adadelta": (UMBER, DASHES[4]),
    "rmsprop": (MAGENTA, DASHES[5]),
    "adam": (MAUVE, DASHES[1]),
}
_SHIFTED = [
    [(colour, DASHES[(i + shift) % len(DASHES)]) for i, colour in enumerate(PALETTE)]
    for shift in range(1, len(DASHES))
]
# From the last colour on, as the first ones are those of the depths that are seen most; never the
# look of a depth itself.
SPARE = [look for looks in _SHIFTED for look in reversed(looks)]

LARGEST = 1e38  # gaps are drawn in float32


def as_drawn(gaps: NDArray[np.float64], lowest: float, highest: float) -> NDArray[np.float64]:
    """A curve's gaps (K,) as drawn: none below the lowest, and where the run diverges up to the
    highest or to what it was last, if that was more; NaN from then on.

    A run diverges within a few iterations, between two that are recorded: without that leg its
    curve would just end.
    """
    drawn = np.where(np.isnan(gaps), np.nan, np.clip(gaps, lowest, LARGEST))
    for lost in np.flatnonzero(np.isnan(gaps))[:1]:
        drawn[lost] = np.fmax(highest, drawn[lost - 1]) if lost else highest
    return drawn


def method_styles(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """Colour and dash of each method: gradient descent on a network of depth N looks as depth N
    does on every page.

    The rule of depth N takes the colour of depth N with another dash, an optimizer on a single
    layer its own look. The others take colours that are left, then repeat colours with other
    dashes; none ever looks like a depth that it is not.
    """
    own = [e.kind == "network" and e.optimizer == "gd" and e.depth <= len(PALETTE) for e in entries]
    styles: list[tuple[str, str] | None] = []
    for plain, e in zip(own, entries, strict=True):
        style = (depth_colour(e.depth), depth_dash(e.depth)) if plain else None
        styles.append(None if style in styles else style)
    for i, e in enumerate(entries):
        if styles[i] is None:
            used = {style[0] for style in styles if style}
            fresh = [look for look in SPARE if look[0] not in used]
            wanted = []
            if e.kind == "rule":
                wanted = [look for look in SPARE if look[0] == depth_colour(e.depth)]
            elif e.kind == "network" and e.depth == 1 and e.optimizer in OPTIMIZER_LOOKS:
                wanted = [look for look in (OPTIMIZER_LOOKS[e.optimizer],) if look[0] not in used]
            styles[i] = next(look for look in (*wanted, *fresh, *SPARE) if look not in styles)
    return [style for style in styles if style is not None]


def race_figure(
    entries: Sequence[Entry], times: np.ndarray, gaps: np.ndarray, title: str = ""
) -> go.Figure:
    """The race as a figure that stands alone: for a file, where no page supplies colours of text
    and background.

    Args: times: iterations (K,); gaps: (K, M), one column for each entry; 0 and below leave a gap
    in the line.
    """
    figure = go.Figure()
    for entry, gap, (colour, dash) in zip(entries, gaps.T, method_styles(entries), strict=True):
        shown = np.where(gap > 0, gap, np.nan)
        line = {"color": colour, "dash": dash, "width": 2.5}
        about = {
            "name": entry.label(),
            "mode": "lines",
            "line": line,
            "customdata": times,
            "hovertemplate": _HOVER,
        }
        figure.add_scatter(x=times + 1, y=shown, **about)
    low = np.log10(max(np.nanmin(np.where(gaps > 0, gaps, np.nan), initial=1.0), 1e-8))
    figure.update_layout(
        **base_layout(
            title={"text": title},
            margin={"t": 90 if title else 16},
            paper_bgcolor="white",
            plot_bgcolor="white",
            font={"color": "#1b1f27"},
            xaxis=axis("iteration + 1", log=True),
            yaxis=axis(
                "gap g = (L − L*) / (L₀ − L*)",
                log=True,
                range=[low - 0.1, min(1.0, np.log10(np.nanmax(gaps)) + 0.1)],
            ),
        )
    )
    return figure


_HOVER = "%{fullData.name}<br>iteration %{customdata:,}: <b>%{y:.4~g}</b><extra></extra>"
