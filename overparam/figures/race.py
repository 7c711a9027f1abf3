"""How the methods of a race look: one colour and dash each, the same in every picture of the page; and the race as a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from overparam.experiment import Entry
from overparam.figures.style import DASHES, PALETTE, axis, base_layout, depth_colour, depth_dash


def method_styles(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """Colour and dash of each method: gradient descent on a network of depth N looks as depth N does on every page.

    The other methods take the colours that are left, then repeat colours with other dashes.
    """
    own = [e.kind == "network" and e.optimizer == "gd" and e.depth <= len(PALETTE) for e in entries]
    styles: list[tuple[str, str] | None] = []
    for plain, e in zip(own, entries, strict=True):
        style = (depth_colour(e.depth), depth_dash(e.depth)) if plain else None
        styles.append(None if style in styles else style)
    # same colour, another dash: a combination that no depth has
    spare = [(colour, DASHES[i]) for i, colour in enumerate(PALETTE)]
    spare += [(colour, DASHES[(i + shift) % len(DASHES)]) for shift in range(1, len(DASHES)) for i, colour in enumerate(PALETTE)]
    for i, style in enumerate(styles):
        if style is None:
            used = {s[0] for s in styles if s}
            fresh = [s for s in spare if s[0] not in used] or [s for s in spare if s not in styles]
            styles[i] = fresh[0]
    return styles


def race_figure(entries: Sequence[Entry], times: np.ndarray, gaps: np.ndarray, title: str = "") -> go.Figure:
    """The race as a figure that stands alone: for a file, where no page supplies colours of text and background.

    Args: times: iterations (K,); gaps: (K, M), one column for each entry; 0 and below leave a gap in the line.
    """
    figure = go.Figure()
    for entry, gap, (colour, dash) in zip(entries, gaps.T, method_styles(entries), strict=True):
        shown = np.where(gap > 0, gap, np.nan)
        line = {"color": colour, "dash": dash, "width": 2.5}
        about = {"name": entry.label(), "mode": "lines", "line": line, "customdata": times, "hovertemplate": _HOVER}
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
            yaxis=axis("gap g = (L − L*) / (L₀ − L*)", log=True, range=[low - 0.1, min(1.0, np.log10(np.nanmax(gaps)) + 0.1)]),
        )
    )
    return figure


_HOVER = "%{fullData.name}<br>iteration %{customdata:,}: <b>%{y:.4~g}</b><extra></extra>"
