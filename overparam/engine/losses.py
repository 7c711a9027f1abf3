"""Losses of a residual: value and slope travel together.

Every loss here is homogeneous of degree p, so Euler's identity `r slope(r) = p value(r)` holds;
`Problem` relies on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

P_LOW, P_HIGH = 2.0, 16.0


@dataclass(frozen=True)
class Loss:
    """A loss of one residual, homogeneous of degree `power`.

    value(r): elementwise loss, same shape as r.
    slope_(r): its derivative, written over r (a training loop runs it a million times; it allocates
    nothing it can avoid). bend(r): its second derivative, same shape as r.
    """

    power: float
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
        # |r|^{p-2}, even powers by squaring: pow is ten times slower, but for .5, 1, 2 and 3, which
        # it knows
        size, power = r.abs(), p - 2
        while power > 2 and power % 2 == 0:
            size, power = size.square_(), power / 2
        return r.mul_(size.pow_(power))

    return Loss(
        power=float(p),
        value=lambda r: r.abs().pow(p) / p,
        slope_=slope_,
        bend=lambda r: (p - 1) * r.abs().pow(p - 2),
    )
