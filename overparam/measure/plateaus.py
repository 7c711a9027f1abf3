"""What is read off nets that leave a plateau: escape times, slopes, imbalance, mode strengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from overparam.engine.deep_net import DeepNet
from overparam.engine.flow import Flow, Path
from overparam.theory.activations import Activation
from overparam.theory.plateaus import chain_drift

ESCAPED = 0.8  # of the loss at zero: at half of it a ReLU net may rest
OFFSET_ESCAPED = 0.97  # without an output bias a sigmoid's chain cannot get much lower
LONGEST = 1e15  # flow time: whoever has not left by then is told of as such
DRIFT_SCALES = np.geomspace(1e-3, 0.3, 26)  # of a balanced chain
DRIFT_SKEW = 0.3  # of its targets: mu = 0.6
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

    def rate(state: Tensor, read: bool) -> tuple[Tensor, Tensor]:
        params = state[:, : net.size]
        found = net.forward_backward(params)
        change = torch.cat([-found.grad, found.drift], 1)
        if not read:
            return change, found.loss
        fall = found.grad.square().sum(1)
        readings = [found.loss[:, None] / zero, fall[:, None] / zero, net.squared_norms(params)]
        readings.append(state[:, net.size :])
        if modes is not None:
            u, v = modes
            towards = net.inputs.mT @ v / net.inputs.shape[1]  # (m, q)
            readings.append(((u.mT @ found.outputs).mT * towards).sum(-2))
        return change, torch.cat(readings, 1)

    def done(times: Tensor, readings: Tensor) -> Tensor:
        loss, fall = readings[:, 0], readings[:, 1]
        over = (loss <= goal) | ~loss.isfinite() | (times > LONGEST)
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


def scalar_flow(chain: DeepNet, small: Sequence[int], eps: Sequence[float], goal: float) -> Flow:
    """The scalar equation of the escape: small layers all equal to a, the others to b.

        da/dt = -(1/r) dL/da,    db/dt = -(1/(N-r)) dL/db,    from a = eps, b = 1

    Args:
        chain: the chain that a permutation-symmetric net is, without biases.
        small: indices of the layers that are a.
        eps: the start of each run, above 0.
        goal: as for `gradient_flow`.
    """
    others = [j for j in range(chain.depth) if j not in small]
    groups = [each for each in (list(small), others) if each]
    zero = chain.loss_at_zero()
    start = [eps if each == list(small) else [1.0] * len(eps) for each in groups]

    def rate(state: Tensor, read: bool) -> tuple[Tensor, Tensor]:
        params = state.new_empty(len(state), chain.size)
        for i, each in enumerate(groups):
            params[:, each] = state[:, i : i + 1]
        found = chain.forward_backward(params)
        slope = torch.stack([found.grad[:, each].mean(1) for each in groups], 1)
        readings = [found.loss / zero, slope.square().sum(1), state[:, 0].square()]
        return -slope, torch.stack(readings, 1)

    def done(times: Tensor, readings: Tensor) -> Tensor:
        loss, fall, size = readings.T
        over = (loss <= goal) | ((loss < ESCAPED) & (fall * times < 1e-3))
        return over | (size < GONE) if chain.decay else over

    columns = [slice(i, i + 1) for i in range(len(groups))]
    # at 1e-3 the chain escapes .12 % late, and what has settled trembles too much to be seen at
    # rest
    return Flow(rate, torch.tensor(start, dtype=torch.float64).T.clone(), columns, 1e-4, done, 600)


@dataclass(frozen=True)
class Drift:
    """The imbalance of a balanced chain of two layers against its scale a, measured and by theory.

    scale, measured (q,); law (q,) or None where only the order a² is known; slope: measured, over
    the smaller half of the scales; None where nothing drifts.
    """

    scale: np.ndarray
    measured: np.ndarray
    law: np.ndarray | None
    slope: float | None


def chain_drift_against_scale(activation: Activation, scale: np.ndarray, skew: float) -> Drift:
    """Follow a chain f(s) = w_2 phi(w_1 s) from far below to each scale of w_1 (scipy's DOP853).

    Targets y = s + skew (s² - 1) for a standard normal s, by Gauss-Hermite quadrature: kappa = 3,
    mu = 2 skew. Where phi(0) != 0 an output bias is trained beside.

    Args:
        activation: phi.
        scale: values of w_1, rising, shape (q,).
        skew: of the targets.
    """
    s, weight = np.polynomial.hermite_e.hermegauss(11)
    y, weight = s + skew * (s**2 - 1), weight / weight.sum()
    offset = activation.at_zero[0]

    def speed(w_1: float, w_2: float, bias: float) -> np.ndarray:
        value, slope = (v.numpy() for v in activation.value_and_slope(torch.from_numpy(w_1 * s)))
        back = weight * (w_2 * value + bias - y)
        psi = w_1 * s * slope - value
        moved = [-(w_2 * back * slope * s).sum(), -(back * value).sum()]
        return np.array([*moved, 2 * w_2 * (psi * back).sum(), -back.sum() if offset else 0.0])

    def against_log(x: float, state: np.ndarray) -> np.ndarray:
        w_1, (w_2, _, bias) = float(np.exp(x)), state
        found = speed(w_1, w_2, bias)
        return found[1:] * w_1 / found[0]

    first = scale[0] / 100
    start = [first, 0.0, -offset * first]
    found = solve_ivp(
        against_log,
        (np.log(first), np.log(scale[-1])),
        start,
        "DOP853",
        np.log(scale),
        rtol=1e-6,
        atol=1e-24,
    )
    drift = found.y[1]
    law = chain_drift(activation, *map(torch.from_numpy, (s, y, weight, scale)))
    half = max(2, len(scale) // 2)
    slope = None
    if np.abs(drift[0]) > 1e-25:
        slope = float(np.polyfit(np.log(scale[:half]), np.log(np.abs(drift[:half])), 1)[0])
    return Drift(scale, drift, None if law is None else law.numpy(), slope)
