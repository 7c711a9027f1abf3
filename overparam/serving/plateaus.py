"""Families of nets that leave a plateau, computed in slices through the gate and shared by all who
look."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np
import torch

from overparam.choices.plateaus import MODES, Family
from overparam.engine.deep_net import Descent
from overparam.engine.device import prepare_thread
from overparam.engine.flow import Flow, Path, stiff_path
from overparam.engine.turns import GATE
from overparam.measure.plateaus import (
    ESCAPED,
    LONGEST,
    OFFSET_ESCAPED,
    Curve,
    Slopes,
    curve,
    first_time,
    fit_slopes,
    gradient_flow,
    scalar_flow,
)
from overparam.serving.registry import Registry

RTOL = 1e-3
MOST_STEPS = 700
GOAL = 0.02  # of the loss at zero: a whole curve
MODES_GOAL = 1e-3  # so that the weakest mode is there, too
OPTIMIZERS = {"gd": "gradient descent", "momentum": "momentum 0.9", "adam": "Adam"}


@dataclass(frozen=True)
class FamilyView:
    """A family as far as it is computed; E scales, S draws.

    curves: R = E S of them, draws of one scale side by side. times (E, S): escape times, NaN where
    there is none (yet). slopes: fitted, or None. level: the share of the loss at zero that counts
    as escaped. scalar: the scalar equation's curve for each scale, time and loss, moved along the
    time axis so that it escapes with the median draw; None where there is none. finished: all of
    it.
    """

    eps: tuple[float, ...]
    curves: list[Curve]
    times: np.ndarray
    slopes: Slopes | None
    level: float
    scalar: list[tuple[np.ndarray, np.ndarray] | None]
    finished: bool


class FamilyRun:
    """A family being computed: whoever looks at it asks it to advance a little."""

    def __init__(self, family: Family):
        self.family, self._work = family, threading.Lock()
        self._flow: Flow | None = None
        self._scalar: Flow | None = None
        self._paths: list[Path] = []  # of a chain, one after the other
        self._view: FamilyView | None = None

    @property
    def level(self) -> float:
        return OFFSET_ESCAPED if self.family.offset else ESCAPED

    @property
    def finished(self) -> bool:
        return self._view is not None and self._view.finished

    def advance(self, seconds: float) -> FamilyView:
        """Compute for about so long; the family as it stands then."""
        with self._work:
            if self._view is None or not self._view.finished:
                with GATE:
                    prepare_thread()
                    stop = time.perf_counter() + seconds
                    self._compute(stop)
                self._view = self._look()
            return self._view

    def _compute(self, stop: float) -> None:
        family = self.family
        if family.chain:
            self._follow_chains(stop)
            return
        if self._flow is None:
            net = family.net()
            modes = None
            if family.modes:
                identity = torch.eye(4, 3, dtype=torch.float64)
                modes = (identity[:3], identity)
            rests = not family.modes
            rtol = (
                RTOL / 100 if family.modes else RTOL
            )  # what has settled should not be seen to shiver
            goal = 0.5 if family.data == "digits" else MODES_GOAL if family.modes else GOAL
            self._flow = gradient_flow(net, family.starts(), rtol, goal, MOST_STEPS, rests, modes)
        while not self._flow.finished and time.perf_counter() < stop:
            self._flow.advance(2)
        if not self._flow.finished:
            return
        if self._scalar is None and family.r >= 2 and family.data != "digits":
            eps = [e for e in family.eps if e > 0]
            self._scalar = scalar_flow(family.scalar(), family.small, eps, GOAL)
        while self._scalar is not None and not self._scalar.finished and time.perf_counter() < stop:
            self._scalar.advance(4)

    def _follow_chains(self, stop: float) -> None:
        net, starts = self.family.net(), self.family.starts()
        zero = net.loss_at_zero()

        def rate(params: torch.Tensor, read: bool) -> tuple[torch.Tensor, torch.Tensor]:
            found = net.forward_backward(params)
            fall = found.grad.square().sum(1, keepdim=True)
            parts = [found.loss[:, None] / zero, fall / zero, params[:, : net.depth] ** 2]
            return -found.grad, torch.cat([*parts, params.new_zeros(1, net.depth - 1)], 1)

        def done(times: torch.Tensor, readings: torch.Tensor) -> torch.Tensor:
            loss, fall = readings[:, 0], readings[:, 1]
            return (loss <= GOAL) | ((loss < self.level) & (fall * times < 1e-3))

        while len(self._paths) < len(starts):
            start = starts[len(self._paths)][None]
            self._paths.append(stiff_path(rate, start, done, LONGEST))
            if time.perf_counter() > stop:
                return

    def _look(self) -> FamilyView:
        family = self.family
        if family.chain:
            done = len(self._paths) == len(family.eps)
            paths = self._paths
        else:
            assert self._flow is not None
            paths = self._flow.paths()
            wanted = family.r >= 2 and family.data != "digits"
            done = self._flow.finished and (not wanted or (self._scalar or self._flow).finished)
            done = done and (not wanted or self._scalar is not None)
        curves = [curve(path, family.depth) for path in paths]
        times = np.full((len(family.eps), family.seeds), np.nan)
        times.flat[: len(curves)] = [first_time(c.times, c.loss, self.level) for c in curves]
        slopes = fit_slopes(family.eps, times, family.r)
        scalar = self._scalar_curves(times)
        return FamilyView(family.eps, curves, times, slopes, self.level, scalar, done)

    def _scalar_curves(self, times: np.ndarray) -> list[tuple[np.ndarray, np.ndarray] | None]:
        if self._scalar is None:
            return [None] * len(self.family.eps)
        found: list[tuple[np.ndarray, np.ndarray] | None] = []
        for path, own in zip(self._scalar.paths(), times, strict=False):
            loss = path.readings[:, 0]
            escape, seen = first_time(path.times, loss, self.level), own[np.isfinite(own)]
            if not np.isfinite(escape) or not seen.size:
                found.append(None)
                continue
            moved = path.times
            if self.family.start == "random":
                moved = moved + np.median(seen) - escape
            found.append((moved[moved > 0], loss[moved > 0]))
        return [*found, *[None] * (len(self.family.eps) - len(found))]


@dataclass(frozen=True)
class Steps:
    """What the optimizers are told: step sizes of gradient descent (and momentum) and of Adam, and
    a horizon."""

    step: float
    adam: float
    horizon: int


@dataclass(frozen=True)
class DescentView:
    """Iterations until the nets escaped, by optimizer, (E, S) each; -1: not within `done`
    iterations."""

    counts: dict[str, np.ndarray]
    done: dict[str, int]
    finished: bool


class DescentRun:
    """The nets of a family trained in steps by several optimizers, computed in slices."""

    def __init__(self, key: tuple[Family, Steps]):
        self._family, self._steps = key
        self._work = threading.Lock()
        self._runs: dict[str, Descent] = {}

    def advance(self, seconds: float) -> DescentView:
        """Compute for about so long; what is known then."""
        family, steps = self._family, self._steps
        with self._work:
            with GATE:
                prepare_thread()
                stop = time.perf_counter() + seconds
                if not self._runs:
                    net, start = family.net(), family.starts()
                    goal = ESCAPED * net.loss_at_zero()
                    sizes = {"gd": steps.step, "momentum": steps.step, "adam": steps.adam}
                    self._runs = {
                        n: Descent(net, start, n, size, goal) for n, size in sizes.items()
                    }
                going = [run for run in self._runs.values() if self._goes_on(run)]
                while going and time.perf_counter() < stop:
                    run = min(going, key=lambda each: each.iteration)
                    run.advance(min(20, steps.horizon - run.iteration))
                    going = [each for each in going if self._goes_on(each)]
            shape = (len(family.eps), family.seeds)
            counts = {n: run.counts.numpy().reshape(shape).copy() for n, run in self._runs.items()}
            done = {n: run.iteration for n, run in self._runs.items()}
            return DescentView(counts, done, not going)

    def _goes_on(self, run: Descent) -> bool:
        return not run.finished and run.iteration < self._steps.horizon


def mode_times(curve_: Curve) -> np.ndarray:
    """When each mode of MODES reaches half its strength along a curve, shape (3,); NaN where
    not."""
    return np.array(
        [first_time(curve_.times, -curve_.others[:, i], -s / 2) for i, s in enumerate(MODES)]
    )


FAMILIES: Registry[FamilyRun] = Registry(most=64, make=FamilyRun)
DESCENTS: Registry[DescentRun] = Registry(most=32, make=DescentRun)
