"""Closed curves in the plane, made of smooth pieces, and integrals along them with an error
estimate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# the error that is stated, in units of the largest estimate: at a kink all of them may be too small
# at once
SAFETY = 10
TOLERANCE = 1e-11  # of the integral of the absolute value
MOST_PANELS = 300  # where refinement gives up; the error estimate then says how far it came
# Rounding of the integrand, in units of its size: the sums inside a gradient lose a few digits more
# than one operation.
ROUNDING = 50 * np.finfo(float).eps


@dataclass(frozen=True)
class Segment:
    """The straight way from `start` to `end`, two points of the plane."""

    start: tuple[float, float]
    end: tuple[float, float]

    def point(self, t: Array) -> Array:
        """Points at parameters t in [0, 1], shape (n, 2)."""
        return np.array(self.start) + t[:, None] * (np.array(self.end) - np.array(self.start))

    def velocity(self, t: Array) -> Array:
        """The derivative of `point`, shape (n, 2)."""
        return np.tile(np.array(self.end) - np.array(self.start), (t.size, 1))


@dataclass(frozen=True)
class Arc:
    """centre + Q (a cos s, b sin s) for angles s from `start` to `end`, Q the rotation by `tilt`;
    angles in radians."""

    centre: tuple[float, float]
    half_axes: tuple[float, float]
    start: float
    end: float
    tilt: float = 0.0

    def point(self, t: Array) -> Array:
        """Points at parameters t in [0, 1], shape (n, 2)."""
        s = self.start + t * (self.end - self.start)
        return np.array(self.centre) + self._rotated(np.cos(s), np.sin(s))

    def velocity(self, t: Array) -> Array:
        """The derivative of `point`, shape (n, 2)."""
        s = self.start + t * (self.end - self.start)
        return (self.end - self.start) * self._rotated(-np.sin(s), np.cos(s))

    def _rotated(self, x: Array, y: Array) -> Array:
        (a, b), cos, sin = self.half_axes, math.cos(self.tilt), math.sin(self.tilt)
        return np.stack((a * cos * x - b * sin * y, a * sin * x + b * cos * y), axis=1)


Piece = Segment | Arc
Curve = tuple[Piece, ...]


@dataclass(frozen=True)
class Integral:
    """A number and how far it may be from the true one: value ± error.

    `absolute` is the integral of the absolute value, against which cancellation can be judged.
    """

    value: float
    error: float
    absolute: float

    def __str__(self) -> str:
        """In words that stay on one line: "0.7255 ± 7e-14", with 0 for a value that its error does
        not tell from 0."""
        value = f"{self.value:.6g}".replace("-", "−") if abs(self.value) > self.error else "0"
        return f"{value}\u00a0±\u00a0{self.error:.0e}".replace("e-", "e−") if self.error else value


def gamma(r: float, big_r: float) -> Curve:
    """The curve of the proof of Theorem 2, counterclockwise, in coordinates (along e, across e).

        (1) segment -R e -> -r e,  (2) arc of radius r from -r e to r e,  (3) segment r e -> R e,
        (4) arc of radius R from R e back to -R e; both arcs on the positive side of the second
        axis.

    Args:
        r, big_r: 0 < r < R.
    Raises: ValueError saying which of the two is wrong, and what to do.
    """
    if not 0 < r:
        raise ValueError(
            "r must be above 0, or the curve would run through the origin: choose a small"
            " positive r."
        )
    if not r < big_r < math.inf:
        raise ValueError(
            f"r must be smaller than R, but r = {r:g} and R = {big_r:g}: lower r or raise R."
        )
    return (
        Segment((-big_r, 0.0), (-r, 0.0)),
        Arc((0.0, 0.0), (r, r), math.pi, 0.0),
        Segment((r, 0.0), (big_r, 0.0)),
        Arc((0.0, 0.0), (big_r, big_r), 0.0, math.pi),
    )


def half_disc(big_r: float) -> Curve:
    """The limit of `gamma` for r -> 0: the boundary of a half disc, through the origin where F is
    continuous."""
    return (
        Segment((-big_r, 0.0), (0.0, 0.0)),
        Segment((0.0, 0.0), (big_r, 0.0)),
        Arc((0.0, 0.0), (big_r, big_r), 0.0, math.pi),
    )


def ellipse(
    centre: tuple[float, float], half_axes: tuple[float, float], tilt: float = 0.0
) -> Curve:
    """An ellipse, counterclockwise, whose first half axis is turned by `tilt` (radians); equal half
    axes give a circle.

    Raises: ValueError if a half axis is not positive, or the curve passes through the origin.
    """
    if not min(half_axes) > 0:
        raise ValueError("Both half axes must be above 0.")
    return _off_the_origin((Arc(centre, half_axes, 0.0, 2 * math.pi, tilt),))


def polygon(vertices: Sequence[tuple[float, float]]) -> Curve:
    """The closed polygon through the vertices, in the order given.

    Raises: ValueError if there are fewer than three, two neighbours coincide, or it passes through
    the origin.
    """
    corners = [(float(x), float(y)) for x, y in vertices]
    if len(corners) < 3:
        raise ValueError(f"A polygon needs at least three corners, but {len(corners)} were given.")
    if any(a == b for a, b in zip(corners, corners[1:] + corners[:1], strict=True)):
        raise ValueError("Two neighbouring corners of the polygon coincide: remove one of them.")
    return _off_the_origin(
        tuple(Segment(a, b) for a, b in zip(corners, corners[1:] + corners[:1], strict=True))
    )


def simplified(points: Array, most: int, smallest: float) -> Array:
    """A closed polygon with fewer corners: the corner whose triangle with its neighbours is
    smallest goes, again and again (M. Visvalingam, J. D. Whyatt, "Line generalisation by repeated
    elimination of points", 1993).

    Args:
        points: corners in order, shape (n, 2).
        most: so many may stay.
        smallest: every triangle that stays has at least this area.
    Returns: shape (m, 2), m at most `most`; fewer than 3 where the polygon encloses nothing.
    """
    while len(points) > 2:
        one, other = np.roll(points, 1, axis=0) - points, np.roll(points, -1, axis=0) - points
        area = np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2
        if len(points) <= most and area.min() >= smallest:
            break
        points = np.delete(points, area.argmin(), axis=0)
    return points


def distance_from_origin(curve: Curve) -> float:
    """The smallest ||z|| on the curve, by sampling each piece and then narrowing down on the best
    sample."""
    best = math.inf
    for piece in curve:
        low, high = 0.0, 1.0
        for samples in (1025, 65, 65, 65, 65, 65):
            t = np.linspace(low, high, samples)
            norms = np.linalg.norm(piece.point(t), axis=1)
            i, step = int(norms.argmin()), t[1] - t[0]
            best = min(best, float(norms[i]))
            low, high = max(0.0, t[i] - step), min(1.0, t[i] + step)
    return best


def trace(curve: Curve, samples: int = 121) -> list[Array]:
    """Points along each piece for drawing, arrays of shape (samples, 2); three are enough for a
    segment."""
    return [
        piece.point(np.linspace(0, 1, 3 if isinstance(piece, Segment) else samples))
        for piece in curve
    ]


def integrate(
    f: Callable[[Array], Array],
    tolerance: float = TOLERANCE,
    panels: int = 4,
    most: int = MOST_PANELS,
) -> Integral:
    """The integral of f over [0, 1] by adaptive bisection with the Gauss-Kronrod pair G7, K15, many
    panels at a time.

    Bisection closes in on power laws at an end and on kinks inside. The error of a panel is
    estimated by |K15 - G7| and by how far f at its ends is from the polynomial through the 15
    values, as these are blind beyond the outermost of them. Where that is small enough everywhere,
    every panel is cut in half once more; the estimate is then the largest of its own, the halves'
    own, and the change that this made. Any of them may be small by accident at a kink: where
    another is too large, refinement goes on. The estimates, times SAFETY, are added up, plus the
    rounding of the integrand: pessimistic, as they speak of panels twice as wide as those that give
    the value.

    Args:
        f: takes parameters of shape (n,), gives values of shape (n,).
        tolerance: refinement stops where the estimate is below this share of the integral of |f|.
        panels: number of equal panels to begin with.
        most: refinement also stops before there are more panels than this; the error is then
            larger, and says so.
    """
    width = np.full(panels, 1.0 / panels)
    left = np.arange(panels) / panels
    value, error, absolute = _panel_sums(f, left, width)
    while True:
        bad = _too_coarse(error, absolute, tolerance, most)
        if not bad.any():
            finer, rest, _ = _panel_sums(f, *_halves(left, width))
            change = np.abs(finer[: value.size] + finer[value.size :] - value)
            error = np.maximum.reduce((error, change, rest[: value.size] + rest[value.size :]))
            bad = _too_coarse(error, absolute, tolerance, most)
            if not bad.any():
                return Integral(
                    math.fsum(finer),
                    float(SAFETY * error.sum() + ROUNDING * absolute.sum()),
                    float(absolute.sum()),
                )
        halves = _halves(left[bad], width[bad])
        refined = _panel_sums(f, *halves)
        left, width = (
            np.concatenate((left[~bad], halves[0])),
            np.concatenate((width[~bad], halves[1])),
        )
        value, error, absolute = (
            np.concatenate((old[~bad], new))
            for old, new in zip((value, error, absolute), refined, strict=True)
        )


def accumulate(f: Callable[[Array], Array], edges: Array) -> Array:
    """The integral of f from the first edge to each edge, with the Kronrod rule once between
    neighbours.

    Args:
        f: as for `integrate`.
        edges: rising, shape (n + 1,).
    Returns: shape (n + 1,), 0 first.
    """
    return np.concatenate(([0.0], np.cumsum(_panel_sums(f, edges[:-1], np.diff(edges))[0])))


def add(parts: Sequence[Integral]) -> Integral:
    """The sum of integrals; errors add up, as they may all point the same way."""
    return Integral(
        *(math.fsum(getattr(p, name) for p in parts) for name in ("value", "error", "absolute"))
    )


def _too_coarse(error: Array, absolute: Array, tolerance: float, most: int) -> NDArray[np.bool_]:
    """The panels to cut in half: none where the sum of the errors is small enough, or there would
    be more than `most`."""
    target = tolerance / SAFETY * absolute.sum()
    bad = (error > target / error.size) & (error > ROUNDING * absolute)
    return bad & (error.sum() > target and error.size + bad.sum() <= most)


def _halves(left: Array, width: Array) -> tuple[Array, Array]:
    return np.concatenate((left, left + width / 2)), np.concatenate((width / 2, width / 2))


def _panel_sums(
    f: Callable[[Array], Array], left: Array, width: Array
) -> tuple[Array, Array, Array]:
    """K15, its estimated error and K15 of |f| on each panel."""
    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # at an end f need not be finite: that is the open rule's strength
        y = f((left[:, None] + width[:, None] * _POINTS).ravel()).reshape(left.size, _POINTS.size)
    ends, y = y[:, [0, -1]], y[:, 1:-1]
    kronrod = width * (y @ KRONROD)
    beyond = np.abs(ends - y @ _TO_ENDS) * width[:, None] * NODES[0]
    error = np.abs(kronrod - width * (y[:, 1::2] @ GAUSS)) + np.where(
        np.isfinite(beyond), beyond, 0
    ).sum(axis=1)
    return kronrod, error, width * (np.abs(y) @ KRONROD)


def _off_the_origin(curve: Curve) -> Curve:
    size = max(float(np.abs(points).max()) for points in trace(curve))
    if distance_from_origin(curve) < 1e-6 * size:
        raise ValueError(
            "The curve passes through the origin, where F is not smooth: move it a little to either"
            " side."
        )
    return curve


# Abscissae and weights on [-1, 1] of the Kronrod rule with 15 points; every second one belongs to
# the Gauss rule with 7 (R. Piessens et al., QUADPACK, 1983, routine QK15).
_HALF = np.array([
    0.991455371120812639206854697526329, 0.949107912342758524526189684047851,
    0.864864423359769072789712788640926, 0.741531185599394439863864773280788,
    0.586087235467691130294144691693013, 0.405845151377397166906606412076961,
    0.207784955007898467600689403773245,
])  # fmt: skip
_KRONROD = np.array([
    0.022935322010529224963732008058970, 0.063092092629978553290700663189204,
    0.104790010322250183839876322541518, 0.140653259715525918745189590510238,
    0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
    0.204432940075298892414161999234649, 0.209482141084727828012999174891714,
])  # fmt: skip
_GAUSS = np.array([
    0.129484966168869693270611432679082, 0.279705391489276667901467771423780,
    0.381830050505118944950369775488975, 0.417959183673469387755102040816327,
])  # fmt: skip
NODES = np.concatenate((-_HALF, [0.0], _HALF[::-1])) / 2 + 0.5
KRONROD = np.concatenate((_KRONROD, _KRONROD[-2::-1])) / 2
GAUSS = np.concatenate((_GAUSS, _GAUSS[-2::-1])) / 2
_POINTS = np.concatenate(([0.0], NODES, [1.0]))
# Lagrange's polynomials of the nodes at 0 and at 1, (15, 2)
_TO_ENDS = np.array(
    [
        [math.prod((end - x) / (node - x) for x in NODES if x != node) for end in (0.0, 1.0)]
        for node in NODES
    ]
)
