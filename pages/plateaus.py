"""Plateaus and saddle escape: why a deep net whose layers start small waits, and for how long."""

import streamlit as st

from overparam.choices.kinds import ChoiceError
from overparam.choices.plateaus import CHOICES, Family, matching_example
from overparam.ui.plateaus import balance, controls, escape, modes, optimizers
from overparam.ui.shell.advance import again
from overparam.ui.shell.frame import showing, through_app
from overparam.ui.shell.notes import notes
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState

PARTS = {"escape": escape, "balance": balance, "optimizers": optimizers, "modes": modes}
CLAIM = (
    "A net whose $r>2$ small layers start at scale $\\varepsilon$ waits near a saddle of the loss"
    " for a time $\\tau\\propto\\varepsilon^{-(r-2)}$. Depth does not matter, $r$ does."
)

through_app()
state = PageState("plateaus", CHOICES)
with st.container(horizontal=True, gap="small", vertical_alignment="center"):
    view = state.segmented("view", label_visibility="collapsed", width="content")
    controls.examples(state)
    notes("plateaus", label="", type="tertiary")
left, right = st.columns([1, 4.2], gap="medium")
with left, role("controls", "plateaus"):
    controls.show(state)
with right:
    example = matching_example(state.values())
    words = f"**{example.label}.** {example.watch}" if example and example.name != "law" else CLAIM
    with role("answer", "words"):
        st.markdown(words)
    try:
        with showing(f"plateaus {view}"):
            PARTS[view].show(state, Family.of(state.values()))
    except ChoiceError as error:
        st.error(str(error), icon=":material/error:")
state.publish()
again()
