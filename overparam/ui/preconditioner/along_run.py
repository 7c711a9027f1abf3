"""Along a run: what depth does from the first step to the last, read on any problem of the race."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import streamlit as st

from overparam.choices.kinds import Choice, ChoiceError, Number, Option
from overparam.choices.methods import Entry
from overparam.choices.problems import PROBLEMS
from overparam.choices.race import CHOICES as EXPERIMENT
from overparam.choices.race import Experiment
from overparam.data import Data, DataError
from overparam.serving.course import Tuned
from overparam.serving.run import RUNS, RunError
from overparam.ui.preconditioner import laws, taken_apart, why_now
from overparam.ui.preconditioner.readings import Reader
from overparam.ui.preconditioner.step_shares import LABELS
from overparam.ui.shell.problem import problem_controls, problem_is_here
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState
from overparam.ui.shell.trio import dial, switch
from overparam.ui.shell.upload import uploaded

GRID = 8  # step sizes a decade
PANELS = {
    "edge": "Why now?",
    "ablation": "Which half?",
    "momentum": "Momentum",
    "network": "Rule and network",
    "singular": "Singular values",
}
_SHOW = {
    "edge": why_now.show,
    "ablation": taken_apart.ablation,
    "momentum": taken_apart.momentum,
    "network": laws.network,
    "singular": laws.singular,
}
_PROBLEM = ("problem", "m", "d", "k", "condition", "spectrum", "noise", "csv", "seed")

CHOICES: tuple[Choice, ...] = (
    *(choice for choice in EXPERIMENT if choice.name in _PROBLEM),
    Option("panel", "Reading", "edge", PANELS),
    Number(
        "scale",
        "Start scale ‖W₀‖",
        0.04,
        1e-4,
        10,
        help="Norm of a balanced start, in a random direction.",
    ),
    Number(
        "iterations",
        "Iterations",
        1000,
        10,
        10_000,
        integer=True,
        help="Step sizes are tuned for this many iterations.",
    ),
    Number(
        "spread",
        "Spread of the unbalanced start",
        0.1,
        1e-3,
        1,
        help="Standard deviation of the layers' Gaussian entries.",
    ),
    Option(
        "part",
        "Step size",
        "tenth",
        LABELS,
        help=(
            "The best of the grid, or a smaller one, for which the laws of small steps hold better."
        ),
    ),
    Number(
        "t",
        "Cursor",
        20,
        0,
        10_000,
        integer=True,
        help="The iteration that all readings mark. Or press in a plot.",
    ),
)


def show(state: PageState) -> None:
    """Draw the view."""
    left, right = st.columns([1, 4.2], gap="medium")
    with left, role("controls", "view"):
        problem_controls(state)
        switch(state)
        dial(state, "p", 0.5, label_visibility="collapsed")
        panel = state.values()["panel"]
        if panel == "momentum":
            st.caption("Depth 2, with one hidden unit.")
        else:
            dial(state, "N", 0.1, format="%.1f")
        first, second = st.columns(2)
        with first:
            state.log_slider("scale", 1e-3, 1)
        with second:
            state.log_slider("iterations", 100, 10_000)
        if panel in ("momentum", "network", "singular"):
            state.select("part")
        if panel == "network":
            state.log_slider("spread", 1e-3, 1)
        state.number("t", step=1)
    with right:
        if not problem_is_here(state):
            st.info(
                "The data are not here yet: see the controls on the left.",
                icon=":material/database:",
            )
            return
        try:
            _SHOW[panel](Reader(state, _outputs(state), uploaded(state), _experiment, _tune))
        except (ChoiceError, DataError, RunError) as error:
            st.error(str(error), icon=":material/error:")


def _outputs(state: PageState) -> int:
    """k of the chosen problem."""
    values = state.values()
    return PROBLEMS[values["problem"]].outputs(SimpleNamespace(**values), uploaded(state))


def _experiment(state: PageState, entries: Sequence[Entry], **instead: Any) -> Experiment:
    """The race of these methods, from one balanced start, each tuned on the grid for the whole
    length; `instead` of the choices."""
    values = {c.name: c.default for c in EXPERIMENT} | state.values() | instead
    return Experiment.of(
        values
        | {
            "methods": tuple(entries),
            "steps": "tuned",
            "horizon": values["iterations"],
            "grid": GRID,
            "start": "balanced",
        }
    )


def _tune(experiment: Experiment, upload: Data | None) -> Tuned:
    """Let the shared run of an experiment compare its step sizes; a bar shows how far it is."""
    run, begun, bar = RUNS.get(experiment, upload), time.perf_counter(), None
    while run.tuned is None:
        run.advance(experiment.iterations)
        elapsed = time.perf_counter() - begun
        if elapsed > 0.4:
            share = max(run.computed, 0) / experiment.iterations
            left = f", about {elapsed * (1 - share) / share:.0f} s left" if share > 0.05 else ""
            bar = bar or st.progress(0.0)
            bar.progress(share, text=f"Comparing {run.rows} step sizes{left}")
    if bar:
        bar.empty()
    return run.tuned
