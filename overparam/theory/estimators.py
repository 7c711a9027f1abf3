"""Gradient matching: which regularizer R, of a family, comes closest to a force f measured at
points, grad R(W) = f?

Every family is linear in its parameters, so that fitting it is least squares,  min_theta sum_n
||f_n - grad R_theta(W_n)||^2, a linear map of f. S draws of a noisy force at the same points are
fitted side by side: each gives parameters of its own, whose spread is the error bar. After the idea
of arXiv 2605.05436; whether the answer is a gradient at all is asked elsewhere (`circulation` in
the plane, loops of two runs, `skew`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from overparam.theory.curves import Array

MOST_UNKNOWNS = 1024  # of a free potential: its cost grows with their cube


@dataclass(frozen=True, eq=False)
class Points:
    """Where a force is measured: n points W, the loss gradient G and H G there, each of shape (n,
    d)."""

    w: Array
    gradient: Array
    bend: Array


class Family(Protocol):
    """Regularizers that are linear in their parameters; S forces are fitted at once."""

    def fit(self, points: Points, force: Array) -> Array:
        """The parameters nearest to forces (S, n, d) in the sense of least squares; the first axis
        is S."""

    def force(self, parameters: Array, points: Points) -> Array:
        """grad R at points, shape (S, n, d)."""


@dataclass(frozen=True)
class OneTerm:
    """R = theta r for one function r; column(points) is grad r, shape (n, d). Parameters (S, 1)."""

    column: Callable[[Points], Array]

    def fit(self, points: Points, force: Array) -> Array:
        column = self.column(points)
        size = np.abs(column).max(initial=0.0)
        if size == 0:
            return np.zeros((len(force), 1))
        unit = column / size  # so that a tiny column does not lose its square
        return ((force * unit).sum((1, 2)) / (unit * unit).sum() / size)[:, None]

    def force(self, parameters: Array, points: Points) -> Array:
        return parameters[:, :, None] * self.column(points)


def ridge() -> OneTerm:
    """R = (theta/2) ||W||^2."""
    return OneTerm(lambda points: points.w)


def power(q: float) -> OneTerm:
    """R = (theta/q) sum_j |W_j|^q, q >= 1."""
    return OneTerm(lambda points: np.copysign(np.abs(points.w) ** (q - 1), points.w))


def gradient_penalty() -> OneTerm:
    """R = (theta/2) ||G(W)||^2, whose gradient is theta H G."""
    return OneTerm(lambda points: points.bend)


@dataclass(frozen=True)
class Diagonal:
    """R = (1/2) sum_j theta_j W_j^2; parameters (S, d), 0 for a coordinate in which no point
    moved."""

    def fit(self, points: Points, force: Array) -> Array:
        size = (points.w**2).sum(0)
        return np.divide(
            (force * points.w).sum(1), size, out=np.zeros((len(force), size.size)), where=size > 0
        )

    def force(self, parameters: Array, points: Points) -> Array:
        return parameters[:, None, :] * points.w


@dataclass(frozen=True, eq=False)
class Radial:
    """R = rho(||W||) with rho' linear between `knots` (b,) and constant outside; parameters
    rho'(knot), shape (S, b).

    A knot that no point comes near is left at 0.
    """

    knots: Array

    def fit(self, points: Points, force: Array) -> Array:
        hats, unit = self._hats(points)
        gram = hats.T @ hats
        along = (force * unit).sum(2) @ hats
        return np.linalg.lstsq(gram, along.T, rcond=1e-12)[0].T

    def force(self, parameters: Array, points: Points) -> Array:
        hats, unit = self._hats(points)
        return (parameters @ hats.T)[:, :, None] * unit

    def _hats(self, points: Points) -> tuple[Array, Array]:
        """Hat functions of the radius (n, b), and W/||W||."""
        radius = np.linalg.norm(points.w, axis=1)
        hats = np.stack(
            [np.interp(radius, self.knots, row) for row in np.eye(self.knots.size)], axis=1
        )
        return hats, np.divide(
            points.w, radius[:, None], out=np.zeros_like(points.w), where=radius[:, None] > 0
        )


def radial(points: Points, knots: int = 12) -> Radial:
    """Radial potentials with so many knots between the smallest and the largest radius of the
    points."""
    radius = np.linalg.norm(points.w, axis=1)
    low, high = float(radius.min()), float(radius.max())
    return Radial(np.linspace(low, high if high > low else low + 1, knots))


@dataclass(frozen=True)
class Symmetric:
    """R = W Q W^T / 2 for any symmetric Q; parameters (S, d, d). With `linear` R = W Q W^T / 2 +
    <b, W>; parameters (S, d+1, d), b last.

    The least-squares conditions are the Lyapunov equation  S Q + Q S = W^T f + f^T W,  S = W^T W
    (W and f as n×d matrices). With the singular value decomposition W = U s V^T it is a division,

        (V^T Q V)_ij = (s_i E_ij + s_j E_ji) / (s_i^2 + s_j^2),    E = U^T f V,

    without forming S, and no d^2 unknowns. What the points leave open (s_i = s_j = 0) is set to 0.
    The best b given Q is the mean of f - W Q, so that with b the same holds for W and f less their
    means.
    """

    linear: bool = False

    def fit(self, points: Points, force: Array) -> Array:
        if not self.linear:
            return self._matrix(points.w, force)
        centre, mean = points.w.mean(0), force.mean(1)
        q = self._matrix(points.w - centre, force - mean[:, None])
        return np.concatenate((q, (mean - centre @ q)[:, None]), axis=1)

    def force(self, parameters: Array, points: Points) -> Array:
        if not self.linear:
            return points.w @ parameters
        return points.w @ parameters[:, :-1] + parameters[:, -1:]

    def _matrix(self, w: Array, force: Array) -> Array:
        n, d = w.shape
        u, s, vt = np.linalg.svd(w, full_matrices=n < d)
        size = np.zeros(d)
        size[: s.size] = np.where(s > max(n, d) * np.finfo(float).eps * s.max(initial=0.0), s, 0.0)
        seen = np.zeros((len(force), d, d))
        seen[:, : s.size] = u[:, : s.size].T @ force @ vt.T
        pulled = size[:, None] * seen
        both = size[:, None] ** 2 + size**2
        inner = np.divide(
            pulled + pulled.transpose(0, 2, 1), both, out=np.zeros_like(pulled), where=both > 0
        )
        return vt.T @ inner @ vt


@dataclass(frozen=True, eq=False)
class Kernel:
    """A free field by kernel ridge regression with the Gaussian k(z) = exp(-||z||^2 / 2 l^2);
    parameters (S, d, n), a vector for each of n `centres` (n, d).

    With `curl_free` every field is the gradient of some potential: the matrix kernel (I - z z^T /
    l^2) k, which is -l^2 times the Hessian of k. Without, the kernel I k takes any smooth field.
    """

    length: float
    penalty: float
    curl_free: bool
    centres: Array

    def fit(self, points: Points, force: Array) -> Array:
        """Needs the points to be the centres."""
        if points.w.shape != self.centres.shape:
            raise ValueError("A kernel is fitted at its own centres.")
        s, n, d = force.shape
        if not self.curl_free:
            flat = _solve(
                self._gaussian(points.w), self.penalty, force.transpose(1, 0, 2).reshape(n, s * d)
            )
            return flat.reshape(n, s, d).transpose(1, 2, 0)
        flat = _solve(
            self._matrix(points.w), self.penalty, force.transpose(2, 1, 0).reshape(d * n, s)
        )
        return flat.T.reshape(s, d, n)

    def force(self, parameters: Array, points: Points) -> Array:
        s, d, _ = parameters.shape
        if not self.curl_free:
            return (parameters @ self._gaussian(points.w).T).transpose(0, 2, 1)
        flat = parameters.reshape(s, -1) @ self._matrix(points.w).T
        return flat.reshape(s, d, -1).transpose(0, 2, 1)

    def _gaussian(self, w: Array) -> Array:
        return np.exp(-_squares(w, self.centres) / (2 * self.length**2))

    def _matrix(self, w: Array) -> Array:
        """Component-major, (d n, d m): one n×m block for each pair of components."""
        (n, d), m = w.shape, len(self.centres)
        bell = self._gaussian(w)
        z = (w[:, None] - self.centres).transpose(2, 0, 1) / self.length
        matrix = np.empty((d, n, d, m))
        for i in range(d):
            for j in range(i + 1):
                matrix[i, :, j] = ((i == j) - z[i] * z[j]) * bell
                matrix[j, :, i] = matrix[i, :, j]
        return matrix.reshape(d * n, d * m)


@dataclass(frozen=True, eq=False)
class Fit:
    """A family fitted to S forces: `parameters` of the family, and where the time scale was free,
    the factor c of G, shape (S,)."""

    family: Family
    parameters: Array
    scale: Array | None

    def force(self, points: Points) -> Array:
        """What was fitted, c G + grad R, at any points: shape (S, n, d)."""
        found = self.family.force(self.parameters, points)
        return found if self.scale is None else found + self.scale[:, None, None] * points.gradient

    def one(self, draw: int) -> Fit:
        """The fit of one of the S forces alone."""
        chosen = slice(draw, draw + 1)
        return Fit(
            self.family, self.parameters[chosen], None if self.scale is None else self.scale[chosen]
        )

    def mean(self) -> Fit:
        """The fit of the mean force (S = 1)."""
        scale = None if self.scale is None else self.scale.mean(keepdims=True)
        return Fit(self.family, self.parameters.mean(0, keepdims=True), scale)


def fit(family: Family, points: Points, force: Array, free_scale: bool = False) -> Fit:
    """Least squares of grad R, or of c G + grad R, on S forces.

    A constant factor c of G only rescales time. It is found as in the theorem of Frisch, Waugh and
    Lovell: what the family leaves of f is compared with what it leaves of G.

    Args:
        family: what R may be.
        points: n points.
        force: shape (S, n, d).
        free_scale: whether c G is part of the answer.
    """
    if not free_scale:
        return Fit(family, family.fit(points, force), None)
    both = family.fit(points, np.concatenate((force, points.gradient[None])))
    rest = np.concatenate((force, points.gradient[None])) - family.force(both, points)
    left = (rest[-1] ** 2).sum()
    # what is left of G is 0 where the family holds L itself: then c = 0 does as well as any
    free = left > 1e-20 * (points.gradient**2).sum()
    scale = (rest[:-1] * rest[-1]).sum((1, 2)) / left if free else np.zeros(len(force))
    shape = (-1,) + (1,) * (both.ndim - 1)
    return Fit(family, both[:-1] - scale.reshape(shape) * both[-1], scale)


@dataclass(frozen=True)
class Share:
    """The share of ||f||^2 that a fit leaves.

    value: may be below 0 by chance where the force is noisy. error: standard error by the
        jackknife, 0 without noise. band: in 19 of 20 cases |value| stays below it if nothing but
        noise is left. chance: probability of a value as large by noise alone; 1 without noise and
        with a share at rounding, 0 without noise and with more.
    """

    value: float
    error: float
    band: float
    chance: float


ROUNDING = 1e-9  # a share below this is rounding, where the force has no noise
FLIPS = 499


def share_left(rest: Array, force: Array) -> Share:
    """The share of the force that is left, free of the noise's own share where there are two draws
    or more.

        rho = mean_{s != t} <r_s, r_t> / mean_{s != t} <f_s, f_t>

    S independent draws at the same points: noise of different draws is uncorrelated, so that a
    right family leaves 0 on average, where the share of one draw never falls below the noise's. The
    null distribution comes from random signs of the r_s: all sign patterns where they are few, else
    499 of them.

    Args: rest, force: shape (S, n, d); with S = 1 the plain share, without error bar.
    """
    s = len(force)
    rest, force = rest.reshape(s, -1), force.reshape(s, -1)
    if s == 1:
        whole = (force**2).sum()
        value = float((rest**2).sum() / whole) if whole > 0 else 0.0
        return Share(value, 0.0, 0.0, float(value <= ROUNDING))
    inner, whole = rest @ rest.T, force @ force.T
    value = _ratio(inner, whole)
    error = math.inf
    if s > 2:
        left, all_ = _off_without_each(inner), _off_without_each(whole)
        shares = np.divide(left, all_, out=np.zeros(s), where=all_ != 0)
        error = float(np.sqrt((s - 1) * np.var(shares)))
    signs = _signs(s)
    apart = inner - np.diag(np.diag(inner))
    null = ((signs @ apart) * signs).sum(1)
    chance = float((null >= null[0] - 1e-12 * abs(null[0])).mean())
    size = abs(_off(whole))
    return Share(
        value, error, float(np.quantile(np.abs(null), 0.95)) / size if size else 0.0, chance
    )


def signal(force: Array) -> float:
    """Probability that noise alone makes draws (S, n, d) agree as much as these do; 0 for one draw
    or exact ones that are not 0."""
    if len(force) == 1:
        return float(not force.any())
    return share_left(force, force).chance


def _ratio(inner: Array, whole: Array) -> float:
    below = _off(whole)
    return _off(inner) / below if below else 0.0


def _off(gram: Array) -> float:
    """The sum over pairs of different draws."""
    return float(gram.sum() - np.trace(gram))


def _off_without_each(gram: Array) -> Array:
    """`_off` of the draws without one of them, for each: (S,)."""
    return _off(gram) - 2 * (gram.sum(1) - np.diag(gram))


@lru_cache(maxsize=64)
def _signs(s: int) -> Array:
    """Sign patterns, the first all +1; one of each pair of opposite ones."""
    if 2 ** (s - 1) <= FLIPS:
        bits = (np.arange(2 ** (s - 1))[:, None] >> np.arange(s)) & 1
        return 1.0 - 2 * bits
    rest = np.random.default_rng(0).choice([-1.0, 1.0], size=(FLIPS, s))
    return np.vstack((np.ones(s), rest))


def _squares(a: Array, b: Array) -> Array:
    """Squared distances, (n, m)."""
    found = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T
    return np.maximum(found, 0.0)


def _solve(matrix: Array, penalty: float, wanted: Array) -> Array:
    """(matrix + penalty I)^{-1} wanted, over the matrix."""
    if len(matrix) > MOST_UNKNOWNS:
        raise ValueError(
            f"A free field with {len(matrix)} unknowns is too large: use at most {MOST_UNKNOWNS}, "
            "so fewer runs."
        )
    matrix[np.diag_indices(len(matrix))] += penalty
    return cho_solve(cho_factor(matrix, lower=True, check_finite=False), wanted, check_finite=False)
