"""What the race shows: its sentence, and the same as lines, flags and a bracket in the chart."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from overparam.choices.race import Experiment
from overparam.figures.race import as_drawn, method_styles
from overparam.figures.style import ZERO_AT
from overparam.measure.history import GAPS
from overparam.serving.course import View, lowest
from overparam.story.race_claim import LEVEL, Finding, finding, times
from overparam.ui.components.live_chart import (
    Arrivals,
    Curve,
    Flag,
    Guess,
    Mark,
    Snapshot,
    snapshot,
)

LOWEST, HIGHEST = 1e-8, 10.0  # of the gap axis
FLOOR = 1e-16  # rounding can take a gap to zero or below, which a logarithmic axis cannot show
FAN_POINTS, TALLEST = 60, 1.5  # of a run among a hundred: how many, and up to which gap
AXES: dict[str, Any] = {
    "x_title": "iteration",
    "y_title": "gap g = (L − L*) / (L₀ − L*)",
    "y_clip": (LOWEST, HIGHEST),
}


def picture(
    experiment: Experiment,
    view: View,
    log: bool = True,
    pinned: Sequence[Curve] = (),
    streamed: bool = False,
) -> Snapshot:
    """The curves of a view, and all that is marked among them.

    Args: log: of the axis of iterations. pinned: curves beside them. streamed: as in `snapshot`.
    """
    return snapshot(
        f"{hash(experiment):x}",
        [*pinned, *gap_curves(experiment, view, log)],
        [Mark(at, f"steps × {by:g}") for at, by in experiment.changes if at <= view.iteration],
        arrivals(experiment, view),
        to_guess(experiment, view),
        log,
        streamed,
    )


# A picture at rest is the same for a hall that comes to it at once: 10 ms of each visit.
picture_at_rest = lru_cache(maxsize=8)(picture)


def gap_curves(experiment: Experiment, view: View, log: bool = True) -> list[Curve]:
    """The gap of every method against the iteration; on a logarithmic axis iteration 0 stands left
    of 1."""
    times = np.where(view.times == 0, ZERO_AT, view.times) if log else view.times
    looks = method_styles(experiment.methods)
    if view.fan is not None and view.owner is not None:
        return _search(experiment, times, view.fan, view.owner, looks)
    return [
        Curve(
            name=entry.label(),
            x=times,
            y=as_drawn(view.gaps[:, i], FLOOR, HIGHEST),
            colour=looks[i][0],
            dash=looks[i][1],
            note=f"step size {view.steps[i]:.3g}",
        )
        for i, entry in enumerate(experiment.methods)
    ]


def _search(
    experiment: Experiment,
    times: np.ndarray,
    fan: np.ndarray,
    owner: np.ndarray,
    looks: list[tuple[str, str]],
) -> list[Curve]:
    """While step sizes are compared: all runs of a method, faint, as one curve with gaps, and the
    lowest gap that any of them has at an iteration. What has been drawn stays as it is."""
    some = np.unique(np.rint(np.linspace(0, len(times) - 1, FAN_POINTS)).astype(int))
    runs = []
    for i, entry in enumerate(experiment.methods):
        gaps = np.maximum(fan[np.ix_(some, owner == i)], FLOOR)
        gaps[gaps > TALLEST] = np.nan
        y = np.vstack([gaps, np.full(gaps.shape[1], np.nan)]).T  # a run in each row, and a gap
        x = np.broadcast_to(times[np.append(some, some[-1])], y.shape)
        seen = np.isfinite(y)
        seen[:, 1:] |= seen[:, :-1]
        colour = looks[i][0]
        name = f"{entry.label()}, one of the step sizes"
        runs.append(Curve(name, x[seen], y[seen], colour, ghost=True, trial=True))
    least = lowest(fan, owner, len(looks))
    return runs + [
        Curve(
            name=entry.label(),
            x=times,
            y=as_drawn(least[:, i], FLOOR, HIGHEST),
            colour=looks[i][0],
            dash=looks[i][1],
            note="the lowest of all its step sizes",
        )
        for i, entry in enumerate(experiment.methods)
    ]


def arrivals(experiment: Experiment, view: View) -> Arrivals:
    """The lines of the gaps, where the curves come to the one that the sentence is about, and by
    how much plain gradient descent is behind or ahead."""
    found = finding(experiment, view)
    goals = [(gap, f"g ≤ {gap:g}" if found and gap == found.goal else "") for gap in GAPS[2:]]
    if found is None:
        return Arrivals(goals)
    looks = method_styles(experiment.methods)
    flags = [
        Flag(entry.label(), max(1, count), found.goal, f"{count:,}", colour)
        for entry, count, (colour, _) in zip(experiment.methods, found.counts, looks, strict=True)
        if count is not None
    ]
    return Arrivals(goals, flags, _bracket(experiment, found))


def to_guess(experiment: Experiment, view: View) -> Guess:
    """What is guessed first: the first deeper network, beside plain gradient descent; where one of
    them does not race, another method, or nothing beside it."""
    places = range(len(experiment.methods))
    descents = [i for i in places if experiment.methods[i].optimizer == "gd"]
    plain = next((i for i in descents if experiment.methods[i].depth == 1), None)
    others = [i for i in (*descents, *places) if i != plain]
    target = others[0] if others else places[0]
    reached = [] if view.tuning else view.reached[target].tolist()
    return Guess(
        None if plain in (None, target) else experiment.methods[plain].label(),
        experiment.methods[target].label(),
        [(gap, t if t >= 0 else None) for gap, t in zip(GAPS, reached, strict=False)],
    )


def _bracket(experiment: Experiment, found: Finding) -> tuple[str, str, str] | None:
    factor = found.factor
    if factor is None or found.plain is None or found.leader is None:
        return None
    names = [experiment.methods[i].label() for i in (found.plain, found.leader)]
    if 1 / LEVEL < factor < LEVEL:
        return None
    words = f"{times(factor)}× fewer" if factor > 1 else f"{times(1 / factor)}× as many"
    return names[0], names[1], words
