"""Runs that diverge: noticed, named, and of no consequence for the others."""

import numpy as np
import pytest
import torch

from overparam.engine.problem import two_coordinate, two_coordinates
from overparam.engine.simulation import Method, Simulation
from tests.regressions import close, regression

pytestmark = pytest.mark.usefixtures("as_in_the_app")
REAL = torch.float64


@pytest.mark.parametrize("chunk", [1, 7, 100])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("kind", "k"),
    [("network", 1), ("network", 2), ("rule", 1), ("rule", 2), ("scale", 1), ("stretch", 1)],
)
def test_divergence_stays_in_its_row(kind, k, dtype, chunk):
    """Before, between and behind the others: they do what they do when those are not there."""
    problem = regression(k=k, dtype=dtype)
    calm = [
        Method(depth, kind=kind, step=0.01 * (1 + i), scale=0.5)
        for i, depth in enumerate((1, 3, 2))
    ]
    wild = [
        Method(depth, kind=kind, step=step, scale=0.5)
        for depth, step in ((3, 1e3), (1, 0.7), (2, 5.0), (8, 2.0))
    ]
    both = Simulation(problem, [wild[0], calm[0], wild[1], calm[1], calm[2], *wild[2:]])
    alone = Simulation(problem, calm)
    losses = np.concatenate([both.advance(chunk) for _ in range(0, 100, chunk)])
    expected = np.concatenate([alone.advance(chunk) for _ in range(0, 100, chunk)])
    close(losses[:, [1, 3, 4]], expected, 1e-10 if dtype is REAL else 1e-4)
    assert both.diverged_at[[1, 3, 4]].tolist() == [-1] * 3
    for row in (0, 2, 5, 6):
        named = both.diverged_at[row]
        assert named > 0
        assert np.isfinite(losses[:named, row]).all() and np.isnan(losses[named:, row]).all()
        assert (losses[:named, row] <= 1e12 * losses[0, row]).all()
        assert both.end_to_end()[row].isnan().all()
    assert both.end_to_end()[[1, 3, 4]].isfinite().all()


def test_the_iteration_named_is_that_of_the_first_hopeless_loss():
    """Two coordinates at p = 2: D_i <- (1 - eta) D_i, so the loss grows by (1 - eta)^2 a step,
    exactly."""
    simulation = Simulation(
        two_coordinate(2, 10.0),
        [Method(step=11.0, w_e=((0.0, 0.0),)), Method(step=0.5, w_e=((0.0, 0.0),))],
    )
    losses = simulation.advance(50)
    assert simulation.diverged_at.tolist() == [
        7,
        -1,
    ]  # 100^6 = 1e12 is the last that counts as hopeful, up to rounding
    np.testing.assert_allclose(losses[:6, 0], 50.5 * 100.0 ** np.arange(6), rtol=1e-12)


def test_a_run_that_starts_next_to_the_optimum_has_not_diverged_when_it_is_flung_out():
    """Adam's first step has the length of its step size, however small the gradient: the loss grows
    1e18-fold and comes back."""
    problem = two_coordinate(2, 3.0)
    simulation = Simulation(
        problem, [Method(optimizer="adam", step=0.3, w_e=((3 + 1e-9, 1 - 1e-9),))]
    )
    losses = simulation.advance(400)[:, 0]
    assert losses.max() > 1e15 * losses[0] and losses[-1] < 1e-3
    assert simulation.diverged_at.tolist() == [-1]


def test_growth_is_measured_from_each_runs_own_loss_at_zero():
    """Started next to its optimum, where the loss is next to nothing, a run may grow a lot: the
    bound follows its own targets."""
    ratios = np.array([30.0, 2.0])
    starts = [((y - 1e-6, 1.0 - 1e-6),) for y in ratios]
    methods = [Method(step=1e-3, w_e=w_e) for w_e in starts]
    simulation = Simulation(two_coordinates(4, np.stack([ratios, np.ones(2)], 1)), methods)
    simulation.advance(1)
    np.testing.assert_allclose(simulation._hopeless, 1e12 * (ratios**4 + 1) / 4, rtol=1e-12)


@pytest.mark.parametrize(
    ("optimizer", "step"), [("rmsprop", 1.0), ("adagrad", 10.0), ("adam", 10.0)]
)
def test_a_method_that_normalises_the_gradient_comes_back_from_far_away(optimizer, step):
    """A step lands where the loss is more than 1e12 times as large (p = 16), and still the run goes
    down from there."""
    simulation = Simulation(two_coordinate(16, 1.5), [Method(1, optimizer, step=step)])
    losses = simulation.advance(20_000)[:, 0]
    assert (
        losses.max() > 1e12 * losses[0]
        and simulation.diverged_at[0] == -1
        and losses[-1] < 1e-9 * losses.max()
    )


def test_a_method_whose_step_is_in_units_of_the_curvature_is_parked_there():
    simulation = Simulation(two_coordinate(16, 1.5), [Method(1, step=1.0)])
    losses = simulation.advance(50)[:, 0]
    assert simulation.diverged_at[0] == 1 and np.isnan(losses[1:]).all()
