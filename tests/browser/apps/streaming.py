"""Twelve curves that stream, for test_live_chart.py."""

import time

import numpy as np
import streamlit as st

from overparam.figures.style import DASHES, PALETTE
from overparam.ui.components.live_chart import Curve, Mark, live_chart, snapshot

FRAMES, PAUSE = int(st.query_params.get("frames", 50)), 0.1
NAMES = ["<b>bold</b> & %{x} $y$", *(f"curve {i}" for i in range(1, 12))]

st.set_page_config(layout="wide")
speed = st.slider("speed", 1, 9, 3)
x_log = st.toggle("logarithmic", True)
st.button("nothing")
going = st.toggle("run")
chart = live_chart(
    "twelve",
    x_title="iteration",
    y_title="gap",
    x_log=x_log,
    alt="Twelve curves fall.",
    x_range=(1, 1e4),
)
old = st.session_state.setdefault("old chart", chart)


def curves(progress: float) -> list[Curve]:
    x = np.geomspace(1, 10 ** (4 * progress), 400)
    falling = [
        (1 + x) ** (-speed * (i + 1) / 40) * (1 + 0.1 * np.cos(np.log(x) * 4 + i))
        for i in range(len(NAMES))
    ]
    falling[5][200:] = np.inf
    return [
        Curve(n, x, y, PALETTE[i % 8], DASHES[i % 8], "note")
        for i, (n, y) in enumerate(zip(NAMES, falling, strict=True))
    ]


if st.button("late snapshot of the first script run"):
    old.draw(snapshot("late", []))
if going:
    sent = st.empty()
    for frame in range(1, FRAMES + 1):
        shown = curves(frame / FRAMES), [Mark(100, "step size halved")]
        chart.draw(snapshot(f"speed {speed}", *shown, x_log=x_log))
        sent.text(f"sent {frame}")
        time.sleep(PAUSE)
    st.text("finished")
