"""Figures of the page on plateaus: loss against log time, escape times, imbalance, drift,
iterations, modes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from overparam.figures.style import (
    BLUE,
    DASHES,
    LIMIT,
    NEUTRAL,
    ORANGE,
    PALETTE,
    RED,
    SAGE,
    VIOLET,
    axis,
    base_layout,
)

Array = NDArray[Any]
_LAW = {"color": NEUTRAL, "dash": "6px,4px", "width": 2}
OPTIMIZER_LOOKS = {
    "gd": (BLUE, "circle"),
    "momentum": (ORANGE, "diamond"),
    "adam": (VIOLET, "square"),
}
CLASS_LOOKS = {"odd": BLUE, "even": ORANGE, "offset": RED, "homogeneous": SAGE}


def ramp(count: int) -> list[str]:
    """Colours from orange (the first) to violet (the last), for what has an order."""
    ends = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (ORANGE, VIOLET)]
    shares = np.linspace(0, 1, count) if count > 1 else [0.0]
    mixed = [[round(a + (b - a) * share) for a, b in zip(*ends, strict=True)] for share in shares]
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in mixed]


def loss_curves(
    eps: Sequence[float],
    curves: Sequence[tuple[Array, Array]],
    scalar: Sequence[tuple[Array, Array] | None],
    level: float,
    height: int = 400,
) -> go.Figure:
    """The loss of every net against the logarithm of time, coloured by scale.

    Args:
        eps: scales, from the largest, E of them.
        curves: time and loss over the loss at zero, E S of them, draws of one scale side by side.
        scalar: the scalar equation's curve for each scale, dashed.
        level: the loss that counts as escaped.
    """
    figure, colours = go.Figure(), ramp(len(eps))
    draws = max(1, -(-len(curves) // len(eps)))
    for place, scale in enumerate(eps):
        own = curves[place * draws : (place + 1) * draws]
        if not own:
            break
        marks = [np.full((len(time), 2), (place, draw)) for draw, (time, _) in enumerate(own)]
        figure.add_scatter(
            **_joined([(_positive(time), loss) for time, loss in own]), mode="lines",
            name=f"ε = {scale:.3g}", legendgroup=f"{place}",
            showlegend=place in (0, len(eps) - 1), customdata=_apart(marks),
            line={"color": colours[place], "width": 1.8},
            hovertemplate=f"ε = {scale:.3g}, start %{{customdata[1]}}: %{{y:.3f}} at time"
                          f" %{{x:.4g}}<extra></extra>",
        )  # fmt: skip
    known = [each for each in scalar if each is not None]
    if known:
        figure.add_scatter(
            **_joined(known), mode="lines", name="scalar equation", line=_LAW, hoverinfo="skip"
        )
    figure.add_hline(y=level, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    return figure.update_layout(
        **base_layout(
            height=height,
            xaxis=axis("time of gradient flow", log=True, **_decades(curves)),
            yaxis=axis("loss / loss at zero", range=[0, 1.08]),
        )
    )


def escape_times(
    eps: Array,
    times: Array,
    logarithmic: bool,
    law: tuple[Array, Array, str] | None,
    threshold: float | None = None,
    height: int = 400,
) -> go.Figure:
    """Escape time against the scale of the small layers, a dot for each draw.

    Args:
        eps: scales above 0, shape (E,).
        times: (E, S), NaN where a net did not escape.
        logarithmic: whether tau grows like ln(1/eps): then tau has a linear axis.
        law: eps, tau and name of the law's line.
        threshold: the scale below which weight decay pins.
    """
    figure, colours = go.Figure(), ramp(len(eps))
    x = np.repeat(eps, times.shape[1])
    kept = np.isfinite(times.ravel()) & (times.ravel() > 0)
    figure.add_scatter(
        x=x[kept],
        y=times.ravel()[kept],
        mode="markers",
        name="measured",
        showlegend=False,
        marker={"size": 9, "color": np.repeat(colours, times.shape[1])[kept]},
        customdata=np.stack(np.divmod(np.flatnonzero(kept), times.shape[1]), 1),
        hovertemplate="ε = %{x:.3g}: escaped at %{y:.5g}<extra></extra>",
    )
    if law is not None:
        figure.add_scatter(
            x=law[0], y=law[1], mode="lines", name=law[2], line=_LAW, hoverinfo="skip"
        )
    if threshold is not None:
        figure.add_vline(
            x=threshold,
            line={"color": LIMIT, "dash": "dot", "width": 2},
        )
        figure.add_annotation(  # of add_vline it would not stand at its place on a logarithmic axis
            x=float(np.log10(threshold)),
            y=0,
            yref="paper",
            xanchor="right",
            yanchor="bottom",
            text="pinned below",
            font_color=LIMIT,
            showarrow=False,
        )
    spread = float(np.log10(eps.max() / eps.min())) if len(eps) > 1 else 0.0
    ends = np.log10([eps.min(), eps.max()]) + np.array([-1, 1]) * (0.06 * spread + 0.03)
    return figure.update_layout(
        **base_layout(
            height=height,
            xaxis=axis(
                "ε, scale of the small layers", log=True, range=ends.tolist(), dtick=_tick(spread)
            ),
            yaxis=(
                axis("escape time τ", rangemode="tozero")
                if logarithmic
                else axis("escape time τ", log=True, dtick=1)
            ),
        )
    )


def imbalance(
    time: Array, measured: Array, integral: Array, escape: float, height: int = 400
) -> go.Figure:
    """The norm imbalance of neighbouring layers over time, with the time integral of the identity.

    Args:
        time: (T,). measured, integral: (T, N-1).
        escape: the escape time, NaN where there is none.
    """
    figure = go.Figure()
    for j in range(measured.shape[1]):
        figure.add_scatter(
            x=time,
            y=measured[:, j],
            mode="lines",
            name=f"Δ<sub>{j + 1}</sub>",
            line={"color": PALETTE[j], "width": 5},
            opacity=0.75,
            hovertemplate=f"Δ{j + 1} = %{{y:.4g}} at time %{{x:.4g}}<extra></extra>",
        )
    law = [(time, column) for column in integral.T]
    figure.add_scatter(
        **_joined(law), mode="lines", name="∫ 2E⟨ψ, ∂L/∂h⟩ dt", hoverinfo="skip",
        line={"color": NEUTRAL, "dash": "6px,5px", "width": 2},
    )  # fmt: skip
    if np.isfinite(escape):
        figure.add_vline(x=escape, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    return figure.update_layout(
        **base_layout(
            height=height,
            xaxis=axis("time of gradient flow", range=_window(time, measured)),
            yaxis=axis(
                "Δ since the start", zeroline=True, zerolinecolor=NEUTRAL, exponentformat="power"
            ),
        )
    )


def drift(
    lines: Sequence[tuple[str, str, Array, Array, Array | None]], own: str, height: int = 400
) -> go.Figure:
    """How unbalanced a balanced chain becomes, against its scale.

    Args:
        lines: name, class, scale (q,), |Delta| (q,) and the law there or None, for each activation.
        own: the name that is drawn strong.
    """
    figure = go.Figure()
    for place, (name, kind, scale, size, law) in enumerate(lines):
        figure.add_scatter(
            x=scale,
            y=np.where(size > 0, size, np.nan),
            mode="lines",
            name=name,
            line={
                "color": CLASS_LOOKS[kind],
                "dash": DASHES[place % len(DASHES)],
                "width": 4 if name == own else 2,
            },
            hovertemplate=f"{name}: %{{y:.3g}} at a = %{{x:.3g}}<extra></extra>",
        )
        if law is not None:
            figure.add_scatter(
                x=scale[::3],
                y=np.abs(law[::3]),
                mode="markers",
                showlegend=place == 0,
                name="law",
                legendgroup="law",
                marker={"symbol": "x-thin-open", "size": 8, "color": NEUTRAL, "line": {"width": 2}},
                hoverinfo="skip",
            )
    return figure.update_layout(
        **base_layout(
            height=height,
            xaxis=axis("scale a of a balanced chain", log=True, dtick=1),
            yaxis=axis("|Δ|", log=True, dtick=2),
        )
    )


def iterations(
    eps: Array,
    counts: Mapping[str, tuple[str, Array]],
    predicted: Array,
    most: int,
    height: int = 400,
) -> go.Figure:
    """Iterations until the nets escaped, against the scale, by optimizer.

    Args:
        eps: scales above 0, (E,).
        counts: name -> label and iterations (E, S), -1 where not escaped.
        predicted: tau/eta, what gradient descent should need, (E,), NaN where unknown.
        most: the horizon.
    """
    figure = go.Figure()
    for name, (label, found) in counts.items():
        colour, symbol = OPTIMIZER_LOOKS[name]
        x, y = np.repeat(eps, found.shape[1]), found.ravel()
        figure.add_scatter(
            x=x[y > 0],
            y=y[y > 0],
            mode="markers",
            name=label,
            marker={"size": 9, "color": colour, "symbol": symbol},
            hovertemplate=f"{label}, ε = %{{x:.3g}}: %{{y}} iterations<extra></extra>",
        )
    figure.add_scatter(x=eps, y=predicted, mode="lines", name="flow time / step size", line=_LAW)
    figure.add_hline(y=most, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    spread = float(np.log10(eps.max() / eps.min())) if len(eps) > 1 else 0.0
    return figure.update_layout(
        **base_layout(
            height=height,
            xaxis=axis("ε, scale of the small layers", log=True, dtick=_tick(spread)),
            yaxis=axis(
                "iterations until it escapes", log=True, range=[0, np.log10(most) + 0.3], dtick=1
            ),
        )
    )


def modes(
    time: Array, strengths: Array, teacher: Sequence[float], halves: Array, height: int = 400
) -> go.Figure:
    """How strongly each of the teacher's modes has been learned, over time.

    Args:
        time: (T,). strengths: (T, q). teacher: its singular values, q of them.
        halves: when each is half there, (q,), NaN where not.
    """
    figure = go.Figure()
    for r, (s, half) in enumerate(zip(teacher, halves, strict=True)):
        look = {"color": PALETTE[r], "dash": DASHES[r]}
        figure.add_scatter(
            x=_positive(time),
            y=strengths[:, r],
            mode="lines",
            name=f"s = {s:g}",
            line=look | {"width": 3},
            hovertemplate=f"s = {s:g}: %{{y:.3f}} at time %{{x:.4g}}<extra></extra>",
        )
        figure.add_hline(y=s, line={"color": PALETTE[r], "width": 1, "dash": "dot"})
        if np.isfinite(half):
            figure.add_scatter(
                x=[half],
                y=[s / 2],
                mode="markers",
                showlegend=False,
                marker={"size": 11, "color": PALETTE[r]},
                hovertemplate=f"s = {s:g}: half there at %{{x:.4g}}<extra></extra>",
            )
    last = float(np.nanmax(np.append(halves, time[-1] / 2)))
    return figure.update_layout(
        **base_layout(
            height=height,
            xaxis=axis("time of gradient flow", range=[0, min(time[-1], 1.6 * last)]),
            yaxis=axis("strength of the mode", range=[-0.1, 1.1 * max(teacher)]),
        )
    )


def _joined(curves: Sequence[tuple[Array, Array]]) -> dict[str, Array]:
    """Curves as one line with gaps: what a figure costs, it costs by the line."""
    return {
        "x": _apart([time for time, _ in curves]),
        "y": _apart([_drawn(values) for _, values in curves]),
    }


def _apart(parts: Sequence[Array]) -> Array:
    """Arrays one after the other, with a row of NaN between."""
    gap = np.full((1, *parts[0].shape[1:]), np.nan, dtype=np.result_type(parts[0], "float32"))
    return np.concatenate([each for part in parts for each in (part, gap)][:-1])


def _positive(time: Array) -> Array:
    return np.where(time > 0, time, np.nan)


def _drawn(loss: Array) -> Array:
    """Half the bytes; a loss beyond what they hold, as of large weights, is a gap in its curve."""
    return np.where(loss <= np.finfo(np.float32).max, loss, np.nan).astype(np.float32)


def _window(time: Array, measured: Array) -> list[float]:
    """The part of a linear time axis in which something moves, with as much before it."""
    size = np.abs(measured).max(1)
    begin = float(time[int(np.argmax(size > 0.01 * size.max()))]) if size.max() > 0 else 0.0
    end = float(time[-1])
    return [max(0.0, begin - 0.5 * (end - begin)), end]


def _decades(curves: Sequence[tuple[Array, Array]]) -> dict[str, object]:
    """The range of a logarithmic time axis: from a little before the first fall to the end."""
    ends = [time[-1] for time, _ in curves if len(time) > 1 and time[-1] > 0]
    if not ends:
        return {}
    falls = [float(time[np.argmax(loss < 0.97)]) for time, loss in curves if (loss < 0.97).any()]
    falls = [f for f in falls if f > 0]
    last = float(np.log10(max(ends)))
    first = min(np.log10(min(falls)) - 0.7 if falls else last - 3, last - 1)
    return {"range": [float(first), last + 0.1], "dtick": max(1, round((last - first) / 6))}


def _tick(decades: float) -> object:
    return 1 if decades > 1.7 else "D2"
