"""Activations of nonlinear networks as rows of one table: the function, and how a gradient passes
it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Activation:
    """An elementwise function phi between two layers.

    Attributes:
        label: its name on screen.
        value: z -> phi(z), of any shape.
        back: (dL/dphi, z, phi(z)) -> dL/dz = phi'(z) dL/dphi; it may write over its first argument.
    """

    label: str
    value: Callable[[Tensor], Tensor]
    back: Callable[[Tensor, Tensor, Tensor], Tensor]


ACTIVATIONS: dict[str, Activation] = {
    "relu": Activation(
        "ReLU",
        torch.relu,
        lambda grad, z, phi: torch.ops.aten.threshold_backward(grad, phi, 0),
    ),
    "tanh": Activation(
        "tanh",
        torch.tanh,
        lambda grad, z, phi: grad.addcmul_(grad * phi, phi, value=-1),
    ),
}
