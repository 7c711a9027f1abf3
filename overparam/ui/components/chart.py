"""The one chart of the app: a component that is mounted once and redrawn in place, in two modes.

`live` (live_chart.py) streams curves; `still` (plot.py) shows a figure. Their JavaScript is in the
files beside this one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from overparam.ui.components import chart_js, plotly_js


def chart(**mounted: Any) -> None:
    """Mount the chart here, as a component of Streamlit's is mounted."""
    # asked for at each run of a script: the server has imported this before it says so
    _component(chart_js.STUB if plotly_js.served_by_route() else chart_js.TEXT)(**mounted)


@cache
def _component(script: str) -> Any:
    return st.components.v2.component(
        "overparam_chart",
        js=script,
        css=Path(__file__).with_name("chart.css").read_text(encoding="utf-8"),
        isolate_styles=False,  # Plotly's own style sheet goes to the document, for the chart, too
    )


@dataclass(frozen=True)
class Slider:
    """A slider that a chart follows while a hand moves it (hand.js).

    Attributes: css: its selector. says: the choice of the page that it moves; or, where its places
    are not values, for each place, as its input has it, the choices that it means, as in the page's
    URL.
    """

    css: str
    says: str | Mapping[str, Mapping[str, str]]
