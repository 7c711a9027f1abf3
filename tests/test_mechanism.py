"""The warm-up's momentum and the singular values' law against runs of networks written out here
with autograd."""

import numpy as np
import pytest
import torch

from overparam.theory.dynamics import (
    from_past_gradients,
    momentum_coefficients,
    rate_and_decay,
    singular_value_law,
    singular_values,
)

REAL = torch.float64


def quartic(inputs, targets):
    return lambda w: ((inputs @ w.mT - targets) ** 4).sum() / (4 * len(inputs))


def descend(loss, layers, step_size, steps):
    """Plain gradient descent on the layers of a linear network; the history of every layer and of G
    at the product."""
    history, grads = [], []
    for _ in range(steps):
        layers = [layer.detach().requires_grad_() for layer in layers]
        product = layers[0]
        for layer in layers[1:]:
            product = layer @ product
        product.retain_grad()
        loss(product).backward()
        history.append([layer.detach() for layer in layers])
        grads.append(product.grad)
        layers = [layer - step_size * layer.grad for layer in layers]
    return [torch.stack(each) for each in zip(*history, strict=True)], torch.stack(grads)


@pytest.fixture(scope="module")
def depth_2_run():
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(30, 5, generator=generator, dtype=REAL)
    targets = torch.randn(30, 1, generator=generator, dtype=REAL) + inputs[:, :1]
    layers = [
        0.05 * torch.randn(1, 5, generator=generator, dtype=REAL),
        torch.tensor([[0.05]], dtype=REAL),
    ]
    step_size = 0.05
    (w_1, w_2), grad = descend(quartic(inputs, targets), layers, step_size, 400)
    return w_1[:, 0], w_2[:, 0, 0], grad[:, 0], step_size


def test_the_run_leaves_the_start_and_its_rate_and_momentum_change(depth_2_run):
    """Otherwise the tests below would say nothing."""
    w_1, w_2, grad, step_size = depth_2_run
    rho, gamma = rate_and_decay(w_1, w_2, grad, step_size)
    assert rho.max() > 50 * rho[0]
    assert gamma.min() < -1e-2


def test_one_step_is_rho_and_gamma_without_approximation(depth_2_run):
    w_1, w_2, grad, step_size = depth_2_run
    w = w_1 * w_2[:, None]
    rho, gamma = rate_and_decay(w_1, w_2, grad, step_size)
    step = w[:-1] - rho[:-1, None] * grad[:-1] - gamma[:-1, None] * w[:-1]
    np.testing.assert_allclose(step, w[1:], rtol=0, atol=1e-15 * float(w.abs().max()) * 10)


@pytest.mark.parametrize("t", [0, 1, 2, 57, 399])
def test_past_gradients_rebuild_the_weights(depth_2_run, t):
    w_1, w_2, grad, step_size = depth_2_run
    w = w_1 * w_2[:, None]
    rho, gamma = rate_and_decay(w_1, w_2, grad, step_size)
    np.testing.assert_allclose(
        from_past_gradients(w[0], grad, rho, gamma, t), w[t], rtol=0, atol=1e-13
    )


@pytest.mark.parametrize("t", [0, 1, 57, 398])
def test_momentum_coefficients_give_the_step(depth_2_run, t):
    w_1, w_2, grad, step_size = depth_2_run
    w = w_1 * w_2[:, None]
    rho, gamma = rate_and_decay(w_1, w_2, grad, step_size)
    mu = momentum_coefficients(rho, gamma, t)
    assert mu.shape == (t,)
    rest = gamma[t] * (1 - gamma[:t]).prod() * w[0]
    np.testing.assert_allclose(
        w[t] - rho[t] * grad[t] - mu @ grad[:t] - rest, w[t + 1], rtol=0, atol=1e-13
    )


def test_momentum_coefficients_are_the_product_written_out():
    rho, gamma = torch.rand(6, dtype=REAL), torch.rand(6, dtype=REAL)
    gamma[3] = 1.0  # forgets everything before step 4
    for t in range(6):
        expected = [-gamma[t] * rho[tau] * (1 - gamma[tau + 1 : t]).prod() for tau in range(t)]
        np.testing.assert_allclose(momentum_coefficients(rho, gamma, t), expected, rtol=1e-14)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize(("k", "d"), [(2, 4), (3, 2)])
def test_singular_values_follow_their_law_to_first_order_in_the_step(k, d, depth):
    """The gap between the law and a balanced network's run over a fixed time halves with the step
    size."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(40, d, generator=generator, dtype=REAL)
    targets = inputs @ torch.randn(d, k, generator=generator, dtype=REAL)
    w = 0.3 * torch.randn(k, d, generator=generator, dtype=REAL)
    u, s, vh = torch.linalg.svd(w, full_matrices=False)
    share = torch.diag(s ** (1 / depth))
    balanced = [w] if depth == 1 else [share @ vh, *[share] * (depth - 2), u @ share]

    def gap(step_size):
        steps = round(1 / step_size)
        layers, grad = descend(
            lambda m: ((inputs @ m.mT - targets) ** 2).sum() / 80, balanced, step_size, steps
        )
        product = layers[0]
        for layer in layers[1:]:
            product = layer @ product
        sigma, rate = singular_values(product, grad, depth)
        assert (sigma[-1] - sigma[0]).abs().max() > 0.1  # they move
        return (singular_value_law(sigma, rate, step_size) - sigma).abs().max().item()

    assert gap(0.01) / gap(0.005) == pytest.approx(2, rel=0.1)
