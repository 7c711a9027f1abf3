"""Computes what pages show at their first paint: `python -m overparam.reference`.

It writes the map that its page opens with, prints the tables whose numbers the sentences of the
page beyond linear repeat, and writes that page's curves: each to the file that the page reads.
Given choices as they stand in that page's address, it computes and prints these instead; `--finer
4` tells how much of a speed-up is the grid of step sizes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

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
from overparam.choices.kinds import ChoiceError, read_choices
from overparam.choices.map import OPENING, PLAN_CHOICES, STARTS, Plan
from overparam.data import DataError
from overparam.measure.arrivals import arrivals, paired_speed_ups, range_words
from overparam.serving.maps.opening_map import store_maps
from overparam.serving.maps.sweep import Sweep
from overparam.serving.stored import store
from overparam.serving.training import Curves, Training, TrainingError

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
    special = {n: v for n, v in query.items() if n == "view" or v != DEFAULTS[n]}
    yield f"\n{', '.join(f'{name} {value}' for name, value in special.items())}"
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


def finer(study: Study, times: int) -> Study:
    """The same grid study with so many times as many step sizes over the same range."""
    steps, depths = ({getattr(r, name) for r in study.recipes} for name in ("step", "depth"))
    fine = np.geomspace(min(steps), max(steps), times * (len(steps) - 1) + 1).tolist()
    first = study.recipes[0]
    recipes = [replace(first, depth=n, step=step) for n in sorted(depths) for step in fine]
    return replace(study, recipes=tuple(recipes))


def shifted(study: Study, curves: Curves, times: int) -> Iterator[str]:
    """Speed-ups of a fine grid, and what each coarse grid within it would have said, in lines."""
    depths = sorted({recipe.depth for recipe in study.recipes})
    fit = curves.fit.reshape(*curves.fit.shape[:2], len(depths), -1)

    def words(arrived: np.ndarray) -> str:
        ratios = zip(depths[1:], paired_speed_ups(arrived).T[1:], strict=True)
        return "; ".join(f"N={n} {range_words(r)}, middle {np.median(r):.3g}" for n, r in ratios)

    for goal in GOALS[study.loss]:
        arrived = arrivals(curves.times, fit, goal)
        yield f"  to {goal:g}, all step sizes: {words(arrived)}"
        for first in range(times):
            coarse = arrived[..., first::times]
            yield f"    every {times}th from the {first + 1}.: {words(coarse)}"
            places = np.median(coarse, 0).argmin(1)  # of the step that suits the middle seed
            one = np.take_along_axis(coarse, places[None, :, None], 2)
            yield f"      the same step for all seeds: {words(one)}"


def opening_map() -> dict[Plan, dict[str, np.ndarray]]:
    """The map that its page opens with, one start after the other."""
    values, _ = read_choices((*PLAN_CHOICES, STARTS), OPENING)
    maps = {}
    for plan in Plan.of(values).over(int(values["starts"])):
        sweep = Sweep(plan)
        while not sweep.finished:
            sweep.advance(60.0)
        maps[plan] = vars(sweep.view()) | {"runs": np.array(sweep.runs)}
    return maps


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m overparam.reference", description=__doc__)
    parser.add_argument(
        "links",
        nargs="*",
        metavar="choices",
        help="as in the page's address: 'view=steps&loss=l4'; then these are computed and printed,"
        " and nothing is written",
    )
    parser.add_argument("--map", action="store_true", help="compute the map only")
    parser.add_argument("--no-conv", action="store_true", help="leave the convolutional grid out")
    parser.add_argument("--seeds", type=int, help="how many, in place of the links'")
    parser.add_argument("--finer", type=int, default=1, help="times as many step sizes a decade")
    options = parser.parse_args(arguments)
    for link in options.links:
        query = dict(parse_qsl(link))
        values, problems = read_choices(BEYOND_CHOICES, query)
        problems += [f"no choice is called {name}" for name in query if name not in DEFAULTS]
        if problems:
            parser.error("; ".join(problems))
        try:
            study = study_of(values)
            study = finer(study, options.finer) if options.finer > 1 else study
            study = replace(study, seeds=options.seeds or study.seeds)
            curves = computed(study)
        except (ChoiceError, DataError, TrainingError) as error:
            parser.error(str(error))
        lines = shifted(study, curves, options.finer) if options.finer > 1 else ()
        for line in (*described(values, study, curves), *lines):
            print(line, flush=True)
    if options.links:
        return
    store_maps(opening_map())
    if options.map:
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
