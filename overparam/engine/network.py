"""What a network that is not linear must offer, so that many runs of it are trained together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class Leaf:
    """A matrix of parameters (rows, columns) that the data see: weights, kernels or biases.

    Attributes:
        factored: whether it is a dense layer's, so that it is split into factors and penalised.
        bias: whether it is a bias.
        fan_in: inputs of one unit of its layer. gain: variance of a He start times fan_in.
        offset: where a bias starts with "truncated", as in TensorFlow's tutorials.
    """

    rows: int
    columns: int
    fan_in: int
    factored: bool = False
    bias: bool = False
    gain: float = 2.0
    offset: float = 0.0


class Network(Protocol):
    """What a network must offer: the matrices it is made of, and one pass over data for R of them
    together.

    leaves: what `weights` hold, in order, each (R, rows, columns). x: inputs (B, d). y: one-hot
    targets (c, B). draw: a number that names the step, from which whatever is random in a network
    (dropout) is drawn, the same for all runs.
    """

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """What the weights hold."""

    def outputs(self, weights: Sequence[Tensor], x: Tensor) -> Tensor:
        """Outputs (R, c, B), nothing dropped."""

    def value(self, weights: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
        """Losses (R,), nothing dropped."""

    def value_and_grad(
        self, weights: Sequence[Tensor], x: Tensor, y: Tensor, draw: int
    ) -> tuple[Tensor, list[Tensor]]:
        """Losses (R,) and their gradients at the weights, shaped like them."""
