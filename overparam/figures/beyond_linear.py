"""Pictures of the page beyond linear: ranges of speed-ups over seeds, and curves for a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from overparam.figures.style import (
    NEUTRAL,
    PALETTE,
    axis,
    base_layout,
    depth_colour,
    translucent,
)
from overparam.measure.arrivals import range_words

SYMBOLS = ("circle", "diamond", "square", "triangle-up")


@dataclass(frozen=True)
class Range:
    """One dot with its range: a speed-up over one matrix, each at its own best step size.

    row: which line of the picture it stands on. depth: number of factors. ratios: of the seeds;
    NaN where neither arrived, 0 or infinite where one did. live: computed now, not stored.
    """

    row: str
    depth: int
    ratios: np.ndarray
    live: bool = False


def speed_up_ranges(ranges: Sequence[Range], low: float = 0.2, high: float = 6.0) -> go.Figure:
    """Dots at the middle seed and bars from the least to the largest, left of 1 where slower."""
    rows = list(dict.fromkeys(each.row for each in ranges))
    depths = sorted({each.depth for each in ranges})
    figure = go.Figure()
    for depth in depths:
        mine = [each for each in ranges if each.depth == depth]
        offset = 0.16 * (depths.index(depth) - (len(depths) - 1) / 2)
        middle, least, most = (
            np.array([np.clip(statistic(each.ratios), low, high) for each in mine])
            for statistic in (np.median, np.min, np.max)
        )
        colour = depth_colour(depth)
        figure.add_scatter(
            x=middle,
            y=[len(rows) - 1 - rows.index(each.row) - offset for each in mine],
            error_x={
                "array": most - middle,
                "arrayminus": middle - least,
                "symmetric": False,
                "color": translucent(colour, 0.6),
                "thickness": 3,
                "width": 0,
            },
            mode="markers",
            marker={
                "size": [14 if each.live else 9 for each in mine],
                "color": colour,
                "symbol": SYMBOLS[(depth - 1) % len(SYMBOLS)],
            },
            name=f"N = {depth}",
            customdata=[range_words(each.ratios) for each in mine],
            hovertemplate="N = " + str(depth) + ": <b>%{customdata}</b><extra></extra>",
        )
    figure.add_vline(x=1, line={"color": NEUTRAL, "width": 1.5, "dash": "dot"})
    figure.update_layout(
        **base_layout(
            height=60 + 44 * len(rows) + 60,
            xaxis=axis(
                "times as fast",
                log=True,
                range=[np.log10(low) - 0.02, np.log10(high) + 0.02],
                tickvals=[0.2, 0.5, 1, 2, 5],
                ticktext=["0.2", "0.5", "1", "2", "5"],
            ),
            yaxis=axis(
                tickvals=list(range(len(rows))),
                ticktext=rows[::-1],
                range=[-0.6, len(rows) - 0.4],
            ),
        )
    )
    return figure


def curves_for_a_file(
    x: np.ndarray, curves: Sequence[tuple[str, np.ndarray]], titles: tuple[str, str], title: str
) -> go.Figure:
    """Curves on a logarithmic axis, on white, for a file of their own."""
    figure = go.Figure()
    for i, (name, y) in enumerate(curves):
        shown = np.where(y > 0, y, np.nan)
        line = {"color": PALETTE[i % len(PALETTE)], "width": 2.5}
        figure.add_scatter(x=x, y=shown, name=name, mode="lines", line=line)
    figure.update_layout(
        **base_layout(
            title={"text": title},
            margin={"t": 90},
            paper_bgcolor="white",
            plot_bgcolor="white",
            font={"color": "#1b1f27"},
            xaxis=axis(titles[0]),
            yaxis=axis(titles[1], log=True),
        )
    )
    return figure
