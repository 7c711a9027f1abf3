"""Estimate it: Theorem 2 as a measurement on real runs, beside ways of training that do have a
regularizer."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Hashable
from typing import Any

import numpy as np
import streamlit as st

from overparam.choices.estimate import PRESETS, STRENGTH, Preset, task_of, way_of
from overparam.choices.theorem import DEFAULTS
from overparam.data import ethanol_is_cached
from overparam.figures.estimate import (
    coefficient_figure,
    parameters_figure,
    shares_figure,
    stopping_figure,
)
from overparam.measure.estimate import (
    FAMILIES,
    Answer,
    Estimate,
    estimate,
    judge,
    stopping,
    swings,
)
from overparam.measure.roads import Works
from overparam.measure.updates import DEEP, RunError, Task, Way, step_size
from overparam.serving.work import WORKS
from overparam.story.estimate_words import KNOWN, QUESTION, estimate_words, verdict_words
from overparam.ui.components.plot import plot
from overparam.ui.shell.problem import ethanol_control
from overparam.ui.shell.state import PageState
from overparam.ui.shell.trio import dial
from overparam.ui.shell.upload import upload_control, uploaded
from overparam.ui.theorem import dimension, loops, trap

STEPS = {"lam": 0.001, "drop": 0.05, "sigma": 0.05, "mu": 0.01, "N": 0.1}
LOGARITHMIC = {"t": (1, 10_000), "batch": (1, 1000), "hs": (0.001, 1), "pace": (0.01, 100)}
ICONS = {
    "found": ":material/check_circle:",
    "not": ":material/rotate_left:",
    "other": ":material/alt_route:",
    "past": ":material/history:",
    "nothing": ":material/horizontal_rule:",
    "undecided": ":material/help:",
}


def sidebar(state: PageState) -> None:
    """The choices that the open panel reads."""
    values = state.values()
    panel = values["panel"]
    if panel == "ball":
        dial(state, "N", 0.1)
        state.slider("dim")
        return
    if panel == "trap":
        dial(state, "N", 0.1)
        state.number("seed")
        return
    if panel == "fit":
        kind = state.select("what")
        _strength(state, kind)
        state.segmented("asks")
    else:
        dial(state, "N", 0.1)
    source = state.select("data")
    if source == "csv":
        upload_control(state)
    elif source == "ethanol":
        ethanol_control()
    state.slider("q", step=0.5)
    if panel == "fit":
        if state.select("family") == "power":
            state.slider("lq", step=0.1)
        state.slider("runs")
        if way_of(state.values()).noisy:
            state.slider("repeats")
    else:
        if state.select("by") == "batch":
            state.slider("repeats")
        state.slider("loop")
    state.number("seed")


def _strength(state: PageState, kind: str) -> None:
    name = STRENGTH[kind]
    if name in LOGARITHMIC:
        state.log_slider(name, *LOGARITHMIC[name])
    else:
        state.slider(name, step=1.0 if kind == "network" else STEPS.get(name), format="%.3g")
    if kind == "momentum":
        state.log_slider("pace", *LOGARITHMIC["pace"])


def show(state: PageState) -> None:
    """Draw the view."""
    with st.container(
        horizontal=True, gap="small", vertical_alignment="center", key=state.key("estimate_head")
    ):
        panel = state.segmented("panel", label_visibility="collapsed", width="content")
        if panel == "fit":
            for preset in PRESETS:
                st.button(
                    preset.label,
                    key=state.key(f"preset_{preset.name}"),
                    on_click=_choose,
                    args=(state, preset),
                    type="tertiary",
                    icon=":material/science:",
                )
    if panel == "ball":
        dimension.show(state)
        return
    if panel == "trap":
        trap.show(state, computed)
        return
    values = state.values()
    source = values["data"]
    if (source == "ethanol" and not ethanol_is_cached()) or (
        source == "csv" and uploaded(state) is None
    ):
        st.info(
            "The data are not here yet: the controls beside say how to get them.",
            icon=":material/database:",
        )
        return
    try:
        task = task_from(state)
        if panel == "roads":
            loops.show(state, task, computed)
        else:
            _show_fit(state, task)
    except (RunError, ValueError) as error:
        st.error(str(error), icon=":material/error:")


def task_from(state: PageState) -> Task:
    """The regression of the choices. Raises ValueError, in one sentence."""
    values = state.values()
    return _task(values["data"], values["q"], values["csv"], uploaded(state))


@st.cache_resource(max_entries=16, ttl=3600, show_spinner="Reading the data …")
def _task(source: str, p: float, digest: str, _upload: Any) -> Task:
    return task_of(source, p, _upload)


def computed(key: Hashable, begin: Callable[[], Generator[float, None, Any]], words: str) -> Any:
    """The result of a computation that all who ask for the same share; a bar shows how far it
    is."""
    work, begun, bar = WORKS.get(key, begin), time.perf_counter(), None
    while not work.done:
        work.advance()
        elapsed = time.perf_counter() - begun
        if elapsed > 0.4 and not work.done:
            left = (
                f", about {elapsed * (1 - work.share) / work.share:.0f} s left"
                if work.share > 0.1
                else ""
            )
            bar = bar or st.progress(0.0)
            bar.progress(min(work.share, 1.0), text=f"{words}{left}")
    if bar:
        bar.empty()
    return work.result


def _choose(state: PageState, preset: Preset) -> None:
    """Go to a preset (a callback); data, seed and file stay."""
    kept = ("data", "csv", "seed", "loop")
    from_table = {name: value for name, value in DEFAULTS.items() if name not in kept}
    state.set(**from_table | {"view": "estimate"} | dict(preset.values))


def _show_fit(state: PageState, task: Task) -> None:
    values, way = state.values(), way_of(state.values())
    asks, family = values["asks"], values["family"]
    if way.kind == "network" and way.strength != int(way.strength):
        raise ValueError(
            f"A network's depth is a whole number, not {way.strength:g}: choose one, or the "
            "end-to-end rule."
        )
    st.caption(QUESTION["depth" if way.kind in DEEP and asks == "update" else asks])
    key = (values["data"], values["csv"] if values["data"] == "csv" else "", values["q"])
    settings = (
        way,
        asks,
        values["runs"],
        values["repeats"] if way.noisy else 1,
        values["seed"],
        values["lq"],
    )
    found: Estimate = computed(
        ("estimate", key, settings),
        lambda: estimate(task, *settings),
        "Training and reading forces",
    )
    if family not in found.answers:
        st.info(
            "A free potential can be fitted in two dimensions only, to updates: choose two "
            "coordinates, or another family. "
            "In more dimensions a prior that prefers gradients wins by itself; loops decide there.",
            icon=":material/info:",
        )
        return
    works = _loops(state, task, way) if way.kind in DEEP and asks == "update" else None
    verdict = judge(found, family, way, works, swings(task, way))
    answer = found.answers[family]
    box = (
        st.success
        if verdict.kind in ("found", "not")
        else st.warning
        if verdict.kind == "undecided"
        else st.info
    )
    steep = step_size(task, way) * task.steepest
    box(verdict_words(verdict, found, family, way, steep), icon=ICONS[verdict.kind])
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown(
            f"**{FAMILIES[family].capitalize()}.** {estimate_words(answer, family, found.repeats)}"
        )
        _picture(state, task, way, found, answer)
    with right:
        st.markdown("**What is left of the force**, family by family")
        names = list(found.answers)
        shares = [found.answers[name] for name in names]
        plot(
            shares_figure(
                [FAMILIES[name] for name in names],
                np.array([a.here.value for a in shares]),
                np.array([a.there.value for a in shares]),
                np.array([a.there.band for a in shares]),
                names.index(family),
            ),
            key=state.key("estimate_shares"),
            alt=(
                "Bars: the share of the force that each family of regularizers leaves, on the "
                "fitted runs and on others."
            ),
        )
    st.caption(_small_print(way, found))


def _loops(state: PageState, task: Task, way: Way) -> Works:
    """Closed loops of the same depth, measured with the rule or a real network as the runs were
    trained."""
    return loops.measure(state, task, way.strength, way.kind, computed).force


def _picture(state: PageState, task: Task, way: Way, found: Estimate, answer: Answer) -> None:
    values = state.values()
    family, key = values["family"], state.key("estimate_fit")
    if way.kind == "stop" and values["asks"] == "endpoint" and task.p == 2 and family == "ridge":
        path = stopping(task, 10_000)
        now = int(np.abs(path.iterations - way.strength).argmin())
        plot(
            stopping_figure(
                path.iterations, path.low, path.high, path.ceiling, path.scalar, int(way.strength)
            ),
            key=key,
            alt=(
                "Against the number of iterations: the band of exact eigenvalues, their ceiling "
                "1/(eta t), and the fitted ridge."
            ),
        )
        st.caption(
            f"At t = {path.iterations[now]:,} the fitted ridge is "
            f"{path.scalar[now] / path.ceiling[now]:.2g} of the ceiling "
            f"and leaves {100 * path.left[now]:.0f} % of the force of this run's end; directions "
            "without data are left out."
        )
    elif answer.apart is not None:
        exact = None if answer.exact is None else float(answer.exact[0])
        plot(
            coefficient_figure(
                found.iterations,
                answer.apart,
                float(answer.centre[0]),
                float(answer.half[0]),
                exact,
            ),
            key=key,
            alt=(
                "The parameter that each visited point asks for, against the iteration, with the "
                "fit to all points."
            ),
        )
    elif answer.centre.size:
        titles = {
            "radial": ("‖W‖", "slope of R"),
            "symmetric": ("rank", "eigenvalue of Q"),
            "quadratic": ("rank", "eigenvalue of Q"),
        }
        x_title, y_title = titles.get(family, ("coordinate", "θ"))
        plot(
            parameters_figure(
                answer.at,
                answer.centre,
                answer.half,
                answer.exact,
                answer.negative,
                x_title,
                y_title,
            ),
            key=key,
            alt=(
                "The parameters of the family with their error bars, and the exact ones where "
                "they are known."
            ),
        )
    else:
        st.caption("A free potential has no parameters to show: see what it leaves on other runs.")


def _small_print(way: Way, found: Estimate) -> str:
    words = [KNOWN[way.kind]]
    if way.noisy and found.repeats > 1:
        words.append(
            "Shares are free of the noise's own part: products of different draws only, "
            f"{found.repeats} at the same points. "
            "Grey: where noise alone stays in 19 of 20 cases."
        )
    if found.scale is not None:
        words.append(f"With the ridge, c = {found.scale:.4g}.")
    return " ".join(words)
