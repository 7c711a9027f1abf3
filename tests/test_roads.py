"""Closed loops of two real runs: reference values, null loops, the network against the rule, and
the rate of false alarms."""

from pathlib import Path

import numpy as np
import pytest

from overparam.data import load_diabetes
from overparam.measure.network import Networks
from overparam.measure.roads import (
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
from overparam.theory.field import field
from overparam.theory.skew import skew_share


def done(work):
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def starts(d: int) -> np.ndarray:
    directions = [np.random.default_rng(seed).normal(size=d) for seed in range(5)]
    return np.array([0.1 * w / np.linalg.norm(w) for w in directions])


@pytest.fixture(scope="module")
def cases():
    """Loss and goals by name."""
    data = load_diabetes()
    x, y = data.inputs, data.targets[:, 0]
    tasks = {
        "two": (Task(np.eye(2), np.array([1.5, 0.5]), 4, 1.0), 1e-3),
        "diabetes 2": (Task(x, y, 2, 1 / 442), 0.02),
        "diabetes 4": (Task(x, y, 4, 1 / 442), 0.05),
    }
    return {
        name: (task.loss, goals(task, starts(task.inputs.shape[1]), gap))
        for name, (task, gap) in tasks.items()
    }


@pytest.fixture(scope="module")
def pairs(cases):
    made: dict = {}

    def of(name: str, depth: float):
        if (name, depth) not in made:
            loss, goal = cases[name]
            made[name, depth] = done(roads(loss, depth, starts(loss.dimension), goal))
        return made[name, depth]

    return of


@pytest.mark.parametrize(
    ("name", "depth", "low", "high"),
    [
        # from small (a lucky loop) to large over five starts; the lower end moves with where
        # exactly the runs stop
        ("two", 2, 1e-4, 0.024),
        ("two", 3, 1e-3, 0.062),
        ("two", 4, 1e-3, 0.104),
        ("two", 8, 0.01, 0.21),
        ("diabetes 2", 2, 0.008, 0.024),
        ("diabetes 2", 3, 0.019, 0.054),
        ("diabetes 2", 4, 0.017, 0.104),
        ("diabetes 2", 8, 4e-4, 0.28),
        ("diabetes 4", 2, 4e-4, 0.030),
        ("diabetes 4", 3, 0.020, 0.059),
        ("diabetes 4", 4, 0.048, 0.076),
        ("diabetes 4", 8, 0.026, 0.24),
    ],
)
def test_reference_loops(cases, pairs, name, depth, low, high):
    loss, _ = cases[name]
    pair = pairs(name, depth)
    assert pair.arrived.all()
    found = works(pair, rule_force(loss.gradient, depth))
    assert (
        (low <= found.kappa).all()
        and (found.kappa <= high).all()
        and found.kappa.max() >= 0.85 * high / 1.05
    )
    assert (np.abs(found.difference) > found.error).all()  # the alarm is no error of the rule
    assert (found.error <= 5e-5 * found.absolute).all()


@pytest.mark.parametrize("name", ["two", "diabetes 2", "diabetes 4"])
def test_a_gradient_does_the_same_work_on_both_roads(cases, pairs, name):
    loss, _ = cases[name]
    found = works(pairs(name, 3), loss.gradient)
    assert (
        found.kappa <= (1e-15 if name == "diabetes 2" else 2e-6)
    ).all()  # exact for a gradient linear in W
    rise = loss.value(pairs(name, 3).one[:, -1]) - loss.value(pairs(name, 3).one[:, 0])
    np.testing.assert_allclose(found.other, rise, rtol=1e-4)


def test_the_error_falls_four_times_with_twice_the_points(cases):
    loss, goal = cases["diabetes 4"]
    errors = [
        works(done(roads(loss, 3, starts(10)[:3], goal[:3], points=n)), loss.gradient)
        for n in (80, 160, 320)
    ]
    falls = np.array([e.kappa for e in errors])
    assert (falls[:-1] / falls[1:] > 2.5).all()
    # leaving out every other point sees the error that is there, three times over
    assert (errors[1].error > np.abs(errors[1].difference)).all()


def test_a_real_network_needs_no_theory(cases, pairs):
    loss, _ = cases["diabetes 4"]
    pair = pairs("diabetes 4", 3)
    rule = works(pair, rule_force(loss.gradient, 3)).kappa
    gaps = [
        np.abs(works(pair, network_force(loss.gradient, 3, eta)).kappa - rule).max()
        for eta in (1e-2, 1e-3, 1e-4)
    ]
    assert gaps[0] < 1e-3 and gaps[1] < 0.15 * gaps[0] and gaps[2] < 0.15 * gaps[1]


def test_networks_start_balanced_and_move_as_the_rule_says():
    rng = np.random.default_rng(0)
    w, g = rng.normal(size=(2, 20, 6))
    networks = Networks(w, 4)
    np.testing.assert_allclose(networks.end_to_end(), w, rtol=1e-13)
    moved = (w - networks.step(g, 1e-7)) / 1e-7
    np.testing.assert_allclose(moved, field(lambda _: g, 4, w), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(Networks(w, 1).step(g, 0.1), w - 0.1 * g, rtol=1e-13)


def test_both_roads_have_the_same_ends_and_lie_in_a_plane_that_holds_them(cases, pairs):
    pair = pairs("diabetes 4", 4)
    np.testing.assert_array_equal(pair.one[:, 0], pair.other[:, 0])
    np.testing.assert_allclose(pair.one[:, -1], pair.other[:, -1], atol=1e-15)
    one, other, share = plane_of(pair, 2)
    np.testing.assert_allclose(one[-1], other[-1], atol=1e-12)
    np.testing.assert_allclose(one[[0, -1], 1], 0, atol=1e-12)
    assert (
        one[-1, 0] == pytest.approx(np.linalg.norm(pair.one[2, -1] - pair.one[2, 0]))
        and 0.9 < share <= 1
    )
    flat, _, whole = plane_of(pairs("two", 4), 0)
    assert whole == pytest.approx(1) and np.isfinite(flat).all()


@pytest.mark.parametrize(
    ("name", "ranges"),
    [
        ("diabetes 2", {2: (0.022, 0.034), 3: (0.050, 0.079), 4: (0.071, 0.117), 8: (0.13, 0.20)}),
        ("diabetes 4", {2: (0.022, 0.046), 3: (0.053, 0.089), 4: (0.073, 0.096), 8: (0.11, 0.14)}),
    ],
)
def test_the_skew_share_along_the_deep_run(cases, pairs, name, ranges):
    loss, _ = cases[name]
    for depth, (low, high) in ranges.items():
        ways = pairs(name, depth).other[:, 50:-50:50]
        medians = [np.median(skew_share(loss, depth, way)) for way in ways]
        assert 0.9 * low <= min(medians) and max(medians) <= 1.1 * high, (depth, medians)


def test_depth_one_against_itself_is_the_same_road(cases):
    loss, goal = cases["diabetes 2"]
    pair = done(roads(loss, 1, starts(10)[:2], goal[:2]))
    found = works(pair, loss.gradient)
    np.testing.assert_allclose(found.difference, 0, atol=1e-14)


def test_false_alarms_come_at_their_nominal_rate_and_depth_is_seen_through_the_noise():
    data = load_diabetes()
    task = Task(data.inputs, data.targets[:, 0], 2, 1 / 442)
    loss = task.loss
    goal = goals(task, random_starts(5, 10, 0), 0.1)
    pair = done(roads(loss, 3, random_starts(5, 10, 0), goal, points=40))
    rng, way = np.random.default_rng(1), Way("batch", 32)

    def noisy(w):
        return noisy_gradient(task, way, w, rng)

    found = done(drawn(pair, noisy, 16 * 80))  # 80 experiments of 16 repeats on each of five loops
    mean, half = interval(found.difference.reshape(80, 16, 5).swapaxes(0, 1))
    assert 0.02 <= (np.abs(mean) > half).mean() <= 0.08
    pair = done(roads(loss, 3, random_starts(5, 10, 0), goal, points=400))
    deep = done(drawn(pair, lambda w: field(lambda _: noisy(w), 3, w), 16))
    mean, half = interval(deep.difference)
    assert (np.abs(mean) > half).sum() >= 3


def test_an_interval_of_one_draw_says_that_it_knows_nothing():
    mean, half = interval(np.array([[1.0, 2.0]]))
    assert mean.tolist() == [1, 2] and np.isinf(half).all()


def test_a_goal_that_is_not_reached_is_told(cases, monkeypatch):
    loss, _ = cases["diabetes 2"]
    monkeypatch.setattr("overparam.measure.roads.MOST_STEPS", 64)
    assert not done(roads(loss, 2, starts(10), np.full(5, -1e9))).arrived.any()


ETHANOL = Path(__file__).resolve().parents[2] / "shared" / "data" / "gas_ethanol.npz"


@pytest.mark.skipif(not ETHANOL.exists(), reason="the Ethanol data are not here")
@pytest.mark.parametrize(("depth", "low", "high"), [(2, 0.025, 0.031), (3, 0.051, 0.063)])
def test_loops_of_128_inputs(depth, low, high):
    with np.load(ETHANOL) as data:
        x, y = data["X"], data["y"]
    x, y = (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()
    task = Task(x, y, 2, 1 / len(x))
    pair = done(roads(task.loss, depth, starts(128), goals(task, starts(128), 0.1)))
    found = works(pair, rule_force(task.loss.gradient, depth))
    assert (0.97 * low <= found.kappa).all() and (found.kappa <= 1.03 * high).all()
    assert (works(pair, task.loss.gradient).kappa < 1e-15).all()
    assert pair.arrived.all() and (found.error <= 5e-5 * found.absolute).all()
