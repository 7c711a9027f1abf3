"""What is read off real runs to estimate a regularizer: points on their way, and the force there
beyond the loss gradient's.

Two questions, and they differ (early stopping answers 0 to the first):
    update    W+ = W - eta u at points on the way:  is  f = u - G  the gradient of an R?
    endpoint  where a run ends, taken as stationary for L + R:  is  f = -G(W_T)  the gradient of an
    R?
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

import numpy as np

from overparam.measure.exact_force import exact_force
from overparam.measure.updates import (
    DEEP,
    RunError,
    Task,
    Way,
    noisy_gradient,
    random_starts,
    random_targets,
    step_size,
    stepper,
)
from overparam.theory.curves import Array
from overparam.theory.estimators import Family, Fit, Points, fit


@dataclass(frozen=True, eq=False)
class Sample:
    """Forces read off runs: S repeats at n points, which are the same for all repeats, or each
    repeat's own.

    points: one entry, or S. force: (S, n, d). exact: grad R at the first entry's points where R is
        known, (n, d), else None.
    runs: (n,) which run a point belongs to. iterations: (n,) at which.
    """

    points: tuple[Points, ...]
    force: Array
    exact: Array | None
    runs: Array
    iterations: Array

    def of(self, chosen: Array) -> Sample:
        """The part that belongs to some of the runs; chosen: (n,) of bool."""
        points = tuple(Points(p.w[chosen], p.gradient[chosen], p.bend[chosen]) for p in self.points)
        exact = None if self.exact is None else self.exact[chosen]
        return Sample(
            points, self.force[:, chosen], exact, self.runs[chosen], self.iterations[chosen]
        )

    def fit(self, family: Family, free_scale: bool = False) -> Fit:
        """A fit of its own for each repeat."""
        if len(self.points) == 1:
            return fit(family, self.points[0], self.force, free_scale)
        fits = [
            fit(family, points, f[None], free_scale)
            for points, f in zip(self.points, self.force, strict=True)
        ]
        scales = (
            None
            if fits[0].scale is None
            else np.concatenate([f.scale for f in fits if f.scale is not None])
        )
        return Fit(family, np.concatenate([f.parameters for f in fits]), scales)

    def rest(self, found: Fit) -> Array:
        """What each repeat's own fit leaves of its force, (S, n, d)."""
        if len(self.points) == 1:
            return self.force - found.force(self.points[0])
        return self.force - np.stack(
            [found.one(s).force(points)[0] for s, points in enumerate(self.points)]
        )

    def rest_of_mean(self, found: Fit) -> Array:
        """What the mean of fits that saw other runs leaves of every repeat, (S, n, d)."""
        mean = found.mean()
        if len(self.points) == 1:
            return self.force - mean.force(self.points[0])
        return self.force - np.stack([mean.force(points)[0] for points in self.points])


def update_sample(
    task: Task,
    way: Way,
    runs: int,
    repeats: int,
    seed: int,
    points: int = 24,
    iterations: int = 200,
) -> Generator[float, None, Sample]:
    """Forces f = u - G along runs from random starts (F itself for depth, whose time scale is
    free).

    A noisy force is drawn anew, S times, at points that one noisy run visits: its own noise has
    made these points.

    Args:
        task: with shared targets. way: how it was trained. runs: how many. repeats: S, for noisy
            ways. seed: of starts and noise.
        points: at most so many a run, spread evenly over log iterations. iterations: of each run.
    Yields: the share that is done. Raises: RunError where a run diverges.
    """
    rng = np.random.default_rng([seed, 1])
    w = random_starts(runs, task.inputs.shape[1], seed)
    eta = step_size(task, way)
    first = _burn_in(way)
    times = np.unique(np.rint(np.geomspace(1, iterations, points)).astype(int)) - 1 + first
    visited, forces = [], []
    advance = stepper(task, way, w, eta, rng)
    for t in range(times[-1] + 1):
        now = advance.now
        with np.errstate(over="ignore", invalid="ignore"):
            after = advance.step()
        if t in times:
            visited.append(now)
            forces.append(_force(task, way, now, after, eta))
        if t % 16 == 0:
            _require_finite(after)
            yield t / (times[-1] + 1) * (0.3 if way.noisy else 1.0)
    _require_finite(after)
    at = np.swapaxes(np.array(visited), 0, 1).reshape(-1, w.shape[1])  # run by run
    where = task.points(at)
    if way.noisy:
        draws = []
        for i in range(repeats):
            draws.append(noisy_gradient(task, way, at, rng) - where.gradient)
            yield 0.3 + 0.7 * (i + 1) / repeats
        force = np.array(draws)
    else:
        force = np.swapaxes(np.array(forces), 0, 1).reshape(1, *at.shape)
    order = np.repeat(np.arange(runs), times.size)
    return Sample((where,), force, exact_force(task, way, at), order, np.tile(times - first, runs))


def endpoint_sample(
    task: Task, way: Way, runs: int, repeats: int, seed: int, iterations: int = 1000
) -> Generator[float, None, Sample]:
    """Forces f = -G(W_T) where runs end that differ in their targets: the first has the data's, the
    others random ones.

    Runs start at 0, deep ones at norm 0.1. A noisy run's end is the mean of its last third, and
    every repeat is a run of its own.

    Args: as `update_sample`; iterations: T, but the strength t for early stopping.
    """
    many = random_targets(task, runs, seed)
    rng, d = np.random.default_rng([seed, 2]), task.inputs.shape[1]
    draws = repeats if way.noisy else 1
    steps = int(way.strength) if way.kind == "stop" else iterations
    all_runs = replace(many, targets=np.tile(many.targets, (draws, 1)))
    w = random_starts(runs, d, seed) if way.kind in DEEP else np.zeros((draws * runs, d))
    eta = step_size(many, way)
    advance = stepper(all_runs, way, w, eta, rng)
    total, kept = np.zeros_like(w), 0
    for t in range(steps):
        with np.errstate(over="ignore", invalid="ignore"):
            after = advance.step()
        if not way.noisy or t >= 2 * steps // 3:
            total, kept = (after, 1) if not way.noisy else (total + after, kept + 1)
        if t % 16 == 0:
            _require_finite(after)
            yield t / steps
    _require_finite(after)
    ends = (total / kept).reshape(draws, runs, d)
    found = tuple(many.points(end) for end in ends)
    order = np.arange(runs)
    exact = exact_force(many, way, ends[0], endpoint=True, step=eta)
    return Sample(found, np.array([-p.gradient for p in found]), exact, order, np.full(runs, steps))


def _force(task: Task, way: Way, now: Array, after: Array, eta: float) -> Array:
    """The force of one update; that of a noisy way is drawn elsewhere."""
    if way.noisy:
        return np.zeros_like(now)
    if way.kind == "step":
        return (_flow(task.loss.gradient, now, eta) - after) / eta
    if way.kind in DEEP:
        return (now - after) / eta
    rate = eta / (1 - way.strength) if way.kind == "momentum" else eta
    return (now - after) / rate - task.loss.gradient(now)


def _flow(gradient: Callable[[Array], Array], w: Array, time: float, pieces: int = 16) -> Array:
    """Gradient flow for a time, by the classical Runge-Kutta method."""
    h = time / pieces
    for _ in range(pieces):
        one = gradient(w)
        two = gradient(w - h / 2 * one)
        three = gradient(w - h / 2 * two)
        four = gradient(w - h * three)
        w = w - h / 6 * (one + 2 * two + 2 * three + four)
    return w


def _burn_in(way: Way) -> int:
    """Iterations after which momentum's velocity has forgotten that it started at 0."""
    return math.ceil(20 / (1 - way.strength)) if way.kind == "momentum" else 0


def _require_finite(w: Array) -> None:
    if not np.isfinite(w).all():
        raise RunError(
            "A run diverged, so there is nothing to read: choose a smaller strength, "
            "or data with standardised columns."
        )
