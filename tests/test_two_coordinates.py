"""Two coordinates, every depth at its best step size: where depth hurts, and where it helps."""

import numpy as np
import pytest

from overparam.engine.problem import two_coordinate
from overparam.engine.simulation import Method, Simulation

pytestmark = pytest.mark.usefixtures("as_in_the_app")


def fastest(problem, depths, kind, y1, horizon):
    """Iterations to a loss below 1e-4 at each depth's best step size, 24 a decade; `horizon` where
    no step got there."""
    steps = 10 ** (np.arange(-5 * 24, 25) / 24)
    methods = [
        Method(depth, kind=kind, step=float(step), w_e=((0.01 * y1, 0.01),))
        for depth in depths
        for step in steps
    ]
    reached = Simulation(problem, methods).advance(horizon) < 1e-4
    return np.where(reached.any(0), reached.argmax(0), horizon).reshape(len(depths), -1).min(1)


# Iterations at depths 1, 2, 3, 4 by the end-to-end rule, from an independent implementation on a
# coarser grid. They are indicative: the best step makes use of a lucky first one, so a finer grid
# finds fewer. A network's layers lose their balance in such a step and it takes several times as
# long, still far less than without depth.
REFERENCE = {
    (2, 10.0): (3, 9, 16, 22),
    (4, 10.0): (1785, 50, 190, 7),
    (4, 30.0): (18015, 455, 125, 65),
}


@pytest.mark.parametrize("kind", ["rule", "network"])
def test_two_coordinates_depth_hurts_at_p_2(kind):
    counts = fastest(two_coordinate(2, 10.0), (1, 2, 3, 4), kind, 10.0, 50)
    assert (np.diff(counts) > 0).all() and counts[1] >= 3 * counts[0]
    assert (counts <= REFERENCE[2, 10.0]).all()


@pytest.mark.parametrize("y1", [10.0, 30.0])
def test_two_coordinates_depth_helps_by_orders_of_magnitude_at_p_4(y1):
    problem, reference = two_coordinate(4, y1), np.array(REFERENCE[4, y1])
    rule = fastest(problem, (2, 3, 4), "rule", y1, reference[1] + 30)
    assert (rule <= 1.05 * reference[1:]).all() and (np.diff(rule) < 0).all()
    assert (
        fastest(problem, (1,), "rule", y1, 25 * rule[0]) == 25 * rule[0]
    )  # without depth no step size gets there in that time


def test_two_coordinates_depth_helps_networks_too():
    problem, reference = two_coordinate(4, 10.0), REFERENCE[4, 10.0][0]
    (alone,) = fastest(problem, (1,), "network", 10.0, 2200)
    assert alone == pytest.approx(reference, rel=0.2)
    assert (fastest(problem, (2, 3, 4), "network", 10.0, reference // 6) < reference // 6).all()
