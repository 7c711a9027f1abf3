"""Two readings that hold runs against what theory says of them: a network against the rule of
Theorem 1, singular values against their law."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st
import torch

from overparam.choices.methods import Entry
from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.engine.parameterizations import imbalance
from overparam.engine.simulation import Method
from overparam.figures.readings import Panel, Reading, stacked
from overparam.figures.style import BLUE, RED, depth_colour, depth_dash
from overparam.measure.trajectory import follow, log_times
from overparam.theory.dynamics import singular_value_law, singular_values
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

THREE_OUTPUTS = {"problem": "synthetic", "k": 3, "d": 10, "condition": 10.0}
ROUNDING = (
    1e-12  # an imbalance below this is that of rounding, and not drawn on the logarithmic axis
)


def network(reader: Reader) -> None:
    """How far the network strays from the rule, and from balancedness."""
    depth = max(1, round(reader.depth))
    experiment, _, (best,) = reader.tuned([Entry(depth, kind="rule")])
    step = reader.part(best)
    times, apart, drift = _against_network(
        experiment, depth, step, reader.state.values()["spread"], reader.upload
    )
    names = (("balanced start", BLUE, "solid"), ("unbalanced start", RED, "12px,4px"))
    panels = [
        Panel(
            "distance",
            [
                Reading(*look, np.where(apart[:, i] > ROUNDING, apart[:, i], 0))
                for i, look in enumerate(names)
            ],
        ),
        Panel(
            "imbalance",
            [
                Reading(*look, np.where(drift[:, i] > ROUNDING, drift[:, i], 0))
                for i, look in enumerate(names)
            ],
        ),
    ]
    alt = (
        "The distance between rule and network, and the imbalance of the layers, over the"
        " iterations."
    )
    reader.draw(stacked(panels, times, reader.cursor, 330), "network", alt)
    at = nearest(times, reader.cursor)
    here = f"at iteration {times[at]:,}"
    head = [
        f"depth {depth}, η = {step:.3g}",
        f"distance {here}",
        f"imbalance {here}",
        "largest distance",
    ]
    rows = [
        [name, *map(written, (apart[at, i], drift[at, i], np.nanmax(apart[:, i], initial=0)))]
        for i, (name, *_) in enumerate(names)
    ]
    table(head, rows)
    st.caption(
        "Distance: $\\lVert W_\\mathrm{network} - W_\\mathrm{rule}\\rVert / \\lVert"
        " W_\\mathrm{rule}\\rVert$. Theorem 1 speaks of balanced layers and small steps: from a"
        " balanced start the distance shrinks with the step size, from an unbalanced one it need"
        " not. Imbalance: the largest $\\lVert W_{j+1}^\\top W_{j+1} - W_j W_j^\\top\\rVert$ over"
        " the largest $\\lVert W_j\\rVert^2$."
    )


def singular(reader: Reader) -> None:
    """Singular values over time, with their law."""
    instead: dict[str, Any] = {}
    if reader.outputs == 1:
        instead = {"k": 3} if reader.state.values()["problem"] == "synthetic" else THREE_OUTPUTS
        st.info(
            "With one output $W$ has one singular value, its norm; so this is the synthetic problem"
            " with 3 outputs.",
            icon=":material/info:",
        )
    depths = sorted({1, reader.depth})
    experiment, _, best = reader.tuned([Entry(depth, kind="rule") for depth in depths], **instead)
    steps = tuple(reader.part(step) for step in best)
    times, sigma, law = _singular(experiment, steps, reader.upload)
    kept = log_times(int(times[-1]), 60)
    curves = []
    for i, depth in enumerate(depths):
        for r in range(sigma.shape[2]):
            name, which = (
                f"depth {depth:g}",
                f"depth {depth:g}, σ{'₁₂₃₄₅₆₇₈₉'[r] if r < 9 else r + 1}",
            )
            curves.append(
                Reading(
                    name, depth_colour(depth), depth_dash(depth), sigma[kept, i, r], detail=which
                )
            )
            curves.append(
                Reading(
                    name, depth_colour(depth), "", law[kept, i, r], law=True, detail=f"{which}, law"
                )
            )
    panel = Panel("singular values of W", curves, log=False)
    reader.draw(
        stacked([panel], times[kept], reader.cursor, 370),
        "sigma",
        "Singular values of W over the iterations.",
    )
    at = min(reader.cursor, len(times) - 1)
    head = [f"iteration {at:,}", "step size η", "singular values", "law off by at most"]
    rows = [
        [
            f"depth {depth:g}",
            written(steps[i]),
            ", ".join(map(written, sigma[at, i])),
            written(np.nanmax(np.abs(law[:, i] - sigma[:, i]))),
        ]
        for i, depth in enumerate(depths)
    ]
    table(head, rows)
    st.caption(
        "Grey: the law $\\dot\\sigma_r = -N\\,\\sigma_r^{2-2/N}\\,u_r^\\top G v_r$, summed up along"
        " the run; it holds for small steps. The deeper, the longer small singular values wait:"
        " deep runs pass through low rank first."
    )


@cached
def _against_network(
    experiment: Experiment, depth: int, step: float, spread: float, _upload: Data | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times (T,); relative gap and imbalance, (T, 2), for a balanced and an unbalanced start of the
    same seed."""
    problem = experiment.build("cpu", _upload)
    balanced = Method(depth=depth, step=step, scale=experiment.scale, seed=experiment.seed)
    unbalanced = replace(balanced, start="near-zero", scale=spread)
    networks = [balanced, unbalanced]
    methods = networks + [replace(m, kind="rule") for m in networks]
    run = follow(problem, methods, log_times(experiment.iterations, PER_DECADE), layers_of=[0, 1])
    apart = (run.weights[:, :2] - run.weights[:, 2:]).flatten(2).norm(dim=2) / run.weights[
        :, 2:
    ].flatten(2).norm(dim=2)
    drift = torch.stack(
        [imbalance([layer[t] for layer in run.layers]) for t in range(len(run.times))]
    )
    return run.times, apart.numpy(), torch.where(apart.isfinite(), drift, torch.nan).numpy()


@cached
def _singular(
    experiment: Experiment, steps: tuple[float, ...], _upload: Data | None
) -> tuple[np.ndarray, ...]:
    """Times (T,); singular values and what the law predicts, (T, R, q)."""
    problem = experiment.build("cpu", _upload)
    methods = methods_at(experiment, steps)
    run = follow(problem, methods, every_step(experiment, problem, len(methods)))
    measured, predicted = [], []
    for i, method in enumerate(methods):
        sigma, rate = singular_values(
            torch.nan_to_num(run.weights[:, i]), torch.nan_to_num(run.gradients[:, i]), method.depth
        )
        finite = run.weights[:, i].isfinite().all(-1).all(-1)[:, None]
        measured.append(torch.where(finite, sigma, torch.nan))
        predicted.append(
            torch.where(finite, singular_value_law(sigma, rate, method.step), torch.nan)
        )
    return run.times, torch.stack(measured, 1).numpy(), torch.stack(predicted, 1).numpy()
