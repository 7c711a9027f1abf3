"""Losses of a residual, convex and 0 at 0.

A loss of `power` p is homogeneous of degree p, so that Euler's identity `r slope(r) = p value(r)`
holds and `Problem` gets values from slopes for nothing. One without (`power` None) may be any; its
values are computed beside its slopes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

P_LOW, P_HIGH = 2.0, 16.0


@dataclass(frozen=True)
class Loss:
    """A loss of one residual.

    power: the degree of which it is homogeneous; None where it is not, and then its second
    derivative is at most 1, as the square's is, and slope(r) / r falls with |r|.
    value(r): elementwise loss, same shape as r.
    slope_(r): its derivative, written over r (a training loop runs it a million times; it allocates
    nothing it can avoid). bend(r): its second derivative, same shape as r.
    """

    power: float | None
    value: Callable[[Tensor], Tensor]
    slope_: Callable[[Tensor], Tensor]
    bend: Callable[[Tensor], Tensor]


def lp(p: float) -> Loss:
    """The l_p loss of a residual, for any real p >= 2.

        value(r) = |r|^p / p        slope(r) = |r|^{p-1} sign r        bend(r) = (p-1) |r|^{p-2}

    Args:
        p: loss exponent, real, from 2 to 16 (the paper uses even integers).
    Returns: the loss; `value`, `slope_` and `bend` act elementwise on tensors of any shape.
    Raises: ValueError if p is outside its range.
    """
    if not P_LOW <= p <= P_HIGH:
        raise ValueError(f"p must be from {P_LOW:g} to {P_HIGH:g}, not {p!r}")

    def slope_(r: Tensor) -> Tensor:
        if p == 2:
            return r
        if p == 4:
            return r.pow_(3)
        # |r|^{p-2}: pow is slower than a product by ten times and more, than a root by three, but
        # for .5, 1, 2 and 3, which it knows
        size, power = r.abs(), p - 2
        if power % 1 == 0.5:
            r, power = r.mul_(size.sqrt()), power - 0.5
        while power > 3 and power % 1 == 0:
            if power % 2:
                r, power = r.mul_(size), power - 1
            else:
                size, power = size.square_(), power / 2
        return r.mul_(size.pow_(power)) if power else r

    return Loss(
        power=float(p),
        value=lambda r: r.abs().pow(p) / p,
        slope_=slope_,
        bend=lambda r: (p - 1) * r.abs().pow(p - 2),
    )


def huber(delta: float) -> Loss:
    """Huber's loss: a square near 0, straight beyond delta.

        value(r) = r^2 / 2, |r| <= delta        delta (|r| - delta / 2) beyond

    Args:
        delta: the residual from which it is straight, above 0.
    Returns: the loss; `value`, `slope_` and `bend` act elementwise on tensors of any shape.
    Raises: ValueError if delta is not a number above 0.
    Source: P. J. Huber, Robust Estimation of a Location Parameter, Annals of Mathematical
    Statistics 35, 1964.
    """
    if not 0 < delta < math.inf:
        raise ValueError(f"delta must be a number above 0, not {delta!r}")

    def value(r: Tensor) -> Tensor:
        near = r.clamp(-delta, delta)
        return near * (r - near / 2)

    return Loss(
        power=None,
        value=value,
        slope_=lambda r: r.clamp_(-delta, delta),
        bend=lambda r: (r.abs() <= delta).to(r.dtype),
    )


def log_cosh() -> Loss:
    """The logarithm of the hyperbolic cosine: r^2 / 2 near 0, |r| - log 2 far away, smooth between.

        value(r) = log cosh r        slope(r) = tanh r        bend(r) = 1 - tanh^2 r

    Returns: the loss; `value`, `slope_` and `bend` act elementwise on tensors of any shape.
    """

    def value(r: Tensor) -> Tensor:
        # log cosh r = |r| - log 2 + log(1 + e^{-2|r|}) loses all digits of small r, which
        # cosh r - 1 = 2 sinh^2(r / 2) keeps
        size = r.abs()
        far = size - math.log(2) + torch.exp(-2 * size).log1p()
        near = (2 * (size.clamp_max(1.0) / 2).sinh().square()).log1p()
        return torch.where(size < 1, near, far)

    return Loss(
        power=None,
        value=value,
        slope_=lambda r: r.tanh_(),
        bend=lambda r: r.cosh().pow(-2),
    )
