"""A race in words and numbers: for each method when it got where, how much sooner than depth 1, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from overparam.choices.race import Experiment
from overparam.measure.history import GAPS, LONGEST
from overparam.serving.run import SOLVED, Tuned, View


@dataclass(frozen=True)
class Line:
    """One method's line of the table.

    iterations: to each gap of GAPS, None where it was not reached. speed_up: iterations of plain gradient descent over this
    method's at `speed_up_gap`, the smallest gap that both reached; None where there is none, or while step sizes are compared.
    verdict: a few words.
    """

    name: str
    step: float
    iterations: tuple[int | None, ...]
    speed_up: float | None
    speed_up_gap: float | None
    verdict: str


def table(experiment: Experiment, view: View, stable_steps: Sequence[float | None]) -> list[Line]:
    """The lines of the table, in the order of the methods.

    Args: stable_steps: for each method the largest step size at which the optimum attracts, None where unknown.
    """
    plain = [e.depth == 1 and e.optimizer == "gd" for e in experiment.methods]
    baseline = view.reached[plain.index(True)] if True in plain else None
    lines = []
    for i, entry in enumerate(experiment.methods):
        reached = view.reached[i]
        gap, ratio = (None, None) if view.tuning else _speed_up(baseline, reached)
        lines.append(
            Line(
                name=entry.label(),
                step=float(view.steps[i]),
                iterations=tuple(int(t) if t >= 0 else None for t in reached),
                speed_up=ratio,
                speed_up_gap=gap,
                verdict=_verdict(experiment, view, i, stable_steps[i]),
            )
        )
    return lines


def _speed_up(baseline: np.ndarray | None, reached: np.ndarray) -> tuple[float | None, float | None]:
    if baseline is None:
        return None, None
    both = np.flatnonzero((baseline > 0) & (reached > 0))
    if not len(both):
        return None, None
    return GAPS[both[-1]], float(baseline[both[-1]] / reached[both[-1]])


def _verdict(experiment: Experiment, view: View, i: int, stable: float | None) -> str:
    step, diverged = float(view.steps[i]), int(view.diverged_at[i])
    if view.tuning:
        return "tuning: best step so far"
    if diverged >= 0:
        if experiment.tuning_horizon and diverged <= experiment.tuning_horizon:
            return "every step size of the grid diverged"
        if experiment.tuning_horizon:
            return f"diverged at iteration {diverged:,}, after the tuning horizon: tune for longer"
        limit = stable if stable is not None and stable < step else step / 2
        return f"diverged at iteration {diverged:,}: lower the step size below {limit:.2g}"
    gap = view.gaps[-1, i]
    if gap < SOLVED:
        return f"solved: gap below {SOLVED:.0e}".replace("e-0", "e-")
    edge = "; best step at the edge of the grid" if view.at_edge[i] else ""
    return f"gap {gap:.2g} at iteration {view.iteration:,}{edge}"


def _names(experiment: Experiment) -> list[str]:
    """Names of the methods, without their start scales where these are not needed to tell them apart."""
    short = [replace(entry, scale=None).label() for entry in experiment.methods]
    return [name if short.count(name) == 1 else e.label() for name, e in zip(short, experiment.methods, strict=True)]


def arrivals(experiment: Experiment, view: View, tuned: Tuned | None, goal: float | None = None) -> str:
    """Iterations of every method to a gap, and what diverged.

    Args:
        tuned: where given, each gap is taken at its own best step size of the grid.
        goal: one of GAPS; None for the smallest gap that all methods reached and the smallest that any reached.
    """
    names, reached = _names(experiment), view.reached
    if tuned is not None:
        both = np.stack([tuned.grid.fastest(tuned.reached), reached])
        reached = np.where((both < 0).all(0), -1, np.where(both < 0, LONGEST + 1, both).min(0))
    found = [np.flatnonzero(rule(reached >= 0, axis=0)) for rule in (np.all, np.any)]
    goals = sorted({int(places[-1]) for places in found if len(places)}) if goal is None else [GAPS.index(goal)]
    sentences = [] if goals else [f"No method has reached g ≤ {GAPS[0]:g} within {view.iteration:,} iterations."]
    for place in goals:
        counts = [f"{t:,}" if t >= 0 else "not yet" for t in reached[:, place]]
        how = "" if tuned is None else ", each at its best step for it"
        sentences.append(f"Iterations to g ≤ {GAPS[place]:g}{how}: {_listed(names, counts)}.")
    gone = [f"{name} at iteration {at:,}" for name, at in zip(names, view.diverged_at, strict=True) if at >= 0]
    return " ".join(sentences + ([f"Diverged: {', '.join(gone)}."] if gone else []))


def _listed(names: Sequence[str], words: Sequence[str]) -> str:
    return "; ".join(f"{name}: {word}" for name, word in zip(names, words, strict=True))


def ends(experiment: Experiment, view: View, tuned: Tuned | None) -> str:
    """The gap of every method at the iteration shown; iterations to a gap instead where all have solved the problem."""
    gaps = view.gaps[-1]
    if (gaps < SOLVED).all():
        return arrivals(experiment, view, tuned)
    words = ["diverged" if np.isnan(gap) else f"{gap:.3g}" for gap in gaps]
    return f"g at iteration {view.iteration:,}: {_listed(_names(experiment), words)}."


def differences(experiment: Experiment, view: View, tuned: Tuned | None) -> str:
    """How far each network's gap has been from that of the end-to-end rule of its depth, at most."""
    rules = {e.depth: i for i, e in enumerate(experiment.methods) if e.kind == "rule"}
    told = []
    for i, (entry, name) in enumerate(zip(experiment.methods, _names(experiment), strict=True)):
        if entry.kind == "network" and entry.depth in rules:
            apart = np.abs(view.gaps[:, i] - view.gaps[:, rules[entry.depth]]).max()
            told.append(f"{name}: {apart:.2g}" if np.isfinite(apart) else f"{name}: one of them diverged")
    return f"Largest distance from the rule's g until iteration {view.iteration:,}: {'; '.join(told)}."
