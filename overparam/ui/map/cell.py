"""One cell of a map: its runs, computed when it is clicked."""

from __future__ import annotations

import streamlit as st

from overparam.choices.kinds import ChoiceError
from overparam.choices.map import Plan
from overparam.figures.map import cell_curves, cell_tuning
from overparam.serving.maps.cell_runs import CellRuns, cell_runs
from overparam.story.map_words import cell_name, cell_words
from overparam.ui.components.plot import plot
from overparam.words import show


def read_cell(text: str) -> tuple[int, int] | None:
    """Column and row, as 6.4 in the URL; "" is none."""
    if not text:
        return None
    parts = text.split(".")
    if len(parts) != 2 or not all(part.isdecimal() and len(part) < 4 for part in parts):
        raise ChoiceError(
            f"The chosen cell must be a column and a row, such as 6.4, not {show(text)}; choosing"
            " none instead."
        )
    return int(parts[0]), int(parts[1])


def within(plan: Plan, at: tuple[int, int] | None) -> tuple[int, int]:
    """A cell of this map; the middle one where none is chosen or it lies outside."""
    columns, rows = len(plan.values("x")), len(plan.values("y"))
    if at is None or at[0] >= columns or at[1] >= rows:
        return columns // 2, rows // 2
    return at


@st.cache_data(max_entries=64, ttl=3600, show_spinner="Running this cell …")
def runs_of(plan: Plan, column: int, row: int) -> CellRuns:
    """The runs of a cell."""
    return cell_runs(plan, plan.cell(column, row))


def draw_cell(plan: Plan, at: tuple[int, int], starts: str = "") -> None:
    """The runs of a cell, and in words what other starts say of it."""
    cell, runs = plan.cell(*at), runs_of(plan, *at)
    st.markdown(f"**{cell_name(plan, cell)}** — {cell_words(plan, cell, runs)} {starts}")
    depths = (cell.depth, 1)
    goal, title = (plan.loss, "loss L") if plan.problem == "two" else (plan.gap, "gap g")
    plot(
        cell_curves(
            depths,
            runs.times,
            (runs.losses - runs.least) * goal / (runs.goal - runs.least),
            goal,
            title,
        ),
        key="map_curves",
        alt="The loss of both depths, each at its best step size, against the iteration.",
    )
    if len(runs.steps) > 1:
        plot(
            cell_tuning(depths, runs.steps / runs.unit, runs.reached, runs.best, runs.until),
            key="map_arrivals",
            alt="The number of iterations that both depths need, against the step size.",
        )
