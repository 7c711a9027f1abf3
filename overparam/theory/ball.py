"""How much of F no regularizer supplies in a ball or shell of R^d, in closed form, for a constant
gradient.

With G constant, F = ||W||^a (G + (N-1) Pr_W G) and the nearest gradient has a potential f(||W||)
<u, G>, u = W/||W||. With weight rho^s d rho over the radii and uniform weight over directions, f
minimises

    int rho^s [ (f' - N rho^a)^2 / d + (d-1)/d (f/rho - rho^a)^2 ] d rho,

whose Euler equation is solved by powers,

    f = A rho^{a+1} + B rho^{k1} + C rho^{k2},    k (k - 1 + s) = d - 1,

with f' = N rho^a at both ends. (An addition to the paper; s = d-1 is the volume.)
"""

from __future__ import annotations

import math

import numpy as np


def ball_share(depth: float, d: int) -> float:
    """The share int ||F - grad phi*||^2 / int ||F||^2 over a ball around 0 of R^d, where G is
    constant.

        A = (N (a+d-1) - (d-1)) / (a (a+d)),    D = (a+1) A - N,    B = A - 1,    a = 2 - 2/N,
        share = [ D^2 (I(2a) - 2 I(a) + I(0)) + (d-1) (B^2 I(2a) - 2 B D I(a) + D^2 I(0)) ]
                / [ I(2a) (N^2 + d - 1) ],                                   I(k) = 1/(k+d)

    It depends neither on the ball's radius nor on G.

    Args: depth: N >= 1, real. d: dimension, at least 1.
    Returns: a number from 0 (a gradient: N = 1, N = 2, or d = 1) to 1.
    Raises: ValueError if depth or d is below 1.
    """
    _check(depth, d)
    if depth == 1 or d == 1:
        return 0.0
    a = 2 - 2 / depth
    lead = (depth * (a + d - 1) - (d - 1)) / (a * (a + d))
    radial, across = (a + 1) * lead - depth, lead - 1

    def moment(k: float) -> float:
        return 1 / (k + d)

    rest = radial**2 * (moment(2 * a) - 2 * moment(a) + moment(0)) + (d - 1) * (
        across**2 * moment(2 * a) - 2 * across * radial * moment(a) + radial**2 * moment(0)
    )
    return rest / (moment(2 * a) * (depth**2 + d - 1))


def shell_share(depth: float, d: int, inner: float, weight: float = -1.0) -> float:
    """The same share over the shell inner <= ||W|| <= 1, with weight rho^s d rho over the radii.

    In high dimension the volume of a ball lies at its surface, so that a ball tests one radius
    only; s = -1 counts all radii from `inner` to 1 alike, decade by decade.

    Args: depth: N >= 1, real. d: dimension, at least 1. inner: above 0 and below 1. weight: s; d -
    1 is the volume.
    Raises: ValueError if depth or d is below 1, or inner not between 0 and 1.
    """
    _check(depth, d)
    if not 0 < inner < 1:
        raise ValueError(f"The inner radius must lie between 0 and 1, not {inner:g}.")
    a, s = 2 - 2 / depth, weight
    if depth == 1 or d == 1:
        return 0.0
    middle = (1 - s) / 2
    reach = math.sqrt(middle**2 + d - 1)
    up, down = middle + reach, middle - reach  # up > 0 > down
    lead = (depth * (s + a) - (d - 1)) / ((s + a) * (a + 1) - (d - 1))
    # Natural ends: the derivative of the two free solutions, scaled to 1 at the end where each is
    # large, makes up for the leading one.
    missing = (depth - (a + 1) * lead) * np.array([inner**a, 1.0])
    ends = np.array([[up * inner ** (up - 1), down / inner], [up, down * inner**-down]])
    free = np.linalg.solve(ends, missing)
    # Each part of the integrand is a sum of powers: (coefficient, exponent, scale at which the
    # power is 1).
    powers = ((a, 1.0), (up - 1, 1.0), (down - 1, inner))
    radial = ((a + 1) * lead - depth, free[0] * up, free[1] * down / inner)
    across = (lead - 1, free[0], free[1] / inner)
    rest = _energy(radial, powers, s, inner) / d + (d - 1) / d * _energy(across, powers, s, inner)
    return rest / (_energy((1.0,), ((a, 1.0),), s, inner) * (depth**2 + d - 1) / d)


def _energy(
    coefficients: tuple[float, ...], powers: tuple[tuple[float, float], ...], s: float, inner: float
) -> float:
    """int_inner^1 rho^s (sum_i c_i (rho/scale_i)^{e_i})^2 d rho."""
    total = 0.0
    for c, (e, scale) in zip(coefficients, powers, strict=True):
        for c2, (e2, scale2) in zip(coefficients, powers, strict=True):
            total += (
                c * c2 * _moment(s + e + e2, e * math.log(scale) + e2 * math.log(scale2), inner)
            )
    return total


def _moment(power: float, log_scale: float, inner: float) -> float:
    """int_inner^1 rho^power d rho / exp(log_scale), with huge powers of small numbers kept
    finite."""
    if abs(power + 1) < 1e-12:
        return -math.log(inner) * math.exp(-log_scale)
    low = math.exp((power + 1) * math.log(inner) - log_scale)
    return (math.exp(-log_scale) - low) / (power + 1)


def _check(depth: float, d: int) -> None:
    if not depth >= 1:
        raise ValueError(f"Depth must be 1 or more, but it is {depth}.")
    if not d >= 1:
        raise ValueError(f"The dimension must be 1 or more, but it is {d}.")
