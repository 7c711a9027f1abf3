"""A chart that streams: mounted once, then fed with snapshots that it draws without ever being
rebuilt.

Streamlit rebuilds a chart whenever its data change, so it would blink at every frame and lose zoom
and hidden curves. Here a component (live.js) stays on the page; the snapshots reach it as the
attributes of an invisible element that the script replaces, up to about ten times a second. The
browser owns its place in between: it glides after the newest snapshot at every frame of its screen,
on a canvas; curves at rest are Plotly's, with all that it can do.

    chart = live_chart("race", x_title="iteration", y_title="gap")     # before the loop
    for curves in run:
        chart.draw(snapshot(run_id, curves))

Where the server hands out streams, the loop is the browser's: a snapshot with a `Feed` says what is
played, and from where; the values come through the stream, and the browser says through it where it
is.
"""

import base64
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

import numpy as np
import streamlit as st

from overparam.ui.components.chart import Slider, chart
from overparam.ui.components.plotly_js import plotly_url

MOST_POINTS = 400  # a curve is drawn on about 800 pixels


@dataclass(frozen=True)
class Curve:
    """One line of a chart.

    Attributes:
        name: shown at the end of the curve and when the pointer is near; plain text, never read as
            markup.
        x, y: coordinates, both of shape (n,). What an axis cannot show (nan, infinite, <= 0 on a
            logarithmic axis) is a gap in the line.
        colour: "#rrggbb".
        dash: one of `style.DASHES`, or a name that Plotly knows.
        note: a short text below the values at the pointer.
        ghost: drawn faintly, as something to compare with.
        trial: many runs, with gaps between them, of which every point is drawn; gone when step
            sizes are compared no longer.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: str
    dash: str = "solid"
    note: str = ""
    ghost: bool = False
    trial: bool = False


@dataclass(frozen=True)
class Feed:
    """The stream that the curves come through while they move, all but ghosts, in their order.

    Attributes:
        address: of the stream, relative to that of the app.
        key: opens it.
        run: its number, as frames say it.
        limit: the iteration at which it ends.
        playing: whether the browser plays it now.
        position: the iteration from which it plays, or that is shown.
        order: to play; where the browser follows it already, it goes on.
    """

    address: str
    key: str
    run: int
    limit: int
    playing: bool
    position: int
    order: str


@dataclass(frozen=True)
class Transport:
    """What lets the curves of a stream run or stand: the browser foresees what the script will say.

    Attributes: buttons: a selector of all of them. run: of the one that does both. keys: that do
    the same, first that of `run`.
    """

    buttons: str = ""
    run: str = ""
    keys: str = ""


@dataclass(frozen=True)
class Mark:
    """A vertical line at `x` with a text beside it, such as the iteration at which a step size was
    changed."""

    x: float
    text: str


@dataclass(frozen=True)
class Flag:
    """Where a curve arrives at a goal: its name, the point, and a text below it."""

    name: str
    x: float
    y: float
    text: str
    colour: str


@dataclass(frozen=True)
class Arrivals:
    """What curves have come to.

    Attributes:
        goals: heights of lines across the chart, each with its text.
        flags: where curves arrive.
        bracket: names of two flags and the text of the span between them.
    """

    goals: Sequence[tuple[float, str]] = ()
    flags: Sequence[Flag] = ()
    bracket: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Guess:
    """What a person who guesses first is asked for.

    Attributes:
        reference: name of the one curve that is shown meanwhile, None for none.
        target: name of the curve to be drawn.
        reached: goals, falling, each with the iteration at which that curve comes to it, None where
            it has not.
    """

    reference: str | None
    target: str
    reached: Sequence[tuple[float, int | None]]


@dataclass(frozen=True)
class Snapshot:
    """What a chart shows, written for the browser; the same for everybody who looks at the same.

    Attributes: head: JSON of the names and looks of all curves, and of what else is drawn. points:
    of the curves one after another all x, then all y, as float32 in base64.
    """

    head: str
    points: str


@dataclass
class LiveChart:
    """A mounted chart; made by `live_chart`."""

    slot: Any
    memory: dict[str, Any]
    key: str
    mounted: float
    sent: int = field(default=0)

    def draw(self, shown: Snapshot, feed: Feed | None = None) -> None:
        """Show these curves and no others, in the place of what was shown before.

        The browser ignores a snapshot that is older than the one it shows, for instance from a
        script run that has been replaced.

        Args: feed: where the browser gets the curves from while they move.
        """
        self.sent += 1
        said = json.dumps(asdict(feed) if feed else None)
        head = f'{{"feed": {said}, {shown.head[1:]}'.encode()
        frame = f'data-order="{self.mounted:.6f} {self.sent}"'
        # the browser's sanitiser drops attributes that contain certain pieces of markup
        frame += f' data-head="{base64.b64encode(head).decode()}" data-points="{shown.points}"'
        self._send(frame)  # where a script run that has been replaced ends
        self.memory["frame"] = frame

    def repeat(self) -> None:
        """Send the last snapshot again, if there is one: a page that comes back shows it before
        anything is computed. Where it is on the screen, or a newer one, nothing changes."""
        if self.memory["frame"]:
            self._send(self.memory["frame"])

    def _send(self, frame: str) -> None:
        self.slot.html(_Written(f'<i hidden data-live-chart="{escape(self.key)}" {frame}></i>'))


@dataclass(frozen=True)
class _Written:
    """HTML as it is: text would be looked up as a file, and its indents taken out, which takes
    3 ms for a snapshot."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


def live_chart(
    key: str,
    height: int = 430,
    x_title: str = "",
    y_title: str = "",
    x_log: bool = True,
    alt: str = "",
    x_range: tuple[float, float] | None = None,
    x_zero: float | None = None,
    y_clip: tuple[float | None, float | None] = (None, None),
    guessing: bool = False,
    playing: bool = False,
    transport: Transport = Transport(),
    sliders: Sequence[Slider] = (),
    glance: str = "",
) -> LiveChart:
    """Mount a streaming chart here and show its last snapshot, if this session has one.

    Call it once in every run of the script, before the loop that draws. Its settings may change
    from run to run; zoom and hidden curves survive that (zoom along x does not survive a change
    between linear and logarithmic).

    Args:
        key: unique on the page.
        height: of the chart, in pixels, which it exceeds where the window has room.
        x_title, y_title: of the axes; trusted text, which may use <sub> and <sup>.
        x_log: whether the x axis is logarithmic; the y axis always is.
        alt: what the chart shows, in a sentence, for people who do not see it.
        x_range: (low, high) of the x axis in its own units, so that curves grow into a frame that
            stands still; None fits it to the curves.
        x_zero: where 0 stands on a logarithmic x axis, to be labelled.
        y_clip: (low, high) that the fitted y axis does not go beyond, so that a diverging curve
            leaves the others in sight; None means no limit.
        guessing: hide all curves but one until a person has drawn a guess (guess.js); needs
            `x_range`, and a `Guess` with every snapshot.
        playing: whether the curves are on their way: one that begins runs over the guess.
        transport: what lets the curves run or stand.
        sliders: that short runs follow while a hand moves them (`Experiment.glance`).
        glance: what is said of their curves.
    """
    memory = st.session_state.setdefault(f"{key}__live_chart", {"frame": None, "mounted": 0.0})
    memory["mounted"] = max(
        time.time(), memory["mounted"] + 1e-3
    )  # a clock set back must not hide the next snapshots
    settings = {
        "mode": "live",
        "key": key,
        "plotly": plotly_url(),
        "height": height,
        "xTitle": x_title,
        "yTitle": y_title,
        "xLog": x_log,
        "alt": alt,
        "xRange": x_range,
        "xZero": x_zero,
        "yClip": y_clip,
        "guessing": guessing,
        "playing": playing,
        "transport": asdict(transport),
        "sliders": [vars(slider) for slider in sliders],
        "glance": glance,
    }
    with st.container(gap=None, key=f"{key}_live_chart"):
        chart(key=key, data=settings)
        mounted = LiveChart(st.empty(), memory, key, memory["mounted"])
    mounted.repeat()
    return mounted


def snapshot(
    run_id: str,
    curves: Sequence[Curve],
    marks: Sequence[Mark] = (),
    arrivals: Arrivals = Arrivals(),
    guess: Guess | None = None,
    x_log: bool = True,
    streamed: bool = False,
) -> Snapshot:
    """These curves for a chart.

    Snapshots are cumulative: each holds the whole curves, so that one that is lost costs nothing.

    Args:
        run_id: which run the snapshot belongs to; found again as `data-run` of the chart.
        curves: at most `MOST_POINTS` points of each that is no trial are kept, evenly spaced in
            the index, or in its logarithm where the x axis is logarithmic.
        marks: vertical lines.
        arrivals: lines of goals, and flags where curves come to them.
        guess: needed where the chart is mounted with `guessing`.
        x_log: as the chart was mounted.
        streamed: without the points of any curve but ghosts: they come through a stream.

    Raises: ValueError where the x and y of a curve differ in length.
    """
    points, described = [], []
    for curve in curves:
        x, y = _thinned(curve, x_log)
        if streamed and not curve.ghost:
            x, y = x[:0], y[:0]
        points += [x, y]
        described.append(
            {
                "name": curve.name,
                "colour": curve.colour,
                "dash": curve.dash,
                "note": curve.note,
                "ghost": curve.ghost,
                "trial": curve.trial,
                "points": len(x),
            }
        )
    head = {
        "run": run_id,
        "curves": described,
        "marks": [{"x": float(m.x), "text": m.text} for m in marks],
        "goals": [{"y": float(y), "text": text} for y, text in arrivals.goals],
        "flags": [asdict(flag) for flag in arrivals.flags],
        "bracket": arrivals.bracket,
        "guess": None if guess is None else asdict(guess),
    }
    with np.errstate(over="ignore"):  # beyond float32: infinite, a gap
        body = np.concatenate(points).astype("<f4") if points else np.empty(0, "<f4")
    return Snapshot(json.dumps(head), base64.b64encode(body.tobytes()).decode())


def _thinned(curve: Curve, x_log: bool) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(curve.x, dtype=float), np.asarray(curve.y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"x and y of curve {curve.name!r} must be vectors of one length, not {x.shape} and"
            f" {y.shape}"
        )
    n = len(x)
    if n <= MOST_POINTS or curve.trial:
        return x, y
    spaced = np.geomspace(1, n, MOST_POINTS) - 1 if x_log else np.linspace(0, n - 1, MOST_POINTS)
    keep = np.unique(np.round(spaced).astype(int))
    return x[keep], y[keep]
