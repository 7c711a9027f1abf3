"""What is on screen, taken home: numbers, the figure, and a link."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict

import numpy as np
import streamlit as st

from overparam.choices.beyond_linear import LOSSES, Study
from overparam.figures.beyond_linear import curves_for_a_file
from overparam.serving.training import Curves
from overparam.ui.race.take_home import links


def as_csv(study: Study, curves: Curves) -> str:
    """One line for each run, seed and look: recipe, iteration, fit, penalty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = list(asdict(study.recipes[0]))
    writer.writerow(["run", "seed", *names, "iteration", "fit", "penalty"])
    for i, recipe in enumerate(study.recipes):
        for seed in range(study.seeds):
            for t, time in enumerate(curves.times):
                fit, penalty = curves.fit[t, seed, i], curves.penalty[t, seed, i]
                row = [i, seed, *asdict(recipe).values(), int(time), f"{fit:.7g}", f"{penalty:.7g}"]
                writer.writerow(row)
    return out.getvalue()


def as_json(study: Study, curves: Curves) -> str:
    """Every choice, and the curves as nested lists: time, seed, run; null after a divergence."""

    def listed(values: np.ndarray) -> object:
        numbers = values.astype(object)
        numbers[~np.isfinite(values)] = None
        return numbers.tolist()

    kinds = ("fit", "penalty", "squares", "schatten", "rank", "accuracy")
    found = {kind: listed(getattr(curves, kind)) for kind in kinds}
    return json.dumps({"study": asdict(study), "times": curves.times.tolist(), **found})


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
    )
    for label, name, make, mime in offers:
        key = f"beyond_save_{name}"
        st.download_button(label, make, name, mime, key=key, on_click="ignore", width="stretch")
    links()
