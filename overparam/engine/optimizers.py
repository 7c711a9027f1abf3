"""Update rules, elementwise on the parameter vectors of many runs at once; torch.optim is their
oracle in the tests.

An optimizer is data: how many memory vectors it keeps, and `update(params, grad, rate, slots, t)`,
which changes `params` and `slots` in place at step t = 1, 2, ... `rate` is the step size, one
number per parameter. Where steps are replayed as a CUDA graph t is a tensor without dimensions, so
nothing may branch on it. To add one: write its update here, and once more in `overparam.plain`, add
a line to OPTIMIZERS; pages, URL, the script to take home and tests pick it up from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from overparam import plain


@dataclass(frozen=True)
class Optimizer:
    """An update rule: its name on screen, the number of its memory vectors, its step-size range,
    the update itself.

    `plain` is the same update for one matrix, a function of `overparam.plain`, for the script that
    people take home. `steps` is the range worth searching for the step size where the method
    normalises the gradient, for parameters that have a distance of 1 to go
    (`step_sizes.step_range`); None where the range follows from the curvature of the loss (a step
    in units of 1/curvature).
    """

    label: str
    slots: int
    steps: tuple[float, float] | None
    update: Callable[[Tensor, Tensor, Tensor, list[Tensor], int | Tensor], None]
    plain: Callable


def _gradient_descent(
    w: Tensor, g: Tensor, rate: Tensor, slots: list[Tensor], t: int | Tensor
) -> None:
    w.addcmul_(rate, g, value=-1)


def _momentum(w: Tensor, g: Tensor, rate: Tensor, slots: list[Tensor], t: int | Tensor) -> None:
    (v,) = slots
    v.mul_(0.9).add_(g)
    w.addcmul_(rate, v, value=-1)


def _nesterov(w: Tensor, g: Tensor, rate: Tensor, slots: list[Tensor], t: int | Tensor) -> None:
    (v,) = slots
    v.mul_(0.9).add_(g)
    w.addcmul_(rate, g.add(v, alpha=0.9), value=-1)


def _adagrad(w: Tensor, g: Tensor, rate: Tensor, slots: list[Tensor], t: int | Tensor) -> None:
    (total,) = slots
    total.addcmul_(g, g)
    w.addcmul_(rate, g / total.sqrt().add_(1e-10), value=-1)


def _adadelta(w: Tensor, g: Tensor, rate: Tensor, slots: list[Tensor], t: int | Tensor) -> None:
    square, moved = slots
    square.mul_(0.9).addcmul_(g, g, value=0.1)
    delta = moved.add(1e-6).div_(square.add(1e-6)).sqrt_().mul_(g)
    moved.mul_(0.9).addcmul_(delta, delta, value=0.1)
    w.addcmul_(rate, delta, value=-1)


def _rmsprop(w: Tensor, g: Tensor, rate: Tensor, slots: list[Tensor], t: int | Tensor) -> None:
    (square,) = slots
    square.mul_(0.99).addcmul_(g, g, value=0.01)
    w.addcmul_(rate, g / square.sqrt().add_(1e-8), value=-1)


def _adam(w: Tensor, g: Tensor, rate: Tensor, slots: list[Tensor], t: int | Tensor) -> None:
    mean, square = slots
    mean.lerp_(g, 0.1)
    square.mul_(0.999).addcmul_(g, g, value=0.001)
    grown = 1 - 0.9**t
    scale = square.sqrt().mul_(grown * (1 - 0.999**t) ** -0.5).add_(1e-8 * grown)
    w.addcmul_(rate, mean / scale, value=-1)


OPTIMIZERS: dict[str, Optimizer] = {
    "gd": Optimizer("gradient descent", 0, None, _gradient_descent, plain.gradient_descent),
    "momentum": Optimizer("momentum 0.9", 1, None, _momentum, plain.momentum),
    "nesterov": Optimizer("Nesterov 0.9", 1, None, _nesterov, plain.nesterov),
    "adagrad": Optimizer("AdaGrad", 1, (1e-3, 1e1), _adagrad, plain.adagrad),
    "adadelta": Optimizer("AdaDelta", 2, (1e-3, 1e4), _adadelta, plain.adadelta),
    "rmsprop": Optimizer("RMSProp", 1, (1e-5, 1e1), _rmsprop, plain.rmsprop),
    "adam": Optimizer("Adam", 2, (1e-4, 1e1), _adam, plain.adam),
}


def moves(optimizer: Optimizer, gradient: Tensor) -> bool:
    """Whether the first step along a gradient goes anywhere in its precision.

    The square of a large gradient overflows, in float32 above 1.8e19, and a step is divided by it
    for ever after; AdaDelta's ratio 1e-6 / square underflows from 3e16 on where denormals are
    flushed to zero.

    Args: gradient: shape (n,), not zero.
    """
    w, rate = torch.zeros_like(gradient), torch.ones_like(gradient)
    optimizer.update(
        w, gradient, rate, [torch.zeros_like(gradient) for _ in range(optimizer.slots)], 1
    )
    step = w[gradient.abs().argmax()]
    return bool(step != 0) and not bool(step.isnan())
