"""Where a viewer of the race stands: what is watched, the iteration shown, whether it moves."""

from __future__ import annotations

from typing import Any

import streamlit as st

_START = {
    "experiment": None,
    "position": 0,
    "playing": False,
    "preview": True,
    "orders": 0,  # to play
    "token": "",  # of the order that the browser has
    "early": 0,  # when the browser last said where it was without an order
}


def transport() -> dict[str, Any]:
    """The viewer's place, in a copy that belongs to the caller: one callback, or one run of the
    script. Where the browser plays, it is as the browser said last.

    Streamlit starts the script anew at a click while the thread that it replaces still computes its
    last slice. What that thread then writes goes to its own copy; else it would move a viewer who
    has just pressed Pause or Reset.
    """
    moving = dict(st.session_state.get("race__transport", _START))
    st.session_state["race__transport"] = moving
    told = getattr(st.session_state.get("race"), "place", None)
    if isinstance(told, dict) and type(at := told.get("at")) is int and at >= 0:
        early = told.get("early")
        if type(early) is int and early > moving["early"]:  # it plays before the script was told
            moving.update(position=at, preview=False, early=early)
        elif moving["playing"] and told.get("token") == moving["token"]:
            moving["position"] = at
    return moving


def play_from(position: int, moving: dict[str, Any] | None = None) -> None:
    """Let the race run on from an iteration."""
    moving = transport() if moving is None else moving
    orders = moving["orders"] + 1
    moving.update(playing=True, preview=False, position=position, orders=orders)
