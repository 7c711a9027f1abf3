"""Convolutional networks whose dense layers are factored, differentiated by torch.func."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.func import grad_and_value, vmap
from torch.nn import functional

from overparam.engine.classification import OBJECTIVES
from overparam.engine.network import Leaf

TOGETHER = 30_000_000  # numbers of the first layer's images that runs may hold together


class Convolutional:
    """x -> convolution, ReLU, pooling, twice; then a dense hidden layer with ReLU, and a dense
    layer of classes.

    Convolutions keep the size of an image, each pooling (the largest of 2 × 2) halves its side.
    Only the two dense layers are factored, as in the paper's last figure; its network is `paper()`.

    Args:
        side: pixels along an edge, a multiple of 4. kernel: side of the convolutions' kernels, odd.
        channels: of both convolutions. hidden, classes: widths of the dense layers.
        objective: a name in OBJECTIVES. dropout: share of the hidden layer that a training step
        drops.
    Raises: ValueError where sizes do not fit.
    """

    def __init__(
        self,
        side: int = 8,
        kernel: int = 3,
        channels: tuple[int, int] = (8, 16),
        hidden: int = 64,
        classes: int = 10,
        objective: str = "ce",
        dropout: float = 0.0,
    ):
        if side < 4 or side % 4:
            raise ValueError(f"the side of an image must be a multiple of 4, not {side!r}")
        if hidden < 1:
            raise ValueError(
                f"the hidden width must be a whole number of 1 or more, not {hidden!r}"
            )
        one, two = channels
        flat, patch = two * (side // 4) ** 2, kernel**2
        self.leaves = (
            Leaf(one, patch, patch),
            Leaf(one, 1, patch, bias=True),
            Leaf(two, one * patch, one * patch),
            Leaf(two, 1, one * patch, bias=True, offset=0.1),
            Leaf(hidden, flat, flat, factored=True),
            Leaf(hidden, 1, flat, bias=True, offset=0.1),
            Leaf(classes, hidden, hidden, factored=True, gain=1.0),
            Leaf(classes, 1, hidden, bias=True, offset=0.1),
        )
        self._side, self._kernel, self.dropout = side, kernel, dropout
        self._loss = OBJECTIVES[objective]

    def outputs(self, weights: Sequence[Tensor], x: Tensor) -> Tensor:
        """Outputs (R, c, B) for images x (B, side * side), nothing dropped."""
        return self._over_runs(lambda mine: self._forward(mine, x, None), weights, len(x))

    def value(self, weights: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """Losses (R,) for images x (B, side * side) and one-hot targets y (c, B)."""
        return self._over_runs(lambda mine: self._loss_of(mine, x, y, None), weights, len(x))

    def value_and_grad(
        self, weights: Sequence[Tensor], x: Tensor, y: Tensor, draw: int = 0
    ) -> tuple[Tensor, list[Tensor]]:
        """Losses (R,) and gradients shaped like the weights; `draw` names the units that are
        dropped, the same in all runs.
        """
        mask = None
        if self.dropout:
            chosen = torch.Generator().manual_seed(draw)
            kept = torch.rand(len(x), self.leaves[4].rows, generator=chosen) >= self.dropout
            mask = kept.to(x) / (1 - self.dropout)
        pass_ = grad_and_value(lambda mine: self._loss_of(mine, x, y, mask))
        grads, losses = self._over_runs(pass_, weights, len(x))
        return losses, list(grads)

    def _over_runs(self, function, weights: Sequence[Tensor], samples: int):
        """A function of one run's weights, for all of them; as many at once as memory allows."""
        most = max(1, TOGETHER // (samples * self._side**2 * self.leaves[0].rows))
        return vmap(function, chunk_size=most)(tuple(weights))

    def _loss_of(
        self, weights: Sequence[Tensor], x: Tensor, y: Tensor, mask: Tensor | None
    ) -> Tensor:
        return self._loss.value(self._forward(weights, x, mask)[None], y)[0]

    def _forward(self, weights: Sequence[Tensor], x: Tensor, mask: Tensor | None) -> Tensor:
        """Outputs (c, B) of one run."""
        h = x.view(len(x), 1, self._side, self._side)
        for kernels, bias in (weights[0:2], weights[2:4]):
            shape = (len(kernels), -1, self._kernel, self._kernel)
            h = functional.conv2d(h, kernels.view(shape), bias[:, 0], padding=self._kernel // 2)
            h = functional.max_pool2d(torch.relu(h), 2)
        h = torch.relu(functional.linear(h.flatten(1), weights[4], weights[5][:, 0]))
        if mask is not None:
            h = h * mask
        return functional.linear(h, weights[6], weights[7][:, 0]).T


def paper(objective: str = "ce", dropout: float = 0.5) -> Convolutional:
    """The network of the paper's last figure, TensorFlow's MNIST tutorial: 5 × 5 kernels, 32 and
    64 channels, 512 hidden units.
    """
    return Convolutional(28, 5, (32, 64), 512, 10, objective, dropout)
