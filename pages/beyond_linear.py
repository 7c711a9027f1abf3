"""Beyond linear: what the paper's last figure is made of, measured on networks that are not
linear."""

from functools import partial

import streamlit as st

from overparam.choices.beyond_linear import BEYOND_CHOICES, study_of
from overparam.choices.kinds import ChoiceError
from overparam.story.beyond_words import CLAIMS, PRACTICE, honest_sentence
from overparam.ui.beyond_linear import pictures, transport
from overparam.ui.beyond_linear.controls import images_are_here, sidebar
from overparam.ui.beyond_linear.show import follow, home, pin, prepare, show
from overparam.ui.shell.frame import through_app, when_open
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState


def more(net: str) -> None:
    """What holds for every picture."""
    with role("aside", "beyond_more", horizontal=True, gap="small", width="content"):
        if net == "dense" and (sentence := honest_sentence()):
            with st.popover("In short", icon=":material/short_text:", type="tertiary"):
                st.markdown(sentence)
        practice = st.popover(
            "In practice",
            icon=":material/quiz:",
            type="tertiary",
            key="beyond_questions",
            help="Five questions before one puts two matrices where one was",
            on_change="rerun",
        )
        when_open(practice, lambda: st.markdown(PRACTICE))


through_app()
state = PageState("beyond", BEYOND_CHOICES)
sidebar(state)
values = state.publish()
st.html(f"<style>{pictures.STYLE}{transport.STYLE}</style>")
problem, study = "", None
try:
    study = study_of(values) if images_are_here(values["data"]) else None
except ChoiceError as error:
    problem = str(error)
moving = follow(study)
with st.container(horizontal=True, vertical_alignment="center", key="beyond_head"):
    state.segmented("view", label_visibility="collapsed")
    transport.buttons(moving, lambda: pin(values["view"], moving), lambda: home(moving))
if problem:
    st.error(problem, icon=":material/error:")
elif study is None:
    st.caption(
        "The picture appears here as soon as its images are there: see *Images* in the sidebar."
    )
else:
    show(moving, partial(pictures.picture, state, values, study), partial(more, values["net"]))
with role("aside", "beyond_claims"):
    st.markdown(CLAIMS[values["view"]])
prepare(moving)
