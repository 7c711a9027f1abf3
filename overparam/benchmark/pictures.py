"""Pictures that follow a slider: the mathematics and the figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch

from overparam.benchmark.stopwatch import Stopwatch
from overparam.choices.alignment import DEFAULTS as ALIGNMENT
from overparam.choices.alignment import Chain
from overparam.choices.plateaus import DEFAULTS, MODES, Family
from overparam.figures.alignment import interface_maps
from overparam.figures.plateaus import (
    drift,
    escape_times,
    imbalance,
    iterations,
    loss_curves,
    modes,
)
from overparam.figures.preconditioner import eigenvalue_map, one_output
from overparam.figures.readings import Panel, Reading, stacked
from overparam.figures.style import PALETTE
from overparam.measure.plateaus import DRIFT_SCALES, DRIFT_SKEW, chain_drift_against_scale
from overparam.serving.alignment import AlignmentRun
from overparam.serving.plateaus import DescentRun, FamilyRun, Steps, mode_times
from overparam.serving.work import FIRST_SECONDS
from overparam.theory.activations import ACTIVATIONS
from overparam.theory.curves import gamma
from overparam.theory.field import circulation, force
from overparam.theory.landscapes import linear
from overparam.theory.potential import best_potential
from overparam.theory.preconditioner import eigenvalues, ellipse, precondition, scale_only


def pictures(measure: Stopwatch) -> Iterator[str]:
    """What a moved slider costs besides Streamlit: the mathematics and the figure of one view."""
    w, grad = (
        torch.tensor([[[0.6, 0.35]]], dtype=torch.float64),
        torch.tensor([[[-0.3, 1.0]]], dtype=torch.float64),
    )
    at, slope = (vector[0, 0].numpy() for vector in (w, grad))
    sigma = torch.linspace(2, 0, 4, dtype=torch.float64)
    names = ([f"{i}" for i in range(4)], [f"{i}" for i in range(5)])
    bowl = force(linear(np.array([1.3, 0.0])).gradient, 3)

    def one_step() -> None:
        scaled, after = (
            scale_only(w, grad, 3.3)[0, 0].numpy(),
            precondition(w, grad, 3.3)[0, 0].numpy(),
        )
        one_output(at, slope, scaled, after, ellipse(w[0, 0], 3.3).numpy()).to_json()

    def matrix_step() -> None:
        eigenvalue_map(eigenvalues(sigma, 4, 5, 3.3).numpy(), names, (0, 0)).to_json()

    family = Family.of(DEFAULTS)
    whole = FamilyRun(family)
    while not whole.advance(1.0).finished:
        pass
    chain = Chain.of(ALIGNMENT)
    trained = AlignmentRun(chain)
    while not trained.advance(1.0).finished:
        pass
    in_modes = FamilyRun(Family.of(DEFAULTS | {"view": "modes"}))
    while not in_modes.advance(1.0).finished:
        pass
    steps = Steps(step=0.05, adam=0.01, horizon=3000)
    scales = np.array(family.eps)
    drifts = [
        (row.label, row.kind, found.scale, np.abs(found.measured), found.law)
        for row in ACTIVATIONS.values()
        for found in [chain_drift_against_scale(row, DRIFT_SCALES, DRIFT_SKEW)]
        if found.slope is not None
    ]

    def plateaus(run: FamilyRun) -> None:
        seen = run.advance(FIRST_SECONDS)
        lines = [(c.times, c.loss) for c in seen.curves]
        loss_curves(family.eps, lines, seen.scalar, seen.level).to_json()
        escape_times(scales, seen.times, False, None).to_json()

    def unbalanced() -> None:
        seen = whole.advance(FIRST_SECONDS)
        run = seen.curves[2 * family.seeds]
        imbalance(run.times, run.imbalance, run.integral, float(seen.times[2, 0])).to_json()
        drift(drifts, "tanh").to_json()

    def optimizers() -> None:
        seen = DescentRun((family, steps)).advance(FIRST_SECONDS)
        counts = {name: (name, found) for name, found in seen.counts.items()}
        iterations(scales, counts, np.full(len(scales), np.nan), steps.horizon).to_json()

    def modes_of_a_teacher() -> None:
        run = in_modes.advance(FIRST_SECONDS).curves[0]
        modes(run.times, run.others, MODES, mode_times(run)).to_json()

    def aligned(run: AlignmentRun) -> None:
        found = run.advance(FIRST_SECONDS).found
        interface_maps(found.matrices[-1], 2).to_json()
        score = Reading("score", PALETTE[0], "solid", found.score[:, 0, 1])
        size = Reading("imbalance", PALETTE[1], "solid", found.imbalance[:, 0])
        panels = [Panel("top 2", [score], log=False), Panel("|Δ|", [size])]
        stacked(panels, found.times, int(found.times[-1])).to_json()

    views = {
        "plateaus, first picture": lambda: plateaus(FamilyRun(family)),
        "plateaus, all known": lambda: plateaus(whole),
        "plateaus, imbalance": unbalanced,
        "plateaus, optimizers, first picture": optimizers,
        "plateaus, modes": modes_of_a_teacher,
        "alignment, first picture": lambda: aligned(AlignmentRun(chain)),
        "alignment, all known": lambda: aligned(trained),
        "one step, one output": one_step,
        "one step, matrices": matrix_step,
        "circulation around Gamma, N = 3": lambda: circulation(bowl, gamma(0.2, 1.0)),
        "closest potential, 129 x 129 points": lambda: best_potential(bowl, 1.0),
    }

    def repeat(view: Callable[[], object]) -> Callable[[int], None]:
        def often(iterations: int) -> None:
            for _ in range(iterations):
                view()

        return often

    yield "A moved slider: mathematics and figure, without Streamlit"
    yield ""
    for name, seconds in measure({name: repeat(view) for name, view in views.items()}).items():
        yield f"{name:36} {1e3 * seconds:6.1f} ms"
