"""The closest that any regularizer can come to the field F of Theorem 2 (an addition to the
paper)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.fft import dctn, idctn
from scipy.interpolate import RectBivariateSpline

from overparam.theory.curves import Array
from overparam.theory.field import force
from overparam.theory.landscapes import Landscape


@dataclass(frozen=True, eq=False)
class Potential:
    """The best potential on a square: `values[i, j]` = phi*(axis[i], axis[j]), mean 0.

    `along[i, j]` and `across[i, j]` hold the rest F - grad phi* at the cell centres,
    `share` = int ||rest||^2 / int ||F||^2.
    """

    axis: Array
    values: Array
    share: float
    along: Array
    across: Array

    @property
    def half_width(self) -> float:
        return float(self.axis[-1])

    def gradient(self) -> Callable[[Array], Array]:
        """grad phi* at any points (n, 2) of the square, by a cubic spline; NaN outside."""
        spline = RectBivariateSpline(self.axis, self.axis, self.values)

        def gradient(z: Array) -> Array:
            inside = np.abs(z).max(1) <= self.half_width  # a NaN counts as outside
            at = np.where(inside[:, None], z, 0.0)
            found = np.stack(
                (spline.ev(at[:, 0], at[:, 1], dx=1), spline.ev(at[:, 0], at[:, 1], dy=1)), axis=1
            )
            return np.where(inside[:, None], found, np.nan)

        return gradient


@dataclass(frozen=True, eq=False)
class Edges:
    """The staggered grid: the two components of a field at the middles of the edges that point
    along them.

    Edge (i, j) of the first kind joins nodes (i, j) and (i+1, j), shape (n-1, n); of the second (i,
    j) and (i, j+1), shape (n, n-1). An edge on the boundary stands for half as much area
    (trapezoidal rule), which makes the shares below accurate to O(h^2). With an odd n the origin is
    a node, so that no edge asks for F at it.
    """

    axis: Array

    @classmethod
    def of(cls, half_width: float, points: int) -> Edges:
        """A square [-s, s]^2 with points × points nodes.

        Raises: ValueError if s is not positive or points is even or below 5.
        """
        if not 0 < half_width < np.inf:
            raise ValueError(f"The half width of the square must be above 0, not {half_width:g}.")
        if points < 5 or points % 2 == 0:
            raise ValueError(f"The grid needs an odd number of points, at least 5, not {points}.")
        return cls(np.linspace(-half_width, half_width, points))

    @property
    def weight(self) -> Array:
        """Quadrature weights of the nodes of one axis, in units of the spacing."""
        weight = np.ones(self.axis.size)
        weight[[0, -1]] = 0.5
        return weight

    @property
    def middles(self) -> tuple[Array, Array]:
        """The middles of the edges of either kind, each (n (n-1), 2)."""
        half = (self.axis[1:] + self.axis[:-1]) / 2
        grids = (
            np.meshgrid(half, self.axis, indexing="ij"),
            np.meshgrid(self.axis, half, indexing="ij"),
        )
        return tuple(np.stack([g.ravel() for g in grid], axis=1) for grid in grids)  # type: ignore[return-value]

    def sample(self, f: Callable[[Array], Array]) -> tuple[Array, Array]:
        """f's first component on the first kind of edges and its second on the second kind."""
        n = self.axis.size
        one, two = self.middles
        return f(one)[:, 0].reshape(n - 1, n), f(two)[:, 1].reshape(n, n - 1)

    def energy(self, one: Array, two: Array) -> float:
        """The integral of ||f||^2 over the square in units of h^2, from the samples of `sample`."""
        return float((one**2 * self.weight).sum() + (two**2 * self.weight[:, None]).sum())

    def project(self, one: Array, two: Array) -> tuple[Array, Array, Array]:
        """Split samples of a field into the gradient of the best potential and a rest.

            minimise  sum over edges of weight (f - D phi)^2,    D the difference quotient along an
            edge: a Neumann problem D' M D phi = D' M f, diagonal in the cosine basis (DCT-I).

        Returns: phi (n, n) with mean 0, and the rest on both kinds of edges.
        """
        h, weight = self.axis[1] - self.axis[0], self.weight
        divergence = np.zeros((self.axis.size, self.axis.size))
        divergence[1:] += one * weight
        divergence[:-1] -= one * weight
        divergence[:, 1:] += two * weight[:, None]
        divergence[:, :-1] -= two * weight[:, None]
        waves = 2 - 2 * np.cos(np.pi * np.arange(self.axis.size) / (self.axis.size - 1))
        laplacian = waves[:, None] + waves
        laplacian[0, 0] = 1.0  # the constant: free in phi, absent from the right-hand side
        spectrum = dctn(divergence / (weight[:, None] * weight), type=1) / laplacian
        spectrum[0, 0] = 0.0
        phi = idctn(spectrum, type=1) * h
        return phi, one - np.diff(phi, axis=0) / h, two - np.diff(phi, axis=1) / h


def best_potential(f: Callable[[Array], Array], half_width: float, points: int = 129) -> Potential:
    """The potential phi* that minimises  int ||f - grad phi||^2  over the square [-s, s]^2.

    Args:
        f: a field on the plane, takes (n, 2), gives (n, 2).
        half_width: s > 0.
        points: nodes per axis, odd; the share converges like 1/points^2.
    Raises: ValueError for a bad square or grid.
    """
    edges = Edges.of(half_width, points)
    one, two = edges.sample(f)
    phi, rest_one, rest_two = edges.project(one, two)
    total = edges.energy(one, two)
    share = edges.energy(rest_one, rest_two) / total if total > 0 else 0.0
    along = (rest_one[:, 1:] + rest_one[:, :-1]) / 2
    across = (rest_two[1:] + rest_two[:-1]) / 2
    return Potential(edges.axis, phi, share, along, across)


def shares(loss: Landscape, half_width: float, depths: Array, points: int = 129) -> Array:
    """The share of F that no regularizer can supply, for many depths; the gradient is computed once
    for all of them.

    Args:
        loss: a loss on R^2.
        half_width: s > 0, of the square.
        depths: N >= 1, real, shape (q,).
        points: nodes per axis, odd.
    Returns: shape (q,).
    """
    edges = Edges.of(half_width, points)
    gradients = [loss.gradient(middles) for middles in edges.middles]
    found = []
    for depth in depths:
        answers = iter(gradients)

        def known(z: Array, answers: Iterator[Array] = answers) -> Array:
            return next(answers)

        one, two = edges.sample(force(known, float(depth)))
        _, *rest = edges.project(one, two)
        total = edges.energy(one, two)
        found.append(edges.energy(*rest) / total if total > 0 else 0.0)
    return np.array(found)


@dataclass(frozen=True, eq=False)
class Descent:
    """Runs of z <- z - step * direction(z) on a grid of step sizes, each goal served by the step
    that suits it best.

    arrivals: for each goal the least number of iterations after which a run stays below it; None
    where none arrives. step_size, path (T+1, 2), gap (T+1,): the run that arrives first at the last
    goal that any reaches, where gap stands for (L - L*)/(L(0) - L*); where none reaches any, a run
    at half the largest step size that does not diverge.
    """

    arrivals: tuple[int | None, ...]
    step_size: float
    path: Array
    gap: Array


def tuned_descent(
    direction: Callable[[Array], Array],
    loss: Landscape,
    least: Array,
    start: Array,
    goals: tuple[float, ...] = (1e-1, 1e-2, 1e-4),
    horizon: int = 500,
    steps_per_decade: int = 12,
) -> Descent:
    """Descend along a direction field with every step size of a grid at once (they are rows of one
    batch).

    Args:
        direction: what a step goes against: G, F or grad phi*; takes points (n, 2), gives vectors
            (n, 2); NaN ends a run.
        loss: on R^2, for the gap.
        least: the minimum of the loss, shape (2,).
        start: shape (2,).
        goals: gaps to reach, falling.
        horizon: number of iterations.
        steps_per_decade: resolution of the grid, which spans 1e-3 to 1e3 in units of 1/(largest
            curvature at the start).
    """
    bottom, top = loss.value(np.stack((least, np.zeros(2))))
    curvature = max(
        float(np.linalg.norm(loss.hessian_product(np.tile(start, (2, 1)), np.eye(2)), 2)), 1e-12
    )
    steps = np.logspace(-3, 3, 6 * steps_per_decade + 1) / curvature
    z = np.tile(start, (steps.size, 1))
    paths, gaps = [z], [(loss.value(z) - bottom) / (top - bottom)]
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # too large a step diverges: that row never arrives
        for _ in range(horizon):
            z = z - steps[:, None] * direction(z)
            paths.append(z)
            gaps.append((loss.value(z) - bottom) / (top - bottom))
    gap = np.array(gaps)
    arrivals: list[int | None] = []
    finite = np.flatnonzero(np.isfinite(gap[-1]))
    best = int(np.abs(steps - steps[finite[-1]] / 2).argmin()) if finite.size else 0
    for goal in goals:
        above = ~(gap <= goal)
        settled = np.where(
            above.any(0), horizon + 1 - above[::-1].argmax(0), 0
        )  # the first after the last one above
        arrivals.append(int(settled.min()) if settled.min() <= horizon else None)
        if arrivals[-1] is not None:
            best = int(settled.argmin())
    return Descent(tuple(arrivals), float(steps[best]), np.array(paths)[:, best], gap[:, best])
