"""The race: loss curves of depths and optimizers on one problem, streamed while they are
computed."""

from functools import partial

import streamlit as st

from overparam.choices.kinds import Flag, Option
from overparam.choices.race import CHOICES, OPENING, Experiment
from overparam.ui.race import buttons, compare, presets, show, table
from overparam.ui.race.controls import row, sidebar
from overparam.ui.race.follow import show_followers
from overparam.ui.race.watching import run_of
from overparam.ui.shell.frame import through_app
from overparam.ui.shell.problem import problem_is_here
from overparam.ui.shell.state import PageState
from overparam.ui.shell.transport import transport
from overparam.ui.shell.upload import uploaded

through_app()
AXIS = Option("axis", "View", "log", {"log": "log", "linear": "linear", "tuning": "tuning"})
GUESS = Flag("guess", "Guess first")
state = PageState("race", (*CHOICES, AXIS, GUESS), OPENING)
sidebar(state)
moving = transport()
values = state.publish()
experiment = Experiment.of(values)
if moving["experiment"] != experiment:  # a new choice: its own run, from its start
    compare.leave(moving)
    moving.update(experiment=experiment, position=0, preview=not moving["playing"])
run = run_of(experiment, uploaded(state)) if problem_is_here(state) else None
if run is not None and not moving["preview"]:
    compare.remember(experiment, values, moving["position"])
st.html(
    table.STYLE
    + presets.STYLE
    + f"<style>{buttons.STYLE}{show.style(len(experiment.methods))}</style>"
)
buttons.buttons(state, moving, run)
if run is not None:
    shown = show.PREVIEW if moving["preview"] else moving["position"]
    show_followers(experiment, uploaded(state), shown, moving["playing"])
arrived, status = row(state, values, lecture=bool(st.session_state.get("app_projector")))
# of the chart: a preset has three lines more to show
again = partial(buttons.run_curves, state)
height = 265 if presets.preset_switch(state, experiment, again) else 318
if refused := moving.pop("refused", None):
    st.warning(refused, icon=":material/error:")
if run is None:
    st.caption("The race appears here as soon as its data are there: see *Problem* in the sidebar.")
elif values["axis"] == "tuning":
    show.step_view(state, moving, height)
else:
    show.race_view(state, values, run, moving, height, status, arrived)
