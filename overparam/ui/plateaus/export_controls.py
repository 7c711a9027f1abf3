"""The family on screen, taken home as numbers."""

from __future__ import annotations

from functools import partial

import streamlit as st

from overparam.choices.plateaus import Family
from overparam.export.plateaus import curves_csv, times_csv
from overparam.serving.plateaus import FamilyView
from overparam.ui.shell.frame import when_open
from overparam.ui.shell.state import PageState


def show(state: PageState, family: Family, seen: FamilyView) -> None:
    """Two downloads behind a button."""

    def fill() -> None:
        for name, label, make in (
            ("times", "Escape times, CSV", times_csv),
            ("curves", "Curves, CSV", curves_csv),
        ):
            key = state.key(f"save_{name}")
            st.download_button(
                label,
                partial(make, family, seen),
                f"{name}.csv",
                "text/csv",
                key=key,
                on_click="ignore",
                icon=":material/table:",
            )

    popover = st.popover(
        "Take it home",
        icon=":material/download:",
        type="tertiary",
        key=state.key("save"),
        on_change="rerun",
    )
    when_open(popover, fill)
