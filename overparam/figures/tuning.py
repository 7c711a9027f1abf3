"""Step sizes compared: every method's gap against its step size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from overparam.figures.style import NEUTRAL, axis, base_layout, log_ticks, translucent

LOWEST, HIGHEST = 1e-8, 3.0  # of the gap axis


@dataclass(frozen=True)
class Tuning:
    """One method's row of step sizes.

    steps (S,): increasing. gaps (S,): NaN where the run diverged. chosen: place of the best one.
    stable: the largest step size at which the optimum attracts, None where unknown. own: a step
    size in use now instead of the best one, None where there is none.
    """

    name: str
    colour: str
    dash: str
    steps: NDArray[np.float64]
    gaps: NDArray[np.float64]
    chosen: int
    stable: float | None = None
    own: float | None = None


def tuning_figure(rows: Sequence[Tuning], title: str, height: int = 330) -> go.Figure:
    """Draw gap against step size, one curve a method: its best step a star, the smallest that
    diverged a cross on the upper edge, its stability limit a dotted line, its own step a ring.

    Args: title: of the upright axis. Points carry (index of the method, step size) as customdata.
    """
    figure = go.Figure()
    shown = [np.clip(np.where(row.gaps > 0, row.gaps, LOWEST), LOWEST, HIGHEST) for row in rows]
    shown = [
        np.where(np.isnan(row.gaps), np.nan, gaps) for row, gaps in zip(rows, shown, strict=True)
    ]
    low = min((np.nanmin(gaps) for gaps in shown if np.isfinite(gaps).any()), default=LOWEST)
    top = np.log10(HIGHEST)
    bottom = np.log10(low) - 0.06 * (top - np.log10(low))
    level = 10 ** (top - 0.04 * (top - bottom))  # of what is beyond the upper edge
    for i, (row, gaps) in enumerate(zip(rows, shown, strict=True)):
        about = {"legendgroup": row.name, "name": row.name}
        sizes = np.where(np.arange(len(row.steps)) == row.chosen, 15, 5)
        figure.add_scatter(
            x=row.steps,
            y=gaps,
            mode="lines+markers",
            **about,
            customdata=[(i, step) for step in row.steps],
            line={"color": row.colour, "dash": row.dash, "width": 2.2},
            connectgaps=False,
            marker={
                "color": row.colour,
                "size": sizes,
                "symbol": np.where(sizes > 5, "star", "circle"),
                "line": {"width": 0},
            },
            hovertemplate=f"{row.name}<br>step size %{{x:.4g}}: gap %{{y:.3g}}<extra></extra>",
        )
        gone = [
            step
            for step, gap in zip(row.steps[row.chosen :], gaps[row.chosen :], strict=True)
            if np.isnan(gap)
        ]
        if gone and np.isfinite(gaps).any():
            figure.add_scatter(
                x=[gone[0]],
                y=[level],
                mode="markers",
                showlegend=False,
                legendgroup=row.name,
                customdata=[(i, gone[0])],
                marker={
                    "color": row.colour,
                    "size": 9,
                    "symbol": "x-thin",
                    "line": {"color": row.colour, "width": 2.5},
                },
                hovertemplate=f"{row.name}<br>diverges from step size %{{x:.4g}} on<extra></extra>",
            )
        if row.own is not None:
            near = int(np.argmin(np.abs(np.log(row.steps) - np.log(row.own))))
            figure.add_scatter(
                x=[row.own],
                y=[gaps[near] if np.isfinite(gaps[near]) else level],
                mode="markers",
                showlegend=False,
                legendgroup=row.name,
                customdata=[(i, row.own)],
                marker={
                    "color": row.colour,
                    "size": 17,
                    "symbol": "circle-open",
                    "line": {"width": 3},
                },
                hovertemplate=f"{row.name}<br>in use: %{{x:.4g}}<extra></extra>",
            )
        if row.stable is not None:
            figure.add_scatter(
                x=[row.stable, row.stable],
                y=[10**bottom, 10**top],
                mode="lines",
                showlegend=False,
                legendgroup=row.name,
                line={"color": row.colour, "dash": "1px,4px", "width": 1.6},
                hovertemplate=f"{row.name}<br>stable at the optimum up to"
                f" %{{x:.4g}}<extra></extra>",
            )
    return figure.update_layout(
        **base_layout(
            height=height,
            xaxis=axis("step size", log=True),
            yaxis=axis(title, log=True, range=[bottom, top], **log_ticks(bottom, top)),
            shapes=[
                {
                    "type": "line",
                    "xref": "paper",
                    "x0": 0,
                    "x1": 1,
                    "y0": 1,
                    "y1": 1,
                    "yref": "y",
                    "line": {"color": translucent(NEUTRAL, 0.7), "width": 1, "dash": "dot"},
                }
            ],
        )
    )


def nearest(
    rows: Sequence[Tuning], x: float, y: float, width: float = 5.0, height: float = 4.0
) -> tuple[int, float]:
    """The point of the figure next to a click: index of its method, step size.

    Args: x, y: where, in the axes' units. width, height: decades that count as equally far.
    """
    best = min(
        (
            (
                np.hypot(np.log10(step / x) / width, np.log10(max(gap, LOWEST) / y) / height),
                i,
                float(step),
            )
            for i, row in enumerate(rows)
            for step, gap in zip(
                row.steps, np.where(np.isnan(row.gaps), HIGHEST, row.gaps), strict=True
            )
        ),
    )
    return best[1], best[2]
