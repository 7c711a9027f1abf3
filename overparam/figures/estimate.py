"""Figures of the view that estimates a regularizer: parameters with their errors, shares left, two
roads, the trap."""

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
    PALETTE,
    RED,
    VIOLET,
    axis,
    base_layout,
    depth_colour,
    depth_dash,
    translucent,
)
from overparam.figures.theorem import DIVERGING

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


def roads_figure(
    one: Array, other: Array, work_one: Array, work_other: Array, depth: float
) -> go.Figure:
    """Both roads in a plane, coloured by the work that the force does per length.

    Args:
        one, other: points of the road by depth 1 and of that by depth N, (n1, 2), (n2, 2).
        work_one, work_other: work per length at these points, (n1,), (n2,).
        depth: N.
    """
    figure = go.Figure()
    size = float(np.percentile(np.abs(np.concatenate((work_one, work_other))), 98)) or 1.0
    for name, way, colour, dash in (
        ("out: depth 1, then straight on", one, depth_colour(1), depth_dash(1)),
        (f"back: depth {depth:g}", other, depth_colour(max(2, depth)), depth_dash(max(2, depth))),
    ):
        figure.add_scatter(
            x=way[:, 0],
            y=way[:, 1],
            mode="lines",
            name=name,
            line={"color": colour, "width": 2, "dash": dash},
            hoverinfo="skip",
        )
    for i, (way, work) in enumerate(((one, work_one), (other, work_other))):
        some = slice(None, None, 6)
        figure.add_scatter(
            x=way[some, 0],
            y=way[some, 1],
            mode="markers",
            showlegend=False,
            marker={
                "size": 7,
                "color": work[some],
                "cmin": -size,
                "cmax": size,
                "colorscale": DIVERGING,
                "line": {"width": 0.3, "color": NEUTRAL},
                "showscale": i == 0,
                "colorbar": {
                    "title": {"text": "work per length", "side": "right"},
                    "thickness": 8,
                    "outlinewidth": 0,
                    "nticks": 5,
                },
            },
            hovertemplate="%{marker.color:.3g}<extra></extra>",
        )
    for name, point, symbol in (("start", one[0], "diamond"), ("end", one[-1], "star")):
        figure.add_scatter(
            x=point[:1],
            y=point[1:],
            mode="markers",
            name=name,
            showlegend=False,
            marker={"symbol": symbol, "size": 13, "color": RED},
            hovertemplate=name + "<extra></extra>",
        )
    return figure.update_layout(
        **base_layout(
            height=320,
            xaxis=axis("from start to end"),
            yaxis=axis("across"),
        )
    )


def works_figure(
    one: float, other: float, difference: float, half: float, depth: float
) -> go.Figure:
    """Two bars of work between the same ends, and their difference with its error bar."""
    values = [one, other, difference]
    figure = go.Figure(
        go.Bar(
            x=["road 1<br>depth 1", f"road 2<br>depth {depth:g}", "<b>difference</b>"],
            y=values,
            marker={"color": [depth_colour(1), depth_colour(max(2, depth)), NEUTRAL]},
            error_y={"array": [0, 0, half], "thickness": 2, "width": 8, "visible": True},
            text=[f"{value:.4g}".replace("-", "−") for value in values],
            textposition="outside",
            constraintext="none",
            cliponaxis=False,
            showlegend=False,
            hovertemplate="%{y:.8g}<extra></extra>",
        )
    )
    low, high = min(0.0, *values), max(0.0, *values)
    room = 0.25 * max(high - low, 1e-300)
    return figure.update_layout(
        **base_layout(
            height=290,
            xaxis=axis(tickangle=0),
            yaxis=axis(
                "work",
                range=[low - (room if low else 0), high + (room if high else 0)],
                zeroline=True,
                zerolinecolor=NEUTRAL,
            ),
        )
    )


def loops_figure(kappa: Array, error: Array, null: Array, chosen: int) -> go.Figure:
    """kappa of the force and of G around the loop of every start, on a logarithmic axis; each (S,).

    error: of kappa. null: kappa of G with the same points, which is rounding or the error of the
        rule.
    """
    starts = np.arange(1, kappa.size + 1)
    figure = go.Figure()
    floor = 1e-8
    for name, values, bars, colour, symbol in (
        ("the force", kappa, error, ORANGE, "circle"),
        ("G, at most (it must be 0)", null, None, BLUE, "x"),
    ):
        figure.add_scatter(
            x=starts,
            y=np.maximum(values, floor),
            error_y=None if bars is None else {"array": bars},
            mode="markers",
            name=name,
            marker={
                "color": colour,
                "symbol": symbol,
                "size": [13 if i == chosen else 9 for i in range(kappa.size)],
            },
            customdata=values,
            hovertemplate="start %{x}: %{customdata:.3g}<extra>" + name + "</extra>",
        )
    return figure.update_layout(
        **base_layout(
            height=290,
            xaxis=axis("start", dtick=1, range=[0.5, kappa.size + 0.5]),
            yaxis=axis("κ", log=True, range=[-8.3, 0], dtick=2),
        )
    )


def skew_figure(depths: Sequence[float], distance: Array, shares: Sequence[Array]) -> go.Figure:
    """The share of the Jacobian that is skew along the run of each depth, in per cent; distance
    (n,) in shares of the way."""
    figure = go.Figure()
    for depth, share in zip(depths, shares, strict=True):
        figure.add_scatter(
            x=distance,
            y=100 * share,
            mode="lines+markers",
            name=f"depth {depth:g}",
            line={"color": depth_colour(depth), "dash": depth_dash(depth), "width": 2.5},
            hovertemplate="%{y:.3g} %<extra></extra>",
        )
    return figure.update_layout(
        **base_layout(
            height=290,
            xaxis=axis("share of the way"),
            yaxis=axis("% skew", rangemode="tozero"),
        )
    )


def trap_figure(
    counts: Array, potential: tuple[Array, Array], anything: tuple[Array, Array]
) -> go.Figure:
    """The share left against the number of runs fitted: a free potential and any smooth field, here
    and on other runs."""
    figure = go.Figure()
    for name, values, colour, dash in (
        ("a potential, on these runs", potential[0], ORANGE, "3px,3px"),
        ("a potential, on other runs", potential[1], ORANGE, "solid"),
        ("any field, on these runs", anything[0], BLUE, "3px,3px"),
        ("any field, on other runs", anything[1], BLUE, "solid"),
    ):
        figure.add_scatter(
            x=counts,
            y=np.maximum(values, 1e-12),
            mode="lines+markers",
            name=name,
            line={"color": colour, "dash": dash, "width": 2.5},
            marker={"size": 8},
            hovertemplate="%{x} runs: %{y:.3g}<extra>" + name + "</extra>",
        )
    return figure.update_layout(
        **base_layout(
            height=360,
            xaxis=axis("runs fitted, M", log=True, tickvals=counts.tolist()),
            yaxis=axis("share of ‖f‖² left", log=True, dtick=2),
        )
    )


def dimension_figure(
    depths: Array, balls: dict[int, Array], shells: dict[int, Array], depth: float
) -> go.Figure:
    """The share that no regularizer supplies against depth, in per cent: in balls, and with all
    radii counted alike."""
    figure = go.Figure()
    for i, d in enumerate(balls):
        for values, dash, words in (
            (balls[d], "solid", "ball"),
            (shells[d], "3px,3px", "radii alike"),
        ):
            figure.add_scatter(
                x=depths,
                y=100 * values,
                mode="lines",
                name=f"d = {d}, {words}",
                line={"color": PALETTE[i], "dash": dash, "width": 2.5},
                hovertemplate="N = %{x:.3g}: %{y:.3g} %<extra>d = " + f"{d}, {words}</extra>",
            )
    figure.add_vline(x=depth, line={"color": NEUTRAL, "width": 1.5, "dash": "3px,3px"})
    return figure.update_layout(
        **base_layout(
            height=380,
            xaxis=axis("depth N", range=[0.9, float(depths[-1]) + 0.1]),
            yaxis=axis("% of ∫‖F‖²", rangemode="tozero"),
            legend={"orientation": "v", "x": 0.02, "y": 0.98, "yanchor": "top"},
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
