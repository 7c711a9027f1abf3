"""The end-to-end rule is what a network does, while its layers are balanced: up to the step."""

import numpy as np
import pytest

from overparam.engine.parameterizations import imbalance
from overparam.engine.simulation import Method, Simulation
from tests.regressions import regression

pytestmark = pytest.mark.usefixtures("as_in_the_app")


DEPTHS = (2, 3, 4)


@pytest.mark.parametrize(("k", "d"), [(1, 5), (2, 5), (3, 3), (5, 2)])
def test_the_gap_between_rule_and_network_is_proportional_to_the_step(k, d):
    """From a balanced start, over a fixed flow time, the gap halves when the step size does; the
    gap is there."""
    problem, steps = regression(4, k=k, d=d), np.array([1e-4, 5e-5])

    def gaps(step):
        methods = [
            Method(depth, kind=kind, step=step, scale=0.8)
            for kind in ("network", "rule")
            for depth in DEPTHS
        ]
        losses = Simulation(problem, methods).advance(round(0.06 / step))
        return np.abs(losses[:, : len(DEPTHS)] - losses[:, len(DEPTHS) :]).max(axis=0)

    coarse, fine = (gaps(step) for step in steps)
    slopes = np.log2(coarse / fine)
    np.testing.assert_allclose(slopes, 1, atol=0.05)


def test_the_gap_between_rule_and_network_stays_when_the_start_is_not_balanced():
    problem = regression(4, k=1)

    def gap(step):
        pair = [
            Method(2, kind=kind, step=step, start="near-zero", scale=0.5, width=3)
            for kind in ("network", "rule")
        ]
        losses = Simulation(problem, pair).advance(round(0.4 / step))
        return np.abs(np.diff(losses, axis=1)).max()

    assert gap(2e-4) == pytest.approx(gap(8e-4), rel=0.05) and gap(2e-4) > 0.01


def test_balance_is_kept_up_to_the_step_and_not_at_all_by_other_starts():
    """Gradient flow conserves W_{j+1}^T W_{j+1} - W_j W_j^T: its drift over a fixed time is
    proportional to the step."""

    def drift(step, start):
        simulation = Simulation(
            regression(4), [Method(3, step=step, start=start, scale=0.5, width=2)]
        )
        before = float(imbalance(simulation.layers(0)))
        simulation.advance(round(0.2 / step))
        return before, float(imbalance(simulation.layers(0)))

    (before, coarse), (_, fine) = drift(4e-4, "balanced"), drift(1e-4, "balanced")
    assert before < 1e-14 < fine < coarse and coarse / fine == pytest.approx(4, rel=0.1)
    assert min(drift(1e-4, "near-zero")) > 0.01
