"""Losses of a classifier's outputs against one-hot targets: value and slope travel together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Objective:
    """A loss, the mean over samples of a function of one sample's outputs o and one-hot target y.

    Attributes:
        label: its name on screen.
        value: (o, y) -> L, shape (R,).
        value_and_slope: (o, y) -> (L, dL/do), shapes (R,) and that of o.

    Shapes: o (R, c, B) for R networks, c classes and B samples; y (c, B).
    """

    label: str
    value: Callable[[Tensor, Tensor], Tensor]
    value_and_slope: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def _cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    hits = (outputs * targets).sum(1)  # the true class's output
    return (torch.logsumexp(outputs, 1) - hits).mean(1)


def _cross_entropy_and_slope(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    logs = torch.log_softmax(outputs, 1)
    loss = (logs * targets).sum((1, 2)).div_(-targets.shape[1])
    return loss, logs.exp_().sub_(targets).div_(targets.shape[1])


def _square(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().sum((1, 2)).div(2 * targets.shape[1])


def _square_and_slope(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    residual = outputs - targets
    loss = residual.square().sum((1, 2)).div_(2 * targets.shape[1])
    return loss, residual.div_(targets.shape[1])


def _fourth(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().square().sum((1, 2)).div(4 * targets.shape[1])


def _fourth_and_slope(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    residual = outputs - targets
    square = residual.square()
    loss = square.square().sum((1, 2)).div_(4 * targets.shape[1])
    return loss, residual.mul_(square).div_(targets.shape[1])


OBJECTIVES: dict[str, Objective] = {
    # -log of the share that softmax gives to the true class
    "ce": Objective("cross entropy", _cross_entropy, _cross_entropy_and_slope),
    # (1/p) sum |o - y|^p over the classes
    "l2": Objective("ℓ2", _square, _square_and_slope),
    "l4": Objective("ℓ4", _fourth, _fourth_and_slope),
}
