"""Where a viewer of the race stands: what is watched, the iteration shown, whether it moves."""

from __future__ import annotations

from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from overparam.ui.shell.running import hall

_START = {
    "experiment": None,
    "position": 0,
    "playing": False,
    "preview": True,
    "placed": 0,  # how often the script has said where to stand or to play from
    "order": "",  # of these the one that the browser has, where it plays by itself
    "unheard": False,  # whether its stream did not come through
}


def transport() -> dict[str, Any]:
    """The viewer's place, in a copy that belongs to the caller: one callback, or one run of the
    script. Where the browser plays, it is the iteration that the browser shows.

    Streamlit starts the script anew at a click while the thread that it replaces still computes its
    last slice. What that thread then writes goes to its own copy; else it would move a viewer who
    has just gone back to 0.
    """
    moving = dict(st.session_state.get("race__transport", _START))
    st.session_state["race__transport"] = moving
    if (shown := place_in_browser(moving)) is not None:
        moving.update(position=shown, preview=False)
    return moving


def stand_at(position: int, playing: bool = False) -> None:
    """Show an iteration, and let the race run on from there or not (a callback)."""
    moving = transport()
    moving.update(
        playing=playing,
        preview=False,
        position=position,
        placed=moving["placed"] + 1,
        order="",
        unheard=False,
    )


def place_in_browser(moving: dict[str, Any]) -> int | None:
    """The iteration that a browser shows which plays by itself; None where it has not said so."""
    rooms = hall() if moving["order"] else None
    return None if rooms is None else rooms.place(session(), moving["order"])


def stream_is_open() -> bool:
    """Whether the browser watches a run."""
    rooms = hall()
    return rooms is not None and session() in rooms.viewers


def session() -> str:
    """Which of the server's sessions this script belongs to."""
    context = get_script_run_ctx()
    return "" if context is None else context.session_id
