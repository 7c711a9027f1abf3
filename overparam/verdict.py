"""A race in words and numbers: for each method when it got where, how much sooner than depth 1, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overparam.experiment import Experiment
from overparam.history import GAPS
from overparam.runs import View


@dataclass(frozen=True)
class Line:
    """One method's line of the table.

    iterations: to each gap of GAPS, None where it was not reached. speed_up: iterations of plain gradient descent over this method's
    at `speed_up_gap`, the smallest gap that both reached; None where there is none. verdict: a few words.
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
        gap, ratio = _speed_up(baseline, reached)
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
        if diverged <= experiment.tuning_horizon:
            return "every step size of the grid diverged"
        if experiment.tuning_horizon:
            return f"diverged at iteration {diverged:,}, after the tuning horizon: tune for longer"
        limit = stable if stable is not None and stable < step else step / 2
        return f"diverged at iteration {diverged:,}: lower the step size below {limit:.2g}"
    gap = view.gaps[-1, i]
    edge = "; best step at the edge of the grid" if view.at_edge[i] else ""
    return f"gap {max(gap, 0):.2g} at iteration {view.iteration:,}{edge}"
