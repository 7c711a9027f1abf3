"""Run or pause, steps, reset, methods, guessing, comparing, taking home: the row of buttons, and
what they do."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from overparam.choices.race import Experiment
from overparam.figures.race import race_figure
from overparam.serving.course import View
from overparam.serving.run import Watched
from overparam.ui.components.window import icon_only
from overparam.ui.race import compare
from overparam.ui.race.follow import follow_popover
from overparam.ui.race.methods import methods_editor
from overparam.ui.race.take_home import take_home
from overparam.ui.race.tuning import is_tuned
from overparam.ui.shell.frame import when_open
from overparam.ui.shell.state import PageState
from overparam.ui.shell.transport import place_in_browser, stand_at, transport
from overparam.ui.shell.upload import uploaded

# too many for their words
_ICONS = (
    "race_reset",
    "race_transport .st-key-race_guess_switch",  # in a lecture; else it stands below the chart
    "race_pin",
    "race_history",
    "race_follow",
    "race_home",
)
STYLE = """
.st-key-race_transport .stElementContainer:not(.st-key-race_run) kbd { display: none; }
.st-key-race_transport button { padding-left: 0.6rem; padding-right: 0.6rem; }
""" + icon_only(*_ICONS)


def play(state: PageState) -> None:
    """Run, or pause."""
    moving = transport()
    if state.values()["axis"] == "tuning" and is_tuned(state):
        state.set(axis="log")  # all step sizes are compared: what is left to run are the curves
    position, over = moving["position"], moving["position"] >= state.values()["iterations"]
    begun = place_in_browser(moving) is not None  # by the browser, before this script heard of it
    if moving["playing"] or (over and begun):
        stand_at(position)
    else:  # at the end: from the start again
        stand_at(0 if over else position, playing=True)


def step(count: int) -> None:
    """So many iterations more, and stand there."""
    moving = transport()
    shown = -1 if moving["preview"] else moving["position"]
    stand_at(max(0, shown) + count)


def reset() -> None:
    """Back to iteration 0."""
    stand_at(0)


def run_curves(state: PageState) -> None:
    """Show the curves of the choices as they stand now, from the start."""
    state.set(axis="log")
    stand_at(0, playing=True)


def buttons(state: PageState, moving: dict[str, Any], run: Watched | None) -> None:
    """Run or pause, steps, reset, methods, comparing, taking home: one row."""
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key="race_transport"
    ):
        label, icon = (
            ("Pause", ":material/pause:") if moving["playing"] else ("Run", ":material/play_arrow:")
        )
        st.button(
            label,
            icon=icon,
            type="primary",
            on_click=play,
            args=(state,),
            shortcut="Space",
            key="race_run",
            disabled=run is None,
        )
        for key, count in (("1", 1), ("2", 10), ("3", 100)):
            words = f"{count} iteration{'s' if count > 1 else ''} more (key {key})"
            st.button(
                f"+{count}",
                on_click=step,
                args=(count,),
                key=f"race_step_{count}",
                shortcut=key,
                help=words,
            )
        words = "Back to iteration 0, from the same start (key 0)"
        st.button(
            "Back to iteration 0",
            icon=":material/restart_alt:",
            on_click=reset,
            key="race_reset",
            shortcut="0",
            help=words,
        )
        own = st.session_state[state.key("steps")] == "each"
        when_open(
            st.popover(
                "Methods",
                icon=":material/list:",
                width="content",
                key="race_editor",
                on_change="rerun",
            ),
            lambda: methods_editor(state, step_is_own=own),
        )
        state.segmented("axis", label_visibility="collapsed")
        if run is None:
            return
        if st.session_state.get("app_projector"):
            guess_switch(state)
        st.button(
            "Pin",
            icon=":material/push_pin:",
            on_click=lambda: compare.pin(run, moving["position"]),
            key="race_pin",
            shortcut="P",
            help="Pin: keep these curves, faint, to compare the next run with (key P)",
        )
        for word, name, factor in (("η ÷ 2", "halve", 0.5), ("η × 2", "double", 2.0)):
            st.button(
                word,
                on_click=compare.change_steps,
                args=(state, run, factor),
                key=f"race_{name}",
                help=(
                    "Change every step size from the iteration shown on; the run as it was stays as"
                    " faint curves"
                ),
            )
        words = "Runs of this session, and what is pinned"
        when_open(
            st.popover(
                "History",
                icon=":material/history:",
                key="race_history",
                help=words,
                on_change="rerun",
            ),
            lambda: compare.history(state, moving["experiment"]),
        )
        follow_popover()
        words = "Take it home: numbers, figure, script, notebook, link"
        when_open(
            st.popover(
                "Take it home",
                icon=":material/download:",
                key="race_home",
                help=words,
                on_change="rerun",
            ),
            lambda: take_home(
                run,
                lambda: moving["position"],
                uploaded(state),
                lambda view: standalone(run.experiment, view),
            ),
        )


def guess_switch(state: PageState) -> None:
    """Whether the curves wait until somebody has drawn a guess."""
    guessing = st.session_state[state.key("guess")]
    st.button(
        "Guess first",
        icon=":material/draw:",
        type="primary" if guessing else "secondary",
        on_click=lambda: state.set(guess=not guessing),
        key="race_guess_switch",
        shortcut="G",
        help="Guess first: draw one curve by hand before you see it (key G)",
    )


def standalone(experiment: Experiment, view: View) -> go.Figure:
    """The figure of a view for a file."""
    return race_figure(experiment.methods, view.times, view.gaps, experiment.summary())
