"""Runs whose whole way is kept, for pictures of the way: end-to-end matrices, gradients and layers
at chosen iterations.

Everything is computed in short slices through the fair gate, so that a long one leaves other people
room.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from overparam.engine.device import prepare_thread
from overparam.engine.problem import Problem
from overparam.engine.simulation import Method, Simulation
from overparam.engine.turns import GATE
from overparam.measure.curvature import sharpness
from overparam.measure.step_sizes import search_ranges, step_grid
from overparam.theory.preconditioner import eigenvalues

SLICE_SECONDS = 0.03
# a best step is called lucky where both its neighbours on the grid need so many times as long
LUCKY = 2.0


@dataclass(frozen=True)
class Trajectory:
    """R runs at T iterations.

    times (T,); losses (T, R), NaN where a run diverged; weights: W_e, and gradients: G there, both
    (T, R, k, d), NaN likewise; layers: for each layer of the networks asked for, (T, R', ., .);
    diverged_at (R,), -1 where not; reached (R,): the first iteration, kept or not, with a loss at
    the goal or below, -1 where there is none.
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
    work = Following(problem, methods, times, layers_of, goal)
    while not work.finished:
        with GATE:
            prepare_thread()
            work.advance(time.perf_counter() + SLICE_SECONDS)
    return work.trajectory()


class Following:
    """`follow`, a little at a time: `trajectory` is the way so far.

    Args: as `follow`.
    """

    def __init__(
        self,
        problem: Problem,
        methods: Sequence[Method],
        times: np.ndarray,
        layers_of: Sequence[int] = (),
        goal: float = -np.inf,
    ):
        self._problem, self._times, self._layers_of = problem, np.asarray(times), list(layers_of)
        self._simulation, self._goal = Simulation(problem, methods), goal
        self._reached, self._place = np.full(len(methods), -1), 0
        self._losses: list[Tensor] = []
        self._weights: list[Tensor] = []
        self._gradients: list[Tensor] = []
        self._layers: list[list[Tensor]] = []

    @property
    def finished(self) -> bool:
        return self._place == len(self._times)

    def advance(self, stop: float) -> None:
        """Compute until a moment of time.perf_counter(), one reading at least; inside the gate."""
        self._read()
        while not self.finished and time.perf_counter() < stop:
            self._read()

    def trajectory(self) -> Trajectory:
        """The runs as far as they are kept, one reading at least."""
        return Trajectory(
            times=self._times[: self._place],
            losses=torch.stack(self._losses).double().numpy(),
            weights=torch.stack(self._weights),
            gradients=torch.stack(self._gradients),
            layers=[torch.stack(each) for each in zip(*self._layers, strict=True)],
            diverged_at=self._simulation.diverged_at,
            reached=self._reached,
        )

    def _read(self) -> None:
        if self.finished:
            return
        simulation, place, times = self._simulation, self._place, self._times
        w = simulation.end_to_end()
        with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges overflows: no news
            loss, grad = self._problem.value_and_grad(w)
        self._losses.append(loss.clone())
        self._weights.append(w)
        self._gradients.append(grad.clone())
        layers = (simulation.layers(run) for run in self._layers_of)
        self._layers.append([torch.cat(each) for each in zip(*layers, strict=True)])
        between = loss.numpy(force=True)[None]
        if place + 1 < len(times):
            between = simulation.advance(int(times[place + 1] - times[place]))
        _note_arrivals(self._reached, between, self._goal, int(times[place]))
        self._place += 1


def _note_arrivals(reached: np.ndarray, losses: np.ndarray, goal: float, start: int) -> None:
    """Write into `reached` the first iteration at the goal, for losses (n, R) from iteration
    `start` on."""
    here = losses <= goal
    new = here.any(0) & (reached < 0)
    reached[new] = start + here.argmax(0)[new]


def log_times(last: int, per_decade: int) -> np.ndarray:
    """Iterations from 0 to `last`, every one at first and then so many a decade."""
    lattice = 10 ** (np.arange(0, np.log10(max(last, 1)) * per_decade + 1) / per_decade)
    return np.unique(np.concatenate([[0], np.rint(lattice), [last]]).clip(0, last).astype(int))


@dataclass(frozen=True)
class Fastest:
    """The step size of a grid that brings a method to a goal first from the slowest of its starts.

    step: that step size, or where none arrives from every start the one whose largest loss at the
    horizon is least.
    iterations: until the goal, one for each start; None where no step size arrives from every
    start. lucky: both its neighbours on the grid need more than LUCKY times as long, or do not
    arrive. serves: False where every step size diverges from some start.
    """

    step: float
    iterations: tuple[int, ...] | None
    lucky: bool = False
    serves: bool = True


def fastest(
    problem: Problem,
    contenders: Sequence[Sequence[Method]],
    goal: float,
    horizon: int,
    per_decade: int = 24,
) -> list[Fastest]:
    """Tune methods by the number of iterations until the loss is below a goal; all grids and starts
    are one batch.

    Args:
        problem: as for `Simulation`.
        contenders: for each method, that method from each start which its step size must serve;
            their own step sizes are not used.
        goal: a loss.
        horizon: iterations after which a step size counts as not arrived.
        per_decade: step sizes a decade.
    """
    grids = [_grid(problem, starts, per_decade) for starts in contenders]
    rows = [
        replace(m, step=float(s))
        for starts, steps in zip(contenders, grids, strict=True)
        for m in starts
        for s in steps
    ]
    ends = np.cumsum(
        [len(starts) * len(steps) for starts, steps in zip(contenders, grids, strict=True)]
    )[:-1]

    def tables(values: np.ndarray) -> list[np.ndarray]:
        """What belongs to each method, (starts, step sizes)."""
        return [
            own.reshape(-1, len(steps))
            for own, steps in zip(np.split(values, ends), grids, strict=True)
        ]

    simulation, alive = Simulation(problem, rows), np.arange(len(rows))
    reached, last = np.full(len(rows), -1), np.full(len(rows), np.nan)
    done, chunk = 0, 16
    while done <= horizon and len(alive):
        with GATE:
            prepare_thread()
            start = time.perf_counter()
            losses = simulation.advance(min(chunk, horizon + 1 - done))
            pace = (time.perf_counter() - start) / len(losses)
        arrived = reached[alive]
        _note_arrivals(arrived, losses, goal, done)
        reached[alive], last[alive] = arrived, losses[-1]
        done, chunk = done + len(losses), max(1, round(SLICE_SECONDS / pace))
        going = [_may_win(*each, done) for each in zip(tables(reached), tables(last), strict=True)]
        left = np.flatnonzero(np.concatenate([own.ravel() for own in going])[alive])
        if len(left) < len(alive) / 2:
            alive = alive[left]
            if len(left):
                simulation.keep(left.tolist())
    return [
        _fastest(*each, horizon) for each in zip(grids, tables(reached), tables(last), strict=True)
    ]


def _may_win(arrived: np.ndarray, last: np.ndarray, done: int) -> np.ndarray:
    """Which of a method's (starts, step sizes) can still say something: none once its best step and
    the neighbours are known."""
    slowest = np.where((arrived >= 0).all(0), arrived.max(0), np.inf).min()
    serves = np.isfinite(last).all(
        0
    )  # a step size that diverged from one start can serve all no more
    return np.broadcast_to(serves & (done <= LUCKY * max(slowest, 1)), arrived.shape)


def _grid(problem: Problem, starts: Sequence[Method], per_decade: int) -> np.ndarray:
    """Step sizes that hold the best one from each of the starts."""
    lows, highs = zip(*search_ranges(problem, starts), strict=True)
    return step_grid(min(lows), max(highs), per_decade)


def _fastest(steps: np.ndarray, arrived: np.ndarray, last: np.ndarray, horizon: int) -> Fastest:
    """The best column of one method's (starts, step sizes)."""
    slowest = np.where((arrived >= 0).all(0), arrived.max(0), np.inf)
    best = int(slowest.argmin())
    if not np.isfinite(slowest[best]):
        worst = np.where(np.isfinite(last).all(0), last.max(0), np.inf)
        return Fastest(
            float(steps[worst.argmin()]), None, lucky=False, serves=bool(np.isfinite(worst).any())
        )
    near = [min(slowest[i], horizon) for i in (best - 1, best + 1) if 0 <= i < len(steps)]
    lucky = all(count > LUCKY * max(slowest[best], 1) for count in near)
    return Fastest(float(steps[best]), tuple(arrived[:, best].tolist()), lucky)


@dataclass(frozen=True)
class Stability:
    """How close a step is to instability along a run, each (T, R).

    effective: eta ||W||^{2-2/N} (the spectral norm where k > 1), the step size that depth makes of
    eta; curvature: lambda_max(H) of the loss; product: eta lambda_max(P^{1/2} H P^{1/2}), stable
    below 2 on a quadratic; longest, shortest: eta lambda_max(P) and eta lambda_min(P), the half
    axes of what a step makes of all gradients of length 1.
    """

    effective: np.ndarray
    curvature: np.ndarray
    product: np.ndarray
    longest: np.ndarray
    shortest: np.ndarray


def stability(
    problem: Problem, weights: Tensor, depths: Sequence[float], steps: Sequence[float]
) -> Stability:
    """Read effective step, curvature, their product and the half axes of a step along runs of the
    end-to-end rule (Claim 1).

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
    sigma = torch.linalg.svdvals(torch.nan_to_num(weights))
    spectrum = eta[:, None] * eigenvalues(
        sigma, weights.shape[-2], weights.shape[-1], depth
    ).flatten(2)
    finite = weights.isfinite().all(-1).all(-1)

    def of_finite(values: Tensor) -> np.ndarray:
        return torch.where(finite, values, torch.nan).numpy()

    return Stability(
        effective=of_finite(eta * sigma[..., 0] ** (2 - 2 / depth)),
        curvature=torch.stack(curvature).numpy(),
        product=(eta * torch.stack(seen)).numpy(),
        longest=of_finite(spectrum.amax(-1)),
        shortest=of_finite(spectrum.amin(-1)),
    )


def falls(times: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """The share by which a gap falls per iteration between one recorded time and the next.

        1 - (g_{i+1} / g_i)^{1 / (t_{i+1} - t_i)}

    Args:
        times: iterations, increasing, shape (T,) with T >= 2.
        gaps: shape (T, R).
    Returns: shape (T, R), negative where it rises; the last row repeats the one before; nan where
        one of the two gaps is not positive.
    """
    positive = np.where(gaps > 0, gaps, np.nan)
    with np.errstate(over="ignore"):  # a run that diverges
        share = 1 - (positive[1:] / positive[:-1]) ** (1 / np.diff(times))[:, None]
    return np.concatenate((share, share[-1:]))
