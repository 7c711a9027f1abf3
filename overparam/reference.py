"""Computes what the page beyond linear shows at its first paint: `python -m overparam.reference`.

It prints the tables whose numbers the page's sentences repeat, and writes the curves to the file
that the page reads. `--paper` runs the paper's own convolutional network instead (Fashion-MNIST
must be on this machine), which takes long.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from overparam.choices.beyond_linear import (
    APART,
    BEYOND_CHOICES,
    CONV_GRID,
    EVERY,
    GOALS,
    Study,
    study_of,
)
from overparam.data.images import load_images
from overparam.engine.convolution import paper
from overparam.engine.device import prepare_thread
from overparam.engine.nonlinear import FactoredNetworks, Recipe
from overparam.measure.arrivals import arrivals, paired_speed_ups
from overparam.serving.stored import store
from overparam.serving.training import Curves, Training

DEFAULTS: Mapping[str, Any] = {choice.name: choice.default for choice in BEYOND_CHOICES}
GRIDS = (
    *(
        {"loss": loss, "start": start, "optimizer": optimizer}
        for loss in ("ce", "l2", "l4")
        for start in ("he", "default")
        for optimizer in ("momentum", "gd")
    ),
    {"optimizer": "adam"},
    {"start": "each", "optimizer": "momentum"},
    {"start": "each", "optimizer": "gd"},
)


def queries(conv: bool) -> Iterator[dict[str, Any]]:
    """The choices whose runs are stored, where they differ from the defaults."""
    yield {"view": "apart"}
    yield {"view": "penalty"}
    for grid in GRIDS:
        yield {"view": "steps", **grid}
    if conv:
        yield {"view": "steps", **CONV_GRID}


def computed(study: Study) -> Curves:
    """All of a study, without a pause."""
    training = Training(study)
    while not training.finished:
        training.advance(study.horizon, 60.0)
    curves = training.view(study.horizon)
    assert curves is not None
    return curves


def described(query: Mapping[str, Any], study: Study, curves: Curves) -> Iterator[str]:
    """What a study shows, in lines."""
    yield f"\n{', '.join(f'{name} {value}' for name, value in query.items())}"
    if query["view"] in ("apart", "penalty"):
        yield from _ends(query, study, curves)
        return
    depths = sorted({recipe.depth for recipe in study.recipes})
    steps = sorted({recipe.step for recipe in study.recipes})
    fit = curves.fit.reshape(*curves.fit.shape[:2], len(depths), len(steps))
    for goal in GOALS[study.loss]:
        arrived = arrivals(curves.times, fit, goal)
        ratio = paired_speed_ups(arrived)
        words = []
        for i, depth in enumerate(depths):
            best = arrived[:, i].min(1)
            at = ", ".join(f"{steps[k]:.3g}" for k in arrived[:, i].argmin(1))
            words.append(f"N={depth}: {best.min():.0f}-{best.max():.0f}")
            if i:
                words[-1] += f" ({ratio[:, i].min():.2f}-{ratio[:, i].max():.2f}x)"
            words[-1] += f" at {at}"
        yield f"  to {goal:g}: " + "; ".join(words)
    middle = np.median(arrivals(curves.times, fit, GOALS[study.loss][1]), 0)
    for depth, row in zip(depths, middle, strict=True):
        counts = " ".join(f"{count:.0f}" if np.isfinite(count) else "-" for count in row)
        yield f"  N={depth}, to {GOALS[study.loss][1]:g} at each step size: {counts}"
    worst, best = np.nanmin(curves.accuracy), np.nanmax(curves.accuracy)
    yield f"  test accuracy at the end, all steps: {worst:.3f}-{best:.3f}"


def _ends(query: Mapping[str, Any], study: Study, curves: Curves) -> Iterator[str]:
    apart = query["view"] == "apart"
    for i, recipe in enumerate(study.recipes):
        name = list(APART)[i] if apart else f"N={recipe.depth}, penalty {recipe.penalty}"
        looks = [t for t in (0, 100, 200, 800) if t <= study.horizon]
        words = []
        for label, value in (("plotted", curves.fit + curves.penalty), ("fit", curves.fit)):
            shown = [value[t // EVERY, :, i] for t in looks]
            words.append(f"{label} " + " / ".join(f"{v.min():.3f}-{v.max():.3f}" for v in shown))
        if study.spectra:
            for label in ("squares", "schatten", "rank"):
                last = getattr(curves, label)[-1, :, i]
                words.append(f"{label} {last.min():.4g}-{last.max():.4g}")
        yield f"  {name}: " + "; ".join(words)


def papers_network(iterations: int, batch: int = 32) -> Iterator[str]:
    """The paper's network on Fashion-MNIST, one seed: start penalties, losses, arrivals."""
    prepare_thread()
    data = load_images("fashion", download=False)
    how: dict[str, Any] = {"init": "truncated", "scale": 0.1, "step": 0.01}
    recipes = []
    for special in APART.values():
        decay = 5e-4 if "penalty" in special else 0.0
        recipes.append(Recipe(**how | special, decay=decay))
    runs = FactoredNetworks(paper(), data.inputs, data.labels, recipes, 0, batch)
    penalties = [runs.losses(batch)[1]]
    losses = []
    for _ in range(iterations // EVERY):
        losses.append(runs.advance(EVERY))
        penalties.append(runs.losses(batch)[1])
    fit, penalty = np.concatenate(losses), np.array(penalties)
    smooth = np.array([np.convolve(row, np.full(40, 1 / 40), "valid") for row in fit.T]).T
    for i, name in enumerate(APART):
        first = ", ".join(
            f"{goal:g} after {arrivals(np.arange(39, len(fit)), smooth[:, i], goal):.0f}"
            for goal in (0.8, 0.7, 0.6)
        )
        yield (
            f"{name}: penalty at the start {penalty[0, i]:.3f}, at the end {penalty[-1, i]:.3f}; "
            f"fit, mean of the last 100: {fit[-100:, i].mean():.3f}; mean of 40 at {first}"
        )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="overparam.reference", description=__doc__)
    parser.add_argument("--paper", type=int, metavar="ITERATIONS", help="the paper's network")
    parser.add_argument("--no-conv", action="store_true", help="leave the convolutional grid out")
    options = parser.parse_args()
    if options.paper:
        for line in papers_network(options.paper):
            print(line, flush=True)
        return
    found = {}
    for query in queries(not options.no_conv):
        study = study_of({**DEFAULTS, **query})
        found[study] = computed(study)
        for line in described(query, study, found[study]):
            print(line, flush=True)
        store(found)


if __name__ == "__main__":
    main()
