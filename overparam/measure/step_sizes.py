"""Fair step sizes: a grid per method, the whole of it computed as rows of one batch, and what is stable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.problem import Problem
from overparam.engine.simulation import Method
from overparam.measure.curvature import sharpness

# For methods whose step is in units of 1/curvature: how far below and above 2/lambda_max(H(0)) to look. Depth N multiplies the
# step by about ||W||^{2-2/N}, hundredths at a small start and hundreds at a far optimum, so the range is wide.
BELOW, ABOVE = 1e-3, 1e2


def step_grid(low: float, high: float, per_decade: int) -> np.ndarray:
    """Step sizes from low to high, on the lattice 10^{i / per_decade} so that finer grids contain coarser ones.

    Args: low, high: positive, low <= high. per_decade: number of step sizes a decade, >= 1.
    """
    first, last = math.floor(math.log10(low) * per_decade + 0.5), math.floor(math.log10(high) * per_decade + 0.5)
    return 10 ** (np.arange(first, last + 1) / per_decade)


def search_range(problem: Problem, method: Method) -> tuple[float, float]:
    """Step sizes worth trying for a method: around 2 / lambda_max(H) at W = 0 for plain methods, absolute for adaptive ones."""
    absolute = OPTIMIZERS[method.optimizer].steps
    if absolute is not None:
        return absolute
    reference = 2 / max(float(sharpness(problem, _zero(problem))[0]), 1e-12)
    return BELOW * reference, ABOVE * reference


def _zero(problem: Problem) -> Tensor:  # in float64, as curvatures overflow float32 long before losses do
    return torch.zeros(1, problem.k, problem.d, dtype=torch.float64, device=problem.device)


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
        rows = [(replace(m, step=float(s)), i) for i, (m, own) in enumerate(zip(methods, steps, strict=True)) for s in own]
        return cls(tuple(m for m, _ in rows), np.array([i for _, i in rows]))

    @cached_property
    def steps(self) -> np.ndarray:
        """Step size of every row."""
        return np.array([m.step for m in self.methods])

    def best(self, losses: np.ndarray, times: np.ndarray | None = None) -> list[int]:
        """For each method the row of least loss, and of those that are equal the one of least time.

        Args: losses: shape (rows,), NaN where diverged. times: shape (rows,). All diverged: the smallest step.
        """
        losses = np.where(np.isfinite(losses), losses, np.inf)
        times = np.zeros(len(losses)) if times is None else times
        return [int(rows[np.lexsort((times[rows], losses[rows]))[0]]) for rows in self._rows]

    def at_edge(self, row: int) -> bool:
        """Whether a row is the first or last of its method's grid: then a better step may lie outside."""
        own = np.flatnonzero(self.owner == self.owner[row])
        return row in (own[0], own[-1])

    def fastest(self, reached: np.ndarray) -> np.ndarray:
        """For each method the least number of iterations to a goal, each goal at its own best step; -1 where no step got there.

        Args: reached: shape (rows, T), -1 for never. Returns: shape (methods, T).
        """
        never = np.iinfo(np.int64).max
        least = np.stack([np.where(reached[rows] < 0, never, reached[rows]).min(0) for rows in self._rows])
        return np.where(least == never, -1, least)

    @cached_property
    def _rows(self) -> list[np.ndarray]:
        return [np.flatnonzero(self.owner == i) for i in range(self.owner.max() + 1)]


def stable_step(problem: Problem, method: Method) -> float | None:
    """The largest step size at which the balanced optimum attracts: `2 / lambda_max(P^{1/2} H P^{1/2})` at W*.

    P is the preconditioner of the method's depth (Claim 1). Momentum 0.9 allows (2 + 1.8) instead of 2. Exact for the end-to-end
    rule; a network beyond it can still settle, in a flatter, unbalanced factorisation of the same W*. None for other optimizers,
    and where the curvature at the optimum is zero (an exact fit at p > 2).
    """
    slack = {"gd": 2.0, "momentum": 3.8}.get(method.optimizer)
    if slack is None or method.kind in ("scale", "stretch"):
        return None
    w = problem.optimum().weights.to(problem.device)[None]
    curvature = float(sharpness(problem, w, method.depth)[0])
    return slack / curvature if curvature > 1e-9 else None
