"""Where a viewer of the page beyond linear stands, and the row of buttons that move it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from overparam.ui.components.window import icon_only
from overparam.ui.shell.frame import when_open
from overparam.ui.shell.notes import notes

_START = {"study": None, "position": 0, "playing": False, "live": False}
MOST_PINS = 2
_ICONS = ("beyond_reset", "beyond_pin", "beyond_home")  # too many for their words
STYLE = """
.st-key-beyond_transport .stElementContainer:not(.st-key-beyond_run) kbd { display: none; }
.st-key-beyond_transport button { padding-left: 0.6rem; padding-right: 0.6rem; }
""" + icon_only(*_ICONS)


def transport() -> dict[str, Any]:
    """The viewer's place, in a copy that belongs to the caller: a callback, or one script run.

    study: what is watched; position: the iteration shown; playing: whether it moves; live: whether
    the runs were asked for, so that what was stored is no longer shown.
    """
    moving = dict(st.session_state.get("beyond__transport", _START))
    st.session_state["beyond__transport"] = moving
    return moving


def play() -> None:
    """Run from the start or from where a pause was made; or pause (a callback)."""
    moving = transport()
    ended = moving["study"] is None or moving["position"] >= moving["study"].horizon
    if not moving["live"] or (ended and not moving["playing"]):
        moving["position"] = 0
    moving.update(playing=not moving["playing"], live=True)


def step(count: int) -> None:
    """So many iterations more (a callback)."""
    moving = transport()
    shown = moving["position"] if moving["live"] else 0
    moving.update(playing=False, live=True, position=shown + count)


def reset() -> None:
    """Back to what is shown before anybody presses Run (a callback)."""
    transport().update(playing=False, live=False, position=0)


def pins() -> list[tuple[str, Any, Any]]:
    """What this session has pinned: words, study and curves; the latest last."""
    return st.session_state.setdefault("beyond__pins", [])


def buttons(moving: dict[str, Any], pin: Callable[[], None], home: Callable[[], None]) -> None:
    """Run or pause, step, reset, pin, take home, symbols: one row."""
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key="beyond_transport"
    ):
        playing = moving["playing"]
        label, icon = ("Pause", ":material/pause:") if playing else ("Run", ":material/play_arrow:")
        study = moving["study"]
        ready = study is not None
        runs = ready and not study.only_stored
        st.button(
            label,
            icon=icon,
            type="primary",
            on_click=play,
            shortcut="Space",
            key="beyond_run",
            disabled=not runs,
        )
        st.button(
            "+100",
            on_click=step,
            args=(100,),
            key="beyond_step_100",
            shortcut="3",
            disabled=not runs,
            help="100 iterations more (key 3)",
        )
        st.button(
            "Back to the start",
            icon=":material/restart_alt:",
            on_click=reset,
            key="beyond_reset",
            shortcut="0",
            help="Back to the start (key 0)",
        )
        st.button(
            "Pin",
            icon=":material/push_pin:",
            on_click=pin,
            key="beyond_pin",
            shortcut="P",
            disabled=not ready,
            help=(
                "Pin: keep these curves, faint, to compare the next run with (key P); again: unpin"
            ),
        )
        popover = st.popover(
            "Take home",
            icon=":material/download:",
            key="beyond_home",
            help="Take it home: numbers, figure, script, link",
            on_change="rerun",
        )
        when_open(popover, home)
        notes("beyond", label="", type="tertiary")
