"""Presentation: the projector mode and the way into the lessons, in the header of every page."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from overparam.choices.kinds import Flag
from overparam.ui.shell.frame import when_open
from overparam.ui.shell.lesson_card import menu
from overparam.ui.shell.look import shared
from overparam.ui.shell.roles import PROJECTOR
from overparam.ui.shell.speaker import window
from overparam.ui.shell.state import PageState

CHOICES = (Flag("projector", "Projector mode", False),)

# Everything on the page is sized in rem, and the charts follow it: one number scales text, lines
# and markers. On a larger screen it is larger: what fits into 1280x720 fits there too, and is read
# from as far away. Words that a lecturer says, and links that stand in the header, leave their room
# to the pictures.
_PROJECTOR = """
html { font-size: max(20px, min(1.5625vw, 2.7778vh)); --tools-top: 0.4rem; }
[data-testid="stHeader"] { height: 2.75rem; min-height: 2.75rem; }
.stMain .stMainBlockContainer { padding-top: 3.25rem; padding-bottom: 1rem; }
.stMain [data-testid="stMarkdown"] :is(th, td) { padding: 0.15rem 0.5rem; }
.stMain .race-table :is(th, td) { padding-top: 0; padding-bottom: 0; }
/* the easiest goals go, so that the verdict fits */
.race-table :is(th, td):is(:nth-child(3), :nth-child(4)) { display: none; }
"""


def header_tools(page: StreamlitPage) -> None:
    """The switch of the projector mode, which stands in the URL, and the list of lessons."""
    window(page.url_path)
    state = PageState("app", CHOICES)
    projector = state.values()["projector"]
    # said once in a run: between two words of it a browser may open the sidebar, and leave it so
    st.set_page_config(initial_sidebar_state="collapsed" if projector else "auto")
    embedded = bool(st.context.is_embedded)
    style = shared(embedded)
    st.html(f"<style>{_PROJECTOR + PROJECTOR + style if projector else style}</style>")
    if not embedded:
        with st.container(
            horizontal=True,
            vertical_alignment="center",
            gap="xsmall",
            width="content",
            key="app_tools",
        ):
            st.button(
                "Projector mode",
                icon=":material/co_present:",
                key="app_projector_switch",
                type="primary" if projector else "tertiary",
                on_click=lambda: state.set(projector=not projector),
                help="Larger text, thicker lines, nothing that a lecturer says",
            )
            lessons = st.popover(
                "Lessons",
                icon=":material/school:",
                type="tertiary",
                key="app_lessons",
                on_change="rerun",
            )
            when_open(lessons, menu)
    state.publish()
