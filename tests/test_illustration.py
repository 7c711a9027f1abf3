"""The home page's two-coordinate runs, against Theorem 1 in torch and against one plain run after
another."""

import numpy as np
import pytest
import torch

from overparam.measure.illustration import (
    STARTS,
    balanced_layers,
    end_to_end_rule,
    layers_step,
    product,
    tuned_run,
)
from overparam.theory.preconditioner import precondition


@pytest.mark.parametrize("depth", [1, 2, 3, 2.5, 8])
def test_rule_is_that_of_the_library(depth):
    rng = np.random.default_rng(0)
    w, gradient = rng.standard_normal((2, 6, 3))
    w[0] = 0
    expected = precondition(torch.tensor(w)[:, None], torch.tensor(gradient)[:, None], depth)
    np.testing.assert_allclose(
        end_to_end_rule(w, gradient, depth), expected[:, 0].numpy(), rtol=1e-10, atol=1e-12
    )


def losses(depth, p, target, start, step_size, goal, horizon):
    """One run, written as one would on paper; the losses up to the goal or the horizon."""
    w, seen = start * np.array(target), []
    for _ in range(horizon + 1):
        seen.append(sum(abs(w - target) ** p) / p)
        if not goal <= seen[-1] < 1e30:
            break
        gradient = abs(w - target) ** (p - 1) * np.sign(w - target)
        size = np.linalg.norm(w)
        w = w - step_size * size ** (2 - 2 / depth) * (
            gradient + (depth - 1) * (w @ gradient) * w / size**2
        )
    return seen


@pytest.mark.parametrize(("depth", "p"), [(1, 2), (3, 2), (2, 3), (3, 4)])
def test_the_tuned_step_is_the_best_of_its_grid(depth, p):
    target, goal, horizon = (4.0, 1.0), 1e-2, 400
    tuned = tuned_run(depth, p, target, goal=goal, horizon=horizon, steps_per_decade=4)

    def slowest(step_size):
        runs = [losses(depth, p, target, start, step_size, goal, horizon) for start in STARTS]
        return max(len(run) - 1 if run[-1] < goal else horizon + 1 for run in runs)

    grid = np.logspace(-5, 0, 21)
    assert slowest(tuned.step_size) == min(slowest(step_size) for step_size in grid) <= horizon
    np.testing.assert_allclose(
        tuned.loss, losses(depth, p, target, STARTS[0], tuned.step_size, goal, horizon), rtol=1e-6
    )
    assert (
        tuned.iterations == len(tuned.loss) - 1 and tuned.loss[-1] < goal <= tuned.loss[:-1].min()
    )
    np.testing.assert_allclose(tuned.weights[0], STARTS[0] * np.array(target))
    np.testing.assert_allclose(
        (abs(tuned.weights - target) ** p).sum(axis=1) / p, tuned.loss, rtol=1e-12
    )


def test_no_step_of_the_grid_arrives():
    tuned = tuned_run(1, 4, goal=1e-4, horizon=20)
    assert tuned.iterations is None and len(tuned.loss) == 21


def test_depth_helps_at_p_4_and_hurts_at_p_2():
    assert tuned_run(3, 4).iterations < tuned_run(1, 4).iterations / 2
    assert tuned_run(3, 2).iterations > 2 * tuned_run(1, 2).iterations


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_a_step_of_the_layers_is_autograds_and_for_small_steps_the_rule(depth):
    w, gradient = np.array([6.0, 0.4]), np.array([-3.0, 0.7])
    layers = balanced_layers(w, depth)
    np.testing.assert_allclose(product(layers), w, rtol=1e-12)
    tensors = [torch.tensor(each, requires_grad=True) for each in layers]
    whole = tensors[0]
    for each in tensors[1:]:
        whole = whole * each
    (whole @ torch.tensor(gradient)).backward()
    for moved, tensor in zip(layers_step(layers, gradient, 0.01), tensors, strict=True):
        np.testing.assert_allclose(moved, (tensor.detach() - 0.01 * tensor.grad).numpy())
    small = (product(layers_step(layers, gradient, 1e-7)) - w) / -1e-7
    np.testing.assert_allclose(small, end_to_end_rule(w[None], gradient[None], depth)[0], rtol=1e-4)
