"""A race in words and numbers: for each method when it got where, how much sooner than depth 1, and
what became of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from overparam.choices.methods import Entry
from overparam.choices.race import Experiment
from overparam.measure.history import GAPS, LONGEST
from overparam.serving.course import SOLVED, Tuned, View


@dataclass(frozen=True)
class Line:
    """One method's line of the table.

    iterations: of the curve shown, to each gap of GAPS, None where it was not reached. fewest: the
    same with each gap's own best step size of the grid; the curve's own where nothing was tuned.
    speed_up: iterations of plain gradient descent over this method's at `speed_up_gap`, the
    smallest gap that either of them reached: infinite where only this method did, 0 where only
    plain gradient descent did; None where there is none, or while step sizes are compared.
    own_speed_up, own_speed_up_gap: likewise for `fewest`. verdict: a few words.
    """

    name: str
    step: float
    iterations: tuple[int | None, ...]
    fewest: tuple[int | None, ...]
    speed_up: float | None
    speed_up_gap: float | None
    own_speed_up: float | None
    own_speed_up_gap: float | None
    verdict: str


def table(experiment: Experiment, view: View) -> list[Line]:
    """The lines of the table, in the order of the methods."""
    plain = [e.depth == 1 and e.optimizer == "gd" for e in experiment.methods]
    first = plain.index(True) if True in plain and not view.tuning else None
    fewest = _fewest(view)
    lines = []
    for i, entry in enumerate(experiment.methods):
        (gap, ratio), (own_gap, own_ratio) = (
            _speed_up(None if first is None else counts[first], counts[i])
            for counts in (view.reached, fewest)
        )
        lines.append(
            Line(
                name=entry.label(),
                step=float(view.steps[i]),
                iterations=_counts(view.reached[i]),
                fewest=_counts(fewest[i]),
                speed_up=ratio,
                speed_up_gap=gap,
                own_speed_up=own_ratio,
                own_speed_up_gap=own_gap,
                verdict=_verdict(experiment, view, i),
            )
        )
    return lines


def _counts(reached: np.ndarray) -> tuple[int | None, ...]:
    return tuple(int(t) if t >= 0 else None for t in reached)


def _fewest(view: View) -> np.ndarray:
    """Iterations to each gap at its own best step size, or of the curve shown, which after tuning
    goes on alone: (M, T)."""
    if view.fewest is None:
        return view.reached
    both = np.stack([view.fewest, view.reached])
    return np.where((both < 0).all(0), -1, np.where(both < 0, LONGEST + 1, both).min(0))


def _speed_up(
    baseline: np.ndarray | None, reached: np.ndarray
) -> tuple[float | None, float | None]:
    if baseline is None:
        return None, None
    either = np.flatnonzero((baseline > 0) | (reached > 0))
    if not len(either):
        return None, None
    one, other = baseline[either[-1]], reached[either[-1]]
    ratio = math.inf if one <= 0 else 0.0 if other <= 0 else float(one / other)
    return GAPS[either[-1]], ratio


def _verdict(experiment: Experiment, view: View, i: int) -> str:
    diverged, horizon, solved = (
        int(view.diverged_at[i]),
        experiment.tuning_horizon,
        SOLVED[experiment.precision],
    )
    edge = "; the best step size is at the edge of those tried" if view.at_edge[i] else ""
    if view.tuning:
        return "tuning: best step size so far"
    if diverged >= 0 and horizon:
        if diverged > horizon:
            return f"diverged at iteration {diverged:,}, after the tuning horizon: tune for longer"
        if (view.reached[i] >= 0).any() and experiment.aim != "end":
            return (
                f"diverged at iteration {diverged:,}, after the gap it was tuned for: tune for"
                " the final loss"
            )
        return "every step size that was tried diverged"
    if diverged >= 0:
        return f"diverged at iteration {diverged:,}: step sizes “tuned” looks for one that lasts"
    gap = view.gaps[-1, i]
    if gap < solved:
        return f"solved: gap below {solved:.0e}".replace("e-0", "e-") + edge
    return f"gap {gap:.2g} at iteration {view.iteration:,}{edge}"


def _names(experiment: Experiment) -> list[str]:
    """Names of the methods, without their start scales where these are not needed to tell them
    apart."""
    short = [replace(entry, scale=None).label() for entry in experiment.methods]
    return [
        name if short.count(name) == 1 else e.label()
        for name, e in zip(short, experiment.methods, strict=True)
    ]


def arrivals(
    experiment: Experiment, view: View, tuned: Tuned | None, goal: float | None = None
) -> str:
    """Iterations of every method to a gap, and what diverged.

    Args:
        tuned: where given, each gap is taken at its own best step size of the grid.
        goal: one of GAPS; None for the smallest gap that all methods reached and the smallest that
            any reached.
    """
    names, reached = _names(experiment), view.reached
    if tuned is not None:
        both = np.stack([tuned.grid.fastest(tuned.reached), reached])
        reached = np.where((both < 0).all(0), -1, np.where(both < 0, LONGEST + 1, both).min(0))
    found = [np.flatnonzero(rule(reached >= 0, axis=0)) for rule in (np.all, np.any)]
    goals = (
        sorted({int(places[-1]) for places in found if len(places)})
        if goal is None
        else [GAPS.index(goal)]
    )
    sentences = (
        []
        if goals
        else [f"No method has reached g ≤ {GAPS[0]:g} within {view.iteration:,} iterations."]
    )
    for place in goals:
        counts = [f"{t:,}" if t >= 0 else "not yet" for t in reached[:, place]]
        how = "" if tuned is None else ", each at its best step size for it"
        sentences.append(f"Iterations to g ≤ {GAPS[place]:g}{how}: {_listed(names, counts)}.")
    gone = [
        f"{name} at iteration {at:,}"
        for name, at in zip(names, view.diverged_at, strict=True)
        if at >= 0
    ]
    return " ".join(sentences + ([f"Diverged: {', '.join(gone)}."] if gone else []))


def _listed(names: Sequence[str], words: Sequence[str]) -> str:
    return "; ".join(f"{name}: {word}" for name, word in zip(names, words, strict=True))


def ends(experiment: Experiment, view: View, tuned: Tuned | None) -> str:
    """The gap of every method at the iteration shown; iterations to a gap instead where all have
    solved the problem."""
    gaps = view.gaps[-1]
    if (gaps < SOLVED[experiment.precision]).all():
        return arrivals(experiment, view, tuned)
    words = ["diverged" if np.isnan(gap) else f"{gap:.3g}" for gap in gaps]
    return f"g at iteration {view.iteration:,}: {_listed(_names(experiment), words)}."


def _start(entry: Entry) -> tuple:
    """What decides where a method of an experiment starts; the width of a balanced start does
    not."""
    return (
        entry.depth,
        entry.scale,
        entry.start,
        entry.width if entry.start not in (None, "balanced") else None,
    )


def differences(experiment: Experiment, view: View, tuned: Tuned | None) -> str:
    """How far each network's gap has been from that of the end-to-end rule of its depth from the
    same W_0, at most."""
    rules = {_start(e): i for i, e in enumerate(experiment.methods) if e.kind == "rule"}
    told = []
    for i, (entry, name) in enumerate(zip(experiment.methods, _names(experiment), strict=True)):
        if entry.kind == "network" and _start(entry) in rules:
            apart = np.abs(view.gaps[:, i] - view.gaps[:, rules[_start(entry)]]).max()
            told.append(
                f"{name}: {apart:.2g}" if np.isfinite(apart) else f"{name}: one of them diverged"
            )
    return (
        f"Largest distance from the rule's g until iteration {view.iteration:,}: {'; '.join(told)}."
    )
