"""What the page on Theorem 2 computes, kept for a while: numpy out, keyed by the choices that
matter.

Arguments with a leading underscore are not part of the key: the case follows from its own key.
What pictures that follow a hand are made of is soon found and has no spinner: it would need a page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from overparam.choices.problems import PROBLEMS
from overparam.choices.theorem import DATA, SHAPE, Case, case
from overparam.data import Data, ethanol_is_cached
from overparam.figures.theorem import METHODS
from overparam.theory.curves import MOST_PANELS, Array, Curve, Integral, half_disc
from overparam.theory.field import (
    Way,
    circulation,
    curl,
    force,
    known_potential,
    leading_term,
    remainder,
    stokes,
    work_along,
)
from overparam.theory.potential import Descent, Potential, best_potential, shares, tuned_descent

ARROWS, PIXELS = 15, 61  # per side of the square
POINTS = 129  # nodes per side of the grid for the potential
DEPTHS = np.concatenate((np.linspace(1, 3, 17), np.linspace(3.25, 10, 28)))
PLACES = 240  # along a curve, where the integral so far is known
GOALS = (1e-1, 1e-2, 1e-4)  # gaps to reach by descending
# residuals that an integral around a curve may ask for before its refinement gives up; kinks would
# never end
PATIENCE = 1e7

Key = tuple[Any, ...]


def case_key(values: Mapping[str, Any]) -> Key:
    """The choices that the loss and the plane depend on."""
    kind = values["loss"]
    names = SHAPE[kind]
    if "across" in names and values["across"] == "guilty":
        names = (*names, "N", "R")
    return (kind, *(values[name] for name in names), values["csv"] if kind == "csv" else "")


@st.cache_resource(max_entries=32, ttl=3600, show_spinner=False)
def find_case(key: Key, _values: Mapping[str, Any], _upload: Data | None) -> Case:
    """The loss and the plane. Raises ValueError, in one sentence."""
    if key[0] not in DATA:
        return case(_values)
    inputs, targets, _ = PROBLEMS[key[0]].arrays(SimpleNamespace(**_values), _upload)
    return case(_values, inputs, targets[:, 0])


def of_link(
    draw: Callable[[Mapping[str, Any], Case], go.Figure],
) -> Callable[[Mapping[str, Any]], go.Figure]:
    """The picture of choices alone.

    Its function raises ValueError, in one sentence, where a link does not bring the data.
    """

    def drawn(values: Mapping[str, Any]) -> go.Figure:
        kind = values["loss"]
        if kind == "csv" or (kind == "ethanol" and not ethanol_is_cached()):
            raise ValueError("The data of this picture are not here.")
        return draw(values, find_case(case_key(values), values, None))

    return drawn


@dataclass(frozen=True)
class Field:
    """F on the square for drawing: arrows (n, 2), and a background (q, q) on one axis (q,)."""

    at: Array
    vectors: Array
    axis: Array
    values: Array
    name: str
    contours: bool


@st.cache_data(max_entries=64, ttl=3600, show_spinner=False)
def field_of(key: Key, depth: float, half_width: float, _case: Case) -> Field:
    """Arrows of F, and behind them the curl; where F is known to be a gradient, its potential takes
    the curl's place."""
    arrows = _grid(np.linspace(-1.05, 1.05, ARROWS) * half_width)
    pixels = (
        np.linspace(-1.12, 1.12, PIXELS + 1) * half_width
    )  # an even number: the origin is not among them
    known = known_potential(_case.flat, depth)
    values = known[1](_grid(pixels)) if known else curl(_case.flat, depth, _grid(pixels))
    vectors = force(_case.flat.gradient, depth)(arrows)
    name = "potential" if known else "curl of F"
    return Field(
        arrows, vectors, pixels, values.reshape(PIXELS + 1, PIXELS + 1), name, known is not None
    )


@dataclass(frozen=True)
class Walk:
    """The integral around a curve, and along each of its pieces."""

    total: Integral
    pieces: list[Integral]


@st.cache_data(max_entries=64, ttl=3600, show_spinner=False)
def walk(key: Key, depth: float, curve: Curve, _case: Case) -> Walk:
    """The line integral, of F in all d dimensions."""
    # a panel takes 15 points on each of four pieces, and again on the way there
    most = int(np.clip(_points(_case) / 240, 30, MOST_PANELS))
    return Walk(*circulation(force(_case.loss.gradient, depth, _case.plane), curve, most=most))


@st.cache_data(max_entries=64, ttl=3600, show_spinner=False)
def area(key: Key, depth: float, curve: Curve, _case: Case) -> Integral:
    """The same by Stokes from the curl, of the loss restricted to the plane."""
    # each point is a ray of 40
    return stokes(_case.flat, depth, curve, most=int(np.clip(_points(_case) / 3600, 4, 40)))


@st.cache_data(max_entries=64, ttl=3600, show_spinner=False)
def way(key: Key, depth: float, curve: Curve, _case: Case) -> Way:
    """The same line integral on the way, at PLACES places, or fewer where data are many."""
    f = force(_case.loss.gradient, depth, _case.plane)
    return work_along(f, curve, int(np.clip(_points(_case) / 15, 60, PLACES)))


@dataclass(frozen=True)
class Shrinking:
    """The circulation as R goes to 0, where r = ratio R goes along, on the loss restricted to the
    plane.

    radii (q,): R. around, leading (q,): circulation, leading term; rest: what is between.
    """

    radii: Array
    around: Array
    leading: Array
    rest: list[Integral]


@st.cache_data(max_entries=64, ttl=3600, show_spinner=False)
def shrinking(key: Key, depth: float, ratio: float, big_r: float, _case: Case) -> Shrinking:
    """The first limit of the proof."""
    radii = np.geomspace(1e-3, 1, 13) * big_r
    rest = [remainder(_case.flat, depth, ratio * radius, radius) for radius in radii]
    leading = np.array([leading_term(depth, _case.c, ratio * radius, radius) for radius in radii])
    return Shrinking(radii, leading + np.array([v.value for v in rest]), leading, rest)


@dataclass(frozen=True)
class Closing:
    """The circulation as r goes to 0, where R is fixed, on the loss restricted to the plane.

    radii (q,): r. gap: how far the circulation is from its limit.
    """

    radii: Array
    gap: list[Integral]
    limit: Integral


@st.cache_data(max_entries=64, ttl=3600, show_spinner=False)
def closing(key: Key, depth: float, big_r: float, _case: Case) -> Closing:
    """The second limit of the proof."""
    f = force(_case.flat.gradient, depth)
    radii = np.geomspace(1e-3, 0.5, 10) * big_r
    # the two curves differ by a half disc: no cancellation
    gap = [circulation(f, half_disc(float(r)))[0] for r in radii]
    return Closing(radii, gap, circulation(f, half_disc(big_r))[0])


@dataclass(frozen=True, eq=False)
class Closest:
    """The best potential, ||rest|| / ||F|| at cell centres, the change of the share on half the
    grid."""

    potential: Potential
    ratio: Array
    error: float


@st.cache_data(max_entries=32, ttl=3600, show_spinner=False)
def closest(key: Key, depth: float, half_width: float, _case: Case) -> Closest:
    """The best-fitting potential on the square, on the loss restricted to the plane."""
    f = force(_case.flat.gradient, depth)
    fine, coarse = (best_potential(f, half_width, points) for points in (POINTS, (POINTS + 1) // 2))
    middle = (fine.axis[1:] + fine.axis[:-1]) / 2
    size = np.linalg.norm(f(_grid(middle)), axis=1).reshape(fine.along.shape)
    ratio = np.hypot(fine.along, fine.across) / np.maximum(size, np.finfo(float).tiny)
    return Closest(fine, ratio, abs(fine.share - coarse.share))


@st.cache_data(max_entries=32, ttl=3600, show_spinner=False)
def share_curve(key: Key, half_width: float, _case: Case) -> Array:
    """The share that no regularizer supplies, for DEPTHS; on a coarser grid, as it is for a curve
    on the screen."""
    return shares(_case.flat, half_width, DEPTHS, (POINTS + 1) // 2)


@st.cache_data(max_entries=32, ttl=3600, show_spinner=False)
def descents(
    key: Key,
    depth: float,
    half_width: float,
    start: tuple[float, float],
    _case: Case,
    _potential: Potential,
) -> dict[str, Descent]:
    """Gradient descent, the depth-N rule and the best regularizer from one start, for a loss that
    has a minimum."""
    least = _case.flat.minimum()
    assert least is not None
    fields = (_case.flat.gradient, force(_case.flat.gradient, depth), _potential.gradient())
    return {
        name: tuned_descent(f, _case.flat, least, np.array(start), GOALS)
        for name, f in zip(METHODS, fields, strict=True)
    }


def _points(case: Case) -> float:
    """How many points an integral may look at."""
    return PATIENCE / max(len(getattr(case.loss, "targets", ())), 1)


def _grid(axis: Array) -> Array:
    return np.stack([g.ravel() for g in np.meshgrid(axis, axis, indexing="ij")], axis=1)
