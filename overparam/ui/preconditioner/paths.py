"""Trajectories on the two-coordinate problem: each method at its own best step size, from a start
set by a click."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from overparam.choices.kinds import Choice, ChoiceError, Number, Option, Structured
from overparam.choices.race import CHOICES as EXPERIMENT
from overparam.engine.problem import two_coordinate
from overparam.engine.simulation import Method
from overparam.figures.paths import Path, trajectories
from overparam.figures.style import PALETTE, depth_colour, depth_dash
from overparam.measure.illustration import starts_near
from overparam.measure.trajectory import LUCKY, fastest, follow, log_times
from overparam.ui.components.plot import plot
from overparam.ui.preconditioner.step_shares import LABELS, SHARES
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState
from overparam.ui.shell.trio import dial
from overparam.words import show as quoted

GOAL, HORIZON = 1e-4, 4000
PATHS = {
    "1": "N = 1",
    "2": "N = 2",
    "3": "N = 3",
    "4": "N = 4",
    "8": "N = 8",
    "momentum": "momentum",
    "adam": "Adam",
}
_LOOKS = {"momentum": (PALETTE[5], "22px,4px,3px,4px"), "adam": (PALETTE[6], "2px,7px")}


def _read_paths(text: str) -> list[str]:
    names = text.split("~") if text else []
    unknown = [name for name in names if name not in PATHS]
    if unknown:
        raise ChoiceError(
            f"A path must be one of {', '.join(PATHS)}, not {quoted(unknown[0])}; using the default"
            " paths instead."
        )
    return [name for name in PATHS if name in names]


CHOICES: tuple[Choice, ...] = (
    *(choice for choice in EXPERIMENT if choice.name in ("p", "ratio")),
    Number("x", "Start w₁", 0.1, -100, 100),
    Number("y", "Start w₂", 0.01, -100, 100),
    Structured("paths", "Paths", ["1", "2", "3"], _read_paths, "~".join),
    Option("share", "Step sizes", "best", LABELS),
)


def show(state: PageState) -> None:
    """Draw the view."""
    left, right = st.columns([1, 4.2], gap="medium")
    with left, role("controls", "view"):
        with st.container(horizontal=True):
            st.button(
                "p = 2",
                on_click=_preset,
                args=(state, 2.0),
                width="stretch",
                help="Depth hurts.",
                key=state.key("p2"),
            )
            st.button(
                "p = 4",
                on_click=_preset,
                args=(state, 4.0),
                width="stretch",
                help="Depth helps.",
                key=state.key("p4"),
            )
        p = dial(state, "p", 0.5)
        ratio = state.log_slider("ratio", 1, 1000)
        st.button(
            "Start near 0",
            on_click=_near_zero,
            args=(state,),
            width="stretch",
            key=state.key("near_zero"),
        )
        st.caption(
            "Click in the map to start elsewhere. Press play, or drag the slider below the map."
        )
    with right, st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        st.pills(
            "Paths",
            list(PATHS),
            format_func=PATHS.__getitem__,
            selection_mode="multi",
            default=state.standing("paths"),
            key=state.key("paths"),
            width="content",
        )
        share = state.segmented(
            "share",
            help=(
                "Each method's own best step size, of 24 a decade, over this start and five near"
                " it; or a share of it."
            ),
            width="content",
        )
    values = state.values()
    names, start = values["paths"], (values["x"], values["y"])
    with right:
        if not names:
            st.info("Choose at least one path.", icon=":material/route:")
            return
        paths, iterations, steps, nearby, lucky = _compute(
            p, ratio, start, tuple(names), SHARES[share]
        )
        plot(
            trajectories(
                _with_looks(paths), _window(ratio, paths), p, np.array([ratio, 1.0]), GOAL
            ),
            key=state.key("map"),
            alt=(
                "Contours of the loss over the two weights with the path of each method, beside the"
                " losses over the iterations."
            ),
            on_click=lambda event: _set_start(state, event),
        )
        with role("answer", "paths"):
            st.markdown(_results(names, iterations, steps, share, nearby))
            with role("aside", "paths"):
                st.markdown(_in_words(p, start, names, iterations, share, nearby, lucky))


def _preset(state: PageState, p: float) -> None:
    state.set(p=p, ratio=10.0, x=0.1, y=0.01, paths=["1", "2", "3"], share="best")


def _near_zero(state: PageState) -> None:
    state.set(x=0.01 * state.values()["ratio"], y=0.01)


def _set_start(state: PageState, event: dict[str, Any]) -> None:
    if event["axis"] == "x" and event["x"] is not None:
        state.set(
            x=float(np.clip(round(event["x"], 3), -100, 100)),
            y=float(np.clip(round(event["y"], 3), -100, 100)),
        )


def _method(name: str, start: tuple[float, float]) -> Method:
    depth, optimizer = (1, name) if name in _LOOKS else (int(name), "gd")
    return Method(depth=depth, optimizer=optimizer, kind="rule", w_e=(start,))


@st.cache_data(max_entries=64, ttl=3600, show_spinner="Comparing step sizes …")
def _compute(
    p: float, ratio: float, start: tuple[float, float], names: tuple[str, ...], share: float
) -> tuple[
    list[tuple[str, np.ndarray, np.ndarray, np.ndarray]],
    list[int | None],
    list[float],
    list[int | None],
    list[bool],
]:
    """For each method (name, times, weights, losses) to the goal; iterations to it; step sizes;
    most from a start nearby; luck."""
    problem = two_coordinate(p, ratio)
    starts = [(float(x), float(y)) for x, y in starts_near(start, (ratio, 1.0))]
    best = fastest(
        problem,
        [[_method(name, each) for each in starts] for name in names],
        GOAL,
        HORIZON,
    )
    steps = [share * each.step for each in best]
    tuned = [
        replace(_method(name, start), step=step) for name, step in zip(names, steps, strict=True)
    ]
    nearby = [max(each.iterations) if each.iterations and share == 1 else None for each in best]
    horizon = (
        HORIZON if None in nearby else max(each.iterations[0] for each in best if each.iterations)
    )
    run = follow(problem, tuned, log_times(horizon, 60), goal=GOAL)
    weights = run.weights[:, :, 0].numpy()
    paths = []
    for i, name in enumerate(names):
        arrived = int(run.reached[i])
        end = (
            np.searchsorted(run.times, arrived)
            if arrived >= 0
            else np.flatnonzero(np.isfinite(run.losses[:, i]))[-1]
        )
        paths.append(
            (PATHS[name], run.times[: end + 1], weights[: end + 1, i], run.losses[: end + 1, i])
        )
    return (
        paths,
        [int(t) if t >= 0 else None for t in run.reached],
        steps,
        nearby,
        [each.lucky for each in best],
    )


def _with_looks(paths: list[tuple]) -> list[Path]:
    names = {label: name for name, label in PATHS.items()}
    looks = [
        _LOOKS.get(names[p[0]]) or (depth_colour(int(names[p[0]])), depth_dash(int(names[p[0]])))
        for p in paths
    ]
    return [
        Path(name, colour, dash, *rest)
        for (name, *rest), (colour, dash) in zip(paths, looks, strict=True)
    ]


def _window(ratio: float, paths: list[tuple]) -> tuple[tuple[float, float], tuple[float, float]]:
    """A window with the minimum, 0 and the paths in it, but not all of a wild overshoot."""
    sides = []
    for axis, target in ((0, ratio), (1, 1.0)):
        points = np.concatenate([way[:, axis] for _, _, way, _ in paths] + [[0.0, target]])
        low, high = max(points.min(), -1.5 * target), min(points.max(), 2.5 * target)
        low, high = min(low, paths[0][2][0, axis]), max(high, paths[0][2][0, axis])
        margin = 0.08 * (high - low)
        sides.append((float(low - margin), float(high + margin)))
    return sides[0], sides[1]


def _results(
    names: list[str],
    iterations: list[int | None],
    steps: list[float],
    share: str,
    nearby: list[int | None],
) -> str:
    """Iterations to the goal, one entry a method; where this start is a lucky one, what becomes of
    the starts nearby, too."""
    entries = []
    for name, count, step, most in zip(names, iterations, steps, nearby, strict=True):
        words = (
            f"{count:,} iteration{'' if count == 1 else 's'}"
            if count is not None
            else f"not there after {HORIZON:,}"
        )
        lucky = ""
        if count is not None and most is not None and most > 2 * count:
            lucky = f"; up to {most:,} from starts nearby"
        elif count is not None and most is None and share == "best":
            lucky = "; by luck: not from all starts nearby"
        entries.append(f"**{PATHS[name]}:** {words} (step size {step:.2g}{lucky})")
    return " · ".join(entries)


def _in_words(
    p: float,
    start: tuple[float, float],
    names: list[str],
    iterations: list[int | None],
    share: str,
    nearby: list[int | None],
    lucky: list[bool],
) -> str:
    """What the paths show: what the paper says, and what was measured for the choices on screen."""
    if share == "best":  # one that arrives from this start alone does so by luck
        iterations = [
            count if most is not None else None
            for count, most in zip(iterations, nearby, strict=True)
        ]
    count = dict(zip(names, iterations, strict=True))
    deep = {name: count[name] for name in names if name not in ("1", *_LOOKS)}
    sentences = []
    if start == (0.0, 0.0) and deep:
        sentences.append(
            "**Start $w = 0$:** a stationary point for every $N > 1$, so the deep paths do not"
            " leave it."
        )
    arrived = {name: n for name, n in deep.items() if n is not None}
    if "1" in count and arrived:
        best = min(arrived, key=arrived.__getitem__)
        if count["1"] is None:
            sentences.append(
                "**Measured here:** of the depths chosen only $N > 1$ arrives; the quickest is $N"
                f" = {best}$."
            )
        else:
            sentences.append(_compared(best, max(count["1"], 1), max(arrived[best], 1)))
    sentences.append(
        "**Why:** at $p = 2$ the slope is the distance to go, so both coordinates shrink at one"
        " rate: a single step size suits both, and depth can only delay."
        if p == 2
        else (
            "**The paper's argument** (start near 0, $y_1 \\gg y_2$): one step size must suit the"
            " steep coordinate, so the other crawls; once $w_1$ is near $y_1$, depth multiplies the"
            " other's rate by about $y_1^{2-2/N}$."
        )
    )
    nowhere = [PATHS[name] for name, most in zip(names, nearby, strict=True) if most is None]
    if share == "best" and nowhere:
        sentences.append(
            f"**No step size tried brings {', '.join(nowhere)} to the goal from all six starts**"
            f" within {HORIZON:,} iterations: shown is the one whose largest loss is least then."
        )
    if share == "best" and any(lucky) and p > 2:
        by_luck = ", ".join(PATHS[name] for name, each in zip(names, lucky, strict=True) if each)
        sentences.append(
            f"**A lucky leap:** {by_luck}; the step sizes next to its own need more than {LUCKY:g}"
            " times as long."
        )
    if share == "best":
        sentences.append(
            "Step sizes are best over six starts, this one and five near it: from one alone a lucky"
            " leap could win."
        )
    return " ".join(sentences)


def _compared(best: str, plain: int, deep: int) -> str:
    if plain == deep:
        return f"**Measured here:** $N = {best}$ and $N = 1$ need equally many iterations."
    factor = f"{float(f'{max(plain / deep, deep / plain):.2g}'):,g} times"
    verb, times = (
        ("helps", f"{factor} fewer iterations than")
        if deep < plain
        else ("hurts", f"{factor} as many iterations as")
    )
    return (
        f"**Measured here:** depth {verb}; $N = {best}$, the quickest deep one, needs {times}"
        " $N = 1$."
    )
