"""Why no regularizer can do it: Theorem 2 as something one can try to break."""

import streamlit as st

from overparam.choices.theorem import CHOICES, matching_example
from overparam.ui.shell.frame import showing, through_app
from overparam.ui.shell.notes import notes
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState
from overparam.ui.theorem import around, beat, closest, estimate, limits, proof, shrink
from overparam.ui.theorem.controls import find_case, sidebar

PARTS = {"around": around, "shrink": shrink, "beat": beat, "closest": closest, "proof": proof}
FIELD = (
    "$F(W)=\\|W\\|^{2-2/N}\\,(G+(N-1)\\,\\mathrm{Pr}_W G)$: what depth makes of a gradient $G$. "
    "**Circulation**: its integral around a closed curve."
)
PART = "$\\mathrm{Pr}_W G$: the part of $G$ along $W$. The circulation of a gradient is 0."

through_app()
state = PageState("reg", CHOICES)
sidebar(state)
with st.container(horizontal=True, gap="small", vertical_alignment="center", key="reg_head"):
    st.subheader("Why no regularizer can do it", anchor=False, width="content")
    view = state.segmented("view", label_visibility="collapsed", width="content")
    notes("reg", label="", type="tertiary")
if view != "estimate":
    st.markdown(FIELD, help=PART)
example = matching_example(state.values())
if example and example.values.get("view", "around") == view:
    with role("aside", "example"):
        st.caption(f"**{example.label}.** {example.watch}")
with showing(f"reg {view}"):
    if view == "limits":
        limits.show(state)
    elif view == "estimate":
        estimate.show(state)
    elif (case := find_case(state)) is not None:
        if case.c == 0:
            st.warning(
                "G(0) = 0: Theorem 2 does not apply, and its curve has no direction e; it is drawn"
                " along the first axis instead.",
                icon=":material/warning:",
            )
        PARTS[view].show(state, case)
state.publish()
