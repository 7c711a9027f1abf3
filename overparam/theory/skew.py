"""Where, and in which plane, the field F of a deep linear network fails to be a gradient (one
output, k = 1).

A field is a gradient near a point exactly where its Jacobian J is symmetric. For F(W) = ||W||^a (G
+ (N-1) Pr_W G), a = 2-2/N,

    J - J^T = (N-1) ||W||^a (u q^T - q u^T),     u = W/||W||,
    q = the part of  H u + (N-2)/(N ||W||) G  orthogonal to u,

so in any dimension all of it lies in one plane, spanned by W and N H W + (N-2) G, and F is a
gradient to first order exactly where these two are parallel. (An addition to the paper: its Theorem
2 shows that the two cannot be parallel everywhere near 0 when N > 2 and G(0) != 0.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overparam.theory.curves import Array
from overparam.theory.landscapes import Landscape


@dataclass(frozen=True, eq=False)
class Skew:
    """The skew part (J - J^T)/2 = factor (u q^T - q u^T) of the Jacobian of F at n points.

    unit: u, shape (n, d). across: q, shape (n, d), orthogonal to u. factor: (N-1) ||W||^a / 2,
        shape (n,).
    """

    unit: Array
    across: Array
    factor: Array

    @property
    def energy(self) -> Array:
        """Squared Frobenius norm, 2 factor^2 ||q||^2 = ||W||^{2a} (N-1)^2 ||q||^2 / 2; shape
        (n,)."""
        return 2 * self.factor**2 * (self.across**2).sum(1)

    def matrix(self, point: int) -> Array:
        """The skew part at one of the points, written out: shape (d, d), rank 2 or 0."""
        outer = np.outer(self.unit[point], self.across[point])
        return self.factor[point] * (outer - outer.T)


def skew(loss: Landscape, depth: float, w: Array) -> Skew:
    """The skew part of the Jacobian of F from one gradient and one product with the Hessian a
    point.

    Args:
        loss: a smooth loss on R^d.
        depth: N >= 1, real.
        w: points, shape (n, d), none of them 0.
    Raises: ValueError if a point is 0 or depth < 1.
    """
    size, unit = _polar(w, depth)
    pull = loss.hessian_product(w, unit) + (depth - 2) / (depth * size) * loss.gradient(w)
    for _ in range(2):  # once more, as a part nearly along u loses digits in the first pass
        pull = pull - (pull * unit).sum(1, keepdims=True) * unit
    return Skew(unit, pull, (depth - 1) / 2 * size[:, 0] ** (2 - 2 / depth))


def guilty_direction(loss: Landscape, depth: float, w: Array) -> Array | None:
    """q/||q|| at one point: with W it spans the plane in which F fails to be a gradient.

    Args: loss, depth: as above, but q does not vanish at N = 1, so that the plane has a limit
    there. w: shape (d,), not 0.
    Returns: shape (d,); None where q is 0 to rounding, as at a point whose G and H W are along W.
    """
    across = skew(loss, depth, w[None]).across[0]
    size = np.linalg.norm(across)
    parts = (
        np.linalg.norm(loss.hessian_product(w[None], w[None])),
        np.linalg.norm(loss.gradient(w[None])),
    )
    scale = max(parts) / np.linalg.norm(w)
    return across / size if size > 1e-12 * scale else None


def jacobian(loss: Landscape, depth: float, w: Array) -> Array:
    """The whole Jacobian of F at one point, from the d×d Hessian.

        J = ||W||^a [ (I + (N-1) u u^T) H + ( a (G + (N-1) g u) u^T + (N-1) (u G_perp^T + g (I - u
        u^T)) ) / ||W|| ]

    with g = <u, G> and G_perp = G - g u.

    Args: loss, depth: as above. w: shape (d,), not 0.
    Returns: shape (d, d), row i belonging to the component F_i.
    Raises: ValueError if w is 0 or depth < 1.
    """
    size, unit = _polar(w[None], depth)
    n, u, d = float(size[0, 0]), unit[0], w.size
    slope = loss.gradient(w[None])[0]
    hessian = loss.hessian_product(np.tile(w, (d, 1)), np.eye(d))
    g, a, stretch = u @ slope, 2 - 2 / depth, depth - 1
    turning = a * np.outer(slope + stretch * g * u, u) + stretch * (
        np.outer(u, slope - g * u) + g * (np.eye(d) - np.outer(u, u))
    )
    return n**a * (hessian + stretch * np.outer(u, u @ hessian) + turning / n)


def skew_share(loss: Landscape, depth: float, w: Array) -> Array:
    """The share of F's Jacobian that is skew, ||(J - J^T)/2||^2 / ||J||^2 (Frobenius): 0 where F is
    locally a gradient.

    Args: loss, depth: as above. w: points, shape (n, d), none of them 0.
    Returns: shape (n,), from 0 to 1; a d×d Hessian is formed at each point.
    """
    whole = np.array([(jacobian(loss, depth, point) ** 2).sum() for point in w])
    return np.divide(skew(loss, depth, w).energy, whole, out=np.zeros(len(w)), where=whole > 0)


def _polar(w: Array, depth: float) -> tuple[Array, Array]:
    """||W|| as (n, 1) and W/||W||."""
    if not depth >= 1:
        raise ValueError(f"Depth must be 1 or more, but it is {depth}.")
    size = np.linalg.norm(w, axis=1, keepdims=True)
    if not size.all():
        raise ValueError(
            "At W = 0 the field has no Jacobian that could be read: choose points away from 0."
        )
    return size, w / size
