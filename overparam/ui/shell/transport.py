"""Where a viewer of the race stands: what is watched, the iteration shown, whether it moves."""

from __future__ import annotations

from typing import Any

import streamlit as st

_START = {"experiment": None, "position": 0, "playing": False, "preview": True}


def transport() -> dict[str, Any]:
    """The viewer's place, in a copy that belongs to the caller: one callback, or one run of the
    script.

    Streamlit starts the script anew at a click while the thread that it replaces still computes its
    last slice. What that thread then writes goes to its own copy; else it would move a viewer who
    has just pressed Pause or Reset.
    """
    moving = dict(st.session_state.get("race__transport", _START))
    st.session_state["race__transport"] = moving
    return moving
