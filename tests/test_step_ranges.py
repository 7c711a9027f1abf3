"""The best step size lies inside the range that is tried, held against a search two decades wider
at either end.

Over two coordinates: p, ratio y_1 / y_2, depth, start scale and optimizer; some combinations by
default, all 2,520 when the slow tests run.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from overparam.engine.device import prepare_thread
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.problem import two_coordinate, two_coordinates
from overparam.engine.simulation import Method, Simulation
from overparam.measure.history import History
from overparam.measure.step_sizes import Grid, search_ranges, step_grid

WIDER = 100.0  # two decades
SOLVED, GOALS = 1e-8, (1e-1, 1e-2, 1e-4)  # shares of the loss at 0
Combination = tuple[int, int, float, str]  # ratio, depth, start scale, optimizer


def searched(
    p: float, combinations: Sequence[Combination], per_decade: int, horizon: int
) -> tuple[Grid, np.ndarray, History]:
    """Every combination at every step of its wider range: the grid, which of its rows are inside
    the range, and the runs."""
    methods = [Method(depth, optimizer, scale=scale) for _, depth, scale, optimizer in combinations]
    ranges = [
        search_ranges(two_coordinate(p, c[0]), [m])[0]
        for c, m in zip(combinations, methods, strict=True)
    ]
    grid = Grid.of(
        methods, [step_grid(low / WIDER, high * WIDER, per_decade) for low, high in ranges]
    )
    low, high = (np.array(ends)[grid.owner] for ends in zip(*ranges, strict=True))
    half = 10 ** (0.5 / per_decade)
    inside = (grid.steps > low / half) & (grid.steps < high * half)
    y = np.array([[c[0], 1.0] for c in combinations])[grid.owner]
    first = (y**p).sum(1) / p
    prepare_thread()
    simulation, alive = Simulation(two_coordinates(p, y), grid.methods), np.arange(len(y))
    history = History(len(y), GOALS)
    while history.iteration <= horizon:
        losses = np.full((min(25, horizon + 1 - history.iteration), len(y)), np.nan)
        losses[:, alive] = simulation.advance(len(losses)) / first[alive]
        history.add(losses)
        left = np.flatnonzero(simulation.diverged_at < 0)
        if len(left) < len(alive) / 1.2:
            simulation.keep(left.tolist())
            alive = alive[left]
    return grid, inside, history


def beaten(
    p: float, combinations: Sequence[Combination], per_decade: int, horizon: int
) -> list[str]:
    """Where a step outside the range is better than the best one inside, and that one is not at the
    edge, so that nothing is said.

    Better is a lower loss at the end; where both have solved the problem, and for each goal, fewer
    iterations. One fewer does not count: AdaGrad and RMSProp can leap far beyond the target and
    come back to it by accident, however large the leap.
    """
    grid, inside, history = searched(p, combinations, per_decade, horizon)
    ends = np.where(np.isfinite(history.settled()), np.maximum(history.settled(), SOLVED), np.inf)
    counts = np.where(history.reached < 0, np.inf, history.reached).T
    silent = []
    for i, combination in enumerate(combinations):
        mine = np.flatnonzero(grid.owner == i)
        own = mine[inside[mine]]
        assert mine[0] < own[0] and own[-1] < mine[-1]
        edges = (own[0], own[-1])
        best, tried = (rows[np.lexsort((counts[-1][rows], ends[rows]))[0]] for rows in (mine, own))
        solved = ends[tried] == SOLVED
        if tried not in edges and (
            counts[-1][tried] > counts[-1][best] + 1 if solved else ends[tried] > ends[best]
        ):
            silent.append(
                f"p = {p}, {combination}, at the end: {grid.steps[best]:.3g} instead of"
                f" {grid.steps[tried]:.3g}"
            )
        for goal, count in zip(GOALS, counts, strict=True):
            best, tried = (rows[count[rows].argmin()] for rows in (mine, own))
            if tried not in edges and count[tried] > count[best] + 1:
                silent.append(
                    f"p = {p}, {combination}, to {goal}: {count[best]} iterations instead of"
                    f" {count[tried]}"
                )
    return silent


@pytest.mark.parametrize("p", [2, 4, 8])
def test_no_step_outside_the_range_is_better(p):
    some = list(product((1, 100), (1, 3, 16), (0.01, 10.0), OPTIMIZERS))
    assert beaten(p, some, per_decade=2, horizon=120) == []


@pytest.mark.slow
@pytest.mark.parametrize("p", [2, 3, 4, 6, 8])
def test_no_step_outside_the_range_is_better_anywhere(p):
    everything = list(
        product((1, 10, 100, 1000), (1, 2, 3, 4, 8, 16), (0.01, 1.0, 10.0), OPTIMIZERS)
    )
    assert beaten(p, everything, per_decade=3, horizon=200) == []


@pytest.mark.parametrize(
    (
        "p",
        "ratio",
        "scale",
        "most",
    ),  # iterations by which a step of the grid brings every depth to g <= 1e-4
    [(2, 100, 0.01, {1: 4, 2: 80, 3: 60, 4: 139, 8: 1170}), (4, 10, 10.0, {8: 60})],
)
def test_deep_networks_with_a_far_optimum_or_a_far_start_arrive(p, ratio, scale, most):
    methods = [Method(depth, scale=scale) for depth in most]
    problem = two_coordinate(p, ratio)
    grid = Grid.of(methods, [step_grid(*ends, 6) for ends in search_ranges(problem, methods)])
    history = History(len(grid.methods), [1e-4 * problem.loss_at_zero])
    prepare_thread()
    history.add(Simulation(problem, grid.methods).advance(1200))
    counts = grid.fastest(history.reached)[:, 0]
    assert (counts >= 0).all()
    assert (counts <= 1.15 * np.array(list(most.values()))).all(), counts
