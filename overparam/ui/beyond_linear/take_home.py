"""What is on screen, taken home: numbers, the figure, a script, and a link."""

from __future__ import annotations

import streamlit as st

from overparam.choices.beyond_linear import LOSSES, Study
from overparam.export.beyond_linear import as_csv, as_json, script
from overparam.figures.beyond_linear import curves_for_a_file
from overparam.serving.training import Curves
from overparam.ui.race.take_home import links


def take_home(study: Study, curves: Curves) -> None:
    """Downloads of the runs as they stand, and links to this page."""

    def figure() -> str:
        plotted = (curves.fit + curves.penalty).mean(1)
        named = [
            (f"N = {r.depth}, η = {r.step:.2g}, penalty {r.penalty}, {r.factors}", plotted[:, i])
            for i, r in enumerate(study.recipes)
        ]
        titles = ("iteration", f"{LOSSES[study.loss]} + penalty, mean of the seeds")
        made = curves_for_a_file(curves.times, named, titles, f"{study.net} network, {study.data}")
        return made.to_html(include_plotlyjs=True)

    offers = (
        ("Numbers, CSV", "training.csv", lambda: as_csv(study, curves), "text/csv"),
        ("Numbers, JSON", "training.json", lambda: as_json(study, curves), "application/json"),
        ("Figure, HTML", "training.html", figure, "text/html"),
        ("Script, Python", "run.py", lambda: script(study, curves), "text/x-python"),
    )
    for label, name, make, mime in offers:
        key = f"beyond_save_{name}"
        st.download_button(label, make, name, mime, key=key, on_click="ignore", width="stretch")
    links()
