"""The five pictures: each mounts its charts and returns what draws a study's curves into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st

from overparam.choices.beyond_linear import APART, LOSSES, STARTS, Study
from overparam.figures.beyond_linear import speed_up_ranges
from overparam.figures.style import DASHES, NEUTRAL, PALETTE, depth_colour, depth_dash
from overparam.serving.stored import name_of
from overparam.serving.training import Curves
from overparam.story.beyond_words import (
    Grid,
    apart_table,
    apart_words,
    loss_ranges,
    mean_curves,
    penalty_table,
    ranges_of,
    steps_words,
    tuned_table,
)
from overparam.ui.beyond_linear.transport import pins
from overparam.ui.components.live_chart import Curve, LiveChart, Mark, live_chart, snapshot
from overparam.ui.components.plot import plot
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState

Draw = Callable[[Study, Curves], None]
HEIGHT, LOWER = 260, 215  # lower above a table that belongs to the picture
STYLE = """
.beyond-table { overflow-x: auto; }
.beyond-table table { border-collapse: collapse; font-size: 0.8rem; width: 100%;
  font-variant-numeric: tabular-nums; }
.beyond-table :is(th, td) { padding: 0.1rem 0.55rem; text-align: right; white-space: nowrap;
  border: 0; }
@media (max-width: 640px) { /* all columns are seen: headings break */
  .beyond-table table { font-size: 0.75rem; }
  .beyond-table :is(th, td) { padding-inline: 0.2rem; white-space: normal; }
}
.beyond-table thead th { font-weight: 600; border-bottom: 1px solid rgba(127, 135, 148, 0.5); }
.beyond-table :is(th, td):first-child { text-align: left; font-weight: 400; }
"""


def picture(state: PageState, values: Mapping[str, Any], study: Study) -> Draw:
    """Mount the picture that is chosen."""
    mount = {
        "apart": _apart,
        "steps": _steps,
        "tuned": _tuned,
        "loss": _loss,
        "penalty": _penalty,
    }[values["view"]]
    return mount(state, values, study)


def apart_looks(place: int) -> tuple[str, str]:
    """Colour and dash of one of the runs of the taken-apart figure: no penalty repeats colours."""
    names = list(APART)
    twin = {4: 0, 5: 1, 6: 3}.get(place, place)
    return PALETTE[twin], DASHES[2] if names[place].endswith("no penalty") else "solid"


def apart_curves(which: str, curves: Curves) -> list[tuple[str, np.ndarray, int]]:
    """Names, values (T,) and places of the runs that have something to show."""
    value = {"both": curves.fit + curves.penalty, "penalty": curves.penalty, "fit": curves.fit}
    shown = mean_curves(value[which])
    places = [i for i, kind in enumerate(APART.values()) if which == "fit" or "penalty" in kind]
    return [(list(APART)[i], shown[:, i], i) for i in places]


def _apart(state: PageState, values: Mapping[str, Any], study: Study) -> Draw:
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        key="beyond_curves_row",
    ):
        which = state.segmented("curves", label_visibility="collapsed", width="content")
        with role("aside", "beyond_numbers", width="content"):
            with_numbers = st.toggle("Numbers", key="beyond_numbers")
    chart = live_chart(
        "beyond_apart",
        height=HEIGHT,
        x_title="iteration",
        y_title={"both": "loss + penalty", "penalty": "penalty", "fit": LOSSES[study.loss]}[which],
        x_log=False,
        x_range=(0.0, float(study.horizon)),
        alt=(
            "The plotted loss, its penalty or its fit against the iteration, for one matrix, two "
            "in succession, and two that begin at the same function."
        ),
    )
    words = role("answer", "beyond").empty()
    table = role("aside", "beyond_table").empty() if with_numbers else None

    def lines(curves: Curves, ghost: bool = False) -> list[Curve]:
        found = []
        for name, y, place in apart_curves(which, curves):
            colour, dash = apart_looks(place)
            label = f"{name} (pinned)" if ghost else name
            found.append(Curve(label, curves.times, y, colour, dash, ghost=ghost))
        return found

    def draw(study: Study, curves: Curves) -> None:
        shown = [*_ghosts("apart", lines), *lines(curves)]
        chart.draw(snapshot(name_of(study), shown, x_log=False))
        words.markdown(apart_words(curves))
        if table:
            table.html(apart_table(curves, [apart_looks(i)[0] for i in range(len(APART))]))

    return draw


def _ghosts(view: str, lines: Callable[[Curves, bool], list[Curve]]) -> list[Curve]:
    return [curve for kind, _, curves in pins() if kind == view for curve in lines(curves, True)]


def _goal_line(study: Study, goal: float) -> Curve:
    ends = np.array([0.0, float(study.horizon)])
    return Curve("goal", ends, np.full(2, goal), NEUTRAL, "3px,3px", ghost=True)


def _loss_chart(key: str, study: Study, height: int = HEIGHT) -> LiveChart:
    return live_chart(
        key,
        height=height,
        x_title="iteration",
        y_title=LOSSES[study.loss],
        x_log=False,
        x_range=(0.0, float(study.horizon)),
        y_clip=(1e-5, 1e2),
        alt=(
            "The loss on the training images against the iteration, a curve for each number of "
            "factors."
        ),
    )


def _depth_curves(grid: Grid, places: np.ndarray, ghost: bool = False) -> list[Curve]:
    found = []
    for i, depth in enumerate(grid.depths):
        y = mean_curves(grid.losses[:, :, i, places[i]])
        note = f"step size {grid.steps[places[i]]:.2g}"
        name = f"N = {depth}" + (" (pinned)" if ghost else "")
        look = depth_colour(depth), depth_dash(depth)
        found.append(Curve(name, grid.times, y, *look, note, ghost))
    return found


def _step_slider(state: PageState, study: Study) -> None:
    steps = {recipe.step for recipe in study.recipes}
    current = state.standing("rate")
    st.select_slider(
        "Step size η",
        options=sorted(steps | {current}),
        value=current,
        key=state.key("rate"),
        format_func=lambda step: f"{step:.2g}",
    )


def _steps(state: PageState, values: Mapping[str, Any], study: Study) -> Draw:
    with st.container(horizontal=True, vertical_alignment="center", key="beyond_steps_controls"):
        state.segmented("compare", label_visibility="collapsed")
        _step_slider(state, study)
        state.log_slider("goal", 1e-3, 1.0)
    left, right = st.columns(2, gap="medium")
    with left:
        steps = [recipe.step for recipe in study.recipes]
        shift = live_chart(
            "beyond_steps",
            height=HEIGHT,
            x_title="step size η",
            y_title=f"iterations to {values['goal']:g}",
            x_log=True,
            x_range=(min(steps) / 1.1, max(steps) * 1.1),
            alt=(
                "Iterations to the goal against the step size: the curves of one, two and three "
                "factors have one shape, shifted along the axis."
            ),
        )
    with right:
        curves_chart = _loss_chart("beyond_steps_curves", study)
    with role("answer", "beyond"):
        words = st.empty()

    def chosen(grid: Grid) -> np.ndarray:
        if values["compare"] == "own":
            return grid.best(values["goal"])
        return np.full(len(grid.depths), grid.nearest(values["rate"]))

    def draw(study: Study, curves: Curves) -> None:
        grid = Grid.of(study, curves)
        middle, places = np.median(grid.arrivals(values["goal"]), 0), chosen(grid)
        lines, marks = [], []
        for i, depth in enumerate(grid.depths):
            y = np.where(np.isfinite(middle[i]), middle[i], np.nan)
            look = depth_colour(depth), depth_dash(depth)
            lines.append(Curve(f"N = {depth}", np.array(grid.steps), y, *look, "middle seed"))
            if values["compare"] == "own":
                marks.append(Mark(grid.steps[places[i]], f"N = {depth}"))
        if values["compare"] == "same":
            marks = [Mark(grid.steps[places[0]], f"η = {grid.steps[places[0]]:.2g}")]
        shift.draw(snapshot(name_of(study), lines, marks))
        ghosts = [
            curve
            for kind, pinned, kept in pins()
            if kind == "grid"
            for curve in _depth_curves(Grid.of(pinned, kept), chosen(Grid.of(pinned, kept)), True)
        ]
        below = [_goal_line(study, values["goal"]), *ghosts, *_depth_curves(grid, places)]
        curves_chart.draw(snapshot(name_of(study), below, x_log=False))
        words.markdown(steps_words(grid, values["goal"], values["rate"]))

    return draw


def _tuned(state: PageState, values: Mapping[str, Any], study: Study) -> Draw:
    state.log_slider("goal", 1e-3, 1.0)
    chart = _loss_chart("beyond_tuned", study, LOWER)
    slot, words = st.empty(), st.empty()

    def draw(study: Study, curves: Curves) -> None:
        grid = Grid.of(study, curves)
        places = grid.best(values["goal"])
        lines = _depth_curves(grid, places)
        shown = [_goal_line(study, values["goal"]), *lines]
        chart.draw(snapshot(name_of(study), shown, x_log=False))
        slot.html(tuned_table(grid, study.loss))
        words.caption(
            f"Iterations, least to largest of {study.seeds} seeds, each with its own best step size"
            " of the grid for each goal; in bold how many times as fast as N = 1 of the same"
            " seed. *edge*: a best step is the first or last of the grid. The curves: each at its"
            f" best step to {values['goal']:g}."
        )

    return draw


def _loss(state: PageState, values: Mapping[str, Any], study: Study) -> Draw:
    optimizer = values["optimizer"] if values["optimizer"] in ("gd", "momentum") else "gd"
    slot, words = st.container(), st.empty()

    def draw(study: Study, curves: Curves) -> None:
        ranges = loss_ranges(optimizer)
        if len(curves.times) and curves.times[-1] >= study.horizon:
            goal = {"ce": 0.03, "l2": 0.1, "l4": 0.02}[study.loss]
            row = f"{LOSSES[study.loss]} ≤ {goal:g}, this run"
            ranges += ranges_of(row, Grid.of(study, curves), goal, live=True)
        with slot:
            plot(
                speed_up_ranges(ranges),
                key="beyond_ranges",
                alt=(
                    "How many times as fast two and three factors arrive as one matrix, for three "
                    "losses and two starts; a bar from the least to the largest of the seeds."
                ),
            )
        words.caption(
            "How many times as fast as one matrix, each at its own best step size; left of the "
            "line: slower. "
            f"Stored grids, {optimizer}; *this run*: {LOSSES[study.loss]}, "
            f"{STARTS[values['start']]}, {values['optimizer']}. *He* begins with large outputs, "
            "PyTorch's default with small ones."
        )

    drawn: list[int] = []

    def once(study: Study, curves: Curves) -> None:  # a chart may be mounted once in a script run
        if not drawn:
            drawn.append(1)
            draw(study, curves)

    return once


def penalty_looks(study: Study) -> list[tuple[str, str]]:
    """Colour by the number of factors, dash by the penalty."""
    dashes = {"none": DASHES[2], "product": "solid", "factors": DASHES[1]}
    return [(depth_colour(r.depth), dashes[r.penalty]) for r in study.recipes]


def _penalty(state: PageState, values: Mapping[str, Any], study: Study) -> Draw:
    looks = penalty_looks(study)
    charts = []
    for column, key, powers, title in zip(
        st.columns(2, gap="medium"),
        ("squares", "schatten"),
        ("squares", "powers 2/N"),
        ("Σσ², dense layers", "Σσ<sup>2/N</sup>, dense layers"),
        strict=True,
    ):
        with column:
            chart = live_chart(
                f"beyond_{key}",
                height=LOWER,
                x_title="iteration",
                y_title=title,
                x_log=False,
                x_range=(0.0, float(study.horizon)),
                alt=f"The sum of {powers} of all dense layers' singular values, for each penalty.",
            )
            charts.append((key, chart))
    slot = st.empty()

    def draw(study: Study, curves: Curves) -> None:
        for key, chart in charts:
            shown = mean_curves(getattr(curves, key))
            lines = [
                Curve(f"N = {r.depth}, {r.penalty}", curves.times, shown[:, i], *looks[i])
                for i, r in enumerate(study.recipes)
                if key == "squares" or r.depth > 1
            ]
            chart.draw(snapshot(name_of(study), lines, x_log=False))
        slot.html(penalty_table(study, curves, [colour for colour, _ in looks]))

    return draw
