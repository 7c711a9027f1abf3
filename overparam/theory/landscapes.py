"""Losses of one linear neuron (k = 1) as functions of its weight vector W in R^d, to study the
field F of Theorem 2.

Each gives its value, gradient G and Hessian-vector products at many points at once, and can be
restricted to a plane through 0: the restriction of L has E G as its gradient, where the rows of E
are an orthonormal basis of the plane.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Array = NDArray[Any]

CHUNK = 1 << 18  # entries of a residual block: two of them stay in a core's cache


class Landscape(Protocol):
    """A loss L on R^d; every method takes points as rows, shape (n, d)."""

    @property
    def dimension(self) -> int:
        """d."""

    @property
    def continuous_gradient(self) -> bool:
        """Whether G is continuous everywhere."""

    def value(self, w: Array) -> Array:
        """L(W), shape (n,)."""

    def gradient(self, w: Array) -> Array:
        """G(W), shape (n, d)."""

    def hessian_product(self, w: Array, v: Array) -> Array:
        """H(W) v, shape (n, d)."""

    def restricted(self, basis: Array) -> Landscape:
        """L on the span of the orthonormal rows of `basis`, shape (2, d), as a function of the two
        coordinates."""

    def minimum(self) -> Array | None:
        """A point where L is least, shape (d,); None where L has no least value or none that is
        unique."""


@dataclass(frozen=True, eq=False)
class Quadratic:
    """L(W) = <g, W> + <W, A W>/2,  G(W) = g + A W.  A = 0 is the linear loss.

    Args:
        slope: g = G(0), shape (d,), or (n, d): a loss of its own for each of n points.
        hessian: A, symmetric, shape (d, d).
    """

    slope: Array
    hessian: Array
    continuous_gradient = True

    @property
    def dimension(self) -> int:
        return self.slope.shape[-1]

    def value(self, w: Array) -> Array:
        return (w * self.slope).sum(1) + 0.5 * np.einsum("ni,ij,nj->n", w, self.hessian, w)

    def gradient(self, w: Array) -> Array:
        return self.slope + w @ self.hessian

    def hessian_product(self, w: Array, v: Array) -> Array:
        return v @ self.hessian

    def restricted(self, basis: Array) -> Quadratic:
        return Quadratic(basis @ self.slope, basis @ self.hessian @ basis.T)

    def minimum(self) -> Array | None:
        values = np.linalg.eigvalsh(self.hessian)
        if values[0] <= 1e-12 * max(values[-1], 1e-300):
            return None
        bottom: Array = np.linalg.solve(self.hessian, -self.slope)
        return bottom


@dataclass(frozen=True, eq=False)
class Regression:
    """L(W) = weight * sum_i |<x_i, W> - y_i|^p / p: data (weight 1/m), or the two-coordinate loss
    (X = I, weight 1).

    Args:
        inputs: X, shape (m, d).
        targets: y, shape (m,), or (n, m): a loss of its own for each of n points.
        p: loss exponent, real, at least 2.
        weight: positive factor in front of the sum.
    Raises: ValueError if the shapes disagree or p < 2.
    """

    inputs: Array
    targets: Array
    p: float
    weight: float
    continuous_gradient = True

    def __post_init__(self) -> None:
        if self.inputs.ndim != 2 or self.targets.shape[-1:] != self.inputs.shape[:1]:
            raise ValueError(
                f"Inputs {self.inputs.shape} and targets {self.targets.shape} must be (m, d) and"
                " (m,)."
            )
        if not self.p >= 2:
            raise ValueError(f"The loss exponent p must be 2 or more, but it is {self.p}.")

    @property
    def dimension(self) -> int:
        return self.inputs.shape[1]

    def value(self, w: Array) -> Array:
        return self._by_chunks(lambda r: self._power(r).sum(1) * (self.weight / self.p), w)

    def gradient(self, w: Array) -> Array:
        return self._by_chunks(lambda r: self._slope(r) @ self.inputs * self.weight, w)

    def hessian_product(self, w: Array, v: Array) -> Array:
        return self._by_chunks(
            lambda r, along: (self._curvature(r) * along) @ self.inputs * self.weight, w, v
        )

    def restricted(self, basis: Array) -> Regression:
        return Regression(
            np.ascontiguousarray(self.inputs @ basis.T), self.targets, self.p, self.weight
        )

    def minimum(self) -> Array | None:
        found, _, rank, _ = np.linalg.lstsq(self.inputs, self.targets, rcond=None)
        start: Array = found
        if rank < self.dimension:
            return None
        enough = 1e-10 * np.linalg.norm(self.gradient(np.zeros((1, self.dimension))))
        if (
            self.p == 2 or np.linalg.norm(self.gradient(start[None])) <= enough
        ):  # least squares, or an exact fit
            return start
        return minimize(
            lambda w: self.value(w[None])[0],
            start,
            jac=lambda w: self.gradient(w[None])[0],
            hess=self._hessian,
            method="trust-exact",
            options={"gtol": enough},
        ).x

    def _hessian(self, w: Array) -> Array:
        curvature = self._curvature(self.inputs @ w - self.targets)
        return self.weight * (self.inputs.T * curvature) @ self.inputs

    def _power(self, r: Array) -> Array:
        """|r|^p; products where p allows them, here and below, as a power costs ten times as
        much."""
        square = r * r
        return square if self.p == 2 else square * square if self.p == 4 else np.abs(r) ** self.p

    def _slope(self, r: Array) -> Array:
        """|r|^{p-1} sign r."""
        if self.p == 2:
            return r
        if self.p == 3:
            return r * np.abs(r)
        if self.p == 4:
            return r * r * r
        return np.copysign(np.abs(r) ** (self.p - 1), r)

    def _curvature(self, r: Array) -> Array:
        if self.p == 2:
            return np.ones_like(r)
        if self.p == 4:
            return 3 * r * r
        return (self.p - 1) * np.abs(r) ** (self.p - 2)

    def _by_chunks(self, function: Callable[..., Array], w: Array, v: Array | None = None) -> Array:
        """function(residuals[, X v]) over blocks of points: thousands of points times thousands of
        samples must fit."""
        rows = max(1, CHUNK // len(self.inputs))
        parts = []
        for i in range(0, len(w), rows):
            targets = self.targets if self.targets.ndim == 1 else self.targets[i : i + rows]
            residual = w[i : i + rows] @ self.inputs.T - targets
            parts.append(
                function(residual)
                if v is None
                else function(residual, v[i : i + rows] @ self.inputs.T)
            )
        return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class Cone:
    """L(W) = c ||W||,  G(W) = c W/||W||: a gradient that jumps at 0, where the subgradient c e
    stands for it.

    Args:
        height: c > 0.
        axis: the unit vector e, shape (d,).
    """

    height: float
    axis: Array
    continuous_gradient = False

    @property
    def dimension(self) -> int:
        return self.axis.size

    def value(self, w: Array) -> Array:
        return self.height * np.linalg.norm(w, axis=1)

    def gradient(self, w: Array) -> Array:
        return self.height * self._unit(w)

    def hessian_product(self, w: Array, v: Array) -> Array:
        unit = self._unit(w)
        across = v - unit * (unit * v).sum(1, keepdims=True)
        norm = np.linalg.norm(w, axis=1, keepdims=True)
        return np.divide(self.height * across, norm, out=np.zeros_like(across), where=norm > 0)

    def restricted(self, basis: Array) -> Cone:
        return Cone(self.height, basis @ self.axis)

    def minimum(self) -> Array | None:
        return np.zeros(self.dimension)

    def _unit(self, w: Array) -> Array:
        norm = np.linalg.norm(w, axis=1, keepdims=True)
        return np.divide(w, norm, out=np.tile(self.axis, (len(w), 1)), where=norm > 0)


def linear(slope: Array) -> Quadratic:
    """L(W) = <g, W>, a loss whose gradient is the same everywhere; g of shape (d,)."""
    return Quadratic(slope, np.zeros((slope.size, slope.size)))


def separable(targets: Array, p: float) -> Regression:
    """L(w) = ((w_1 - y_1)^p + ... + (w_d - y_d)^p)/p  with |.|^p for general p; y of shape (d,)."""
    return Regression(np.eye(targets.size), targets, p, 1.0)


def regression(inputs: Array, targets: Array, p: float) -> Regression:
    """L(W) = (1/m) sum_i |<x_i, W> - y_i|^p / p; X of shape (m, d), y of shape (m,)."""
    return Regression(inputs, targets, p, 1 / len(targets))
