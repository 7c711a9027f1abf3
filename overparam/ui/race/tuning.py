"""Tuning as a view of the race: the whole grid of step sizes, while it is compared and after, each
of its points a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.figures.race import method_styles
from overparam.figures.tuning import Tuning, nearest, tuning_figure
from overparam.serving.course import Tuned
from overparam.serving.run import Watched
from overparam.ui.components.plot import plot
from overparam.ui.race.watching import known_run, run_of
from overparam.ui.shell.state import PageState

FRAME_SECONDS, FIRST_LOOK = 0.3, 100
LEGEND = """
★ The best step size of the grid: its largest gap over the last tenth of the iterations is the
lowest, and where several solve the problem it is the quickest of them; or the first to the gap that
is tuned for.

✕ The smallest step beyond it that diverged.

○ The step in use, where it is not the best one.

Dotted: 2 / λ_max of the preconditioned Hessian at the balanced optimum (3.8 / λ_max for momentum).
Beyond it the end-to-end rule is repelled there; a network of depth > 1 can still settle, in a
flatter, unbalanced factorisation of the same W. Methods that normalise the gradient have no such
limit.
"""


def tuned_twin(values: Mapping[str, Any]) -> Experiment:
    """The experiment with every step size tuned: itself where they are, else with its own step
    sizes left out."""
    methods = tuple(replace(entry, step=None) for entry in values["methods"])
    return Experiment.of({**values, "steps": "tuned", "methods": methods, "changes": ()})


def is_tuned(state: PageState) -> bool:
    """Whether the step sizes of the choices have been compared."""
    run = known_run(tuned_twin(state.values()))
    return run is not None and run.tuned is not None


def tuning_view(
    state: PageState,
    moving: dict[str, Any],
    upload: Data | None,
    height: int,
    play: Callable[..., None],
) -> Watched:
    """Draw the comparison of step sizes as far as it is known, and let it go on while the race is
    running; returns the tuned run.

    Args: play: makes the page show the curves of the choices as they stand then, from the start
    (for a click).
    """
    values = state.values()
    experiment = tuned_twin(values)
    run, horizon = run_of(experiment, upload), experiment.tuning_horizon
    heartbeat = st.empty()
    _advance(run, horizon if moving["playing"] else min(FIRST_LOOK, horizon), heartbeat)
    found = run.comparison()
    if found is None:  # somebody else computes its first iterations just now
        st.caption("Comparing step sizes …")
        return run
    rows = _rows(run, found, values)

    def clicked(event: dict[str, Any]) -> None:
        if event["custom"] is not None:
            method, step = int(event["custom"][0]), float(event["custom"][1])
        elif event["x"] and event["y"]:
            method, step = nearest(rows, event["x"], event["y"])
        else:
            return
        _take(state, rows, method, step)
        play()

    plot(
        tuning_figure(rows, f"gap at iteration {found.iteration:,}", height),
        key=state.key("tuning"),
        alt=(
            "The gap of every method against its step size, with the best one, the first that"
            " diverged and the stability limit."
        ),
        on_click=clicked,
    )
    st.caption(_words(run, found, horizon, moving["playing"]), help=LEGEND)
    if moving["playing"]:
        moving.update(playing=run.tuned is None, preview=False)
        if (
            run.experiment == moving["experiment"]
        ):  # the curves then stand where the comparison does
            moving["position"] = max(moving["position"], found.iteration)
        if run.tuned is not None:
            st.rerun()
    return run


def go_on(run: Watched, moving: dict[str, Any]) -> None:
    """Last on the page: the next frame of a comparison that is running."""
    if moving["playing"] and run.tuned is None:
        st.rerun()


def _advance(run: Watched, until: int, heartbeat: DeltaGenerator) -> None:
    stop = time.perf_counter() + FRAME_SECONDS
    while run.computed < until and (time.perf_counter() < stop or run.computed < 0):
        run.advance(until)
        heartbeat.empty()  # where Streamlit takes up a click


def _rows(run: Watched, found: Tuned, values: dict[str, Any]) -> list[Tuning]:
    looks, stable = method_styles(run.experiment.methods), run.stable_steps()
    rows = []
    for i, entry in enumerate(run.experiment.methods):
        mine = np.flatnonzero(found.grid.owner == i)
        own = {"each": values["methods"][i].step or values["step"], "shared": values["step"]}.get(
            values["steps"]
        )
        gaps = np.where(found.diverged_at[mine] >= 0, np.nan, found.gaps[mine])
        rows.append(
            Tuning(
                entry.label(),
                *looks[i],
                found.grid.steps[mine],
                gaps,
                found.chosen[i] - int(mine[0]),
                stable[i],
                own,
            )
        )
    return rows


def _take(state: PageState, rows: list[Tuning], method: int, step: float) -> None:
    """Every method keeps the step size it has, or its best one; the clicked one takes the step
    clicked."""
    values = state.values()
    steps = [float(row.own if row.own is not None else row.steps[row.chosen]) for row in rows]
    steps[method] = step
    methods = tuple(
        replace(entry, step=own) for entry, own in zip(values["methods"], steps, strict=True)
    )
    state.set(steps="each", methods=methods)


def _words(run: Watched, found: Tuned, horizon: int, playing: bool) -> str:
    rows = len(found.grid.methods)
    words = f"{rows} runs, {run.experiment.grid} step sizes a decade"
    if run.tuned is not None:
        return (
            f"{words}, compared at the tuning horizon of {horizon:,} iterations. Click a step to"
            " run it."
        )
    words += f", iteration {found.iteration:,} of the tuning horizon of {horizon:,}"
    left = run.seconds_left(horizon)
    return words + (
        f", about {left:.0f} s left"
        if playing and left > 2
        else ""
        if playing
        else ": press Run to go on"
    )
