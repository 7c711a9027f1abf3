"""The runs of one cell of a map, with every step size."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from overparam.choices.map import Cell, Plan
from overparam.engine.device import prepare_thread
from overparam.engine.simulation import Simulation
from overparam.engine.turns import GATE
from overparam.measure.history import History
from overparam.serving.maps.block import (
    UNTRIED,
    cell_problem,
    methods,
    shared_data,
    step_sizes,
    step_unit,
)


@dataclass(frozen=True)
class CellRuns:
    """The runs of one cell: depth N first, then depth 1, each with all its step sizes.

    steps: those of both (S,), absolute. unit: of the step sizes. reached: iterations to the goal
    (2, S), NEVER where it was not reached until `until`, UNTRIED where a depth was not given that
    step. best: the quickest step's place in the grid for each depth, or that of the lowest loss
    where none arrived. times (K,) and losses (K, 2): the curves of these two, NaN after divergence.
    goal, least: losses.
    """

    steps: np.ndarray
    unit: float
    reached: np.ndarray
    best: tuple[int, int]
    times: np.ndarray
    losses: np.ndarray
    goal: float
    least: float
    until: int


def cell_runs(plan: Plan, cell: Cell) -> CellRuns:
    """Compute the runs of one cell with every step size, to ten times the slower depth's arrival,
    or until it is given up."""
    prepare_thread()
    problem = cell_problem(plan, cell)
    _, (goal,) = shared_data(plan, [cell])
    own = [step_sizes(plan, each) for each in (cell, cell.plain)]
    ends = np.cumsum([len(steps) for steps in own])[:-1]
    rows = [
        m
        for each, steps in zip((cell, cell.plain), own, strict=True)
        for m in methods(plan, each, steps, problem.d)
    ]
    simulation = Simulation(problem, rows)
    history, pace, stop = History(len(rows), [goal]), 1e-4, plan.horizon
    while history.iteration <= stop:
        with GATE:
            prepare_thread()
            start = time.perf_counter()
            count = int(min(stop + 1 - history.iteration, max(1, 0.03 / pace), 4096))
            history.add(simulation.advance(count))
            pace = (time.perf_counter() - start) / count
        reached = np.split(history.reached[:, 0], ends)
        first = [at[at >= 0].min(initial=plan.horizon + 1) for at in reached]
        if max(first) <= plan.horizon:
            stop = max(history.iteration - 1, min(stop, 10 * int(max(first)) + 20))
    last = np.split(np.where(np.isfinite(history.last), history.last, np.inf), ends)
    best = [
        int(np.lexsort((end, np.where(at < 0, np.inf, at)))[0])
        for at, end in zip(reached, last, strict=True)
    ]
    times, losses = history.until(stop)
    unit = step_unit(plan, cell)
    lattice = [np.rint(np.log10(steps / unit) * plan.grid).astype(int) for steps in own]
    together = np.union1d(*lattice)
    places = [np.searchsorted(together, mine) for mine in lattice]
    both, arrivals = np.empty(len(together)), np.full((2, len(together)), UNTRIED)
    for at, steps in zip(places, own, strict=True):
        both[at] = steps
    for row, at, counts in zip(arrivals, places, reached, strict=True):
        row[at] = counts
    return CellRuns(
        steps=both,
        unit=unit,
        reached=arrivals,
        best=(int(places[0][best[0]]), int(places[1][best[1]])),
        times=times,
        losses=losses[:, [best[0], len(own[0]) + best[1]]],
        goal=float(goal),
        least=0.0 if plan.problem == "two" else problem.optimum().loss,
        until=stop,
    )
