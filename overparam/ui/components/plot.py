"""A plotly figure that is redrawn in place and can be clicked anywhere.

`st.plotly_chart` builds a new chart for every change: dragging a slider makes it blink, and a click
counts only on a point. The chart is mounted once and calls `Plotly.react`, so a change moves what
moves and leaves the rest, zoom included.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import plotly
import plotly.graph_objects as go
import streamlit as st

from overparam.ui.components.chart import Slider, chart
from overparam.ui.components.plotly_js import plotly_url


@dataclass(frozen=True)
class Follow:
    """Where the figure of other choices is had, which is shown while a hand moves a slider
    (follower.js): on a canvas where all its axes have a range and its traces are plain
    (sketch.js), else by plotly, which takes ten times as long.

    Attributes:
        address: of the figure, relative to that of the app.
        query: the page's choices, as in its URL.
        sliders: that the figure follows.
    """

    address: str
    query: Mapping[str, str]
    sliders: Sequence[Slider]


@dataclass(frozen=True)
class Hand:
    """Start, minimum and depth of the two-coordinate problem, moved in the figure; the paths follow
    in the browser (descent_hand.js).

    Attributes:
        descent: the problem and what the server found, as the browser gets it.
        on_moved: called with {"start", "target", "depth", "count"} when they are released.
    """

    descent: dict[str, Any]
    on_moved: Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Crossing:
    """One curve where the cursor crosses it: its panel's axis ("yaxis2"), name and colour, and its
    value at each time, None where it has none."""

    axis: str
    name: str
    colour: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Ellipse:
    """Half axes of an ellipse around 0 at each time, None where there is none, with its look."""

    name: str
    colour: str
    dash: str
    along: Sequence[float | None]
    across: Sequence[float | None]


@dataclass(frozen=True)
class Cursor:
    """A line through all panels of a figure, at one of the times of its first, logarithmic x axis.

    It moves in the browser alone; a place that is chosen by a press or a key is told to the page.

    Attributes:
        times: places that it can take, ascending.
        at: the time chosen; the nearest of the times counts.
        zero: where time 0 stands on the axis.
        marks: curves whose values stand beside it.
        plane: names of the axes in which the ellipses are drawn, ("xaxis2", "yaxis5").
        ellipses: drawn as they are at the cursor.
        words: one sentence for each time, shown above the figure.
        on_chosen: called with that time when another is chosen.
    """

    times: Sequence[int]
    at: int
    zero: float
    marks: Sequence[Crossing]
    plane: tuple[str, str]
    ellipses: Sequence[Ellipse]
    words: Sequence[str]
    on_chosen: Callable[[int], None]

    def record(self) -> dict[str, Any]:
        """What the browser gets."""
        sent = {each.name: getattr(self, each.name) for each in fields(self)}
        del sent["on_chosen"]
        return sent | {
            "marks": [asdict(mark) for mark in self.marks],
            "ellipses": [asdict(ellipse) for ellipse in self.ellipses],
        }


@dataclass(frozen=True)
class Prepared:
    """A figure as the browser gets it: turned to JSON once, to be shown many times."""

    figure: str
    height: float
    narrow: dict[str, Any] | None


def prepared(figure: go.Figure) -> Prepared:
    """A figure made ready; costs tens of milliseconds where the figure has many frames."""
    document = figure.to_plotly_json()
    document["layout"].pop("template", None)
    narrow = (figure.layout.meta or {}).get("narrow")
    return Prepared(
        json.dumps(document, cls=plotly.utils.PlotlyJSONEncoder), figure.layout.height, narrow
    )


def plot(
    figure: go.Figure | Prepared,
    key: str,
    alt: str,
    on_click: Callable[[dict[str, Any]], None] | None = None,
    autoplay: int = 0,
    zoom: bool = False,
    on_drawn: Callable[[list[list[float]]], None] | None = None,
    hand: Hand | None = None,
    cursor: Cursor | None = None,
    follow: Follow | None = None,
) -> None:
    """Show a figure and keep it in place from one run of the script to the next.

    Args:
        figure: with a height of its own, which it exceeds where the window has room; colours of
            text and background are those of the theme. Its layout's meta may hold {"narrow":
            {"below": pixels, "figure": part of a figure}}: what a chart of less width changes. One
            that is the same for everybody can be `prepared` once.
        key: unique on the page; the same key is the same chart.
        alt: what the picture shows, in one sentence, for those who do not see it.
        on_click: called with {"x", "y"} in the axes' units of a click anywhere in the plot, "axis":
            the x axis there ("x", "x2", ...), "custom": the customdata of the point below it,
            "point_x", "point_y": its place; each None where there is none.
        autoplay: milliseconds a frame, to play the figure's frames whenever a new figure has come;
            0 leaves that to its buttons. Browsers that are asked for less motion show the end at
            once.
        zoom: whether the wheel and buttons zoom it and dragging moves it.
        on_drawn: called with the points (x, y) of a loop that was drawn in the first pair of axes.
            A bead walks along the way that meta names, a bar beside the second pair shows what it
            has gathered (bead.js).
        hand: moves what it shows.
        cursor: drawn over it; the figure has no hover texts of its own then.
        follow: what it shows while a hand moves a slider.
    """
    if isinstance(figure, go.Figure):
        figure = prepared(figure)

    def clicked() -> None:
        event = st.session_state[key].clicked
        if on_click is not None and event is not None:
            on_click(event)

    def drawn() -> None:
        points = st.session_state[key].drawn
        if on_drawn is not None and points is not None:
            on_drawn(points)

    def moved() -> None:
        report = st.session_state[key].moved
        if hand is not None and report is not None:
            hand.on_moved(report)

    def chosen() -> None:
        time = st.session_state[key].chosen
        if cursor is not None and time is not None:
            cursor.on_chosen(time)

    chart(
        key=key,
        height="content",
        data={
            "mode": "still",
            "figure": figure.figure,
            "library": plotly_url(),
            "alt": alt,
            "height": figure.height,
            "narrow": figure.narrow,
            "clickable": on_click is not None,
            "autoplay": autoplay,
            "zoom": zoom,
            "drawable": on_drawn is not None,
            "descent": None if hand is None else hand.descent,
            "cursor": None if cursor is None else cursor.record(),
            "follow": None if follow is None else asdict(follow),
        },
        on_clicked_change=clicked,
        on_drawn_change=drawn,
        on_moved_change=moved,
        on_chosen_change=chosen,
    )
