"""Recorded runs against plain loops."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from overparam.engine.losses import lp
from overparam.engine.parameterizations import balanced
from overparam.engine.problem import Problem, two_coordinate
from overparam.engine.simulation import Method, Simulation
from overparam.measure.curvature import sharpness
from overparam.measure.step_sizes import search_ranges, step_grid
from overparam.measure.trajectory import falls, fastest, follow, log_times, stability
from overparam.theory.preconditioner import dense, precondition


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    return Problem(rng.standard_normal((30, 4)), rng.standard_normal((30, 1)), lp(4))


def test_a_recording_is_the_rule_iterated(problem):
    methods = [Method(depth=depth, kind="rule", step=0.01, scale=0.3) for depth in (1, 2.5)]
    times = np.array([0, 1, 2, 7, 20])
    run = follow(problem, methods, times)
    for row, method in enumerate(methods):
        w = Simulation(problem, [method]).end_to_end()
        for t in range(21):
            loss, grad = problem.value_and_grad(w)
            if t in times:
                place = list(times).index(t)
                np.testing.assert_allclose(run.weights[place, row], w[0], rtol=1e-12)
                np.testing.assert_allclose(
                    run.gradients[place, row], grad[0], rtol=1e-10, atol=1e-12
                )
                np.testing.assert_allclose(run.losses[place, row], loss[0], rtol=1e-12)
            w = w - method.step * precondition(w, grad.clone(), method.depth)


def test_layers_multiply_to_the_recorded_matrix(problem):
    methods = [
        Method(depth=1, kind="rule"),
        Method(depth=3, width=2, step=0.05, scale=0.2, start="balanced"),
    ]
    run = follow(problem, methods, np.array([0, 5, 30]), layers_of=[1])
    w_1, w_2, w_3 = (layer[:, 0] for layer in run.layers)
    np.testing.assert_allclose(w_3 @ w_2 @ w_1, run.weights[:, 1], rtol=1e-12, atol=1e-15)
    for layer, expected in zip((w_1, w_2, w_3), balanced(run.weights[0, 1], 3, 2), strict=True):
        np.testing.assert_allclose(layer[0].abs(), expected.abs(), atol=1e-12)


def test_arrival_is_seen_between_recorded_iterations():
    problem = two_coordinate(2, 10)
    method = Method(
        kind="rule", step=0.5, w_e=((0.0, 0.0),)
    )  # the loss is quartered at every step, from 50.5
    expected = int(np.ceil(np.log(50.5 / 1e-4) / np.log(4)))
    for times in (np.array([0, 100]), np.arange(101), np.array([0, expected])):
        assert follow(problem, [method], times, goal=1e-4).reached == [expected]
    assert follow(problem, [method], np.array([0, expected - 1]), goal=1e-4).reached == [-1]


def test_a_diverged_run_is_nan_from_then_on_and_leaves_the_others_alone(problem):
    methods = [Method(kind="rule", step=1e3, scale=1.0), Method(kind="rule", step=1e-3, scale=1.0)]
    run = follow(problem, methods, np.arange(0, 60, 5))
    assert run.diverged_at[0] >= 0 and run.diverged_at[1] == -1
    assert np.isnan(run.losses[-1, 0]) and run.weights[-1, 0].isnan().all()
    np.testing.assert_allclose(
        run.weights[:, 1],
        follow(problem, methods[1:], np.arange(0, 60, 5)).weights[:, 0],
        rtol=1e-12,
    )


def test_log_times():
    times = log_times(1000, 20)
    assert times[0] == 0 and times[-1] == 1000
    assert (np.diff(times) > 0).all()
    assert list(times[:6]) == [0, 1, 2, 3, 4, 5]
    assert list(log_times(1, 20)) == [0, 1]
    assert list(log_times(0, 20)) == [0]


@pytest.mark.parametrize("p", [2, 4])
def test_fastest_equals_a_search_one_step_size_and_one_start_at_a_time(p):
    problem, goal = two_coordinate(p, 5), 1e-2
    starts = [((0.05, 0.01),), ((0.2, 0.05),)]
    contenders = [
        [Method(depth=depth, kind="rule", w_e=start) for start in starts] for depth in (1, 3)
    ]
    for methods, found in zip(
        contenders, fastest(problem, contenders, goal, horizon=100, per_decade=2), strict=True
    ):
        counts = {}
        lows, highs = zip(*search_ranges(problem, methods), strict=True)
        for step in step_grid(min(lows), max(highs), 2):
            alone = [
                Simulation(problem, [replace(method, step=float(step))]).advance(101)[:, 0]
                for method in methods
            ]
            counts[float(step)] = tuple(
                int(np.argmax(loss <= goal)) if (loss <= goal).any() else np.inf for loss in alone
            )
        assert max(found.iterations) == min(max(each) for each in counts.values())
        assert counts[found.step] == found.iterations


def test_fastest_says_so_where_no_step_size_arrives_from_every_start():
    near, far = (Method(kind="rule", w_e=((scale * 30, scale),)) for scale in (0.999, 0.01))
    found, alone = fastest(two_coordinate(4, 30), [[near, far], [near]], 1e-4, horizon=50)
    assert found.serves and not found.lucky
    assert found.iterations is None and found.step > 0
    assert alone.iterations is not None


def test_a_step_is_lucky_where_both_its_neighbours_need_more_than_twice_as_long():
    """At p = 2 and ratio 1 the step 1 is there at once, and one a third of a decade away needs
    many."""
    start = Method(kind="rule", w_e=((0.01, 0.01),))
    (coarse,) = fastest(two_coordinate(2, 1), [[start]], 1e-4, horizon=50, per_decade=3)
    assert coarse.step == pytest.approx(1) and coarse.iterations == (1,) and coarse.lucky
    (slow,) = fastest(
        two_coordinate(4, 10),
        [[replace(start, w_e=((0.1, 0.01),))]],
        1e-1,
        horizon=400,
        per_decade=24,
    )
    neighbours = [
        replace(start, w_e=((0.1, 0.01),), step=slow.step * 10 ** (i / 24)) for i in (-1, 1)
    ]
    losses = Simulation(two_coordinate(4, 10), neighbours).advance(401)
    counts = [int(np.argmax(loss <= 1e-1)) if (loss <= 1e-1).any() else 400 for loss in losses.T]
    assert slow.lucky == all(count > 2 * max(slow.iterations[0], 1) for count in counts)


@pytest.mark.parametrize("k", [1, 2])
def test_stability_is_step_times_what_depth_sees(k):
    rng = np.random.default_rng(1)
    problem = Problem(rng.standard_normal((30, 4)), rng.standard_normal((30, k)), lp(4))
    depths, steps = [1, 2.5], [0.1, 0.03]
    weights = torch.from_numpy(rng.standard_normal((3, 2, k, 4)))
    weights[2, 0] = np.nan
    read = stability(problem, weights, depths, steps)
    for row, (depth, step) in enumerate(zip(depths, steps, strict=True)):
        for t in range(3):
            w = weights[t, row : row + 1]
            if w.isnan().any():
                assert np.isnan([getattr(read, each.name)[t, row] for each in fields(read)]).all()
                continue
            np.testing.assert_allclose(read.curvature[t, row], sharpness(problem, w)[0], rtol=1e-9)
            np.testing.assert_allclose(
                read.product[t, row], step * sharpness(problem, w, depth)[0], rtol=1e-9
            )
            half_axes = step * np.linalg.eigvalsh(dense(w[0], depth))
            np.testing.assert_allclose(
                [read.shortest[t, row], read.longest[t, row]], half_axes[[0, -1]], rtol=1e-9
            )
            norm = np.linalg.svd(w[0])[1].max()
            np.testing.assert_allclose(
                read.effective[t, row], step * norm ** (2 - 2 / depth), rtol=1e-12
            )


def test_the_share_by_which_a_gap_falls_is_that_of_a_geometric_course():
    times = np.array([0, 1, 4, 20])
    gaps = np.stack((0.9**times, 1.2**times, np.array([1, 0.5, 0.0, 0.1])), axis=1)
    read = falls(times, gaps)
    np.testing.assert_allclose(read[:, 0], 0.1, rtol=1e-12)
    np.testing.assert_allclose(read[:, 1], -0.2, rtol=1e-12)
    assert read[0, 2] == 0.5 and np.isnan(read[1:, 2]).all()
