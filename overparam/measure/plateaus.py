"""What is read off nets that leave a plateau: escape times, slopes, imbalance, mode strengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from overparam.engine.deep_net import DeepNet
from overparam.engine.flow import Flow, Path

ESCAPED = 0.8  # of the loss at zero: at half of it a ReLU net may rest
OFFSET_ESCAPED = 0.97  # without an output bias a sigmoid's chain cannot get much lower
GONE = 1e-6  # squared norms that weight decay has brought to this share are pinned


@dataclass(frozen=True)
class Curve:
    """One net's way: times (T,), loss over the loss at zero (T,), squared norms (T, N), the time
    integral of the norm identity's right side (T, N-1), and further readings (T, q)."""

    times: np.ndarray
    loss: np.ndarray
    norms: np.ndarray
    integral: np.ndarray
    others: np.ndarray

    @property
    def imbalance(self) -> np.ndarray:
        """|W_{j+1}|² - |W_j|², less its value at the start, (T, N-1)."""
        gaps = np.diff(self.norms, axis=1)
        return gaps - gaps[0]


def gradient_flow(
    net: DeepNet,
    start: Tensor,
    rtol: float = 1e-4,
    goal: float = 0.02,
    most_steps: int = 1000,
    rests: bool = True,
    modes: tuple[Tensor, Tensor] | None = None,
) -> Flow:
    """Gradient flow of R nets, with the norm identity integrated beside.

    Args:
        net: without biases.
        start: parameters, shape (R, P).
        rtol, most_steps: as for `Flow`.
        goal: the share of the loss at zero at which a net is finished.
        rests: whether a net that has escaped and hardly moves any more is finished, too.
        modes: U (k, q) and V (d, q): read  u_r^T E[f(x) x^T] v_r  along the way.
    """
    zero = net.loss_at_zero()
    first = net.squared_norms(start)
    norms = slice(2, 2 + net.depth)

    def rate(state: Tensor) -> tuple[Tensor, Tensor]:
        params = state[:, : net.size]
        found = net.forward_backward(params)
        fall = found.grad.square().sum(1)
        readings = [found.loss[:, None] / zero, fall[:, None] / zero, net.squared_norms(params)]
        readings.append(state[:, net.size :])
        if modes is not None:
            u, v = modes
            towards = net.inputs.mT @ v / net.inputs.shape[1]  # (m, q)
            readings.append(((u.mT @ found.outputs).mT * towards).sum(-2))
        return torch.cat([-found.grad, found.drift], 1), torch.cat(readings, 1)

    def done(times: Tensor, readings: Tensor) -> Tensor:
        loss, fall = readings[:, 0], readings[:, 1]
        over = (loss <= goal) | ~loss.isfinite()
        if rests:
            over |= (loss < ESCAPED) & (fall * times < 1e-3)
        if net.decay:
            over |= (readings[:, norms] < GONE * first.amax()).all(1)
        return over

    extended = torch.cat([start, start.new_zeros(len(start), net.depth - 1)], 1)
    return Flow(rate, extended, net.blocks, rtol, done, most_steps)


def curve(path: Path, depth: int) -> Curve:
    """The readings of `gradient_flow` by name."""
    r = path.readings
    a, b = 2 + depth, 1 + 2 * depth
    return Curve(path.times, r[:, 0], r[:, 2:a], r[:, a:b], r[:, b:])


def first_time(times: np.ndarray, values: np.ndarray, level: float) -> float:
    """When values first fall to a level, between two readings by a straight line; NaN if never."""
    below = np.flatnonzero(values <= level)
    if not below.size:
        return np.nan
    i = int(below[0])
    if i == 0:
        return float(times[0])
    share = (values[i - 1] - level) / (values[i - 1] - values[i])
    return float(times[i - 1] + share * (times[i] - times[i - 1]))


@dataclass(frozen=True)
class Slopes:
    """A straight line fitted to the escape times of every seed: its slope's mean, least and most.

    logarithmic: the slope of tau against ln(1/eps), as r = 2 asks for, and not of ln tau against
    ln eps. scales: the least and the largest eps of the fit. seeds: how many had two escapes.
    """

    mean: float
    least: float
    most: float
    logarithmic: bool
    scales: tuple[float, float]
    seeds: int


def fit_slopes(eps: Sequence[float], times: np.ndarray, small: int) -> Slopes | None:
    """Slopes over the last decade of eps; None where fewer than two scales escaped for each seed.

    Args:
        eps: scales, shape (E,).
        times: escape times, NaN where there is none, shape (E, S).
        small: r.
    """
    scale = np.asarray(eps, dtype=float)
    known = np.isfinite(times) & (times > 0) & (scale > 0)[:, None]
    if not known.any():
        return None
    least = scale[known.any(1)].min()
    last = known & (scale <= 10.01 * least)[:, None]
    x, y = np.log(scale, where=scale > 0, out=np.zeros_like(scale)), times
    if small == 2:
        x = -x
    else:
        y = np.log(times, where=known, out=np.full_like(times, np.nan))
    slopes = [
        np.polyfit(x[each], y[each, seed], 1)[0]
        for seed, each in enumerate(last.T)
        if each.sum() >= 2
    ]
    if not slopes:
        return None
    ends = scale[last.any(1)]
    return Slopes(
        float(np.mean(slopes)),
        float(np.min(slopes)),
        float(np.max(slopes)),
        small == 2,
        (float(ends.min()), float(ends.max())),
        len(slopes),
    )
