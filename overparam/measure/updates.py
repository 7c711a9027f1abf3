"""Ways to train a regression, and the updates that they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from overparam.engine.losses import lp
from overparam.engine.problem import Problem
from overparam.measure.network import Networks
from overparam.theory import known
from overparam.theory.curves import Array
from overparam.theory.estimators import Points
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


@dataclass
class Steps:
    """Runs under way: `now` is W, `step` goes on by one iteration and returns the new W."""

    now: Array
    move: Callable[[Array], Array]

    def step(self) -> Array:
        self.now = self.move(self.now)
        return self.now


def stepper(task: Task, way: Way, w: Array, eta: float, rng: np.random.Generator) -> Steps:
    """Runs of a way of training from w (n, d), with the step size eta."""
    gradient = task.loss.gradient
    if way.kind == "decay":
        return Steps(w, lambda w: w - eta * (gradient(w) + way.strength * w))
    if way.kind == "momentum":
        velocity = np.zeros_like(w)

        def push(w: Array) -> Array:
            velocity[:] = way.strength * velocity + gradient(w)
            return w - eta * velocity

        return Steps(w, push)
    if way.kind == "rule":
        return Steps(w, lambda w: w - eta * field(gradient, way.strength, w))
    if way.kind == "network":
        networks = Networks(w, int(way.strength))
        return Steps(w, lambda w: networks.step(gradient(w), eta))
    if way.noisy:
        return Steps(w, lambda w: w - eta * noisy_gradient(task, way, w, rng))
    return Steps(w, lambda w: w - eta * gradient(w))


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
