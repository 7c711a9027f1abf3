"""Step-size grids, what is chosen from them, and what is stable."""

import numpy as np
import pytest

from overparam.data.synthetic import synthetic
from overparam.engine.losses import lp
from overparam.engine.problem import Problem, two_coordinate
from overparam.engine.simulation import Method, Simulation
from overparam.measure.history import History
from overparam.measure.step_sizes import Grid, search_ranges, stable_step, step_grid


@pytest.mark.parametrize("per_decade", [2, 3, 6, 12, 24])
def test_a_grid_has_so_many_steps_a_decade_and_lies_on_the_lattice(per_decade):
    steps = step_grid(1e-3, 10, per_decade)
    np.testing.assert_allclose(steps[1:] / steps[:-1], 10 ** (1 / per_decade))
    np.testing.assert_allclose(
        np.log10(steps) * per_decade, np.rint(np.log10(steps) * per_decade), atol=1e-9
    )
    assert len(steps) == 4 * per_decade + 1


def test_a_finer_grid_contains_the_coarser_one():
    fine, coarse = step_grid(1e-3, 10, 12), step_grid(1e-3, 10, 6)
    assert all(np.isclose(fine, step, rtol=1e-12).any() for step in coarse)


def test_each_method_gets_its_own_best_row():
    grid = Grid.of([Method(1), Method(2)], [[0.1, 0.2, 0.3], [1.0, 2.0]])
    assert grid.best(np.array([3.0, 1.0, np.nan, 5.0, 4.0])) == [1, 4]
    assert grid.best(np.full(5, np.nan)) == [0, 3]  # all diverged: the smallest step
    assert grid.best(np.array([1.0, 1.0, 0.5, 4.0, 4.0]), np.array([5, 3, 9, 8, 7])) == [
        2,
        4,
    ]  # equal: the quicker
    assert [grid.at_edge(row) for row in range(5)] == [True, False, True, True, True]
    np.testing.assert_array_equal(
        grid.fastest(np.array([[9, -1], [4, -1], [-1, -1], [2, 7], [3, 5]])), [[4, -1], [2, 5]]
    )


def quadratic():
    return Problem(
        *synthetic(200, 8, 1, condition=30, spectrum="geometric", noise=0.5, seed=1), lp(2)
    )


@pytest.mark.parametrize("optimizer", ["gd", "momentum"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_at_the_stable_step_the_optimum_turns_from_attracting_to_repelling(depth, optimizer):
    """From the optimum itself, slightly displaced, a step 2 % below it returns and one 2 % above it
    does not."""
    problem = quadratic()
    limit = stable_step(problem, Method(depth, optimizer))
    start = problem.optimum().weights * 1.0001 + 1e-5
    w_e = tuple(map(tuple, start.tolist()))
    methods = [
        Method(depth, optimizer, "rule", step=factor * limit, w_e=w_e) for factor in (0.98, 1.02)
    ]
    simulation = Simulation(problem, methods)
    excess = simulation.advance(4000)[[0, -1]] - problem.optimum().loss
    assert excess[1, 0] < 1e-2 * excess[0, 0]
    assert not excess[1, 1] < excess[0, 1]


def test_the_stable_step_of_one_layer_counts_its_weight_decay():
    """From both sides, as above, at the optimum of the loss with the penalty: (H + lambda) W = X^T
    Y / m."""
    problem, decay = quadratic(), 0.5
    limit = stable_step(problem, Method(1, weight_decay=decay))
    x = problem.scaled_inputs.numpy()
    hessian = x @ x.T
    assert limit == pytest.approx(2 / (float(np.linalg.eigvalsh(hessian)[-1]) + decay))
    start = problem.optimum().weights.numpy()
    methods = [
        Method(1, step=f * limit, w_e=tuple(map(tuple, start.tolist())), weight_decay=decay)
        for f in (0.98, 1.02)
    ]
    simulation = Simulation(problem, methods)
    simulation.advance(3000)
    below, above = simulation.end_to_end().numpy()
    settled = np.linalg.solve(hessian + decay * np.eye(8), hessian @ start.T).T
    np.testing.assert_allclose(below, settled, rtol=1e-6)
    assert not np.linalg.norm(above - settled) < 10 * np.linalg.norm(start - settled)
    assert (
        stable_step(problem, Method(2, weight_decay=decay)) is None
    )  # another optimum, which we do not know


def test_no_stability_limit_is_claimed_where_none_is_known():
    assert stable_step(quadratic(), Method(1, "adam")) is None
    assert (
        stable_step(two_coordinate(4, 10), Method(1)) is None
    )  # an exact fit at p > 2 has no curvature


def test_the_search_range_holds_the_best_step_of_every_depth():
    """Its ends are worse than some step within, for the depths and data that the app starts
    with."""
    for problem in (quadratic(), two_coordinate(4, 10)):
        methods = [Method(depth) for depth in (1, 2, 3)]
        grid = Grid.of(methods, [step_grid(*ends, 4) for ends in search_ranges(problem, methods)])
        history = History(len(grid.methods), [0.1])
        history.add(Simulation(problem, grid.methods).advance(300))
        assert not any(grid.at_edge(row) for row in grid.best(history.settled()))
