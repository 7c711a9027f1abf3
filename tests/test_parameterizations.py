"""Layers and rules against autograd through the layers, and against Theorem 1 written out term by
term."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.autograd.functional import jvp

from overparam.engine.parameterizations import (
    EndToEnd,
    Layers,
    balanced,
    identity,
    imbalance,
    near_zero,
    random_direction,
)
from overparam.theory.preconditioner import precondition
from tests.oracles import theorem_1

REAL = torch.float64
SHAPES = [(1, 1), (1, 6), (2, 5), (3, 3), (5, 2)]
DEPTHS = range(1, 9)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=REAL)


def product(*layers):
    """W_N ... W_1, written without the package."""
    w = layers[0]
    for layer in layers[1:]:
        w = layer @ w
    return w


def no_decay(runs):
    return torch.zeros(runs, dtype=REAL)


def network(depths, k, d, width, layers_of, decay=None):
    """Layers of the given depths, and parameters that hold `layers_of(run, depth)`."""
    net = Layers(depths, k, d, width, no_decay(len(depths)) if decay is None else decay)
    params = torch.zeros_like(net.spread(no_decay(len(depths))))
    for run, depth in enumerate(depths):
        net.start([run], layers_of(run, depth), params)
    return net, params


def own_layers(net, vector, run):
    """The layers of a vector that belong to one run's own depth: the first n - 1 and the last."""
    views, n = [view[run] for view in net.layers(vector)], net.depths[run]
    return views[:1] if n == 1 else [*views[: n - 1], views[-1]]


def random_layers(k, d, width):
    return lambda run, depth: near_zero(
        k, d, depth, k if depth == 1 else width, 0.7, generator(100 * run + depth)
    )


def widths(k):
    return sorted({1, k, k + 3})


@pytest.mark.parametrize("runs", [1, 5])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_pullback_is_the_gradient_of_every_layer(k, d, depth, runs):
    for width in widths(k):
        net, params = network(
            [depth] * runs, k, d, k if depth == 1 else width, random_layers(k, d, width)
        )
        grad = normal(runs, k, d, seed=1)
        w_e = net.end_to_end(params)
        direction = net.pullback(params, grad)
        leaves = [layer.clone().requires_grad_() for layer in net.layers(params)]
        expected = product(*leaves)
        np.testing.assert_allclose(w_e, expected.detach(), rtol=1e-12, atol=1e-14)
        slopes = torch.autograd.grad((grad * expected).sum(), leaves)
        for mine, slope in zip(net.layers(direction), slopes, strict=True):
            np.testing.assert_allclose(
                mine, slope, rtol=0, atol=1e-13 * max(1.0, float(slope.abs().max()))
            )


@pytest.mark.parametrize("depths", [(1, 2, 3, 8), (4, 1, 1, 3, 2), (5, 2)])
@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_padding_leaves_every_run_its_own_network(k, d, depths):
    for width in (k, k + 2):
        net, params = network(depths, k, d, width, random_layers(k, d, width))
        grad = normal(len(depths), k, d, seed=1)
        w_e = net.end_to_end(params)
        direction = net.pullback(params, grad) * net.spread(torch.ones(len(depths), dtype=REAL))
        for run, depth in enumerate(depths):
            leaves = [
                layer.clone().requires_grad_() for layer in random_layers(k, d, width)(run, depth)
            ]
            expected = product(*leaves)
            np.testing.assert_allclose(w_e[run], expected.detach(), rtol=1e-12, atol=1e-14)
            slopes = torch.autograd.grad((grad[run] * expected).sum(), leaves)
            for mine, slope in zip(own_layers(net, direction, run), slopes, strict=True):
                np.testing.assert_allclose(
                    mine[: slope.shape[0]],
                    slope,
                    rtol=0,
                    atol=1e-13 * max(1.0, float(slope.abs().max())),
                )
                assert not mine[slope.shape[0] :].any()  # rows that only padding has
            moved = sum(int((view[run] != 0).any()) for view in net.layers(direction))
            assert moved == depth  # frozen layers have no step


def test_depths_of_two_and_more_share_a_batch_at_any_width():
    net, params = network((2, 4, 3), 3, 5, 1, random_layers(3, 5, 1))
    for run, depth in enumerate((2, 4, 3)):
        np.testing.assert_allclose(
            net.end_to_end(params)[run], product(*random_layers(3, 5, 1)(run, depth)), rtol=1e-12
        )


def test_depth_1_needs_a_width_of_k_among_deeper_networks():
    with pytest.raises(
        ValueError, match="depth 1 among deeper networks needs a hidden width of k = 3"
    ):
        Layers((1, 2), 3, 5, 2, no_decay(2))


@pytest.mark.parametrize("rank", ["full", "deficient"])
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_theorem_1_holds_exactly_at_balanced_layers(k, d, depth, rank):
    """The first-order change of W_N ... W_1 along the layers' own gradients is the preconditioned
    gradient of W_e."""
    runs, grad = 4, normal(4, k, d, seed=1)
    w_e = normal(runs, k, d)
    if rank == "deficient":
        w_e = torch.stack([w[:, :1] * normal(1, d, seed=2) for w in w_e])
    for width in (k, k + 3):
        net, params = network(
            [depth] * runs, k, d, width, lambda run, n, h=width: balanced(w_e[run], n, h)
        )
        np.testing.assert_allclose(net.end_to_end(params), w_e, rtol=0, atol=1e-13)
        direction = net.pullback(params, grad)
        _, change = jvp(product, tuple(net.layers(params)), tuple(net.layers(direction)))
        np.testing.assert_allclose(
            change, precondition(w_e, grad, depth), rtol=0, atol=1e-11 * float(change.abs().max())
        )
        expected = np.stack(
            [theorem_1(w.numpy(), g.numpy(), depth) for w, g in zip(w_e, grad, strict=True)]
        )
        np.testing.assert_allclose(change, expected, rtol=0, atol=1e-11 * float(change.abs().max()))


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_weight_decay_is_the_gradient_of_half_lambda_squared_norms(k, d, depth):
    decay = torch.tensor([0.0, 0.3, 2.0], dtype=REAL)
    net, params = network([depth] * 3, k, d, k, random_layers(k, d, k), decay)
    grad = normal(3, k, d, seed=1)
    net.end_to_end(params)
    leaves = [layer.clone().requires_grad_() for layer in net.layers(params)]
    penalty = sum((decay[:, None, None] / 2 * leaf**2).sum() for leaf in leaves)
    slopes = torch.autograd.grad((grad * product(*leaves)).sum() + penalty, leaves)
    for mine, slope in zip(net.layers(net.pullback(params, grad)), slopes, strict=True):
        np.testing.assert_allclose(
            mine, slope, rtol=0, atol=1e-13 * max(1.0, float(slope.abs().max()))
        )


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_weight_decay_of_balanced_layers_is_that_of_theorem_1(k, d, depth):
    """W_e shrinks by lambda N W_e: along the layers' gradients and by the rule."""
    decay, w_e, grad = (
        torch.tensor([0.2, 0.7], dtype=REAL),
        normal(2, k, d),
        normal(2, k, d, seed=1),
    )
    net, params = network([depth] * 2, k, d, k, lambda run, n: balanced(w_e[run], n, k), decay)
    net.end_to_end(params)
    _, change = jvp(
        product, tuple(net.layers(params)), tuple(net.layers(net.pullback(params, grad)))
    )
    expected = precondition(w_e, grad, depth) + depth * decay[:, None, None] * w_e
    np.testing.assert_allclose(change, expected, rtol=0, atol=1e-11 * float(change.abs().max()))
    rule = EndToEnd("rule", [depth] * 2, k, d, decay)
    direction = rule.pullback(w_e.flatten(), grad).view(2, k, d)
    np.testing.assert_allclose(direction, expected, rtol=0, atol=1e-11 * float(change.abs().max()))


@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_a_rule_takes_a_depth_for_each_run_and_starts_from_the_product(k, d):
    depths = [1, 2, 3, 8]
    rule = EndToEnd("rule", depths, k, d, no_decay(4))
    params, grad = torch.zeros(4 * k * d, dtype=REAL), normal(4, k, d, seed=1)
    layers = [random_layers(k, d, k + 1)(run, depth) for run, depth in enumerate(depths)]
    for run in range(4):
        rule.start([run], layers[run], params)
    w_e = rule.end_to_end(params)
    direction = rule.pullback(params, grad).view(4, k, d)
    for run, depth in enumerate(depths):
        np.testing.assert_allclose(w_e[run], product(*layers[run]), rtol=1e-12, atol=1e-14)
        expected = theorem_1(w_e[run].numpy(), grad[run].numpy(), depth)
        np.testing.assert_allclose(
            direction[run], expected, rtol=0, atol=1e-10 * max(1.0, np.abs(expected).max())
        )


def test_the_two_halves_of_claim_2():
    """k = 1: scale only is ||W||^{2-2/N} G, stretch only G + (N-1) Pr_W G; each run its own real
    N."""
    depths, w, grad = [1.0, 1.7, 3.0], normal(3, 1, 5), normal(3, 1, 5, seed=1)
    for kind in ("scale", "stretch"):
        rule = EndToEnd(kind, depths, 1, 5, no_decay(3))
        direction = rule.pullback(w.flatten(), grad).view(3, 5)
        for run, n in enumerate(depths):
            v, g = w[run, 0].numpy(), grad[run, 0].numpy()
            along = (g @ v) / (v @ v) * v
            expected = (
                np.linalg.norm(v) ** (2 - 2 / n) * g if kind == "scale" else g + (n - 1) * along
            )
            np.testing.assert_allclose(direction[run], expected, rtol=1e-12)


@pytest.mark.parametrize("kind", ["rule", "network"])
def test_take_keeps_the_runs_that_are_asked_for(kind):
    depths = [1, 3, 2, 3]
    make = random_layers(2, 4, 2)
    if kind == "network":
        old, params = network(depths, 2, 4, 2, make)
        new = Layers([3, 1], 2, 4, 2, no_decay(2), deepest=3)
    else:
        old, new = (EndToEnd("rule", n, 2, 4, no_decay(len(n))) for n in (depths, [3, 1]))
        params = normal(4 * 2 * 4)
    taken = old.take(params, [3, 0])
    np.testing.assert_array_equal(new.end_to_end(taken), old.end_to_end(params)[[3, 0]])
    np.testing.assert_array_equal(
        old.take(old.spread(torch.arange(1.0, 5.0)), [3, 0]), new.spread(torch.tensor([4.0, 1.0]))
    )


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("rank", [1, 2, "full", 0])
@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_balanced_starts_are_balanced_and_multiply_to_w_e(k, d, depth, rank):
    full = min(k, d)
    rank = full if rank == "full" else min(rank, full)
    w_e = normal(k, rank) @ normal(rank, d, seed=1)
    for width in {max(rank, 1), k + 2}:
        layers = balanced(w_e, depth, width)
        shapes = [d] + [width] * (depth - 1) + [k]
        assert [tuple(layer.shape) for layer in layers] == list(
            zip(shapes[1:], shapes[:-1], strict=True)
        )
        np.testing.assert_allclose(product(*layers), w_e, rtol=0, atol=1e-13)
        for below, above in pairwise(layers):
            np.testing.assert_allclose(above.mT @ above, below @ below.mT, rtol=0, atol=1e-13)
        assert float(imbalance([layer[None] for layer in layers])) < 1e-14


def test_a_balanced_start_does_not_share_memory_with_the_matrix_it_came_from():
    w_e = normal(2, 3)
    for depth in (1, 2):
        for layer in balanced(w_e, depth, 2):
            layer.zero_()
    assert torch.equal(w_e, normal(2, 3))


def test_a_balanced_start_needs_the_width_of_its_rank():
    w_e = normal(4, 2) @ normal(2, 6, seed=1)
    assert len(balanced(w_e, 3, 2)) == 3
    with pytest.raises(ValueError, match="rank 2 needs a hidden width of at least 2, not 1"):
        balanced(w_e, 3, 1)


def test_random_direction_has_the_norm_asked_for_and_its_seeds_direction():
    w = random_direction(3, 7, 0.04, generator(5))
    assert w.shape == (3, 7) and float(w.norm()) == pytest.approx(0.04, rel=1e-14)
    np.testing.assert_allclose(random_direction(3, 7, 4.0, generator(5)), 100 * w, rtol=1e-13)
    assert not torch.allclose(random_direction(3, 7, 0.04, generator(6)), w)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_near_zero_layers_are_independent_gaussians(depth):
    layers = near_zero(3, 400, depth, 50, 0.01, generator())
    widths = [400] + [50] * (depth - 1) + [3]
    assert [tuple(layer.shape) for layer in layers] == list(
        zip(widths[1:], widths[:-1], strict=True)
    )
    entries = torch.cat([layer.flatten() for layer in layers])
    assert entries.mean().abs() < 0.01 * 4 / math.sqrt(len(entries))
    assert float(entries.std()) == pytest.approx(0.01, rel=4 / math.sqrt(2 * len(entries)))


@pytest.mark.parametrize(("k", "d", "width"), [(2, 5, 2), (2, 5, 3), (5, 2, 2), (1, 3, 1)])
def test_identity_layers_are_ones_on_the_diagonal_plus_noise(k, d, width):
    clean, noisy = (
        identity(k, d, 4, width, 0.0, generator()),
        identity(k, d, 4, width, 0.1, generator()),
    )
    noise = near_zero(k, d, 4, width, 0.1, generator())
    for layer, other, added in zip(clean, noisy, noise, strict=True):
        assert torch.equal(layer, torch.eye(*layer.shape, dtype=REAL))
        assert torch.equal(other, layer + added)
    expected = torch.eye(k, d, dtype=REAL)
    expected[width:] = 0
    assert torch.equal(product(*clean), expected)


def test_imbalance_is_the_largest_gap_over_the_largest_layer():
    w_1 = torch.tensor(
        [[[3.0, 4.0]], [[1.0, 0.0]]], dtype=REAL
    )  # two runs of width 1: squared norms 25 and 1
    w_2 = torch.tensor([[[2.0]], [[1.0]]], dtype=REAL)  # 4 and 1
    w_3 = torch.tensor([[[6.0]], [[0.5]]], dtype=REAL)  # 36 and 0.25
    np.testing.assert_allclose(imbalance([w_1, w_2]), [21 / 25, 0.0], rtol=1e-14)
    np.testing.assert_allclose(imbalance([w_1, w_2, w_3]), [32 / 36, 0.75], rtol=1e-14)
    np.testing.assert_allclose(
        imbalance([10 * w for w in (w_1, w_2, w_3)]), [32 / 36, 0.75], rtol=1e-14
    )
    assert imbalance([w_1]).tolist() == [0.0, 0.0]
    assert imbalance([0 * w_1, 0 * w_2]).tolist() == [0.0, 0.0]
