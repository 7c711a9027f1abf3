"""Theorem 2: the end-to-end update rule of a deep linear network is not the gradient step of any
regularized loss.

One output (k = 1), no weight decay: the rule moves W by -eta F(W),

    F(W) = ||W||^{2-2/N} (G(W) + (N-1) Pr_W G(W)),    F(0) = 0 for N > 1.

If F were the gradient of some function, its integral around every closed curve would be 0.
Everything here lives on a plane through the origin that contains e = G(0)/||G(0)||, with
coordinates z = (along e, across e). A line integral sees only the part of F that lies in the plane,
and that part is the field F of the loss restricted to the plane: so the curl and the best potential
are computed from the restricted loss, while the circulation may be computed from F in all d
dimensions (`force`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import roots_jacobi

from overparam.theory.curves import (
    MOST_PANELS,
    TOLERANCE,
    Array,
    Curve,
    Integral,
    Piece,
    accumulate,
    add,
    gamma,
    integrate,
    trace,
)
from overparam.theory.landscapes import Cone, Landscape, Quadratic

Gradient = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane through 0: the rows of `basis`, shape (2, d), are orthonormal, the first one being
    e."""

    basis: Array

    def embed(self, z: Array) -> Array:
        """Coordinates (n, 2) -> points of R^d (n, d)."""
        return z @ self.basis

    def project(self, w: Array) -> Array:
        """Points or vectors of R^d (n, d) -> coordinates (n, 2) of their orthogonal projections."""
        return w @ self.basis.T


@dataclass(frozen=True)
class Hypothesis:
    """One hypothesis of Theorem 2, whether it holds for the loss and depth at hand, and why."""

    statement: str
    holds: bool
    reason: str


def plane_through(first: Array, second: Array | None = None) -> Plane:
    """The plane spanned by two vectors of R^d, the first giving the direction e; in R^2 the second
    is the normal of e.

    Raises: ValueError if `first` is 0 or the two are parallel.
    """
    size = np.linalg.norm(first)
    if not size > 0:
        raise ValueError(
            "G(0) = 0: there is no direction e to build the curve on: move the minimum off the"
            " origin."
        )
    e = first / size
    if second is None:
        if first.size != 2:
            raise ValueError("In more than two dimensions a plane needs a second direction.")
        second = np.array([-e[1], e[0]])
    across = second - (second @ e) * e
    across -= (
        across @ e
    ) * e  # once more, as nearly parallel vectors lose digits in the first pass
    if not np.linalg.norm(across) > 1e-8 * np.linalg.norm(second):
        raise ValueError(
            "The two directions of the plane are parallel: choose another second direction."
        )
    return Plane(np.stack((e, across / np.linalg.norm(across))))


def slope_at_zero(loss: Landscape) -> Array:
    """G(0), shape (d,), set to exactly 0 where it is rounding next to the gradient at distance
    1."""
    away = loss.gradient(np.full((1, loss.dimension), loss.dimension**-0.5))[0]
    slope = loss.gradient(np.zeros((1, loss.dimension)))[0]
    return slope if np.linalg.norm(slope) > 1e-12 * np.linalg.norm(away) else np.zeros_like(slope)


def field(gradient: Gradient, depth: float, w: Array) -> Array:
    """F(W) = ||W||^{2-2/N} (G(W) + (N-1) Pr_W G(W)), the preconditioned gradient of Claim 2.

    Args:
        gradient: G, takes points (n, d), gives vectors (n, d).
        depth: N >= 1, real.
        w: points, shape (n, d).
    Returns: shape (n, d).
    Raises: ValueError if depth < 1.
    """
    if not depth >= 1:
        raise ValueError(f"Depth must be 1 or more, but it is {depth}.")
    slope = gradient(w)
    size2 = (w * w).sum(1, keepdims=True)
    along = (w * slope).sum(1, keepdims=True) / np.maximum(size2, np.finfo(float).tiny)
    return size2 ** (1 - 1 / depth) * (slope + (depth - 1) * along * w)


def force(gradient: Gradient, depth: float, plane: Plane | None = None) -> Gradient:
    """F as a map of the plane to itself: coordinates z (n, 2) -> coordinates of F's projection onto
    the plane (n, 2).

    With a plane of R^d, F is computed at the points of R^d, from the d-dimensional gradient.
    Without, R^2 is the plane.
    """
    if plane is None:
        return lambda z: field(gradient, depth, z)
    return lambda z: plane.project(field(gradient, depth, plane.embed(z)))


def curl(loss: Landscape, depth: float, z: Array) -> Array:
    """The curl dF_2/dz_1 - dF_1/dz_2 of F on the plane, from the loss restricted to it.

        curl F(z) = -(N-1)/N ||z||^{-2/N} [ (N-2) z×G(z) + N z×H(z)z ],    a×b = a_1 b_2 - a_2 b_1.

    It follows from the product rule, as G is a gradient (no curl) and z×z = 0. It vanishes
    identically for N = 1, and for N = 2 where the Hessian is a multiple of the identity.

    Args:
        loss: a loss on R^2.
        depth: N >= 1, real.
        z: points, shape (n, 2), not the origin unless N = 1.
    Returns: shape (n,).
    """
    turn = (depth - 2) * _cross(z, loss.gradient(z)) + depth * _cross(z, loss.hessian_product(z, z))
    return (
        -(depth - 1) / depth * (z * z).sum(1) ** (-1 / depth) * turn
        if depth > 1
        else np.zeros(len(z))
    )


def circulation(
    f: Gradient, curve: Curve, tolerance: float = TOLERANCE, most: int = MOST_PANELS
) -> tuple[Integral, list[Integral]]:
    """The line integral of f around a closed curve, and of each of its pieces, with error
    estimates.

    Args:
        f: the field on the plane (`force`), takes coordinates (n, 2), gives vectors (n, 2).
        curve: pieces, in order.
        tolerance, most: see `integrate`.
    """
    pieces = [integrate(_work(f, piece), tolerance, most=most) for piece in curve]
    return add(pieces), pieces


@dataclass(frozen=True, eq=False)
class Way:
    """A walk around a closed curve, at places evenly spaced along it.

    points (n + 1, 2); share (n + 1,): of the curve's length, 0 to 1; work (n + 1,): the line
    integral of the field so far, 0 first, the circulation last.
    """

    points: Array
    share: Array
    work: Array


def work_along(f: Gradient, curve: Curve, places: int) -> Way:
    """The line integral of f so far, at about `places` places of a closed curve, every corner
    among them.

    Args: as for `circulation`.
    """
    sizes = [float(np.linalg.norm(np.diff(c, axis=0), axis=1).sum()) for c in trace(curve)]
    points, share, work = [curve[0].point(np.zeros(1))], [np.zeros(1)], [np.zeros(1)]
    for piece, size in zip(curve, sizes, strict=True):
        edges = np.linspace(0, 1, max(1, round(places * size / sum(sizes))) + 1)
        points.append(piece.point(edges[1:]))
        share.append(share[-1][-1] + edges[1:] * size)
        work.append(work[-1][-1] + accumulate(_work(f, piece), edges)[1:])
    length = np.concatenate(share)
    return Way(np.concatenate(points), length / length[-1], np.concatenate(work))


def stokes(
    loss: Landscape, depth: float, curve: Curve, tolerance: float = TOLERANCE, most: int = 40
) -> Integral:
    """The same circulation as an area integral of the curl (Stokes), over the cone from the origin
    to the curve.

        sum over pieces of  integral_0^1 z(t)×z'(t) [ integral_0^1 s curl F(s z(t)) ds ] dt

    The cone counts every point as often as the curve winds around it, so that any closed curve will
    do. s curl F(s z) is s^{2-2/N} times a smooth function: Gauss-Jacobi quadrature takes the power
    as weight. The error estimate holds that of the outer integral and the change from 16 to 24
    inner points.

    Args:
        loss: a loss on R^2 (the restriction to the plane).
        depth, curve, tolerance, most: as above.
    """
    coarse, fine = (
        add(
            [
                integrate(_swept_curl(loss, depth, piece, order), tolerance, most=most)
                for piece in curve
            ]
        )
        for order in (16, 24)
    )
    return Integral(fine.value, fine.error + abs(fine.value - coarse.value), fine.absolute)


def closed_form(depth: float, c: float, r: float, big_r: float, along: float = 0.0) -> Array:
    """The four pieces of the circulation around Gamma_{r,R} where G(W) = c e + A W (proof of
    Theorem 2; A is added).

        segments  N [c (R^a - r^a)/a ∓ <e, A e> (R^{a+1} - r^{a+1})/(a+1)],    arcs  2 c r^a,  -2 c
        R^a,    a = 3 - 2/N total     2 c (N-1)(N-2)/(3N-2) (R^a - r^a), whatever A is: both ends of
        an arc see the same <z, A z>.

    Args:
        depth: N >= 1, real.
        c: ||G(0)||.
        r, big_r: 0 <= r < R.
        along: <e, A e>, 0 for a linear loss.
    Returns: shape (4,), in the order of `gamma`.
    """
    a = 3 - 2 / depth
    even, odd = (depth * (big_r**q - r**q) / q for q in (a, a + 1))
    return np.array(
        [c * even - along * odd, 2 * c * r**a, c * even + along * odd, -2 * c * big_r**a]
    )


def leading_term(depth: float, c: float, r: float, big_r: float) -> float:
    """2 c (N-1)(N-2)/(3N-2) (R^a - r^a), a = 3 - 2/N: the circulation around Gamma_{r,R} as R -> 0,
    up to o(R^a)."""
    a = 3 - 2 / depth
    return 2 * c * (depth - 1) * (depth - 2) / (3 * depth - 2) * (big_r**a - r**a)


def remainder(loss: Landscape, depth: float, r: float, big_r: float) -> Integral:
    """Circulation around Gamma_{r,R} minus its leading term, without cancellation: F is linear in
    G, so use G - G(0).

    Args:
        loss: a loss on R^2 with G(0) along the first axis.
        depth, r, big_r: as above.
    """
    slope = loss.gradient(np.zeros((1, 2)))
    return circulation(force(lambda z: loss.gradient(z) - slope, depth), gamma(r, big_r))[0]


def observed_order(radii: Array, values: list[Integral]) -> float | None:
    """The exponent q of |value| ~ R^q, fitted on log axes over the smaller radii whose value is
    clear of its error.

    None where fewer than three such values are left (the remainder is zero to rounding).
    """
    clear = [
        (r, abs(v.value))
        for r, v in sorted(zip(radii, values, strict=True))
        if abs(v.value) > 10 * v.error
    ]
    if len(clear) < 3:
        return None
    few = np.log(np.array(clear[: max(3, len(clear) // 2)]))
    return float(np.polyfit(few[:, 0], few[:, 1], 1)[0])


def known_potential(loss: Landscape, depth: float) -> tuple[str, Callable[[Array], Array]] | None:
    """A function with gradient F, as a formula in LaTeX and as code (n, 2) -> (n,), where one is
    known; else None.

    N = 1: F = G. N = 2 and Hessian lambda I (linear: lambda = 0); any N with G(W) = lambda W, or
    with the cone c||W||: it follows by integrating F along rays.
    """
    power = 2 - 2 / depth
    if depth == 1:
        return "L(W)", loss.value
    if isinstance(loss, Cone):
        factor = depth * loss.height / (power + 1)
        return (
            rf"{factor:.4g}\,\|W\|^{{{power + 1:.4g}}}",
            lambda z: factor * np.linalg.norm(z, axis=1) ** (power + 1),
        )
    if not isinstance(loss, Quadratic):
        return None
    size = loss.hessian[0, 0]
    round_bowl = np.allclose(
        loss.hessian, size * np.eye(2), rtol=0, atol=1e-12 * np.abs(loss.hessian).max()
    )
    if not round_bowl or (depth != 2 and loss.slope.any()):
        return None
    bowl = depth * size / (power + 2)

    def potential(z: Array) -> Array:
        norm = np.linalg.norm(z, axis=1)
        return norm * (z @ loss.slope) + bowl * norm ** (power + 2)

    terms = [r"\|W\|\langle W, G(0)\rangle"] * bool(loss.slope.any()) + [
        rf"{bowl:.4g}\,\|W\|^{{{power + 2:.4g}}}"
    ] * bool(bowl)
    return " + ".join(terms) or "0", potential


def hypotheses(loss: Landscape, depth: float) -> list[Hypothesis]:
    """The hypotheses of Theorem 2, each checked for a loss and a depth."""
    c = float(np.linalg.norm(slope_at_zero(loss)))
    return [
        Hypothesis(
            "G is continuous near 0",
            loss.continuous_gradient,
            (
                ""
                if loss.continuous_gradient
                else "the gradient has length c everywhere and jumps at 0"
            ),
        ),
        Hypothesis(
            "G(0) ≠ 0",
            c > 0,
            f"‖G(0)‖ = {c:.4g}" if c else "the origin is a stationary point of the loss",
        ),
        Hypothesis("N > 2", depth > 2, f"N = {depth:g}"),
    ]


def verdict(value: Integral) -> str:
    """What one circulation proves, in words."""
    if abs(value.value) > value.error:
        return f"Not a gradient: circulation {value}"
    return f"No contradiction on this curve: circulation {value}"


def _cross(a: Array, b: Array) -> Array:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _work(f: Gradient, piece: Piece) -> Callable[[Array], Array]:
    return lambda t: (f(piece.point(t)) * piece.velocity(t)).sum(1)


def _swept_curl(
    loss: Landscape, depth: float, piece: Piece, order: int
) -> Callable[[Array], Array]:
    power = 2 - 2 / depth
    nodes, weights = roots_jacobi(order, 0.0, power)
    s, weights = (nodes + 1) / 2, weights / 2 ** (power + 1)

    def swept(t: Array) -> Array:
        z = piece.point(t)
        swept_area = _cross(z, piece.velocity(t))
        if not swept_area.any():  # a piece that points at the origin
            return swept_area
        rays = (s[:, None, None] * z).reshape(-1, 2)
        values = curl(loss, depth, rays).reshape(s.size, t.size)
        return swept_area * ((weights * s ** (1 - power)) @ values)

    return swept
