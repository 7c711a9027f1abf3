"""Dense networks, many at once, with the gradient written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from overparam.engine.classification import OBJECTIVES
from overparam.engine.network import Leaf
from overparam.theory.activations import ACTIVATIONS

CHUNK = 100_000  # numbers of a hidden layer computed at once, which a core's cache holds


class Dense:
    """Dense networks x -> W_L phi(... phi(W_1 x + b_1) ...) + b_L, with the gradient written by
    hand.

        forward, l = 1 .. L:    Z_l = W_l H_{l-1} + b_l,   H_l = phi(Z_l),   H_0 = X^T
        backward, D_L = dL/dZ_L:   G_l = D_l H_{l-1}^T,   g_l = D_l 1,
                                   D_{l-1} = phi'(Z_{l-1}) * W_l^T D_l

    The first layer's products are one matrix product for all runs; the others are batched.

    Args:
        widths: inputs, hidden widths, classes. activation: a name in ACTIVATIONS. objective: a
        name in OBJECTIVES.
    Raises: ValueError where a width is not a whole number of 1 or more.
    """

    def __init__(self, widths: Sequence[int], activation: str = "relu", objective: str = "ce"):
        for width in widths:
            if not (width >= 1 and width == int(width)):
                raise ValueError(f"each width must be a whole number of 1 or more, not {width!r}")
        self.widths = tuple(widths)
        self._phi, self._loss = ACTIVATIONS[activation], OBJECTIVES[objective]
        leaves = []
        for place, (columns, rows) in enumerate(pairwise(widths), start=2):
            # no activation halves what leaves the last layer
            gain = 1.0 if place == len(widths) else 2.0
            leaves += [
                Leaf(rows, columns, columns, factored=True, gain=gain),
                Leaf(rows, 1, columns, bias=True),
            ]
        self.leaves = tuple(leaves)

    def outputs(self, weights: Sequence[Tensor], x: Tensor) -> Tensor:
        """Outputs (R, c, B) for the inputs x (B, d)."""
        return torch.cat([self._forward(part, x)[-1] for part in self._chunks(weights, len(x))])

    def value(self, weights: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """Losses (R,) for inputs x (B, d) and one-hot targets y (c, B)."""
        parts = self._chunks(weights, len(x))
        return torch.cat([self._loss.value(self._forward(part, x)[-1], y) for part in parts])

    def value_and_grad(
        self, weights: Sequence[Tensor], x: Tensor, y: Tensor, draw: int = 0
    ) -> tuple[Tensor, list[Tensor]]:
        """Losses (R,) and gradients shaped like the weights; `draw` is not needed, as nothing is
        random.
        """
        passes = [self._pass(part, x, y) for part in self._chunks(weights, len(x))]
        if len(passes) == 1:
            return passes[0]
        losses, grads = zip(*passes, strict=True)
        return torch.cat(losses), [torch.cat(pieces) for pieces in zip(*grads, strict=True)]

    def _chunks(self, weights: Sequence[Tensor], samples: int) -> list[Sequence[Tensor]]:
        size = max(1, CHUNK // (max(self.widths[1:]) * samples))
        if size >= len(weights[0]):
            return [weights]
        return list(zip(*(leaf.split(size) for leaf in weights), strict=True))

    def _forward(self, weights: Sequence[Tensor], x: Tensor) -> list[Tensor]:
        """Z_1, H_1, Z_2, H_2, ..., Z_L, each (R, width, B)."""
        matrices, biases = weights[::2], weights[1::2]
        runs, width, d = matrices[0].shape
        states = [(matrices[0].reshape(runs * width, d) @ x.T).view(runs, width, len(x))]
        states[0].add_(biases[0])
        for matrix, bias in zip(matrices[1:], biases[1:], strict=True):
            states.append(self._phi.value(states[-1]))
            states.append(torch.baddbmm(bias, matrix, states[-1]))
        return states

    def _pass(self, weights: Sequence[Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor]]:
        states = self._forward(weights, x)
        losses, back = self._loss.value_and_slope(states.pop(), y)  # D_L
        grads: list[Tensor] = []
        for matrix in reversed(weights[2::2]):
            below, z = states.pop(), states.pop()
            grads = [back @ below.mT, back.sum(2, keepdim=True), *grads]
            back = self._phi.back(matrix.mT @ back, z, below)
        runs, width, samples = back.shape
        first = (back.reshape(runs * width, samples) @ x).view(runs, width, -1)
        return losses, [first, back.sum(2, keepdim=True), *grads]
