"""Plateaus of deep nonlinear nets: the norm identity, the escape law, and what an activation does.

A net  z_j = W_j h_{j-1} + b_j,  h_j = phi(z_j)  (j < N),  output z_N,  whose r of N layers start
small sits near a saddle. Everything here is a closed form or a pure function of arrays.
The derivations are this project's own, after the abstract of arXiv 2605.01288.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from overparam.theory.activations import Activation


def widened(activation: Activation, width: int) -> Activation:
    """The activation of the scalar chain that a permutation-symmetric net of a width is.

        phi_n(z) = sqrt(n) phi(z / sqrt(n))

    On the manifold  W_1 = (w_1/√n) 1 uᵀ,  W_j = (w_j/n) 1 1ᵀ,  W_N = (w_N/√n) 1ᵀ  the net computes
    what the chain w_N phi_n(... phi_n(w_1 uᵀx)) does, and gradient flow stays there.

    Args:
        activation: phi.
        width: n >= 1.
    """
    root = math.sqrt(width)

    def value_and_slope(z: Tensor) -> tuple[Tensor, Tensor]:
        value, slope = activation.value_and_slope(z / root)
        return root * value, slope

    a = activation.at_zero
    terms = (a[0] * root, a[1], a[2] / root, a[3] / root**2)
    return Activation(activation.label, activation.kind, value_and_slope, terms, activation.slopes)


def inhomogeneity(z: Tensor, activation: Activation) -> Tensor:
    """psi(z) = z phi'(z) - phi(z), 0 where phi is homogeneous: what unbalances neighbouring layers.

        d/dt ( |W_{j+1}|² - |W_j|² - |b_j|² ) = 2 E <psi(z_j), dL/dh_j>      (gradient flow)

    An exact identity for any differentiable loss:  <W_j, dL/dW_j> + <b_j, dL/db_j> = E <z_j,
    dL/dz_j>,  <W_{j+1}, dL/dW_{j+1}> = E <h_j, dL/dh_j>,  and  dL/dz_j = phi'(z_j) dL/dh_j.

    Args:
        z: pre-activations, any shape.
        activation: phi.
    """
    value, slope = activation.value_and_slope(z)
    return z * slope - value


def escape_exponent(small: int, offset: bool = False) -> float:
    """The exponent of the escape time tau ~ eps^exponent of a net with r small layers.

        -(r-2) for r > 2;   0 for r = 2, where tau ~ ln(1/eps), and for r < 2: no plateau;
        -2(r-2) where phi(0) != 0 and there is no output bias: the top layer is slaved to
        eps^{r-1} by the mean that it produces

    To leading order the loss is a constant minus an r-homogeneous function of the small layers,
    so theta(t) = eps Theta(eps^{r-2} t). Depth does not enter.

    Args:
        small: r, the number of small layers.
        offset: whether phi(0) != 0 without an output bias.
    """
    return -float(max(small - 2, 0)) * (2 if offset else 1)


def chain_gain(activation: Activation, depth: int, s: Tensor, y: Tensor) -> float:
    """The rate c at which the scalar chain leaves its saddle,  da/dt = c a^{r-1}.

        c = |E[y l(...l(s))]|,   l the positively homogeneous part of phi at 0, applied N - 1 times

    which is  phi'(0)^{N-1} |E[s y]|  for a smooth phi and half of |E[s y]| for a ReLU and
    symmetric s. Layers that are not small count as 1.

    Args:
        activation: phi with phi(0) = 0.
        depth: N.
        s, y: inputs and centred targets of the chain, shape (m,) each.
    """
    below, above = activation.slopes
    for _ in range(depth - 1):
        s = torch.where(s > 0, above * s, below * s)
    return abs(float((s * y).mean()))


def chain_escape_time(eps: float, small: int, gain: float) -> float:
    """When the scalar chain leaves its saddle, from small layers all equal to eps.

        tau ~ eps^{-(r-2)} / (c (r-2))  (r > 2),      tau ~ ln(1/eps) / c  (r = 2)

    Args:
        eps: their start, above 0.
        small: r >= 2.
        gain: c of `chain_gain`.
    """
    if small == 2:
        return math.log(1 / eps) / gain
    return eps ** (2 - small) / (gain * (small - 2))


def pinning_scale(decay: float, gain: float, small: int) -> float:
    """The scale below which weight decay pins a net to its saddle.

        a' = c a^{r-1} - lambda a   escapes only from   eps > (lambda/c)^{1/(r-2)}

    Args:
        decay: lambda >= 0.
        gain: c.
        small: r >= 3.
    """
    return (decay / gain) ** (1 / (small - 2))


def chain_drift(
    activation: Activation, s: Tensor, y: Tensor, weight: Tensor, scale: Tensor
) -> Tensor | None:
    """The imbalance Delta = w_2² - w_1² that a balanced chain builds up near its saddle.

        odd phi:           -(a_3/phi'(0)) kappa a⁴,        kappa = E[s³y]/E[sy]
        with an a_2 term:  -(2/3)(a_2/phi'(0)) mu a³,      mu = E[s²y]/E[sy]
        homogeneous:       0

    Args:
        activation: phi.
        s, y: inputs and centred targets, shape (m,) each.
        weight: of each sample in the mean E, shape (m,).
        scale: a, any shape.
    Returns: Delta at each scale; None where phi(0) != 0, whose Delta is of the order of a².
    """
    _, slope, second, third = activation.at_zero
    along = (weight * s * y).sum()
    if activation.kind == "homogeneous":
        return torch.zeros_like(scale)
    if activation.kind == "odd":
        return -(third / slope) * ((weight * s**3 * y).sum() / along) * scale**4
    if activation.kind == "even":
        return -(2 / 3) * (second / slope) * ((weight * s**2 * y).sum() / along) * scale**3
    return None


def symmetric_layers(
    norms: Sequence[Tensor], width: int, direction: Tensor, output: Tensor
) -> list[Tensor]:
    """Layers on the permutation-symmetric manifold, |W_j| = w_j.

        W_1 = (w_1/√n) 1 uᵀ,   W_j = (w_j/n) 1 1ᵀ,   W_N = (w_N/√n) v 1ᵀ

    Args:
        norms: w_1 .. w_N, shape (R,) each.
        width: n.
        direction: u, a unit vector of the inputs, shape (d,).
        output: v, a unit vector of the outputs, shape (k,).
    Returns: W_1 (R, n, d), ..., W_N (R, k, n).
    """
    ones = torch.ones(width, dtype=direction.dtype) / math.sqrt(width)
    ends = [direction, *[ones] * (len(norms) - 1), output]
    pairs = zip(norms, ends[1:], ends[:-1], strict=True)
    return [norm[:, None, None] * torch.outer(row, column) for norm, row, column in pairs]
