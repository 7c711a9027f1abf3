"""The editable list of methods."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pandas as pd
import streamlit as st

from overparam.choices.kinds import ChoiceError
from overparam.choices.methods import DEPTH, MOST_METHODS, SCALE, STEP, WIDTH, Entry, check_entry
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.simulation import KINDS, STARTS
from overparam.ui.shell.state import PageState


def methods_editor(state: PageState, step_is_own: bool) -> None:
    """A table of the methods: change a cell, add a row at the end, tick rows and delete them.

    Args: step_is_own: whether each method has a step size of its own, so that its column is shown.
    """
    memory = st.session_state.setdefault(f"{state.prefix}__editor", {"version": 0, "refused": ""})
    shown = st.session_state[state.key("methods")]
    if memory.get("shown") != shown:  # changed from elsewhere: a preset, the URL, or the last edit
        memory.update(shown=shown, version=memory["version"] + 1)
    key = f"{state.prefix}_editor_{memory['version']}"
    frame = pd.DataFrame([{f.name: getattr(e, f.name) for f in fields(Entry)} for e in shown])
    # objects, so that an empty cell is None and a column without any value has a type
    frame = frame.astype({"depth": float, "step": "Float64", "scale": "Float64", "width": "Int64"})
    st.data_editor(
        frame,
        key=key,
        num_rows="dynamic",
        width=655,
        hide_index=True,
        placeholder="",
        on_change=lambda: _edited(state, memory, key),
        column_order=["depth", "optimizer", "kind"]
        + (["step"] if step_is_own else [])
        + ["scale", "start", "width"],
        column_config={
            "depth": st.column_config.NumberColumn(
                "depth",
                width=76,
                min_value=DEPTH.low,
                max_value=DEPTH.high,
                default=2,
                required=True,
            ),
            "optimizer": st.column_config.SelectboxColumn(
                "optimizer",
                options=list(OPTIMIZERS),
                format_func=lambda name: OPTIMIZERS[str(name)].label,
                width=120,
                default="gd",
                required=True,
            ),
            "kind": st.column_config.SelectboxColumn(
                "what moves",
                width=110,
                options=list(KINDS),
                format_func=lambda name: KINDS[str(name)],
                default="network",
                required=True,
                help=(
                    "The layers of a network, or their product by the update of Theorem 1, or by"
                    " one factor of that."
                ),
            ),
            "step": st.column_config.NumberColumn(
                "step size", width=82, min_value=0, max_value=STEP.high, format="%.6g"
            ),
            "scale": st.column_config.NumberColumn(
                "start scale", width=92, min_value=0, max_value=SCALE.high, format="%.4g"
            ),
            "start": st.column_config.SelectboxColumn(
                "start", width=70, options=list(STARTS), format_func=lambda name: STARTS[str(name)]
            ),
            "width": st.column_config.NumberColumn(
                "width",
                width=80,
                min_value=1,
                max_value=WIDTH.high,
                step=1,
                help="Empty: the number of outputs.",
            ),
        },
    )
    st.caption(
        "Empty: as in the sidebar; an empty width is the number of outputs. The last row adds a"
        " method. To delete rows, tick them at the left and press the bin."
    )
    if memory["refused"]:
        st.error(memory["refused"], icon=":material/error:")


def _edited(state: PageState, memory: dict[str, Any], key: str) -> None:
    """Take what was edited, or say in one sentence why not; what is refused leaves the list as it
    was."""
    change = st.session_state[key]
    rows = [{f.name: getattr(e, f.name) for f in fields(Entry)} for e in memory["shown"]]
    for place, cells in change["edited_rows"].items():
        rows[int(place)].update(cells)
    rows = [row for place, row in enumerate(rows) if place not in change["deleted_rows"]] + change[
        "added_rows"
    ]
    try:
        entries = tuple(check_entry(_entry(row)) for row in rows)
        if not 1 <= len(entries) <= MOST_METHODS:
            raise ChoiceError(f"A race needs from 1 to {MOST_METHODS} methods, not {len(entries)}.")
    except ChoiceError as error:
        memory.update(
            refused=f"{error} The list was left as it was.", version=memory["version"] + 1
        )
        return
    memory["refused"] = ""
    state.set(methods=entries)


def _entry(row: Mapping[str, Any]) -> Entry:
    values = {
        name: value
        for name, value in row.items()
        if value is not None and value == value and name in _NAMES
    }
    for name in ("step", "scale"):
        if name in values:
            values[name] = float(values[name])
    if "width" in values and math.isfinite(values["width"]):
        values["width"] = int(values["width"])
    return Entry(**values)


_NAMES = {f.name for f in fields(Entry)}
