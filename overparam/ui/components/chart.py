"""The one chart of the app: a component that is mounted once and redrawn in place, in two modes.

`live` (live_chart.py) streams curves; `still` (plot.py) shows a figure. Their JavaScript is in the
files beside this one.
"""

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent
_SOURCES = (
    "chart.js",
    "live.js",
    "player.js",
    "hand.js",
    "stream.js",
    "guess.js",
    "still.js",
    "bead.js",
    "cursor.js",
    "descent.js",
    "descent_hand.js",
    "heights.js",
    "plotly_js.js",
)

chart = st.components.v2.component(
    "overparam_chart",
    js="\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SOURCES),
    css=(_HERE / "chart.css").read_text(encoding="utf-8"),
    isolate_styles=False,  # Plotly's own style sheet goes to the document and must reach the chart
)
