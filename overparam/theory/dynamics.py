"""What depth does along a run, measured: the coefficients of its built-in momentum, and how
singular values grow.

Nothing here takes a step; these are readings of a finished trajectory.
"""

import torch
from torch import Tensor


def rate_and_decay(
    w_1: Tensor, w_2: Tensor, grad: Tensor, step_size: float
) -> tuple[Tensor, Tensor]:
    """The adaptive rate rho and the decay gamma of a depth-2 network with one hidden unit (the
    paper's warm-up, N = 2).

    With w = w_2 w_1 and w_2 a number, one step of gradient descent on both layers is, without
    approximation,

        w⁺ = w - rho G - gamma w,    gamma = eta <w_1, G> / w_2,    rho = eta w_2² - eta² w_2 <w_1,
        G>

    (the paper drops the term of order eta²). While w grows, <w_1, G> / w_2 is negative, so -gamma w
    pushes on along w.

    Args:
        w_1: first layer along the run, shape (T, d).
        w_2: second layer along the run, shape (T,); gamma is not finite where it is 0.
        grad: loss gradient G at w = w_2 w_1, shape (T, d).
        step_size: eta.
    Returns: rho and gamma, each of shape (T,).
    """
    along = (w_1 * grad).sum(-1)
    return step_size * w_2**2 - step_size**2 * w_2 * along, step_size * along / w_2


def momentum_coefficients(rho: Tensor, gamma: Tensor, t: int) -> Tensor:
    """The weights of past gradients in step t of the warm-up: depth as momentum.

        w(t+1) = w(t) - rho_t G_t - sum_{tau<t} mu(t, tau) G_tau - gamma_t prod_{s<t} (1 - gamma_s)
        w(0) mu(t, tau) = -gamma_t rho_tau prod_{s=tau+1..t-1} (1 - gamma_s)

    Args:
        rho, gamma: from `rate_and_decay`, shape (T,).
        t: the step, 0 <= t < T.
    Returns: mu(t, tau) for tau = 0..t-1, shape (t,).
    """
    return -gamma[t] * rho[:t] * _decay(gamma[:t])


def from_past_gradients(start: Tensor, grad: Tensor, rho: Tensor, gamma: Tensor, t: int) -> Tensor:
    """w(t) of the warm-up as a combination of the start and of the gradients before t.

        w(t) = prod_{s<t} (1 - gamma_s) w(0) - sum_{tau<t} rho_tau prod_{s=tau+1..t-1} (1 - gamma_s)
        G_tau

    Args:
        start: w(0), shape (d,).
        grad: G along the run, shape (T, d).
        rho, gamma: from `rate_and_decay`, shape (T,).
        t: the step, 0 <= t <= T.
    Returns: shape (d,).
    """
    return (1 - gamma[:t]).prod() * start - (rho[:t] * _decay(gamma[:t])) @ grad[:t]


def singular_values(w_e: Tensor, grad: Tensor, depth: float) -> tuple[Tensor, Tensor]:
    """Singular values of end-to-end matrices and how fast depth moves them.

        d sigma_r / dt = -N sigma_r^{2-2/N} u_rᵀ G v_r

    per unit of flow time (one step lasts eta). It is u_rᵀ (dW/dt) v_r of Theorem 1, with the
    eigenvalue N sigma^{2-2/N} of Claim 1.

    Args:
        w_e: end-to-end matrices W, shape (T, k, d), finite.
        grad: loss gradients at W, shape (T, k, d).
        depth: N >= 1, real.
    Returns: singular values in falling order and their rates, each of shape (T, min(k, d)).
    """
    u, sigma, vh = torch.linalg.svd(w_e, full_matrices=False)
    return sigma, -depth * sigma ** (2 - 2 / depth) * (u * (grad @ vh.mT)).sum(-2)


def singular_value_law(sigma: Tensor, rate: Tensor, step_size: float) -> Tensor:
    """The singular values that the law of `singular_values` predicts: its rates summed up from the
    start.

    Args:
        sigma, rate: at every step of a run, in order, shape (T, q).
        step_size: eta.
    Returns: shape (T, q); the first row is that of `sigma`.
    """
    return sigma[0] + step_size * torch.cat((torch.zeros_like(rate[:1]), rate[:-1].cumsum(0)))


def _decay(gamma: Tensor) -> Tensor:
    """prod_{s=tau+1..t-1} (1 - gamma_s) for tau = 0..t-1, t the length; built from the end, so a
    factor may be 0."""
    factors = torch.cat((1 - gamma[1:], torch.ones_like(gamma[:1])))
    return factors.flip(0).cumprod(0).flip(0)
