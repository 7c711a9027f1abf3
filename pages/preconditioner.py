"""What depth does to a gradient: the implicit preconditioner from one step to a whole run."""

import streamlit as st

from overparam.choices.kinds import Choice, Number, Option
from overparam.ui.preconditioner import alignment, along_run, matrices, one_output, paths
from overparam.ui.shell.advance import again
from overparam.ui.shell.frame import showing, through_app
from overparam.ui.shell.notes import notes
from overparam.ui.shell.state import PageState

VIEWS = {
    "one": "One step, one output",
    "matrix": "One step, matrices",
    "paths": "Trajectories",
    "run": "Along a run",
    "align": "Alignment",
}
CHOICES: tuple[Choice, ...] = (
    Option("view", "View", "one", VIEWS),
    Number(
        "N",
        "Depth N",
        3,
        1,
        10,
        help="Any real number: Claim 2 has no need for a whole number of layers.",
    ),
    *one_output.CHOICES,
    *matrices.CHOICES,
    *paths.CHOICES,
    *along_run.CHOICES,
    *alignment.CHOICES,
)
PARTS = {
    "one": one_output,
    "matrix": matrices,
    "paths": paths,
    "run": along_run,
    "align": alignment,
}

through_app()
state = PageState("pre", CHOICES)
with st.container(horizontal=True, gap="small", vertical_alignment="center"):
    view = state.segmented("view", label_visibility="collapsed", width="content")
    if view == "run":
        state.segmented("panel", label_visibility="collapsed", width="content")
    notes("pre", label="", type="tertiary")
with showing(f"pre {view}"):
    PARTS[view].show(state)
state.publish()
again()
