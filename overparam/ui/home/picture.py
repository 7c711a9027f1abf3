"""The first picture: two weights on their way to the minimum of a loss, by depth 1 and by a depth
that is chosen; start, minimum and depth are moved in the picture itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from overparam.choices.kinds import Number, Option
from overparam.figures.paths import LEVELS, Path, trajectories
from overparam.figures.style import ZERO_AT, depth_colour, depth_dash
from overparam.measure.illustration import TunedRun, nearness, step_grid, tuned_run
from overparam.ui.components.plot import Hand, Prepared, plot, prepared
from overparam.ui.shell.notes import notes
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState

GOAL, HORIZON = 1e-4, 4000
STEPS_A_DECADE = POINTS_A_DECADE = 24
WINDOW, DIGITS = ((-2.0, 22.0), (-0.15, 1.65)), (2, 3)  # of w_1 and w_2
DEEPEST = 8
MOVED = ("w1", "w2", "y1", "y2", "N")
CHOICES = (
    Option("p", "Loss", "4", {"4": "p = 4: depth helps", "2": "p = 2: depth hurts"}),
    Number("w1", "Start w₁", 0.1, *WINDOW[0]),
    Number("w2", "Start w₂", 0.01, *WINDOW[1]),
    Number("y1", "Minimum y₁", 10, *WINDOW[0]),
    Number("y2", "Minimum y₂", 1, *WINDOW[1]),
    Number("N", "Depth N", 3, 2, DEEPEST, integer=True),
)
WHY = {
    "4": (
        "**A slope is the distance to go, cubed**: 1000 along $w_1$ (100 times the distance), 1"
        " along $w_2$ (the distance itself). A step size safe for $w_1$ is a hundred times too"
        " small for $w_2,$ which crawls. Depth multiplies *both* steps by a factor that grows with"
        " the weights: once $w_1$ is large, $w_2$ takes longer steps."
    ),
    "2": (
        "**A slope is the distance to go**: 10 along $w_1$, 1 along $w_2$. So one step size suits"
        " both, and gradient descent heads straight for ★, here in one step. Depth has nothing to"
        " repair; it starts more slowly, as its steps are small while the weights are, and its"
        " stretch along $w$ spoils the one step that suited both."
    ),
}
WHY_ELSEWHERE = {
    "4": (
        "**A slope is the distance to go, cubed**: a step size safe for the weight that has farther"
        " to go is too small for the other, which crawls. Depth multiplies *both* steps by a factor"
        " that grows with the weights: steps lengthen on the way to a minimum far from 0, and"
        " shrink on the way towards 0."
    ),
    "2": (
        "**A slope is the distance to go**, so one step size suits both weights, and gradient"
        " descent heads straight for ★, in one step from wherever it starts. Depth has nothing to"
        " repair; its steps change with the weights, and its stretch along $w$ spoils the one step"
        " that suited both."
    ),
}


def picture(state: PageState) -> None:
    """The switch of p, the picture, what it says, and why."""
    values = state.values()
    as_opened = all(values[name] == state.table[name].default for name in MOVED)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="home_bar"):
        plain_labels = {} if as_opened else {"format_func": "p = {}".format}
        p = state.segmented("p", label_visibility="collapsed", width="content", **plain_labels)
        st.markdown("Drag the start ◆, the minimum ★ and the depth.", width="content")
        if not as_opened:
            st.button(
                "Reset",
                icon=":material/restart_alt:",
                type="tertiary",
                on_click=lambda: state.set(**{n: state.table[n].default for n in MOVED}),
            )
        notes("home", label="", type="tertiary")
    start, target = (values["w1"], values["w2"]), (values["y1"], values["y2"])
    depths = (1, values["N"])
    height = 296 if st.session_state.get("app_projector") else 340
    height = 420 if "lesson" in st.query_params else height
    runs, figure = picture_of(p, start, target, depths, height)
    plot(
        figure,
        key="home_picture",
        alt=(
            f"Two weights descend to the minimum of the loss with p = {p}, beside the loss against"
            f" the iteration: {', '.join(named(run) for run in runs)}."
        ),
        autoplay=70 if as_opened else 0,  # what follows the hand is not played to it again
        hand=Hand(_descent(p, start, target, runs), lambda report: _moved(state, report)),
    )
    with role("aside", "why"):
        st.markdown((WHY if as_opened else WHY_ELSEWHERE)[p])


def named(run: TunedRun) -> str:
    """A depth and its iterations to the goal."""
    count = run.iterations
    arrived = (
        f"{count:,} iteration{'' if count == 1 else 's'}" if count is not None else "not there"
    )
    return f"depth {run.depth:g}: {arrived}"


def path(run: TunedRun) -> Path:
    """A run as the picture draws it, thinned evenly in the logarithm of the iteration."""
    last = len(run.loss) - 1
    lattice = (
        np.rint(
            10 ** (np.arange(0, POINTS_A_DECADE * np.log10(last + 1)) / POINTS_A_DECADE)
        ).astype(int)
        - 1
    )
    at = np.unique([*lattice[lattice < last], last])
    looks = depth_colour(run.depth), depth_dash(run.depth)
    return Path(named(run), *looks, at, run.weights[at], run.loss[at])


@st.cache_data(show_spinner=False, max_entries=64)
def picture_of(
    p: str,
    start: tuple[float, float],
    target: tuple[float, float],
    depths: tuple[int, ...],
    height: int,
) -> tuple[list[TunedRun], Prepared]:
    """The tuned run of each depth, and the moving picture, made once for all visitors."""
    runs = [
        tuned_run(
            depth,
            float(p),
            target,
            start,
            goal=GOAL,
            horizon=HORIZON,
            steps_per_decade=STEPS_A_DECADE,
        )
        for depth in depths
    ]
    figure = trajectories(
        [path(run) for run in runs], WINDOW, float(p), np.array(target), GOAL, height=height
    )
    span = np.ptp(WINDOW, axis=1)
    highest = float((span ** float(p)).sum()) / float(p)
    figure.update_layout(  # axes that stand still under the hand
        showlegend=False,
        yaxis_dtick=0.5,
        xaxis2_range=[np.log10(ZERO_AT) - 0.05, np.log10(HORIZON) + 0.1],
        yaxis2_range=[np.log10(GOAL / 20), np.log10(highest)],
    )
    return runs, prepared(figure)


def _descent(
    p: str, start: tuple[float, float], target: tuple[float, float], runs: list[TunedRun]
) -> dict[str, Any]:
    """What the browser needs to compute and draw the same."""
    grid, (factors, reach) = step_grid(STEPS_A_DECADE), nearness()
    return {
        "problem": {
            "p": int(p),
            "goal": GOAL,
            "horizon": HORIZON,
            "grid": grid.tolist(),
            "factors": factors.tolist(),
            "reach": reach,
        },
        "start": start,
        "target": target,
        "depth": runs[1].depth,
        "deepest": DEEPEST,
        "runs": [
            {"step": int(np.argmin(abs(grid - run.step_size))), "iterations": run.iterations}
            for run in runs
        ],
        "window": WINDOW,
        "digits": DIGITS,
        "levels": LEVELS,
        "zero": ZERO_AT,
        "looks": {n: (depth_colour(n), depth_dash(n)) for n in range(1, DEEPEST + 1)},
        "heard": st.session_state.get("home__heard", 0),
    }


def _moved(state: PageState, report: dict[str, Any]) -> None:
    """What was released becomes the choices (a callback)."""
    (w1, w2), (y1, y2) = report["start"], report["target"]
    state.set(w1=w1, w2=w2, y1=y1, y2=y2, N=report["depth"])
    st.session_state["home__heard"] = report["count"]
