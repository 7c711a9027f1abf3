"""What depth does to a gradient: the implicit preconditioner from one step to a whole run."""

import streamlit as st

from overparam.choices import Number, Option
from overparam.ui.frame import through_app
from overparam.ui.notes import notes
from overparam.ui.preconditioner import along_run, matrices, one_output, trajectories
from overparam.ui.state import PageState

VIEWS = {
    "one": "One step, one output",
    "matrix": "One step, matrices",
    "paths": "Trajectories",
    "run": "Along a run",
}
CHOICES = (
    Option("view", "View", "one", VIEWS),
    Number("N", "Depth N", 3, 1, 10, help="Any real number: Claim 2 has no need for a whole number of layers."),
    *one_output.CHOICES,
    *matrices.CHOICES,
    *trajectories.CHOICES,
    *along_run.CHOICES,
)

through_app()
state = PageState("pre", CHOICES)
with st.container(horizontal=True, gap="small", vertical_alignment="center"):
    view = state.segmented("view", label_visibility="collapsed", width="content")
    if view == "run":
        state.segmented("panel", label_visibility="collapsed", width="content")
    notes("pre", label="", type="tertiary")
{"one": one_output, "matrix": matrices, "paths": trajectories, "run": along_run}[view].show(state)
state.publish()
