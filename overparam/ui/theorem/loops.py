"""Two roads: the work of the force along two real runs with the same ends, from five starts."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from overparam.choices.estimate import BATCH, MEASURES, gap_of
from overparam.figures.any_regularizer import loops_figure, roads_figure, skew_figure, works_figure
from overparam.measure.estimate import clear
from overparam.measure.roads import (
    STRIDE,
    Force,
    Roads,
    Works,
    drawn,
    goals,
    interval,
    network_force,
    plane_of,
    roads,
    rule_force,
    works,
)
from overparam.measure.updates import Task, Way, noisy_gradient, random_starts
from overparam.theory.curves import Array
from overparam.theory.skew import skew_share
from overparam.ui.components.plot import plot
from overparam.ui.shell.state import PageState

Computed = Callable[..., Any]
STARTS = 5
NETWORK_STEP = 1e-4


@dataclass(frozen=True, eq=False)
class Loops:
    """Five loops: where the roads lie in their planes, the works of the force and of G, places
    share along the deep run.

    one, other: coordinates in each start's plane, (S, n1, 2), (S, n2, 2). along_one, along_other:
        the rule's work per length there. flat: share of the extent that the plane holds, (S,).
    stations: points of the deep run, (S, 9, d), at `distance` (9,) of its length.
    """

    one: Array
    other: Array
    along_one: Array
    along_other: Array
    flat: Array
    force: Works
    null: Works
    distance: Array
    stations: Array
    arrived: Array
    gap: float


def measure(state: PageState, task: Task, depth: float, by: str, computed: Computed) -> Loops:
    """The loops of the choices; shared by all who ask for the same."""
    values = state.values()
    repeats = values["repeats"] if by == "batch" else 1
    key = (
        "loops",
        values["data"],
        values["csv"] if values["data"] == "csv" else "",
        values["q"],
        depth,
        by,
        repeats,
        values["seed"],
    )
    d = task.inputs.shape[1]
    gap = gap_of(values["data"], values["q"], d)
    found: Loops = computed(
        key,
        lambda: _measure(task, depth, by, repeats, values["seed"], gap),
        "Walking both roads from five starts",
    )
    return found


def show(state: PageState, task: Task, computed: Computed) -> None:
    """Draw the panel."""
    values = state.values()
    depth, by = values["N"], values["by"]
    if by == "network" and depth != int(depth):
        raise ValueError(
            f"A network's depth is a whole number, not {depth:g}: choose one, or measure with the "
            "rule."
        )
    if task.inputs.shape[1] < 2:
        raise ValueError(
            "The data have one input only, where every force is a gradient: choose data with two "
            "or more."
        )
    st.caption(
        "The work $\\int f\\cdot dW$ of a gradient depends on the ends alone. Two **real runs** "
        "with "
        "the same ends: out by depth 1, then straight on to where the other ends; back by depth "
        "$N$. Measured with a network's own steps, $f$ needs no theory."
    )
    found = measure(state, task, depth, by, computed)
    chosen = min(values["loop"], STARTS) - 1
    difference, half, kappa, error = _numbers(found.force)
    _judge(found, depth, by, difference, half, kappa, chosen)
    left, right = st.columns([1.15, 1], gap="medium")
    with left:
        plot(
            roads_figure(
                found.one[chosen],
                found.other[chosen],
                found.along_one[chosen],
                found.along_other[chosen],
                depth,
            ),
            key=state.key("roads_plane"),
            alt=(
                "Both roads in a plane through their ends, coloured by the work that the force "
                "does per length."
            ),
        )
        st.caption(
            f"Start {chosen + 1} of 5, ‖W₀‖ = 0.1; both runs down to a gap of {found.gap:g}. The "
            "plane holds "
            f"{100 * found.flat[chosen]:.3g} % of both roads' extent in {task.inputs.shape[1]} "
            "dimensions."
        )
    with right:
        side = state.segmented("side", label_visibility="collapsed")
        if side == "works":
            one, other = (
                np.atleast_2d(w).mean(0)[chosen] for w in (found.force.one, found.force.other)
            )
            plot(
                works_figure(
                    float(one), float(other), float(difference[chosen]), float(half[chosen]), depth
                ),
                key=state.key("roads_works"),
                alt="Bars: the work along either road, and the difference with its error bar.",
            )
        elif side == "loops":
            plot(
                loops_figure(kappa, error, found.null.kappa, chosen),
                key=state.key("roads_loops"),
                alt=(
                    "For each start: the difference of works over all work done, for the force "
                    "and for G."
                ),
            )
            st.caption(
                "κ: the difference of the two works over the sum of all |pieces| of work. One loop "
                "near 0 proves nothing, which is why there are five."
            )
        else:
            stations = found.stations[chosen]
            share = computed(
                ("skew", stations.tobytes(), values["data"], values["csv"], values["q"], depth),
                lambda: _turning(task, depth, stations),
                "Reading the Jacobian along the run",
            )
            plot(
                skew_figure([depth], found.distance, [share]),
                key=state.key("roads_skew"),
                alt="The skew share of the Jacobian of F along the run of depth N.",
            )
            st.caption(
                "Along the deep run: how much of F's Jacobian is skew, ‖(J−Jᵀ)/2‖²/‖J‖². At each "
                "$W$ all of that lies in the plane of $W$ and $N\\,HW+(N-2)\\,G$ (one output). An "
                "addition to the paper."
            )


def _judge(
    found: Loops, depth: float, by: str, difference: Array, half: Array, kappa: Array, chosen: int
) -> None:
    beyond = clear(found.force)
    if not found.arrived.all():
        st.warning(
            "A run did not reach the goal, so its road ends early; the loop is closed all the "
            "same.",
            icon=":material/flag:",
        )
    count = int(beyond.sum())
    ends = f"κ from {kappa.min():.2g} to {kappa.max():.2g}"
    words = (
        f"around {count} of {STARTS} loops the two works differ by more than their error "
        f"({ends}), measured with {MEASURES[by]}."
    )
    if count:
        st.success(
            f"**Not a gradient:** {words} No regularizer supplies this force.",
            icon=":material/rotate_left:",
        )
    else:
        st.info(
            f"**No contradiction:** {words} That these loops close proves nothing about others.",
            icon=":material/check_circle:",
        )


def _numbers(found: Works) -> tuple[Array, Array, Array, Array]:
    """Difference, half width of its error, kappa and its error, for every start."""
    if found.one.ndim == 2:
        difference, half = interval(found.difference)
        absolute = np.maximum(found.absolute.mean(0), np.finfo(float).tiny)
        half = half + found.error.mean(0)
        return difference, half, np.abs(difference) / absolute, half / absolute
    return (
        found.difference,
        found.error,
        found.kappa,
        found.error / np.maximum(found.absolute, np.finfo(float).tiny),
    )


def _measure(
    task: Task, depth: float, by: str, repeats: int, seed: int, gap: float
) -> Generator[float, None, Loops]:
    d = task.inputs.shape[1]
    starts = random_starts(STARTS, d, seed)
    yield 0.0
    goal = goals(task, starts, gap)
    pieces = 80 if by == "batch" else 400
    pair: Roads | None = None
    work = roads(task.loss, depth, starts, goal, pieces, STRIDE if d < 100 else 2 * STRIDE)
    while pair is None:
        try:
            yield 0.6 * next(work)
        except StopIteration as end:
            pair = end.value
    slopes = []  # once, for all that is read off them
    for some in np.array_split(pair.points, 8):
        slopes.append(task.loss.gradient(some))
        yield 0.6 + 0.15 * len(slopes) / 8
    known = np.concatenate(slopes)

    def gradient(w: Array) -> Array:
        return known

    rule = rule_force(gradient, depth)
    force: Works | None = None
    if by == "batch":
        steps = drawn(pair, _noisy(task, depth, seed), repeats)
        while force is None:
            try:
                yield 0.75 + 0.2 * next(steps)
            except StopIteration as end:
                force = end.value
    else:
        force = works(
            pair, rule if by == "rule" else network_force(gradient, int(depth), NETWORK_STEP)
        )
    yield 0.95
    planes = [plane_of(pair, i) for i in range(STARTS)]
    stops = np.linspace(1, pair.other.shape[1] - 1, 9).astype(int)
    forces = rule(pair.points).reshape(STARTS, -1, d)
    along = [
        np.array([_per_length(way, f) for way, f in zip(ways, found, strict=True)])
        for ways, found in (
            (pair.one, forces[:, : pair.one.shape[1]]),
            (pair.other, forces[:, pair.one.shape[1] :]),
        )
    ]
    return Loops(
        one=np.array([plane[0] for plane in planes]),
        other=np.array([plane[1] for plane in planes]),
        along_one=along[0],
        along_other=along[1],
        flat=np.array([plane[2] for plane in planes]),
        force=force,
        null=works(pair, gradient),
        distance=stops / (pair.other.shape[1] - 1),
        stations=pair.other[:, stops],
        arrived=pair.arrived,
        gap=gap,
    )


def _turning(task: Task, depth: float, points: Array) -> Generator[float, None, Array]:
    found = []
    for i in range(len(points)):
        found.append(skew_share(task.loss, depth, points[i : i + 1])[0])
        yield (i + 1) / len(points)
    return np.array(found)


def _noisy(task: Task, depth: float, seed: int) -> Force:
    rng, way = np.random.default_rng([seed, 3]), Way("batch", BATCH)

    def force(w: Array) -> Array:
        return rule_force(lambda at: noisy_gradient(task, way, at, rng), depth)(w)

    return force


def _per_length(way: Array, force: Array) -> Array:
    """The force along the way, at every point."""
    direction = np.gradient(way, axis=0)
    size = np.linalg.norm(direction, axis=1)
    return np.divide((force * direction).sum(1), size, out=np.zeros(len(way)), where=size > 0)
