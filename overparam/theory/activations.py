"""Elementwise activations as rows of one table: the function, its slope, and what it is at 0."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

Back = Callable[[Tensor, Tensor, Tensor], Tensor]
LEAK = 0.1  # slope of the leaky ReLU below 0
CLASSES = {
    "homogeneous": "homogeneous: |Δ| is conserved",
    "odd": "odd: Δ grows like a⁴",
    "even": "with an even term: Δ grows like a³",
    "offset": "φ(0) ≠ 0: Δ grows like a²",
}


@dataclass(frozen=True)
class Activation:
    """An elementwise activation phi with its derivative and its expansion at 0.

    label: its name. kind: a name in CLASSES. value_and_slope: z -> (phi(z), phi'(z)).
    at_zero: a_0, a_1, a_2, a_3 of  phi(z) = a_0 + a_1 z + a_2 z² + a_3 z³ + ...; for a kink at 0
    a_1 is the mean of both slopes. slopes: phi' just below and just above 0. fast: `value` and
    `back` where they cost less than the slope of every z.
    """

    label: str
    kind: str
    value_and_slope: Callable[[Tensor], tuple[Tensor, Tensor]]
    at_zero: tuple[float, float, float, float]
    slopes: tuple[float, float]
    fast: tuple[Callable[[Tensor], Tensor], Back] | None = None

    def value(self, z: Tensor) -> Tensor:
        """phi(z), of any shape."""
        return self.fast[0](z) if self.fast else self.value_and_slope(z)[0]

    def back(self, grad: Tensor, z: Tensor, phi: Tensor) -> Tensor:
        """dL/dz = phi'(z) dL/dphi from dL/dphi, which it may write over, z and phi(z)."""
        if self.fast:
            return self.fast[1](grad, z, phi)
        return grad.mul_(self.value_and_slope(z)[1])


def _tanh(z: Tensor) -> tuple[Tensor, Tensor]:
    value = z.tanh()
    return value, 1 - value * value


def _sine(z: Tensor) -> tuple[Tensor, Tensor]:
    return z.sin(), z.cos()


def _arctan(z: Tensor) -> tuple[Tensor, Tensor]:
    return z.arctan(), 1 / (1 + z * z)


def _relu(z: Tensor) -> tuple[Tensor, Tensor]:
    slope = (z > 0).to(z.dtype)
    return z * slope, slope


def _leaky(z: Tensor) -> tuple[Tensor, Tensor]:
    slope = LEAK + (1 - LEAK) * (z > 0).to(z.dtype)
    return z * slope, slope


def _gelu(z: Tensor) -> tuple[Tensor, Tensor]:
    below = torch.special.ndtr(z)
    return z * below, below + z * torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def _silu(z: Tensor) -> tuple[Tensor, Tensor]:
    gate = z.sigmoid()
    value = z * gate
    return value, gate + value * (1 - gate)


def _sigmoid(z: Tensor) -> tuple[Tensor, Tensor]:
    value = z.sigmoid()
    return value, value * (1 - value)


def _softplus(z: Tensor) -> tuple[Tensor, Tensor]:
    return torch.nn.functional.softplus(z, threshold=40), z.sigmoid()


def _shifted_softplus(z: Tensor) -> tuple[Tensor, Tensor]:
    value, slope = _softplus(z)
    return value - math.log(2), slope


def _identity(z: Tensor) -> tuple[Tensor, Tensor]:
    return z, torch.ones_like(z)


def _smooth(
    label: str,
    kind: str,
    function: Callable[[Tensor], tuple[Tensor, Tensor]],
    *terms: float,
) -> Activation:
    a = (*terms, 0.0, 0.0, 0.0)[:4]
    return Activation(label, kind, function, (a[0], a[1], a[2], a[3]), (a[1], a[1]))


_FAST_TANH: tuple[Callable[[Tensor], Tensor], Back] = (
    torch.tanh,
    lambda grad, z, phi: grad.addcmul_(grad * phi, phi, value=-1),
)
_FAST_RELU: tuple[Callable[[Tensor], Tensor], Back] = (
    torch.relu,
    lambda grad, z, phi: torch.ops.aten.threshold_backward(grad, phi, 0),
)

ACTIVATIONS: dict[str, Activation] = {
    "linear": _smooth("linear", "homogeneous", _identity, 0, 1),
    "relu": Activation("ReLU", "homogeneous", _relu, (0, 0.5, 0, 0), (0, 1), _FAST_RELU),
    "leaky": Activation("leaky ReLU", "homogeneous", _leaky, (0, (1 + LEAK) / 2, 0, 0), (LEAK, 1)),
    "tanh": replace(_smooth("tanh", "odd", _tanh, 0, 1, 0, -1 / 3), fast=_FAST_TANH),
    "sin": _smooth("sin", "odd", _sine, 0, 1, 0, -1 / 6),
    "arctan": _smooth("arctan", "odd", _arctan, 0, 1, 0, -1 / 3),
    "gelu": _smooth("GELU", "even", _gelu, 0, 0.5, 1 / math.sqrt(2 * math.pi)),
    "silu": _smooth("SiLU", "even", _silu, 0, 0.5, 0.25),
    "shifted": _smooth("softplus − ln 2", "even", _shifted_softplus, 0, 0.5, 0.125),
    "sigmoid": _smooth("sigmoid", "offset", _sigmoid, 0.5, 0.25, 0, -1 / 48),
    "softplus": _smooth("softplus", "offset", _softplus, math.log(2), 0.5, 0.125),
}
