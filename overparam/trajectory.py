"""Runs whose whole way is kept, for pictures of the way: end-to-end matrices, gradients and layers at chosen iterations.

Everything is computed in short slices through the fair gate, so that a long one leaves other people room.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from overparam.curvature import sharpness
from overparam.execution import prepare_thread
from overparam.gate import GATE
from overparam.problems import Problem
from overparam.simulate import Method, Simulation
from overparam.tuning import Grid, search_range, step_grid

SLICE_SECONDS = 0.03


@dataclass(frozen=True)
class Trajectory:
    """R runs at T iterations.

    times (T,); losses (T, R), NaN where a run diverged; weights: W_e, and gradients: G there, both (T, R, k, d), NaN likewise;
    layers: for each layer of the networks asked for, (T, R', ., .); diverged_at (R,), -1 where not; reached (R,): the first
    iteration, kept or not, with a loss at the goal or below, -1 where there is none.
    """

    times: np.ndarray
    losses: np.ndarray
    weights: Tensor
    gradients: Tensor
    layers: list[Tensor]
    diverged_at: np.ndarray
    reached: np.ndarray


def follow(
    problem: Problem,
    methods: Sequence[Method],
    times: np.ndarray,
    layers_of: Sequence[int] = (),
    goal: float = -np.inf,
) -> Trajectory:
    """Compute runs and keep them at chosen iterations.

    Args:
        problem, methods: as for `Simulation`.
        times: iterations to keep, increasing, from 0.
        layers_of: runs whose layers are kept too: networks of one depth and width.
        goal: a loss, for `reached`.
    """
    simulation = Simulation(problem, methods)
    losses, weights, gradients, layers = [], [], [], []
    reached, place = np.full(len(methods), -1), 0
    while place < len(times):
        stop = time.perf_counter() + SLICE_SECONDS
        with GATE:
            prepare_thread()
            while place < len(times) and time.perf_counter() < stop:
                w = simulation.end_to_end()
                with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges overflows: no news
                    loss, grad = problem.value_and_grad(w)
                losses.append(loss.clone())
                weights.append(w)
                gradients.append(grad.clone())
                layers.append([torch.cat(each) for each in zip(*(simulation.layers(run) for run in layers_of), strict=True)])
                between = loss.numpy(force=True)[None]
                if place + 1 < len(times):
                    between = simulation.advance(int(times[place + 1] - times[place]))
                _note_arrivals(reached, between, goal, int(times[place]))
                place += 1
    return Trajectory(
        times=np.asarray(times),
        losses=torch.stack(losses).double().numpy(),
        weights=torch.stack(weights),
        gradients=torch.stack(gradients),
        layers=[torch.stack(each) for each in zip(*layers, strict=True)],
        diverged_at=simulation.diverged_at,
        reached=reached,
    )


def _note_arrivals(reached: np.ndarray, losses: np.ndarray, goal: float, start: int) -> None:
    """Write into `reached` the first iteration at the goal, for losses (n, R) from iteration `start` on."""
    here = losses <= goal
    new = here.any(0) & (reached < 0)
    reached[new] = start + here.argmax(0)[new]


def log_times(last: int, per_decade: int) -> np.ndarray:
    """Iterations from 0 to `last`, every one at first and then so many a decade."""
    lattice = 10 ** (np.arange(0, np.log10(max(last, 1)) * per_decade + 1) / per_decade)
    return np.unique(np.concatenate([[0], np.rint(lattice), [last]]).clip(0, last).astype(int))


@dataclass(frozen=True)
class Fastest:
    """The step size of a grid that brings a method to a goal first.

    step: that step size, or the one of the least loss at the horizon where none arrived. iterations: until the goal, None where
    none arrived. at_edge: whether it is the first or last of the grid.
    """

    step: float
    iterations: int | None
    at_edge: bool


def fastest(problem: Problem, methods: Sequence[Method], goal: float, horizon: int, per_decade: int = 12) -> list[Fastest]:
    """Tune methods by the number of iterations until the loss is below a goal; the whole grid is one batch.

    Args:
        problem, methods: as for `Simulation`; the methods' own step sizes are not used.
        goal: a loss.
        horizon: iterations after which a step size counts as not arrived.
        per_decade: step sizes a decade.
    """
    grid = Grid.of(methods, [step_grid(*search_range(problem, method), per_decade) for method in methods])
    simulation = Simulation(problem, grid.methods)
    reached = np.full(len(grid.methods), -1)
    done, chunk = 0, 16
    while done <= horizon and not all(reached[grid.owner == i].max() >= 0 for i in range(len(methods))):
        with GATE:
            prepare_thread()
            start = time.perf_counter()
            losses = simulation.advance(min(chunk, horizon + 1 - done))
            pace = (time.perf_counter() - start) / len(losses)
        _note_arrivals(reached, losses, goal, done)
        done, chunk = done + len(losses), max(1, round(SLICE_SECONDS / pace))
    rows = grid.best(np.where(reached >= 0, reached, np.inf))
    fallback = grid.best(losses[-1])
    chosen = [row if reached[row] >= 0 else other for row, other in zip(rows, fallback, strict=True)]
    return [
        Fastest(float(grid.steps[row]), int(reached[row]) if reached[row] >= 0 else None, grid.at_edge(row)) for row in chosen
    ]


@dataclass(frozen=True)
class Stability:
    """How close a step is to instability along a run, each (T, R).

    effective: eta ||W||^{2-2/N} (the spectral norm where k > 1), the step size that depth makes of eta; curvature: lambda_max(H) of
    the loss; product: eta lambda_max(P^{1/2} H P^{1/2}), stable below 2 on a quadratic.
    """

    effective: np.ndarray
    curvature: np.ndarray
    product: np.ndarray


def stability(problem: Problem, weights: Tensor, depths: Sequence[float], steps: Sequence[float]) -> Stability:
    """Read effective step, curvature and their product along runs of the end-to-end rule (Claim 1).

    Args:
        problem: as the runs had it.
        weights: W_e along the runs, shape (T, R, k, d); NaN gives NaN.
        depths, steps: N and eta of each run.
    """
    depth, eta = torch.tensor(depths, dtype=weights.dtype), torch.tensor(steps, dtype=weights.dtype)
    curvature, seen = [], []
    for w in weights:
        with GATE:
            prepare_thread()
            curvature.append(sharpness(problem, w))
            seen.append(sharpness(problem, w, depth))
    norm = torch.linalg.matrix_norm(torch.nan_to_num(weights), ord=2)
    effective = torch.where(weights.isfinite().all(-1).all(-1), eta * norm ** (2 - 2 / depth), torch.nan)
    return Stability(
        effective=effective.numpy(),
        curvature=torch.stack(curvature).numpy(),
        product=(eta * torch.stack(seen)).numpy(),
    )
