"""Alignment: how the layers of a linear network line up along a run, and from when on that is
certain."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from overparam.choices.alignment import (
    CHOICES,
    DEFAULTS,
    EXAMPLES,
    Chain,
    Example,
    matching_example,
)
from overparam.export.alignment import readings_csv
from overparam.figures.alignment import interface_maps
from overparam.figures.readings import Panel, Reading, stacked
from overparam.figures.style import BLUE, DASHES, NEUTRAL, ORANGE, PALETTE, VIOLET, ZERO_AT
from overparam.measure.alignment import CERTAIN, Alignment
from overparam.serving.alignment import ALIGNMENTS
from overparam.ui.components.plot import plot
from overparam.ui.shell.advance import look
from overparam.ui.shell.frame import when_open
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState

__all__ = ["CHOICES", "show"]
ROUNDING = 1e-14
HEIGHT = 290


def show(state: PageState) -> None:
    """Draw the view."""
    left, right = st.columns([1, 4.2], gap="medium")
    with left, role("controls", "view"):
        _controls(state)
    with right:
        values = state.values()
        _words(values)
        chain = Chain.of(values)
        try:
            seen = look(ALIGNMENTS.get(chain))
        except ValueError as error:
            st.error(f"{str(error)[0].upper()}{str(error)[1:]}.", icon=":material/error:")
            return
        found = seen.found
        if found.diverged >= 0:
            st.warning(
                f"The run diverged at iteration {found.diverged:,}: lower the step size. What is"
                " drawn ends there.",
                icon=":material/warning:",
            )
        if len(found.times) < 2:
            return
        _pictures(state, chain, found)
        if not seen.finished:
            st.caption(f"Training … iteration {found.times[-1]:,} of {chain.iterations:,} so far.")


def _choose(state: PageState, example: Example) -> None:
    state.set(**(DEFAULTS | dict(example.values)))


def _controls(state: PageState) -> None:
    state.select("from")
    first, second = st.columns(2)
    with first:
        state.slider("layers")
        state.slider("h")
    with second:
        state.log_slider("size", 0.001, 1)
        state.slider("top")
    state.select("task")
    first, second = st.columns(2)
    with first:
        state.log_slider("eta", 0.001, 0.1)
    with second:
        state.log_slider("length", 100, 10_000)
    row = st.container(horizontal=True, gap="xxsmall")
    more = row.popover(
        "More", icon=":material/tune:", type="tertiary", key=state.key("more2"), on_change="rerun"
    )
    when_open(more, lambda: (state.number("draw", step=1), state.number("at", step=1)))
    with row.popover("Examples", icon=":material/lightbulb:", type="tertiary"):
        for example in EXAMPLES:
            key = state.key(f"align_{example.name}")
            st.button(
                example.label, key=key, on_click=_choose, args=(state, example), type="tertiary"
            )


def _words(values: dict[str, Any]) -> None:
    example = matching_example(values)
    with role("answer", "words"):
        if example is not None:
            st.markdown(f"**{example.label}.** {example.watch}")
        else:
            st.markdown(
                "How far the top directions of neighbouring layers agree, and since when that is"
                " certain."
            )


def _pictures(state: PageState, chain: Chain, found: Alignment) -> None:
    values = state.values()
    r, at = values["top"], int(np.abs(found.times - values["at"]).argmin())
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        state.segmented("reading", label_visibility="collapsed", width="content")
        save = st.popover(
            "Take it home",
            icon=":material/download:",
            type="tertiary",
            key=state.key("save"),
            on_change="rerun",
        )
        when_open(save, lambda: _download(state, chain, found))
    maps, along = st.columns([1, 1.7], gap="medium")
    with maps:
        st.markdown(f"$|T_j|=|V_{{j+1}}^\\top U_j|$ at iteration **{found.times[at]:,}**")
        plot(
            interface_maps(found.matrices[at], r),
            key=state.key("interfaces"),
            alt=(
                "Heat maps of the interface matrices: diagonal where neighbouring layers are"
                " aligned."
            ),
        )
    with along:
        panels, alt = {"certificate": _certificate, "law": _law, "ranks": _ranks}[
            values["reading"]
        ](chain, found, r)
        plot(
            stacked(panels, found.times, int(found.times[at]), HEIGHT),
            key=state.key("aligned"),
            alt=alt,
            on_click=lambda event: _set_cursor(state, event),
        )
    words = {"certificate": _verdict, "law": _law_words, "ranks": _rank_words}[values["reading"]](
        chain, found, r, at
    )
    with role("answer", "verdict"):
        st.markdown(words)
    st.caption(_CAPTIONS[values["reading"]])


def _download(state: PageState, chain: Chain, found: Alignment) -> None:
    st.download_button(
        "Readings, CSV",
        lambda: readings_csv(chain, found),
        "alignment.csv",
        "text/csv",
        key=state.key("save_alignment"),
        on_click="ignore",
        icon=":material/table:",
    )


def _set_cursor(state: PageState, event: dict[str, Any]) -> None:
    if event["x"] is not None:
        iteration = 0 if event["x"] < (1 + ZERO_AT) / 2 else round(event["x"])
        state.set(at=min(iteration, state.values()["length"]))


_CAPTIONS = {
    "certificate": (
        "Score: $a_r=\\|T_j[{:}r,{:}r]\\|^2/r$, the worst interface; dotted: $r/h$, for random"
        " directions. Guarantee (Davis–Kahan): $a_r\\ge1-b^2/r$, $b=\\|\\Delta U_r\\|/\\delta$,"
        " imbalance $\\Delta=W_{j+1}^\\top W_{j+1}-W_jW_j^\\top$, spectral gap"
        " $\\delta=\\sigma_r^2-\\sigma_{r+1}^2$ across the interface. A step moves $\\Delta$ only"
        " by $\\eta^2(g_{j+1}^\\top g_{j+1}-g_jg_j^\\top)$, while the spectral gap grows."
    ),
    "law": (
        "Grey: the law $\\dot\\sigma=-N\\sigma^{2-2/N}\\,u^\\top Gv$ of balanced layers, summed up"
        " from the first reading at which it is within a tenth of the exact rate; solid: measured."
    ),
    "ranks": (
        "Entropy rank: $\\exp H(\\sigma/\\sum\\sigma)$. Stable rank: $\\|W\\|^2/\\sigma_1^2$."
        " Energy rank: the fewest $\\sigma$ with 99 % of $\\|W\\|^2$. Learned strengths differ, so"
        " ranks move smoothly: do not expect a staircase."
    ),
}


def _certificate(chain: Chain, found: Alignment, r: int) -> tuple[list[Panel], str]:
    h = found.score.shape[-1]
    place = min(r, h) - 1
    worst = found.score[:, :, place].min(1)
    sure = found.guarantee[:, :, place].min(1)
    j = int((found.imbalance[-1] / np.maximum(found.gap[-1, :, place], ROUNDING)).argmax())
    gap = np.where(found.gap[:, j, place] > 0, found.gap[:, j, place], 0)
    scores = [
        Reading("score", BLUE, "solid", worst),
        Reading("guaranteed", ORANGE, DASHES[1], sure),
        Reading("random", NEUTRAL, "2px,6px", np.full(len(worst), r / h)),
    ]
    sizes = [
        Reading("|Δ|", VIOLET, "solid", found.imbalance[:, j]),
        Reading("δ", ORANGE, DASHES[1], gap),
    ]
    panels = [Panel(f"top {r}", scores, log=False), Panel("|Δ|, δ", sizes)]
    return (
        panels,
        (
            "Score and guarantee over the iterations; below, imbalance and spectral gap, whose"
            " crossing certifies."
        ),
    )


def _verdict(chain: Chain, found: Alignment, r: int, at: int) -> str:
    h = chain.width
    if r >= h:
        return (
            f"r = {r}, h = {h}: all of the hidden space, which is always the same; choose a"
            " smaller r."
        )
    since, first = found.certified_since(r), found.first_certified(r)
    score = float(found.score[-1, :, r - 1].min())
    if since is not None:
        words = (
            f"**Top {r} directions certified aligned since iteration {since:,}** (guarantee at"
            f" least {CERTAIN:g})."
        )
    elif first is not None:
        words = f"Top {r} directions: certified at iteration {first:,}, but not to the end."
    else:
        words = (
            f"Top {r} directions: **never certified** within {int(found.times[-1]):,} iterations."
        )
    words += f" Score at the end: {score:.3f}; random directions would score {r / h:.3f}."
    gap = float(found.gap[-1, :, r - 1].min())
    size = max(float(each[-1, 0]) ** 2 for each in found.layer_sigma)
    if gap <= 1e-9 * size:
        words += (
            f" σ{r} and σ{r + 1} are (nearly) equal across an interface: there is no spectral gap,"
            " and their directions are arbitrary."
        )
    return words


def predicted(found: Alignment, eta: float) -> np.ndarray:
    """Singular values by the law, summed up along the readings from the middle of the run on: (T,
    q)."""
    steps = np.diff(found.times)[:, None] * eta
    # the trapezoid between readings; the law's own rate at the measured place
    pieces = steps * (found.law[1:] + found.law[:-1]) / 2
    close = np.abs(found.law - found.exact) <= 0.1 * np.abs(found.exact) + 1e-12
    result = np.full_like(found.sigma, np.nan)
    for q in range(found.sigma.shape[1]):
        begin = int(close[:, q].argmax()) if close[:, q].any() else len(close) - 1
        result[begin:, q] = found.sigma[begin, q] + np.concatenate(
            [[0.0], np.cumsum(pieces[begin:, q])]
        )
    return result


def _law(chain: Chain, found: Alignment, r: int) -> tuple[list[Panel], str]:
    law, curves = predicted(found, chain.eta), []
    for q in range(min(found.sigma.shape[1], 8)):
        curves.append(Reading(f"σ<sub>{q + 1}</sub>", PALETTE[q], "solid", found.sigma[:, q]))
        curves.append(
            Reading(
                f"σ<sub>{q + 1}</sub>", NEUTRAL, "", law[:, q], law=True, detail=f"σ{q + 1}, law"
            )
        )
    return [
        Panel("singular values", curves, log=False)
    ], "Singular values of the product over the iterations, with their law."


def law_errors(found: Alignment) -> np.ndarray:
    """|law - exact| over the largest exact rate of each reading, (T,): NaN where nothing moves."""
    most = np.abs(found.exact).max(1)
    error = np.abs(found.law - found.exact).max(1)
    return np.divide(error, most, out=np.full_like(error, np.nan), where=most > 1e-12)


def _law_words(chain: Chain, found: Alignment, r: int, at: int) -> str:
    errors = law_errors(found)
    here = (
        f"{errors[at]:.1e}".replace("e-", "e−")
        if np.isfinite(errors[at])
        else "not defined: nothing moves"
    )
    return (
        "The rate of the law against the exact one, $-\\sum_j u^\\top A_jA_j^\\top G\\,B_j^\\top"
        f" B_j v$, at iteration {found.times[at]:,}: largest difference **{here}** of the largest"
        f" rate; at the start {errors[0]:.2g}. The law asks for balanced layers, and holds better"
        " the better they are aligned."
    )


def _ranks(chain: Chain, found: Alignment, r: int) -> tuple[list[Panel], str]:
    curves = [
        Reading(f"layer {j + 1}", PALETTE[1 + j % 7], DASHES[1 + j % 7], found.layer_ranks[:, j, 0])
        for j in range(chain.depth)
    ]
    curves.append(Reading("product", BLUE, "solid", found.product_ranks[:, 0]))
    return [
        Panel("entropy rank", curves, log=False)
    ], "The entropy rank of every layer and of their product over the iterations."


def _rank_words(chain: Chain, found: Alignment, r: int, at: int) -> str:
    layers, product = found.layer_ranks[at], found.product_ranks[at]
    names = ("entropy", "stable", "energy")
    parts = [
        f"{name} rank {low:.2f} to {high:.2f}, product **{whole:.2f}**"
        for name, low, high, whole in zip(names, layers.min(0), layers.max(0), product, strict=True)
    ]
    return f"At iteration {found.times[at]:,}, layers: " + "; ".join(parts) + "."
