"""Runs beside each other over time: pinned runs as faint curves, the runs of this session, and step
sizes changed on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from overparam.choices.kinds import ChoiceError
from overparam.choices.methods import Entry, parse_changes
from overparam.choices.race import CHOICES, Experiment
from overparam.serving.course import View
from overparam.serving.run import Watched
from overparam.ui.components.live_chart import Curve
from overparam.ui.shell.state import PageState
from overparam.ui.shell.transport import transport
from overparam.ui.shell.upload import described

MOST_PINS, MOST_RUNS = 3, 12


@dataclass(frozen=True)
class Pin:
    """A run as it stood when it was pinned."""

    experiment: Experiment
    view: View


def pins() -> list[Pin]:
    """The pinned runs of this session, the latest last."""
    return st.session_state.setdefault("race__pins", [])


def pin(run: Watched, position: int) -> None:
    """Keep a run's curves up to a position as something to compare with (a callback)."""
    view = run.view(position)
    if view is not None:
        kept = [p for p in pins() if p.experiment != run.experiment]
        st.session_state["race__pins"] = [*kept, Pin(run.experiment, view)][-MOST_PINS:]


def ghosts(curves: Callable[[Experiment, View], list[Curve]]) -> list[Curve]:
    """The pinned curves, drawn faintly and named after their methods."""
    return [
        replace(
            curve,
            ghost=True,
            name=f"{curve.name} (pinned {i})",
            note=f"{curve.note}, {each.experiment.summary()}",
        )
        for i, each in enumerate(pins(), start=1)
        for curve in curves(each.experiment, each.view)
        if not curve.trial
    ]


def change_steps(state: PageState, run: Watched, factor: float) -> None:
    """Multiply every step size from the iteration shown on (a callback); the run as it was stays as
    a faint curve.

    What was tuned becomes each method's own step size, so that the run up to here is the same one.
    """
    moving = transport()
    view = run.view(moving["position"])
    if view is None:
        return
    before, at = run.experiment, view.iteration
    if at >= before.iterations:  # no step is left that another step size could change
        moving["refused"] = (
            "The run has ended: go back or raise Iterations, then change the step sizes."
        )
        return
    steps = (
        view.steps
        if before.steps == "tuned"
        else [before.method(entry).step for entry in before.methods]
    )
    try:
        if at == 0:
            steps, changes = [factor * step for step in steps], before.changes
        else:
            earlier = "~".join(f"{t}x{by!r}" for t, by in before.changes if t <= at)
            changes = parse_changes("~".join(filter(None, [earlier, f"{at}x{factor!r}"])))
        methods: tuple[Entry, ...] = tuple(
            replace(entry, step=float(step))
            for entry, step in zip(before.methods, steps, strict=True)
        )
        state.set(steps="each", methods=methods, changes=changes)
    except ChoiceError as error:
        moving["refused"] = (
            str(error).split(";")[0].removesuffix(".") + ": the step sizes were left as they were."
        )
        return
    pin(run, before.iterations)
    leave(moving)
    moving.update(experiment=Experiment.of(state.values()), preview=False, position=at)


def remember(experiment: Experiment, values: dict[str, Any], position: int) -> None:
    """Keep a run in the session's history, the latest first."""
    runs = st.session_state.setdefault("race__history", {})
    runs.pop(experiment, None)
    runs[experiment] = {"values": values, "position": position}
    while len(runs) > MOST_RUNS:
        runs.pop(next(iter(runs)))


def leave(moving: dict[str, Any]) -> None:
    """Note how far the run that is being left was watched."""
    kept = st.session_state.get("race__history", {}).get(moving["experiment"])
    if kept:
        kept["position"] = moving["position"]


def history(state: PageState, watched: Experiment) -> None:
    """The runs of this session, each a click away, and what to do with the pinned ones."""
    if pins():
        words = "; ".join(
            f"{i}: {described(each.experiment)}" for i, each in enumerate(pins(), start=1)
        )
        st.caption(f"Pinned, faint in the chart: {words}")
        st.button(
            "Unpin all",
            icon=":material/keep_off:",
            on_click=lambda: pins().clear(),
            key="race_unpin",
        )
    runs = st.session_state.get("race__history", {})
    if not runs:
        st.caption("Runs that you have watched in this session appear here.")
    for i, (experiment, kept) in enumerate(reversed(runs.items())):
        here = experiment == watched
        st.button(
            f"{described(experiment)} · to iteration {kept['position']:,}",
            key=f"race_history_{i}",
            icon=":material/check:" if here else ":material/history:",
            type="tertiary",
            disabled=here,
            on_click=_bring_back,
            args=(state, experiment, kept),
        )


def _bring_back(state: PageState, experiment: Experiment, kept: dict[str, Any]) -> None:
    moving = transport()
    leave(moving)
    state.set(**{name: kept["values"][name] for name in (choice.name for choice in CHOICES)})
    moving.update(experiment=experiment, position=kept["position"], playing=False, preview=False)
