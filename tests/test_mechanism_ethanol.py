"""Why depth helps on the paper's data (l4, start ||W|| = 0.04): reference values of an independent
replication."""

from pathlib import Path

import numpy as np
import pytest

from overparam.engine.device import prepare_thread
from overparam.engine.losses import lp
from overparam.engine.problem import Problem
from overparam.engine.simulation import Method, Simulation
from overparam.measure.step_sizes import Grid, step_grid
from overparam.measure.trajectory import follow, stability

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "gas_ethanol.npz"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the Ethanol data are not here")

HORIZON = 1000
KINDS = {
    "depth 1": (1, "rule"),
    "full": (2, "rule"),
    "scale only": (2, "scale"),
    "stretch only": (2, "stretch"),
}


@pytest.fixture(scope="module")
def problem():
    with np.load(DATA) as data:
        x, y = data["X"], data["y"][:, None]
    return Problem((x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std(), lp(4))


def race(problem, low, high, iterations):
    """Each method on a grid of 8 step sizes a decade: the grid, losses (iterations, rows)."""
    prepare_thread()
    methods = [Method(depth=depth, kind=kind, scale=0.04) for depth, kind in KINDS.values()]
    grid = Grid.of(methods, [step_grid(low, high, 8)] * len(methods))
    return grid, Simulation(problem, grid.methods).advance(iterations + 1)


@pytest.fixture(scope="module")
def whole(problem):
    return race(problem, 2e-3, 1.2e-2, HORIZON)


@pytest.fixture(scope="module")
def beginning(problem):
    return race(problem, 1e-3, 1e-1, 60)


def test_depth_climbs_to_the_edge_of_stability_and_plain_descent_drifts_away(problem, whole):
    grid, losses = whole
    rows = grid.best(losses[-1])[:2]
    assert not any(grid.at_edge(row) for row in rows)
    methods = [grid.methods[row] for row in rows]
    run = follow(problem, methods, np.array([0, HORIZON]))
    read = stability(problem, run.weights, [m.depth for m in methods], [m.step for m in methods])
    np.testing.assert_allclose(read.curvature[:, 1], [1574, 150], rtol=0.1)
    np.testing.assert_allclose(read.effective[:, 1], [0.0003, 0.0126], rtol=0.1)
    np.testing.assert_allclose(read.product[:, 1], [0.48, 1.9], rtol=0.1)
    np.testing.assert_allclose(read.product[:, 0], [4.98, 0.57], rtol=0.1)


@pytest.mark.parametrize(
    ("part", "goal", "reference"),
    [("beginning", 0.5, (45, 17, 23, 42)), ("whole", 0.2, (935, 336, 536, 842))],
)
def test_the_scale_does_most_of_the_work_and_the_stretch_adds_to_it(
    problem, request, part, goal, reference
):
    grid, losses = request.getfixturevalue(part)
    least = problem.optimum().loss
    near = (losses - least) / (losses[0] - least) <= goal
    fewest = grid.fastest(np.where(near.any(0), near.argmax(0), -1)[:, None])[:, 0]
    plain, full, scale, stretch = fewest
    assert 0 < full < scale < stretch < plain
    np.testing.assert_allclose(fewest, reference, rtol=0.1)
