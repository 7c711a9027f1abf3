"""The way from a race to the page that says why depth is fast at a moment of it."""

from __future__ import annotations

import streamlit as st

from overparam.choices.kinds import write_choices
from overparam.choices.race import CHOICES, Experiment
from overparam.ui.shell.roles import role

_SAME = ("problem", "m", "d", "k", "condition", "spectrum", "noise", "csv", "ratio", "p", "seed")
MOST_DEPTH, MOST_ITERATIONS, LEAST_SCALE = 10, 10_000, 1e-4  # of that page


def why_now(experiment: Experiment) -> None:
    """A link to "Why now?" of this race, where there is one."""
    query = query_of(experiment)
    if query is not None:
        with role("aside", "why_now", width="content"):
            st.page_link(
                "pages/preconditioner.py",
                label="Why now?",
                icon=":material/explore:",
                query_params=query,
                help="These data and this loss step by step: depth 1 and the deepest that races",
            )


def query_of(experiment: Experiment) -> dict[str, str] | None:
    """What that page is asked for; None where the race has another loss, or nothing deep."""
    depths = [entry.depth for entry in experiment.methods if entry.optimizer == "gd"]
    deepest = max(depths, default=1)
    if experiment.loss != "lp" or not 1 < deepest <= MOST_DEPTH:
        return None
    table = [choice for choice in CHOICES if choice.name in _SAME]
    values = {choice.name: getattr(experiment, choice.name) for choice in table}
    query = write_choices(table, values) | {
        "view": "run",
        "N": f"{deepest:g}",
        "iterations": str(min(experiment.iterations, MOST_ITERATIONS)),
    }
    if experiment.start == "balanced" and experiment.scale >= LEAST_SCALE:
        query["scale"] = repr(experiment.scale)
    return query
