"""The map of where depth helps with so many cells that they are a picture: to be zoomed and panned,
without numbers in the cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from overparam.figures.map import CENSORED, MOST, NEITHER, ONLY_DEEP, ONLY_PLAIN, SCALE, Array
from overparam.figures.style import NEUTRAL, RED, TRANSPARENT, axis, base_layout


@dataclass(frozen=True)
class Side:
    """One side of an atlas: its name, the values of its columns or rows, rising, and whether they
    are even in the logarithm."""

    name: str
    values: Array
    log: bool

    def edges(self, place: int) -> tuple[float, float]:
        """Where a column or row begins and ends."""
        at = np.log(self.values) if self.log else self.values
        inner = (at[1:] + at[:-1]) / 2
        ends = np.concatenate([[2 * at[0] - inner[0]], inner, [2 * at[-1] - inner[-1]]])
        low, high = (float(end) for end in ends[place : place + 2])
        return (float(np.exp(low)), float(np.exp(high))) if self.log else (low, high)

    def place(self, value: float) -> int:
        """The column or row at a value."""
        if self.log:
            return int(np.abs(np.log(self.values) - np.log(max(value, 1e-300))).argmin())
        return int(np.abs(self.values - value).argmin())


def atlas_map(
    x: Side,
    y: Side,
    log2: Array,
    counts: tuple[Array, Array],
    kinds: dict[str, Array],
    deep: str,
    horizon: int,
    name: str,
) -> go.Figure:
    """Draw an atlas: colour is the speed-up of depth, or says which of the two arrived alone.

    Args:
        x, y: its sides.
        log2: log2 of depth 1's iterations over depth N's, (rows, columns), NaN where there is no
            such number.
        counts: the iterations of depth N and of depth 1.
        kinds: for each key of CENSORED the cells of which it is true.
        deep: what the deep one is called.
        horizon: iterations after which a cell was given up.
        name: zoom is kept as long as this stays.
    """
    figure, both = go.Figure(), np.stack(counts, axis=-1).astype(np.int32)
    sides = {"x": x.values, "y": y.values, "customdata": both}
    place = f"{x.name} = %{{x:.4g}}, {y.name} = %{{y:.4g}}<br>"
    deep_count, plain_count = (
        f"{who}: %{{customdata[{i}]:,}} iterations" for i, who in enumerate((deep, "depth 1"))
    )
    figure.add_heatmap(
        **sides,
        z=np.clip(log2, -MOST, MOST).astype(np.float32),
        coloraxis="coloraxis",
        hoverongaps=False,
        hovertemplate=f"{place}{deep_count}<br>{plain_count}<extra></extra>",
    )
    never = f"not there after {horizon:,}"
    told = {
        ONLY_DEEP: f"{deep_count}<br>depth 1: {never}",
        ONLY_PLAIN: f"{deep}: {never}<br>{plain_count}",
        NEITHER: f"both {never}",
    }
    for kind, colour in CENSORED.items():
        figure.add_heatmap(
            **sides,
            z=np.where(kinds[kind], np.float32(1), np.float32(np.nan)),
            colorscale=[[0, colour], [1, colour]],
            showscale=False,
            hoverongaps=False,
            hovertemplate=f"{place}{told[kind]}<extra></extra>",
        )
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=kind.format(deep=deep),
            marker={"symbol": "square", "size": 11, "color": colour},
        )
    return figure.update_layout(
        **base_layout(
            height=410,
            xaxis=_axis(x),
            yaxis=_axis(y),
            legend={"title": {"text": "arrived: ", "side": "left"}, "itemclick": False},
            coloraxis=SCALE,
            margin={"t": 30, "r": 4},
            hoverlabel={"align": "left"},
            modebar={"bgcolor": TRANSPARENT, "color": NEUTRAL, "activecolor": NEUTRAL},
            uirevision=name,
            # beside the buttons there is no room for the legend's title on a phone
            meta={
                "narrow": {"below": 480, "figure": {"layout": {"legend": {"title": {"text": ""}}}}}
            },
        )
    )


def frame_cell(figure: go.Figure, x: Side, y: Side, cell: tuple[int, int]) -> go.Figure:
    """Frame one cell, by its column and row."""
    (x0, x1), (y0, y1) = x.edges(cell[0]), y.edges(cell[1])
    return figure.add_shape(
        type="rect", x0=x0, x1=x1, y0=y0, y1=y1, line={"color": RED, "width": 2}
    )


def _axis(side: Side) -> dict:
    ends = [side.edges(0)[0], side.edges(len(side.values) - 1)[1]]
    settings = axis(side.name, log=side.log, showgrid=False)
    low, high = (float(np.log10(end)) if side.log else end for end in ends)
    return settings | {"range": [low, high], "minallowed": low, "maxallowed": high}
