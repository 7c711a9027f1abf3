"""Where the regularizer of a way of training is known: the exact answers that an estimate is held
against.

Loss L(W) = (1/m) sum_i |r_i|^p / p, r = X W - y, one output. Each function gives R's gradient or
what it is made of.
"""

from __future__ import annotations

import numpy as np

from overparam.theory.curves import Array


def early_stopping_spectrum(curvatures: Array, step: float, iterations: float) -> Array:
    """Eigenvalues of the matrix Q with  -G(W_t) = Q W_t  after t steps of gradient descent from W =
    0 at p = 2.

        q_i = s_i a_i / (1 - a_i),    a_i = (1 - eta s_i)^t        (Ali, Kolter, Tibshirani 2019)

    in the eigenbasis of H = X^T X / m, whatever the targets are. By Bernoulli's inequality every
    q_i <= 1/(eta t), the value at s_i -> 0: "early stopping is a penalty of 1/(eta t)" gives the
    ceiling of the spectrum.

    Args: curvatures: s_i >= 0, any shape. step: eta, with eta s_i <= 1. iterations: t > 0.
    Returns: q_i, in the shape of `curvatures`.
    """
    s = np.asarray(curvatures, dtype=float)
    with np.errstate(divide="ignore", over="ignore"):  # eta s = 1: one step arrives, a = 0
        exponent = iterations * np.log1p(-step * s)
        exact = (
            s
            * np.exp(exponent)
            / -np.expm1(exponent, where=exponent < 0, out=np.full_like(s, -1.0))
        )
    return np.where(iterations * step * s < 1e-9, 1 / (step * iterations), exact)


def early_stopping_matrix(hessian: Array, step: float, iterations: float) -> Array:
    """The matrix Q of `early_stopping_spectrum`, shape (d, d).

    Args: hessian: H, symmetric positive semidefinite, shape (d, d). step, iterations: as there.
    """
    values, vectors = np.linalg.eigh(hessian)
    return (
        vectors * early_stopping_spectrum(np.maximum(values, 0.0), step, iterations)
    ) @ vectors.T


def step_size_spectrum(curvatures: Array, step: float) -> Array:
    """Eigenvalues of the matrix by which one step of gradient descent differs from the flow over
    the same time, at p = 2.

        (W_flow - W_step)/eta = Q (W - W*),
        q_i = (e^{-eta s_i} - 1 + eta s_i) / eta  ~  eta s_i^2 / 2

    Args: curvatures: s_i >= 0, any shape. step: eta > 0.
    """
    s = np.asarray(curvatures, dtype=float)
    return (np.expm1(-step * s) + step * s) / step


def momentum_penalty(step: float, momentum: float) -> float:
    """The coefficient theta of H G that heavy-ball momentum adds to plain descent of step
    eta/(1-mu), for small steps.

        R = (theta/2) ||G||^2,    theta = mu eta / (1-mu)^2

    It holds only while overdamped, eta s_max < (1 - sqrt(mu))^2 (`momentum_limit`), where the
    velocity follows the position.
    """
    return momentum * step / (1 - momentum) ** 2


def momentum_spectrum(curvatures: Array, step: float, momentum: float) -> Array:
    """Eigenvalues of the matrix that overdamped momentum adds at p = 2, once its velocity has
    forgotten its start.

        f = Q (W - W*),    q_i = (1-mu) (1 - rho_i) / eta - s_i,
        rho^2 - (1 + mu - eta s) rho + mu = 0, the larger root

    in units of plain descent of step eta/(1-mu); to leading order q_i = theta s_i^2 with theta of
    `momentum_penalty`.

    Args: curvatures: s_i >= 0 with eta s_i below `momentum_limit`. step: eta. momentum: mu.
    """
    s = np.asarray(curvatures, dtype=float)
    x = step * s
    # 1 - rho, without cancellation at small x: the smaller root of y^2 - (1 - mu + x) y + x = 0
    root = np.sqrt((1 - momentum + x) ** 2 - 4 * x)
    return (1 - momentum) * 2 * s / (1 - momentum + x + root) - s


def momentum_limit(momentum: float) -> float:
    """(1 - sqrt(mu))^2: up to this value of eta s heavy-ball momentum creeps along an eigenvector
    of curvature s, beyond it swings."""
    return (1 - np.sqrt(momentum)) ** 2


def dropout_diagonal(inputs: Array, rate: float) -> Array:
    """theta_j of R = (1/2) sum_j theta_j W_j^2 for inverted dropout of the inputs at p = 2.

        theta_j = q/(1-q) mean_i x_ij^2        (the same ridge for all coordinates where inputs are
        standardised)

    Args: inputs: X, shape (m, d). rate: q, the probability of leaving an input out, from 0 to below
    1.
    Returns: shape (d,).
    """
    return rate / (1 - rate) * (inputs**2).mean(0)


def dropout_value(inputs: Array, targets: Array, p: float, rate: float, w: Array) -> Array:
    """R(W) = E L(dropped out) - L for inverted dropout of the inputs, at p = 2 or 4.

        p = 2:  mean v / 2        p = 4:  mean [ (3/2) r^2 v + r k3 + k4/4 ]
        v = m2 sum x^2 w^2,   k3 = m3 sum x^3 w^3,   k4 = 3 v^2 + (m4 - 3 m2^2) sum x^4 w^4
        m2 = q/(1-q),   m3 = q (2q-1)/(1-q)^2,   m4 = q^4/(1-q)^3 + q

    the m's being the central moments of a mask that is 1/(1-q) with probability 1-q and 0 else.

    Args: inputs: (m, d). targets: (m,), or (n, m) for each point its own. p: 2 or 4. rate: q. w:
    (n, d).
    Returns: shape (n,).
    Raises: ValueError for another p.
    """
    r, v, k3, k4 = _dropout_moments(inputs, targets, rate, w)
    if p == 2:
        return v.mean(1) / 2
    _require(p, (2, 4))
    return (1.5 * r**2 * v + r * k3 + k4 / 4).mean(1)


def dropout_force(inputs: Array, targets: Array, p: float, rate: float, w: Array) -> Array:
    """The gradient of `dropout_value`, shape (n, d); arguments as there."""
    m = len(inputs)
    if p == 2:
        return dropout_diagonal(inputs, rate) * w
    _require(p, (2, 4))
    m2, m3, m4 = _mask_moments(rate)
    r, v, k3, _ = _dropout_moments(inputs, targets, rate, w)
    # factors of x_j, x_j^2 w_j, x_j^3 w_j^2 and x_j^4 w_j^3 in the derivative by w_j, sample by
    # sample
    one = 3 * r * v + k3
    two = 3 * m2 * r**2 + 3 * m2 * v
    three = 3 * m3 * r
    four = m4 - 3 * m2**2
    force = (
        one @ inputs
        + w * (two @ inputs**2)
        + w**2 * (three @ inputs**3)
        + four * w**3 * (inputs**4).sum(0)
    )
    return force / m


def label_noise_force(inputs: Array, targets: Array, p: float, deviation: float, w: Array) -> Array:
    """grad R for Gaussian noise on the labels, fresh at every step: 0 at p = 2, and at p = 4 that
    of R = 3 sigma^2 L_2.

    L_2 = mean r^2 / 2 is the least-squares loss.

    Args: inputs, targets, w: as for `dropout_value`. p: 2 or 4. deviation: sigma.
    Returns: shape (n, d).
    Raises: ValueError for another p.
    """
    if p == 2:
        return np.zeros_like(w)
    _require(p, (2, 4))
    return 3 * deviation**2 * (w @ inputs.T - targets) @ inputs / len(inputs)


def _mask_moments(q: float) -> tuple[float, float, float]:
    return q / (1 - q), q * (2 * q - 1) / (1 - q) ** 2, q**4 / (1 - q) ** 3 + q


def _dropout_moments(
    inputs: Array, targets: Array, rate: float, w: Array
) -> tuple[Array, Array, Array, Array]:
    """Residual, and second, third and fourth central moment of the noise in it, each (n, m)."""
    m2, m3, m4 = _mask_moments(rate)
    v = m2 * w**2 @ (inputs**2).T
    k3 = m3 * w**3 @ (inputs**3).T
    k4 = 3 * v**2 + (m4 - 3 * m2**2) * w**4 @ (inputs**4).T
    return w @ inputs.T - targets, v, k3, k4


def _require(p: float, known: tuple[int, ...]) -> None:
    if p not in known:
        raise ValueError(
            f"The exact regularizer is known for p = {' and '.join(map(str, known))}, "
            f"not for p = {p:g}."
        )
