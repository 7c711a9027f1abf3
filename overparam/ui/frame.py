"""What every page shares: the page settings, and the heavy imports done out of sight."""

import gc
import threading

import pandas  # noqa: F401  (imported before any thread starts: its first import must not be shared between threads)
import streamlit as st


def page_frame() -> None:
    """Set up the browser tab.  Call first in app.py."""
    st.set_page_config(
        page_title="Depth as acceleration",
        page_icon="📉",
        layout="wide",
        initial_sidebar_state="auto",
    )


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Thread:
    """Import torch in the background, once per server, so that the home page need not wait for it.

    Afterwards everything imported is moved out of the garbage collector's sight: Streamlit collects after every script
    run, and walking through torch's objects would cost each of them about 0.1 s.
    """

    def load() -> None:
        import torch  # noqa: F401

        gc.collect()
        gc.freeze()

    thread = threading.Thread(target=load, name="import torch", daemon=True)
    thread.start()
    return thread
