"""What every page shares: the page settings and the navigation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pandas  # noqa: F401  (imported before any thread starts: its first import must not be shared between threads)
import streamlit as st
from streamlit.elements.lib.mutable_expander_container import ExpanderContainer
from streamlit.elements.lib.mutable_popover_container import PopoverContainer
from streamlit.navigation.page import StreamlitPage

from overparam.ui.shell.first_word import listen
from overparam.ui.shell.look import PAGE, WITH_SIDEBAR


def page_frame() -> None:
    """Set up the browser tab.  Call first in app.py."""
    listen()
    st.session_state["in_frame"] = True
    st.set_page_config(
        page_title="Depth as acceleration",
        page_icon="📉",
        layout="wide",
    )
    st.html(
        f"<style>{PAGE}</style>"
    )  # before anything that it places, which would else be seen to jump


def navigation() -> StreamlitPage:
    """The pages of the app, and the one that was asked for."""
    page = st.navigation(
        # the claim's three pages a click away, the others in a menu: there is room for that many
        {
            "": [
                st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
                st.Page("pages/convergence.py", title="The race", icon=":material/show_chart:"),
                st.Page(
                    "pages/preconditioner.py", title="The preconditioner", icon=":material/explore:"
                ),
                st.Page("pages/no_regularizer.py", title="No regularizer", icon=":material/cycle:"),
            ],
            "Further": [
                st.Page(
                    "pages/where_depth_helps.py",
                    title="Where depth helps",
                    icon=":material/grid_on:",
                ),
                st.Page("pages/plateaus.py", title="Plateaus", icon=":material/hourglass_bottom:"),
                st.Page("pages/beyond_linear.py", title="Beyond linear", icon=":material/hub:"),
            ],
        },
        position="top",
    )
    return page


def sidebar_first(page: StreamlitPage) -> None:
    """Bring the sidebar before the rest of a page that has one, which would else be seen to make
    room for it.

    Call when it is settled whether the sidebar stands open.
    """
    if page.url_path in WITH_SIDEBAR:
        st.sidebar.empty()


def through_app() -> None:
    """Call first in every page.  Run app.py instead, where the page's file was started without it.

    Streamlit does that with a link to a page, as long as nobody has opened the app since the server
    started: it sees a folder called "pages" and cannot know yet that app.py has a navigation of its
    own.
    """
    if "in_frame" not in st.session_state:
        page_frame()
        navigation()
        st.rerun()


@contextmanager
def showing(name: str) -> Iterator[None]:
    """Show a view of a page inside this: what is left of another view goes at once, not when this
    one is complete."""
    slot, last = st.empty(), st.session_state.get("frame__view")
    st.session_state["frame__view"] = name
    if last not in (None, name):
        slot.html(
            '<style>.stMain .stElementContainer[data-stale="true"] { display: none; }</style>'
        )
    yield
    slot.html("<style></style>")


def when_open(container: PopoverContainer | ExpanderContainer, fill: Callable[[], object]) -> None:
    """Fill a popover or an expander while it is open, and spend nothing on it while it is not.

    A whole class presses Run together, and each of them waits for every widget of everybody. The
    container needs `on_change="rerun"`.
    """
    if container.open:
        with container:
            fill()
