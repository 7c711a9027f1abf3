"""Who races: depths and other optimizers as chips that join and leave."""

from __future__ import annotations

from typing import Any

import streamlit as st

from overparam.choices.methods import MOST_METHODS, Entry
from overparam.engine.optimizers import OPTIMIZERS
from overparam.ui.shell.state import PageState

DEPTHS = (1, 2, 3, 4, 5, 6, 8)
RIVALS = ("momentum", "adam", "adagrad", "adadelta")


def plainly(entry: Entry) -> Entry:
    """A method as a chip stands for it, whatever its step size and start."""
    return Entry(entry.depth, entry.optimizer, entry.kind)


def depth_chips(state: PageState, label: bool = True) -> None:
    """The depths of gradient descent that race; without their label each says what it is."""
    chips(
        state,
        "depths",
        "Depth",
        {Entry(depth): str(depth) for depth in DEPTHS},
        "Networks of so many layers, by gradient descent.",
        format_func=str if label else lambda depth: f"N = {depth}" if depth == "1" else depth,
        label_visibility="visible" if label else "collapsed",
    )


def rival_chips(state: PageState) -> None:
    """The optimizers that race, on a single layer."""
    chips(
        state,
        "rivals",
        "Rivals",
        {Entry(1, name): OPTIMIZERS[name].label.split()[0] for name in RIVALS},
        "Other optimizers, on a single layer.",
        label_visibility="collapsed",
    )


def chips(
    state: PageState, name: str, label: str, options: dict[Entry, str], help_text: str, **how: Any
) -> None:
    """Chips of which any number is pressed: those methods that race now."""
    key = state.key(name)
    here = [plainly(entry) for entry in st.session_state[state.key("methods")]]
    st.session_state[key] = [words for entry, words in options.items() if entry in here]
    st.pills(
        label,
        list(options.values()),
        selection_mode="multi",
        key=key,
        help=help_text,
        on_change=_chosen,
        args=(state, key, options),
        **how,
    )


def _chosen(state: PageState, key: str, options: dict[Entry, str]) -> None:
    pressed = st.session_state[key]
    methods = [
        entry
        for entry in st.session_state[state.key("methods")]
        if plainly(entry) not in options or options[plainly(entry)] in pressed
    ]
    here = [plainly(entry) for entry in methods]
    methods += [entry for entry, words in options.items() if words in pressed and entry not in here]
    # the last one stays: a race needs somebody; depths come first, in order
    if 1 <= len(methods) <= MOST_METHODS:
        state.set(methods=tuple(sorted(methods, key=_place)))


def _place(entry: Entry) -> tuple[bool, float]:
    return entry.optimizer != "gd", entry.depth if entry.optimizer == "gd" else 0
