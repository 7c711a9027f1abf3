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
from functools import cached_property

import numpy as np

from overparam.engine.losses import lp
from overparam.engine.problem import Problem
from overparam.measure.network import Networks
from overparam.theory import known
from overparam.theory.curves import Array
from overparam.theory.estimators import Family, Fit, Points, fit
from overparam.theory.field import field
from overparam.theory.landscapes import Landscape, Quadratic, Regression

WAYS = {
    "decay": "weight decay",
    "stop": "early stopping",
    "dropout": "dropout on inputs",
    "noise": "label noise",
    "batch": "minibatches",
    "momentum": "momentum",
    "step": "step size against the flow",
    "rule": "depth, end-to-end rule",
    "network": "depth, network",
}
NOISY = ("dropout", "noise", "batch")
DEEP = ("rule", "network")
CHUNK = 2_000_000  # numbers drawn at once
START = 0.1  # ||W_0||, in a random direction


class RunError(ValueError):
    """Runs that cannot be read; the message is one sentence for the person who asked for them."""


@dataclass(frozen=True)
class Way:
    """A way of training.

    kind: a name in WAYS. strength: lambda; iterations t; rate q; sigma; samples B; mu; eta s_max;
        N; N. pace: for momentum the step size in units of its limit (1 - sqrt mu)^2 / s_max.
    """

    kind: str
    strength: float
    pace: float = 0.1

    @property
    def noisy(self) -> bool:
        return self.kind in NOISY

    @property
    def free_scale(self) -> bool:
        """Whether the force is compared with c G for any c: depth rescales time, and a constant
        factor is no news."""
        return self.kind in DEEP


@dataclass(frozen=True, eq=False)
class Task:
    """A regression of one output: L(W) = weight * sum_i |<x_i, W> - y_i|^p / p.

    inputs: X, (m, d). targets: y, (m,), or (n, m): a loss of its own for each of n points.
    """

    inputs: Array
    targets: Array
    p: float
    weight: float

    @cached_property
    def loss(self) -> Landscape:
        """L; at p = 2 as the quadratic form that it is, up to a constant."""
        if self.p == 2:
            return Quadratic(-self.weight * self.targets @ self.inputs, self.hessian)
        return Regression(self.inputs, self.targets, self.p, self.weight)

    @cached_property
    def hessian(self) -> Array:
        """weight X^T X, (d, d): the Hessian of L at p = 2."""
        return self.weight * self.inputs.T @ self.inputs

    @cached_property
    def steepest(self) -> float:
        """s_max, the largest curvature at W = 0, over all targets."""
        if self.p == 2:
            return float(np.linalg.eigvalsh(self.hessian)[-1])
        bends = (self.p - 1) * np.abs(np.atleast_2d(self.targets)) ** (self.p - 2)
        return max(
            float(np.linalg.eigvalsh(self.weight * (self.inputs.T * bend) @ self.inputs)[-1])
            for bend in bends
        )

    @cached_property
    def least(self) -> float:
        """L*, the least value of `loss` for shared targets."""
        problem = Problem(self.inputs, self.targets[:, None], lp(self.p), self.weight)
        return float(self.loss.value(problem.optimum().weights.numpy())[0])

    def points(self, w: Array) -> Points:
        """W with G and H G there; w (n, d)."""
        gradient = self.loss.gradient(w)
        return Points(w, gradient, self.loss.hessian_product(w, gradient))

    def rows(self, rows: Array) -> Task:
        """The losses of some of the points."""
        return self if self.targets.ndim == 1 else replace(self, targets=self.targets[rows])


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


def step_size(task: Task, way: Way) -> float:
    """The step size eta of the runs of a way of training.

    Raises: RunError where the loss has no curvature at W = 0 to measure it by.
    """
    if not task.steepest > 0:
        raise RunError(
            "The loss has no curvature at W = 0, so no step size fits it: choose other data, or p"
            " = 2."
        )
    unit = 1 / task.steepest
    if way.kind == "stop":
        return 0.9 * unit
    if way.kind == "decay":
        return 0.9 / (task.steepest + way.strength)
    if way.kind == "step":
        return way.strength * unit
    if way.kind == "momentum":
        return way.pace * known.momentum_limit(way.strength) * unit
    if way.kind in DEEP:  # along W depth makes N steps of one
        return 0.2 * unit / way.strength
    return 0.2 * unit


def random_starts(count: int, d: int, seed: int, size: float = START) -> Array:
    """Starts of a given norm in random directions, (count, d); the first ones do not depend on how
    many there are."""
    directions = np.random.default_rng(seed).normal(size=(count, d))
    return size * directions / np.linalg.norm(directions, axis=1, keepdims=True)


def random_targets(task: Task, count: int, seed: int) -> Task:
    """The task with a loss a run: the first has the data's targets, the others Gaussian ones of the
    same mean square."""
    own = task.targets
    size = np.sqrt((own**2).mean())
    others = np.random.default_rng(seed).normal(size=(max(count - 1, 0), own.size)) * size
    return replace(task, targets=np.vstack((own[None], others)))


def noisy_gradient(task: Task, way: Way, w: Array, rng: np.random.Generator) -> Array:
    """The gradient of a training step with fresh noise at each point.

    dropout: inputs are 0 with probability q and 1/(1-q) times themselves else. noise: sigma times a
        standard normal number is added to every label. batch: B samples drawn with replacement.

    Args: w: (n, d); task: with targets (m,) or (n, m).
    Returns: (n, d).
    """
    m, d = task.inputs.shape
    per_point = {"dropout": m * d, "noise": m, "batch": int(way.strength) * d}[way.kind]
    rows = max(1, CHUNK // per_point)
    parts = [
        _noisy(task.rows(np.arange(i, min(i + rows, len(w)))), way, w[i : i + rows], rng)
        for i in range(0, len(w), rows)
    ]
    return np.concatenate(parts)


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
    advance = _stepper(task, way, w, eta, rng)
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
    advance = _stepper(all_runs, way, w, eta, rng)
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


def exact_matrix(
    task: Task, way: Way, endpoint: bool = False, step: float | None = None
) -> Array | None:
    """The symmetric matrix Q by which the force is f = Q W + b, where that is known; None where it
    is not.

    Weight decay: lambda I at any p. At p = 2: dropout (update, and endpoint), early stopping
    (endpoint), and, about the least-squares solution, step size and overdamped momentum.
    """
    d = task.inputs.shape[1]
    if way.kind == "decay":
        return way.strength * np.eye(d)
    if task.p != 2:
        return None
    eta = step_size(task, way) if step is None else step
    values, vectors = np.linalg.eigh(task.hessian)
    values = np.maximum(values, 0.0)
    if way.kind == "dropout":
        return (
            np.diag(known.dropout_diagonal(task.inputs, way.strength))
            * task.weight
            * len(task.inputs)
        )
    if way.kind == "stop" and endpoint:
        spectrum = known.early_stopping_spectrum(values, eta, way.strength)
    elif way.kind == "step" and not endpoint:
        spectrum = known.step_size_spectrum(values, eta)
    elif way.kind == "momentum" and not endpoint and way.pace < 1:
        spectrum = known.momentum_spectrum(values, eta, way.strength)
    else:
        return None
    return (vectors * spectrum) @ vectors.T


def exact_force(
    task: Task, way: Way, w: Array, endpoint: bool = False, step: float | None = None
) -> Array | None:
    """grad R at points (n, d) where R is known; None where it is not (or where no R exists)."""
    matrix = exact_matrix(task, way, endpoint, step)
    if matrix is not None:
        if way.kind in ("step", "momentum"):  # R is centred where G vanishes
            return (
                w @ matrix
                + task.targets @ task.inputs * task.weight @ np.linalg.pinv(task.hessian) @ -matrix
            )
        return w @ matrix
    if endpoint or way.kind == "stop":
        return np.zeros_like(w) if way.kind == "stop" else None
    if way.kind == "batch" or (way.kind in ("dropout", "noise") and task.p not in (2, 4)):
        return np.zeros_like(w) if way.kind == "batch" else None
    scale = task.weight * len(task.inputs)
    if way.kind == "dropout":
        return scale * known.dropout_force(task.inputs, task.targets, task.p, way.strength, w)
    if way.kind == "noise":
        return scale * known.label_noise_force(task.inputs, task.targets, task.p, way.strength, w)
    return None


@dataclass
class _Steps:
    """Runs under way: `now` is W, `step` goes on by one iteration and returns the new W."""

    now: Array
    move: Callable[[Array], Array]

    def step(self) -> Array:
        self.now = self.move(self.now)
        return self.now


def _stepper(task: Task, way: Way, w: Array, eta: float, rng: np.random.Generator) -> _Steps:
    gradient = task.loss.gradient
    if way.kind == "decay":
        return _Steps(w, lambda w: w - eta * (gradient(w) + way.strength * w))
    if way.kind == "momentum":
        velocity = np.zeros_like(w)

        def push(w: Array) -> Array:
            velocity[:] = way.strength * velocity + gradient(w)
            return w - eta * velocity

        return _Steps(w, push)
    if way.kind == "rule":
        return _Steps(w, lambda w: w - eta * field(gradient, way.strength, w))
    if way.kind == "network":
        networks = Networks(w, int(way.strength))
        return _Steps(w, lambda w: networks.step(gradient(w), eta))
    if way.noisy:
        return _Steps(w, lambda w: w - eta * noisy_gradient(task, way, w, rng))
    return _Steps(w, lambda w: w - eta * gradient(w))


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


def _noisy(task: Task, way: Way, w: Array, rng: np.random.Generator) -> Array:
    inputs, targets, n = task.inputs, task.targets, len(w)
    m, d = inputs.shape
    if way.kind == "noise":
        residual = w @ inputs.T - targets - way.strength * rng.standard_normal((n, m))
        return task.weight * _slope(residual, task.p) @ inputs
    if way.kind == "dropout":
        kept = rng.random((n, m, d), dtype=np.float32) >= way.strength
        dropped = kept * (inputs / (1 - way.strength))
        weight = task.weight
    else:
        chosen = rng.integers(m, size=(n, int(way.strength)))
        dropped, weight = inputs[chosen], task.weight * m / chosen.shape[1]
        targets = targets[chosen] if targets.ndim == 1 else np.take_along_axis(targets, chosen, 1)
    residual = (dropped @ w[:, :, None])[:, :, 0] - targets
    return weight * (_slope(residual, task.p)[:, None] @ dropped)[:, 0]


def _slope(residual: Array, p: float) -> Array:
    """|r|^{p-1} sign r."""
    return (
        residual
        if p == 2
        else residual**3
        if p == 4
        else np.copysign(np.abs(residual) ** (p - 1), residual)
    )


def _require_finite(w: Array) -> None:
    if not np.isfinite(w).all():
        raise RunError(
            "A run diverged, so there is nothing to read: choose a smaller strength, "
            "or data with standardised columns."
        )
