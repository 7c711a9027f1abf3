"""Two readings that take depth apart for one output: its two factors as methods of their own, and
depth 2 as a rate and a memory of past gradients."""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch

from overparam.choices.methods import Entry
from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.figures.race import SPARE
from overparam.figures.readings import Panel, Reading, memory, stacked
from overparam.figures.style import ORANGE, VIOLET, depth_colour, depth_dash
from overparam.measure.history import GAPS
from overparam.measure.trajectory import follow, log_times
from overparam.theory.dynamics import from_past_gradients, momentum_coefficients, rate_and_decay
from overparam.ui.components.plot import plot
from overparam.ui.preconditioner.readings import (
    PER_DECADE,
    Reader,
    cached,
    every_step,
    methods_at,
    nearest,
    table,
    written,
)


def ablation(reader: Reader) -> None:
    """Depth's two factors as methods of their own."""
    if reader.outputs > 1:
        st.info(
            "The two factors come apart for one output only (Claim 2): choose a problem with one.",
            icon=":material/info:",
        )
        return
    if reader.depth == 1:
        st.info(
            "At depth 1 both factors are 1 and there is nothing to take apart: raise the depth.",
            icon=":material/info:",
        )
        return
    entries = [
        Entry(1, kind="rule"),
        *(Entry(reader.depth, kind=kind) for kind in ("rule", "scale", "stretch")),
    ]
    experiment, tuned, steps = reader.tuned(entries)
    names = [_half_name(e) for e in entries]
    looks = [(depth_colour(depth), depth_dash(depth)) for depth in (1, reader.depth)]
    looks += [look for look in SPARE if look[0] not in dict(looks)][:2]
    times, gaps = _losses(experiment, steps, reader.upload)
    curves = [
        Reading(name, *look, gaps[:, i])
        for i, (name, look) in enumerate(zip(names, looks, strict=True))
    ]
    panel = Panel("gap (L − L*) / (L₀ − L*)", curves)
    reader.draw(
        stacked([panel], times, reader.cursor, 330),
        "ablation",
        "The gap of each half over the iterations.",
    )
    fewest = tuned.grid.fastest(tuned.reached)
    at = nearest(times, reader.cursor)
    telling = [
        g for g in range(len(GAPS)) if any(row[g] != fewest[0][g] for row in fewest)
    ]  # not the same in every row
    head = [
        "",
        "step size η",
        f"gap at iteration {times[at]:,}",
        *(f"to gap {GAPS[g]:g}" for g in telling),
    ]
    rows = [
        [name, written(steps[i]), written(gaps[at, i]), *(_count(fewest[i][g]) for g in telling)]
        for i, name in enumerate(names)
    ]
    table(head, rows)
    st.caption(
        "Full: $\\lVert W\\rVert^{2-2/N}\\,(G + (N-1)\\,\\mathrm{Pr}_W G)$; scale only: without"
        " $\\mathrm{Pr}_W G$; stretch only: without $\\lVert W\\rVert^{2-2/N}$. To a gap:"
        " iterations, each at its own best step size of the grid; –: not within the run."
    )


def momentum(reader: Reader) -> None:
    """The warm-up's coefficients: depth 2 as an adaptive rate plus momentum."""
    if reader.outputs > 1:
        st.info(
            "The paper's warm-up is about one output. Choose a problem with one output.",
            icon=":material/info:",
        )
        return
    experiment, _, (best,) = reader.tuned([Entry(2, width=1)])
    step = reader.part(best)
    weights, gradients, rho, gamma = _rate_and_decay(experiment, step, reader.upload)
    t = min(reader.cursor, len(rho) - 1)
    times = np.arange(len(rho))
    kept = log_times(len(rho) - 1, 60)
    panels = [
        Panel("rate ρ", [Reading("ρ: weight of the gradient", ORANGE, "solid", rho[kept])]),
        Panel("−γ", [Reading("−γ: push along w", VIOLET, "12px,4px", -gamma[kept])], log=False),
    ]
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        reader.draw(
            stacked(panels, times[kept], t, 330),
            "momentum",
            "The rate rho and the push minus gamma over the iterations.",
        )
    with right:
        mu = momentum_coefficients(torch.from_numpy(rho), torch.from_numpy(gamma), t).numpy()
        reference = 0.9 ** np.arange(t, 0, -1.0)
        if t == 0:
            st.info(
                "At iteration 0 there are no past gradients: move the cursor.",
                icon=":material/info:",
            )
        else:
            shown = slice(max(0, t - 200), t)
            plot(
                memory(rho[t], mu[shown], reference[shown], VIOLET, 330),
                key=reader.state.key("memory"),
                alt=(
                    "The weight of each past gradient in the step at the cursor, relative to the"
                    " newest gradient's."
                ),
            )
    first, past_gradients, kept_share, push = (
        torch.from_numpy(a) for a in (weights[0], gradients, rho, gamma)
    )
    rebuilt = from_past_gradients(first, past_gradients, kept_share, push, t).numpy()
    off = np.abs(rebuilt - weights[t]).max() / max(np.abs(weights[t]).max(), 1e-300)
    past = ""
    if t:
        weight = (
            f"**{mu.sum() / rho[t]:.2g}** times the newest (momentum 0.9: {reference.sum():.2g})"
        )
        past = f"The past gradients together weigh {weight}. "
    st.markdown(
        f"**At iteration {t:,}:** $\\rho$ = **{rho[t]:.3g}**, $\\gamma$ = **{gamma[t]:.3g}**, with"
        f" $\\eta$ = {step:.3g}. {past}Start and gradients, so weighted, add up to $w$ within"
        f" **{off:.0e}** of its size."
    )
    st.caption(
        r"Depth 2 with one hidden unit, $w = w_2 w_1$: a step is exactly $w^+ = w - \rho\,G -"
        r" \gamma\,w$, where "
        r"$\gamma = \eta\langle w_1, G\rangle / w_2$, $\rho = \eta w_2^2 - \eta^2 w_2 \langle w_1,"
        r" G\rangle$. As $w$ is itself a "
        r"sum of past gradients, $-\gamma w$ weighs these, which the paper calls momentum, by "
        r"$\mu(t,\tau) = -\gamma_t\,\rho_\tau\prod_{s=\tau+1}^{t-1}(1-\gamma_s)$."
    )


def _half_name(entry: Entry) -> str:
    kind = {"rule": "full", "scale": "scale only", "stretch": "stretch only"}[entry.kind]
    return (
        "depth 1" if entry.depth == 1 and entry.kind == "rule" else f"N = {entry.depth:g}, {kind}"
    )


def _count(value: int) -> str:
    return f"{value:,}" if value >= 0 else "–"


@cached
def _losses(
    experiment: Experiment, steps: tuple[float, ...], _upload: Data | None
) -> tuple[np.ndarray, ...]:
    problem = experiment.build("cpu", _upload)
    run = follow(
        problem, methods_at(experiment, steps), log_times(experiment.iterations, PER_DECADE)
    )
    return run.times, problem.gap(run.losses)


@cached
def _rate_and_decay(
    experiment: Experiment, step: float, _upload: Data | None
) -> tuple[np.ndarray, ...]:
    problem = experiment.build("cpu", _upload)
    run = follow(
        problem, methods_at(experiment, [step]), every_step(experiment, problem, 1), layers_of=[0]
    )
    weights, gradients = run.weights[:, 0, 0], run.gradients[:, 0, 0]
    rho, gamma = rate_and_decay(run.layers[0][:, 0, 0], run.layers[1][:, 0, 0, 0], gradients, step)
    finite = (weights.isfinite() & gradients.isfinite()).all(1) & rho.isfinite() & gamma.isfinite()
    length = int(finite.int().cumprod(0).sum())  # up to where the run diverged, if it did
    return tuple(readings[:length].numpy() for readings in (weights, gradients, rho, gamma))
