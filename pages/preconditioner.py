"""What depth does to a gradient: the implicit preconditioner from one step to a whole run."""

import streamlit as st

from overparam.choices import Number, Option
from overparam.ui.frame import through_app
from overparam.ui.preconditioner import matrices, one_output, trajectories
from overparam.ui.state import PageState

VIEWS = {
    "one": "One step, one output",
    "matrix": "One step, matrices",
    "paths": "Trajectories",
}
CHOICES = (
    Option("view", "View", "one", VIEWS),
    Number("N", "Depth N", 3, 1, 10, help="Any real number: Claim 2 has no need for a whole number of layers."),
    *one_output.CHOICES,
    *matrices.CHOICES,
    *trajectories.CHOICES,
)

through_app()
state = PageState("pre", CHOICES)
title, tabs = st.columns([1, 1.6], vertical_alignment="bottom")
title.subheader("What depth does to a gradient", anchor=False)
with tabs:
    view = state.segmented("view", label_visibility="collapsed")
{"one": one_output, "matrix": matrices, "paths": trajectories}[view].show(state)
state.publish()
