"""Gradient flow of many systems at once, each with a step size of its own.

The Bogacki-Shampine pair of orders 3 and 2: what a plateau needs is not order but steps that grow
with the time that nothing happens. A plateau of 10⁹ units of time takes about a hundred steps.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.integrate import LSODA
from torch import Tensor

# rate(states (R, P), read) -> d/dt of the states (R, P) and, where they are to be read, readings
# (R, Q) there; otherwise anything in their place
Rate = Callable[[Tensor, bool], tuple[Tensor, Tensor]]
# done(times (R,), readings (R, Q)) -> which are finished (R,)
Done = Callable[[Tensor, Tensor], Tensor]

SAFETY, LEAST_FACTOR, MOST_FACTOR = 0.9, 0.2, 5.0
FIRST = 1e-2  # the first step moves a block by about so much of its norm


@dataclass(frozen=True)
class Path:
    """One system at the T steps that were accepted: times (T,), readings (T, Q)."""

    times: np.ndarray
    readings: np.ndarray


class Flow:
    """R systems y' = f(y), integrated from t = 0 with one step size each.

        k1 = f(y),  k2 = f(y + h/2 k1),  k3 = f(y + 3h/4 k2),  y+ = y + h (2 k1 + 3 k2 + 4 k3)/9,
        k4 = f(y+) = the next k1,   error = h (-5 k1/72 + k2/12 + k3/9 - k4/8)

    A step is accepted where the error of every block is at most rtol times that block's norm.

    Args:
        rate: f, and readings to keep at every accepted step.
        start: y(0), shape (R, P).
        blocks: parts of the state whose norms count: the layers. What lies outside any block is
            integrated along without a say in the step size (a quadrature).
        rtol: relative tolerance.
        done: which systems are finished.
        most_steps: tries after which a system is left as it is.
    """

    def __init__(
        self,
        rate: Rate,
        start: Tensor,
        blocks: Sequence[slice],
        rtol: float,
        done: Done,
        most_steps: int = 1000,
    ):
        self._rate, self._blocks, self._rtol, self._done = rate, list(blocks), rtol, done
        self._left, self.steps = most_steps, 0
        self._y, self._t = start.clone(), torch.zeros(len(start), dtype=start.dtype)
        self._k1, readings = rate(self._y, True)
        size, speed = self._norms(self._y), self._norms(self._k1)
        natural = torch.where(speed > 0, size.clamp_min(1e-12) / speed, torch.inf).amin(1)
        self._h = FIRST * natural.clamp(max=1e12)
        self._rows = torch.arange(len(start))
        self._log: list[tuple[Tensor, Tensor, Tensor]] = [(self._rows, self._t, readings)]
        self._drop(self._done(self._t, readings))

    @property
    def finished(self) -> bool:
        return len(self._rows) == 0 or self._left <= 0

    def advance(self, steps: int) -> None:
        """Try so many steps of every system that is not finished."""
        for _ in range(steps):
            if self.finished:
                return
            self._step()

    def paths(self) -> list[Path]:
        """Every system's accepted steps so far, the start first."""
        rows, times, readings = (torch.cat(each).numpy() for each in zip(*self._log, strict=True))
        order = np.argsort(rows, kind="stable")
        ends = np.cumsum(np.bincount(rows))[:-1]
        parts = zip(np.split(times[order], ends), np.split(readings[order], ends), strict=True)
        return [Path(t, r) for t, r in parts]

    def _step(self) -> None:
        y, k1, h = self._y, self._k1, self._h[:, None]
        k2, _ = self._rate(y + 0.5 * h * k1, False)
        k3, _ = self._rate(y + 0.75 * h * k2, False)
        new = y + h * (2 * k1 + 3 * k2 + 4 * k3) / 9
        k4, readings = self._rate(new, True)
        error = self._norms(h * (-5 / 72 * k1 + k2 / 12 + k3 / 9 - k4 / 8))
        size = torch.maximum(self._norms(y), self._norms(new))
        ratio = torch.where(error > 0, error / (self._rtol * size), 0.0).amax(1)
        ratio = torch.where(new.isfinite().all(1) & ratio.isfinite(), ratio, torch.inf)
        good = ratio <= 1
        self._y = torch.where(good[:, None], new, y)
        self._k1 = torch.where(good[:, None], k4, k1)
        self._t = torch.where(good, self._t + self._h, self._t)
        factor = SAFETY * ratio.clamp_min(1e-12) ** (-1 / 3)
        self._h = self._h * factor.clamp(LEAST_FACTOR, MOST_FACTOR)
        self._log.append((self._rows[good], self._t[good], readings[good]))
        self._left, self.steps = self._left - 1, self.steps + 1
        self._drop(good & self._done(self._t, readings))

    def _drop(self, finished: Tensor) -> None:
        if bool(finished.any()):
            going = ~finished
            self._y, self._k1 = self._y[going], self._k1[going]
            self._t, self._h, self._rows = self._t[going], self._h[going], self._rows[going]

    def _norms(self, state: Tensor) -> Tensor:
        return torch.stack([state[:, block].norm(dim=1) for block in self._blocks], 1)


def stiff_path(
    rate: Rate, start: Tensor, done: Done, longest: float, rtol: float = 1e-4, most: int = 3000
) -> Path:
    """One small system by scipy's LSODA, for what relaxes within a unit of time on a long plateau.

    Args:
        rate: f, as for `Flow`.
        start: y(0), shape (1, P), a few numbers.
        done: ends the path at the first step where it says so.
        longest: the time at which to stop.
        rtol: relative tolerance of every component.
        most: steps after which the path ends where it is.
    """

    def slope(_: float, y: np.ndarray) -> np.ndarray:
        return rate(torch.from_numpy(y)[None], False)[0][0].numpy()

    solver = LSODA(slope, 0.0, start[0].numpy(), longest, rtol=rtol, atol=1e-30)
    times, readings = [0.0], [rate(start, True)[1]]
    while solver.status == "running" and len(times) <= most:
        with warnings.catch_warnings():  # where LSODA cannot go on it warns, and the path ends
            warnings.simplefilter("ignore")
            solver.step()
        if solver.status == "failed":
            break
        times.append(float(solver.t))
        readings.append(rate(torch.from_numpy(solver.y)[None], True)[1])
        if bool(done(torch.tensor(times[-1:]), readings[-1])):
            break
    return Path(np.array(times), torch.cat(readings).numpy())
