"""Figures of the panel that fits families of regularizers: parameters with their errors, early
stopping, shares left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from overparam.figures.style import (
    BLUE,
    NEUTRAL,
    ORANGE,
    RED,
    VIOLET,
    axis,
    base_layout,
    translucent,
)

Array = NDArray[Any]

ESTIMATED, EXACT, CEILING = BLUE, ORANGE, RED  # what runs say, what theory says, a bound
HERE, THERE = BLUE, VIOLET  # on the runs that were fitted, on others
HEIGHT = 290


def coefficient_figure(
    iterations: Array, apart: Array, centre: float, half: float, exact: float | None
) -> go.Figure:
    """The one parameter of a family: what each point of a run asks for, and the fit to all.

    Args:
        iterations: of the points, (n,). apart: each point's own answer, (n,).
        centre, half: the fit and the half width of its interval.
        exact: the true value, where there is one.
    """
    figure = go.Figure()
    x = iterations + 1.0
    ends = [float(x.min()), float(x.max())]
    if np.isfinite(half) and half > 0:
        figure.add_scatter(
            x=[*ends, *ends[::-1]],
            y=[centre - half, centre - half, centre + half, centre + half],
            fill="toself",
            fillcolor=translucent(ESTIMATED, 0.2),
            line={"width": 0},
            mode="lines",
            name="95 % interval",
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=x,
        y=apart,
        mode="markers",
        name="each point alone",
        marker={"color": NEUTRAL, "size": 6, "opacity": 0.7},
        hovertemplate="iteration %{x:,.0f}: %{y:.6g}<extra></extra>",
    )
    figure.add_scatter(
        x=ends,
        y=[centre, centre],
        mode="lines",
        name="fit to all points",
        line={"color": ESTIMATED, "width": 3},
        hovertemplate=f"{centre:.10g}<extra>fit</extra>",
    )
    if exact is not None:
        figure.add_scatter(
            x=ends,
            y=[exact, exact],
            mode="lines",
            name="exact",
            line={"color": EXACT, "width": 3, "dash": "12px,6px"},
            hovertemplate=f"{exact:.10g}<extra>exact</extra>",
        )
    low, high = _window(apart, centre, half, exact)
    return figure.update_layout(
        **base_layout(
            height=HEIGHT,
            xaxis=axis("iteration of the point", log=True, dtick=1),
            yaxis=axis("θ", range=[low, high]),
        )
    )


def parameters_figure(
    at: Array,
    centre: Array,
    half: Array,
    exact: Array | None,
    negative: Array,
    x_title: str,
    y_title: str,
) -> go.Figure:
    """Several parameters with their intervals, and the true ones where these are known; each
    (q,)."""
    figure = go.Figure()
    if exact is not None:
        figure.add_scatter(
            x=at,
            y=exact,
            mode="markers",
            name="exact",
            marker={"symbol": "line-ew-open", "size": 16, "color": EXACT, "line": {"width": 3}},
            hovertemplate="%{x:.4g}: exact %{y:.6g}<extra></extra>",
        )
    bars = (
        {"array": half, "color": translucent(ESTIMATED, 0.6)} if np.isfinite(half).any() else None
    )
    figure.add_scatter(
        x=at,
        y=centre,
        error_y=bars,
        mode="markers",
        name="estimate",
        marker={
            "color": np.where(negative, RED, ESTIMATED).tolist(),
            "size": 8 if at.size < 40 else 5,
        },
        hovertemplate="%{x:.4g}: %{y:.6g}<extra></extra>",
    )
    figure.add_hline(y=0, line={"color": NEUTRAL, "width": 1})
    return figure.update_layout(
        **base_layout(height=HEIGHT, xaxis=axis(x_title), yaxis=axis(y_title))
    )


def stopping_figure(
    iterations: Array, low: Array, high: Array, ceiling: Array, scalar: Array, chosen: int
) -> go.Figure:
    """Early stopping against its iteration t: the exact spectrum, its ceiling 1/(eta t), and the
    best ridge; each (q,)."""
    figure = go.Figure()
    tiny = float(scalar.min()) * 1e-3
    figure.add_scatter(
        x=np.concatenate((iterations, iterations[::-1])),
        y=np.concatenate((np.maximum(low, tiny), high[::-1])),
        fill="toself",
        fillcolor=translucent(EXACT, 0.25),
        line={"width": 0},
        mode="lines",
        name="exact eigenvalues, from least to largest",
        hoverinfo="skip",
    )
    for name, values, colour, dash in (
        ("ceiling 1/(ηt)", ceiling, CEILING, "12px,4px"),
        ("one ridge, fitted", scalar, ESTIMATED, "solid"),
    ):
        figure.add_scatter(
            x=iterations,
            y=values,
            mode="lines",
            name=name,
            line={"color": colour, "dash": dash, "width": 3},
            hovertemplate="t = %{x:,.0f}: %{y:.4g}<extra></extra>",
        )
    figure.add_vline(x=chosen, line={"color": NEUTRAL, "width": 1.5, "dash": "3px,3px"})
    top = np.log10(ceiling[0]) + 0.2
    return figure.update_layout(
        **base_layout(
            height=HEIGHT,
            xaxis=axis("stopped after t iterations", log=True, dtick=1),
            yaxis=axis(
                "strength",
                log=True,
                range=[np.log10(max(scalar.min(), 1e-4 * ceiling[-1])) - 0.5, top],
                exponentformat="power",
            ),
        )
    )


def shares_figure(
    names: Sequence[str], here: Array, there: Array, bands: Array, chosen: int
) -> go.Figure:
    """What every family leaves of the force, on the fitted runs beside others, with the band of
    noise alone.

    Args:
        names: of the families.
        here, there: shares, (q,). bands: for the other runs, (q,); 0 without noise.
        chosen: index of the family in question, written in bold.
    """
    labels = [f"<b>{name}</b>" if i == chosen else name for i, name in enumerate(names)]
    figure = go.Figure()
    for i, band in enumerate(bands):
        if band > 0:
            figure.add_shape(
                type="rect",
                x0=0,
                x1=min(band, 1.0),
                y0=i - 0.45,
                y1=i + 0.45,
                fillcolor=translucent(NEUTRAL, 0.3),
                line={"width": 0},
                layer="below",
            )
    for name, values, colour in (("on these runs", here, HERE), ("on other runs", there, THERE)):
        figure.add_bar(
            y=labels,
            x=np.clip(values, 0, 1),
            name=name,
            orientation="h",
            marker={"color": colour},
            text=[percent(value) for value in values],
            textposition="outside",
            constraintext="none",
            cliponaxis=False,
            customdata=values,
            hovertemplate="%{customdata:.4g}<extra>" + name + "</extra>",
        )
    return figure.update_layout(
        **base_layout(
            height=max(HEIGHT, 38 * len(names) + 60),
            bargap=0.15,
            bargroupgap=0.05,
            xaxis=axis(
                "share of ‖f‖² left",
                range=[0, 1.22],
                tickvals=[0, 0.5, 1],
                ticktext=["0", "½", "1"],
            ),
            yaxis=axis(autorange="reversed"),
        )
    )


def percent(share: float) -> str:
    """A share for the end of a bar: per cent, a power of ten where it is tiny, × where it is more
    than all."""
    if share > 2:
        return f"{share:.3g} ×"
    if abs(share) >= 1e-5:
        return f"{100 * share:.3g}\u00a0%".replace("-", "−")
    if abs(share) < 1e-300:
        return "0"
    return f"{share:.0e}".replace("e-0", "e-").replace("-", "−")


def _window(apart: Array, centre: float, half: float, exact: float | None) -> tuple[float, float]:
    """A range that holds the fit, its interval and the truth, and most points; never narrower than
    what rounding moves."""
    values = [centre, *np.percentile(apart, [10, 90])]
    values += [exact] if exact is not None else []
    values += [centre - half, centre + half] if np.isfinite(half) else []
    low, high = min(values), max(values)
    middle, reach = (low + high) / 2, max((high - low) / 2, 0.2 * max(abs(low), abs(high)), 1e-12)
    return middle - 1.3 * reach, middle + 1.3 * reach
