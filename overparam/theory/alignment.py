"""How neighbouring layers of a linear network align, and when that is certain.

With W_j = U_j S_j V_jᵀ the interface matrix is T_j = V_{j+1}ᵀ U_j: the identity, up to signs, where
the layers are balanced. Balancedness compares Grams, so everything here starts from
A_j = W_j W_jᵀ = U_j S_j² U_jᵀ  and  B_j = W_{j+1}ᵀ W_{j+1} = V_{j+1} S_{j+1}² V_{j+1}ᵀ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from scipy.integrate import quad
from torch import Tensor

ROUND_OFF = 1e-12  # a gap below this share of the largest squared singular value is none


@dataclass(frozen=True)
class Interface:
    """What stands between two neighbouring layers with a hidden width h, at any number of times.

    matrix (..., h, h): T_j, signs arbitrary. score (..., h): a_r for r = 1..h. bound (..., h): the
    least Davis-Kahan bound on |sin Theta_r|_F, infinite where there is no gap. imbalance (...):
    |Delta|_F. gap (..., h): the larger of the two gaps of `certificate`. prior (..., h): the bound
    that needs no vectors, |Delta|_F / gap.
    """

    matrix: Tensor
    score: Tensor
    bound: Tensor
    imbalance: Tensor
    gap: Tensor
    prior: Tensor

    @property
    def guarantee(self) -> Tensor:
        """What the certificate promises of the score, a_r >= 1 - bound²/r, and 0 at least."""
        ranks = torch.arange(1, self.bound.shape[-1] + 1, dtype=self.bound.dtype)
        return (1 - self.bound.square() / ranks).clamp_min(0)


def interface(below: Tensor, above: Tensor) -> Interface:
    """Alignment of two neighbouring layers, with the certificate.

        T = V_{j+1}ᵀ U_j,   a_r = |T[:r, :r]|_F² / r           (random subspaces: r/h)
        Delta = W_{j+1}ᵀ W_{j+1} - W_j W_jᵀ
        |sin Theta_r|_F <= |Delta U_r|_F / delta,   delta = sigma_r(W_j)² - sigma_{r+1}(W_{j+1})² >
        0

    and likewise with the layers exchanged (Davis and Kahan). In three lines: with X = V_perpᵀ U_r,
    V_perpᵀ Delta U_r = Lambda_perp X - X Lambda_r, whose norm is at least delta |X|_F; and
    |T[:r, :r]|_F² = r - |X|_F².

    Args:
        below: W_j, shape (..., h, n). above: W_{j+1}, shape (..., k, h).
    """
    lower, upper = below @ below.mT, above.mT @ above
    delta = upper - lower
    power_below, u = (each.flip(-1) for each in torch.linalg.eigh(lower))
    power_above, v = (each.flip(-1) for each in torch.linalg.eigh(upper))
    matrix = v.mT @ u
    h = matrix.shape[-1]
    ranks = torch.arange(1, h + 1, dtype=matrix.dtype)
    blocks = matrix.square().cumsum(-1).cumsum(-2).diagonal(dim1=-2, dim2=-1)
    sides = []
    for vectors, own, other in ((u, power_below, power_above), (v, power_above, power_below)):
        gap = own - torch.nn.functional.pad(other[..., 1:], (0, 1))
        gap = torch.where(gap > ROUND_OFF * own[..., :1], gap, 0.0)
        moved = (delta @ vectors).square().sum(-2).cumsum(-1).sqrt()
        sides.append((gap, torch.where(gap > 0, moved / gap, torch.inf)))
    gap = torch.maximum(sides[0][0], sides[1][0])
    imbalance = delta.flatten(-2).norm(dim=-1)
    bound = torch.minimum(sides[0][1], sides[1][1])
    bound[..., -1] = 0  # all h directions are always the same subspace
    prior = torch.where(gap > 0, imbalance[..., None] / gap, torch.inf)
    return Interface(matrix, blocks / ranks, bound, imbalance, gap, prior)


def interfaces(layers: Sequence[Tensor]) -> list[Interface]:
    """`interface` of every pair of neighbours of W_1 (..., h, d), ..., W_N (..., k, h)."""
    return [interface(below, above) for below, above in pairwise(layers)]


def next_imbalance(
    delta: Tensor, below: Tensor, above: Tensor, step: float, decay: float = 0.0
) -> Tensor:
    """The imbalance after one step of gradient descent, exactly.

        Delta+ = (1 - eta lambda)² Delta + eta² (g_{j+1}ᵀ g_{j+1} - g_j g_jᵀ)

    Delta stands still to first order and the gap grows like sigma^{2/N}: this is why layers align.

    Args:
        delta: shape (..., h, h).
        below, above: loss gradients g_j (..., h, n) and g_{j+1} (..., k, h), without decay.
        step, decay: eta and lambda.
    """
    return (1 - step * decay) ** 2 * delta + step**2 * (above.mT @ above - below @ below.mT)


def singular_value_rates(layers: Sequence[Tensor], grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Singular values of the product with their exact rates, and those of the law for balanced
    layers.

        exact:  -sum_j uᵀ A_j A_jᵀ G B_jᵀ B_j v,   A_j = W_N ... W_{j+1},  B_j = W_{j-1} ... W_1
        law:    -N sigma^{2-2/N} uᵀ G v

    Args:
        layers: W_1 (..., h, d), ..., W_N (..., k, h).
        grad: G, the gradient of the loss in the product, shape (..., k, d).
    Returns: sigma, exact rates, rates of the law, shape (..., min(k, d)) each.
    """
    depth, product = len(layers), layers[0]
    prefixes: list[Tensor | None] = [None]
    for layer in layers[1:]:
        prefixes.append(product)
        product = layer @ product
    u, sigma, vt = torch.linalg.svd(product, full_matrices=False)
    exact, above = torch.zeros_like(sigma), None
    for layer, below in zip(reversed(layers), reversed(prefixes), strict=True):
        left = u if above is None else above @ (above.mT @ u)
        right = vt.mT if below is None else below.mT @ (below @ vt.mT)
        exact = exact - (left * (grad @ right)).sum(-2)
        above = layer if above is None else above @ layer
    law = -depth * sigma ** (2 - 2 / depth) * (u * (grad @ vt.mT)).sum(-2)
    return sigma, exact, law


def entropy_rank(sigma: Tensor) -> Tensor:
    """exp H(sigma / sum sigma): how many singular values there are, weighted; shape (..., q) ->
    (...)."""
    share = sigma / sigma.sum(-1, keepdim=True).clamp_min(torch.finfo(sigma.dtype).tiny)
    return torch.special.entr(share).sum(-1).exp()


def stable_rank(sigma: Tensor) -> Tensor:
    """|W|_F² / sigma_1², shape (..., q) -> (...); 0 for a zero matrix."""
    most = sigma.amax(-1).square()
    return sigma.square().sum(-1) / most.clamp_min(torch.finfo(sigma.dtype).tiny)


def energy_rank(sigma: Tensor, share: float = 0.99) -> Tensor:
    """The fewest singular values that hold a share of the squared norm, (..., q) in falling order
    -> (...)."""
    energy = sigma.square().cumsum(-1)
    return (energy < share * energy[..., -1:]).sum(-1) + 1


def rise_time(strength: float, start: float, depth: int) -> float:
    """Flow time in which one aligned mode rises from its start to half its strength, white inputs.

        sigma' = N sigma^{2-2/N} (s - sigma):   t = integral of d sigma / that, from sigma_0 to s/2
        N = 1:  ln 2 + ln(1 - sigma_0/s),       N = 2:  ln(s/sigma_0 - 1)/(2 s)

    About sigma_0^{-(1-2/N)} / ((N-2) s) for N > 2: the weaker the mode, the longer its plateau.

    Args:
        strength: s. start: sigma_0, below s/2. depth: N.
    """
    # in x = ln sigma the integrand is smooth over many decades
    low, high = torch.log(torch.tensor([start, strength / 2], dtype=torch.float64)).tolist()

    def pace(x: float) -> float:
        sigma = torch.exp(torch.tensor(x, dtype=torch.float64)).item()
        return sigma ** (2 / depth - 1) / (depth * (strength - sigma))

    return float(quad(pace, low, high, limit=200)[0])
