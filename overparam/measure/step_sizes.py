"""Fair step sizes: a grid per method, the whole of it computed as rows of one batch, and what is
stable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.parameterizations import product
from overparam.engine.problem import Problem
from overparam.engine.simulation import Method, start_layers
from overparam.measure.curvature import sharpness

# How far beyond the two ends of `step_range` to look, and the widest range, all as factors.
# Measured over two coordinates, p from 2 to 8, ratios to 1000, depths to 16, starts of .01 to 10
# (`tests/test_step_ranges.py`): the best steps of gradient descent lie from .5 times the lower end
# to 30 times the upper, those of momentum from .03 times the lower, as it adds up ten gradients.
BELOW = {"gd": 0.1, "momentum": 0.002, "nesterov": 0.002}
ABOVE, WIDEST = 100.0, 1e7


def step_grid(low: float, high: float, per_decade: int) -> np.ndarray:
    """Step sizes from low to high, on the lattice 10^{i / per_decade} so that finer grids contain
    coarser ones.

    Args: low, high: positive, low <= high. per_decade: number of step sizes a decade, >= 1.
    """
    first, last = (
        math.floor(math.log10(low) * per_decade + 0.5),
        math.floor(math.log10(high) * per_decade + 0.5),
    )
    return 10 ** (np.arange(first, last + 1) / per_decade)


@dataclass(frozen=True)
class Terrain:
    """What the best step size of a run depends on, beside its method.

    p: exponent of the loss. at_zero, at_start: lambda_max(H) at W = 0 and at the start W_0. start:
    a norm of W_0 that tells what depth makes of a gradient there, `gain_norm`. reach: how far W has
    to go, `Problem.reach`.
    """

    p: float
    at_zero: float
    at_start: float
    start: float
    reach: float


def step_range(method: Method, terrain: Terrain) -> tuple[float, float]:
    """The step sizes worth trying for a method.

    Depth N makes of a step size eta one from `eta ||W||^{2-2/N}` across W to N times that along W
    (Claim 2), so that

        lowest:   eta lambda_max N R^{2-2/N} = 2           stable wherever the run may come, R =
        max(||W_0||, reach)
        highest:  eta lambda_max(H(W_0)) ||W_0||^{2-2/N} = p - 1    from the start to the target in
        one leap, had the loss one input

    with a margin beyond both ends. Where the method normalises its gradient, a step is a distance
    in the parameters, which have R^{1/N} to go.
    Args: method: its own step size is not used.
    """
    size = max(terrain.start, terrain.reach)
    absolute = OPTIMIZERS[method.optimizer].steps
    if absolute is not None:
        distance = size ** (1 / method.depth) if method.kind == "network" else size
        return absolute[0] * min(1.0, distance), absolute[1] * max(1.0, distance)
    power = 0.0 if method.kind == "stretch" else 2 - 2 / method.depth
    along = 1.0 if method.kind == "scale" else method.depth
    steepest = (
        max(terrain.at_zero, terrain.at_start) * along * size**power
        + method.depth * method.weight_decay
    )
    lowest = 2 / max(steepest, _TINY)
    leap = (terrain.p - 1) / max(terrain.at_start * terrain.start**power, _TINY)
    return BELOW[method.optimizer] * lowest, min(ABOVE * max(leap, lowest), WIDEST * lowest)


_TINY = 1e-100


def search_ranges(problem: Problem, methods: Sequence[Method]) -> list[tuple[float, float]]:
    """`step_range` of every method on a problem, from its own start.

    A loss without a power bends nowhere more than the square, whose range is taken for it.
    """
    problem = problem.squared() if problem.loss.power is None else problem
    starts = {replace(m, step=1.0, optimizer="gd", weight_decay=0.0): None for m in methods}
    layers = {start: start_layers(start, problem.k, problem.d) for start in starts}
    # in float64, as curvatures overflow float32 long before losses do
    there = [torch.zeros(problem.k, problem.d, dtype=torch.float64), *map(product, layers.values())]
    at_zero, *at_starts = sharpness(problem, torch.stack(there).to(problem.device)).tolist()
    reach, p = problem.reach(), problem.loss.power or 2.0
    terrains = {
        start: Terrain(p, at_zero, at_start, gain_norm(layers[start]), reach)
        for start, at_start in zip(starts, at_starts, strict=True)
    }
    return [
        step_range(m, terrains[replace(m, step=1.0, optimizer="gd", weight_decay=0.0)])
        for m in methods
    ]


def gain_norm(layers: Sequence[Tensor]) -> float:
    """The norm of a balanced W_e whose layers make as much of a gradient as these: `max_j prod_{i
    != j} ||W_i||^{N/(N-1)}`.

    For balanced layers it is the spectral norm of W_e itself.
    """
    norms = np.array([float(torch.linalg.matrix_norm(layer, ord=2)) for layer in layers])
    if len(norms) == 1:
        return float(norms[0])
    return float(np.delete(norms, norms.argmin()).prod() ** (len(norms) / (len(norms) - 1)))


@dataclass(frozen=True)
class Grid:
    """Step sizes to try for several methods, as rows of one batch.

    methods: one for each row; owner: which of the asked methods a row belongs to, shape (rows,).
    """

    methods: tuple[Method, ...]
    owner: np.ndarray

    @classmethod
    def of(cls, methods: Sequence[Method], steps: Sequence[Sequence[float]]) -> Grid:
        """Every method with each of its step sizes."""
        rows = [
            (replace(m, step=float(s)), i)
            for i, (m, own) in enumerate(zip(methods, steps, strict=True))
            for s in own
        ]
        return cls(tuple(m for m, _ in rows), np.array([i for _, i in rows]))

    @cached_property
    def steps(self) -> np.ndarray:
        """Step size of every row."""
        return np.array([m.step for m in self.methods])

    def best(self, losses: np.ndarray, times: np.ndarray | None = None) -> list[int]:
        """For each method the row of least loss, and of those that are equal the one of least time.

        Args: losses: shape (rows,), NaN where diverged. times: shape (rows,). All diverged: the
        smallest step.
        """
        losses = np.where(np.isfinite(losses), losses, np.inf)
        times = np.zeros(len(losses)) if times is None else times
        return [int(rows[np.lexsort((times[rows], losses[rows]))[0]]) for rows in self._rows]

    def at_edge(self, row: int) -> bool:
        """Whether a row is the first or last of its method's grid: then a better step may lie
        outside."""
        own = np.flatnonzero(self.owner == self.owner[row])
        return row in (own[0], own[-1])

    def fastest(self, reached: np.ndarray) -> np.ndarray:
        """For each method the least number of iterations to a goal, each goal at its own best step;
        -1 where no step got there.

        Args: reached: shape (rows, T), -1 for never. Returns: shape (methods, T).
        """
        never = np.iinfo(np.int64).max
        least = np.stack(
            [np.where(reached[rows] < 0, never, reached[rows]).min(0) for rows in self._rows]
        )
        return np.where(least == never, -1, least)

    @cached_property
    def _rows(self) -> list[np.ndarray]:
        return [np.flatnonzero(self.owner == i) for i in range(self.owner.max() + 1)]


def stable_step(problem: Problem, method: Method) -> float | None:
    """The largest step size at which the balanced optimum attracts: `2 / lambda_max(P^{1/2} H
    P^{1/2})` at W*.

    P is the preconditioner of the method's depth (Claim 1). Momentum 0.9 allows (2 + 1.8) instead
    of 2. Exact for the end-to-end rule; a network of depth > 1 beyond it can still settle, in a
    flatter, unbalanced factorisation of the same W*. Weight decay adds lambda to the curvature of a
    single layer's quadratic loss. None where no such limit is known: for other optimizers; where
    the curvature at the optimum is zero (an exact fit at p > 2); and with weight decay at depth > 1
    or p not 2, as the optimum is another one then.
    """
    slack = {"gd": 2.0, "momentum": 3.8}.get(method.optimizer)
    if slack is None or method.kind in ("scale", "stretch"):
        return None
    if method.weight_decay and (method.depth > 1 or problem.loss.power != 2):
        return None
    w = problem.optimum().weights.to(problem.device)[None]
    curvature = float(sharpness(problem, w, method.depth)[0]) + method.weight_decay
    return slack / curvature if curvature > 1e-9 else None
