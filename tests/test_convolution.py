"""Convolutional networks with factored dense layers against nn.Sequential and autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from overparam.engine import convolution
from overparam.engine.convolution import Convolutional, paper
from overparam.engine.nonlinear import FactoredNetworks, one_hot
from overparam.engine.recipe import Recipe

RNG = np.random.default_rng(0)
X, LABELS = RNG.uniform(-0.5, 0.5, (12, 64)), RNG.integers(0, 10, 12)
RECIPES = [Recipe(n, "gd", 0.1) for n in (1, 2, 3)]


def networks(recipes=RECIPES, network=None, **how) -> FactoredNetworks:
    how = {"batch": None, "dtype": torch.float64} | how
    return FactoredNetworks(
        network or Convolutional(channels=(2, 3), hidden=5), X, LABELS, recipes, **how
    )


def sequential(weights: list[torch.Tensor], kernel: int = 3) -> nn.Sequential:
    """The same network as nn.Sequential, with the weights of one run."""
    one, two, hidden, classes = (len(w) for w in weights[::2])
    pad, flat = kernel // 2, weights[4].shape[1]
    net = nn.Sequential(
        nn.Unflatten(1, (1, 8)),
        nn.Conv2d(1, one, kernel, padding=pad),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(one, two, kernel, padding=pad),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(flat, hidden),
        nn.ReLU(),
        nn.Linear(hidden, classes),
    ).double()
    with torch.no_grad():
        for parameter, value in zip(net.parameters(), weights, strict=True):
            parameter.copy_(value.view(parameter.shape))
    return net


def images() -> torch.Tensor:
    return torch.as_tensor(X).view(-1, 8, 8)


def test_outputs_losses_and_gradients_are_those_of_sequential(monkeypatch):
    sim = networks([Recipe(1, init="default"), Recipe(1, init="he")])
    y, weights = one_hot(LABELS, 10).double(), sim.weights()
    losses, grads = sim.network.value_and_grad(weights, torch.as_tensor(X), y, 0)
    monkeypatch.setattr(convolution, "TOGETHER", 1)  # one run after another
    again = sim.network.value(weights, torch.as_tensor(X), y)
    outputs = sim.network.outputs(weights, torch.as_tensor(X))
    for run in range(2):
        net = sequential([w[run] for w in weights])
        theirs = net(images())
        loss = nn.functional.cross_entropy(theirs, torch.as_tensor(LABELS))
        torch.testing.assert_close(outputs[run], theirs.T, rtol=1e-12, atol=1e-12)
        for ours in (losses, again):
            torch.testing.assert_close(ours[run], loss, rtol=1e-12, atol=0)
        expected = torch.autograd.grad(loss, list(net.parameters()))
        for ours, grad in zip(grads, expected, strict=True):
            torch.testing.assert_close(ours[run].flatten(), grad.flatten(), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(("objective", "power"), [("l2", 2), ("l4", 4)])
def test_the_losses_of_one_hot_targets(objective, power):
    network = Convolutional(channels=(2, 3), hidden=5, objective=objective)
    sim = networks([Recipe(1), Recipe(2)], network)
    x, y, weights = torch.as_tensor(X), one_hot(LABELS, 10).double(), sim.weights()
    expected = ((network.outputs(weights, x) - y) ** power).sum((1, 2)) / (power * len(X))
    losses, grads = network.value_and_grad(weights, x, y)
    torch.testing.assert_close(losses, expected, rtol=1e-12, atol=0)
    net = sequential([w[0] for w in weights])
    loss = ((net(images()).T - y) ** power).sum() / (power * len(X))
    for ours, grad in zip(grads, torch.autograd.grad(loss, list(net.parameters())), strict=True):
        torch.testing.assert_close(ours[0].flatten(), grad.flatten(), rtol=1e-10, atol=1e-13)


def test_every_number_of_factors_begins_at_the_same_function_and_only_dense_layers_are_factored():
    sim = networks()
    first, *others = sim.network.outputs(sim.weights(), torch.as_tensor(X))
    for other in others:
        torch.testing.assert_close(other, first, rtol=1e-11, atol=1e-12)
    counts = [len(sim.factors(2, leaf)) for leaf in range(8)]
    assert counts == [1, 1, 1, 1, 3, 1, 3, 1]


def test_one_step_of_two_factors_is_autograd_through_them():
    sim = networks()
    low, high = (f.requires_grad_() for f in sim.factors(1, 4))
    weights = [w[1] for w in sim.weights()]
    weights[4] = high @ low
    net = sequential([w.detach() for w in weights])
    named = dict(net.named_parameters()) | {"8.weight": weights[4]}
    outputs = torch.func.functional_call(net, named, (images(),))
    grads = torch.autograd.grad(
        nn.functional.cross_entropy(outputs, torch.as_tensor(LABELS)), (low, high)
    )
    sim.advance(1)
    for before, after, grad in zip((low, high), sim.factors(1, 4), grads, strict=True):
        torch.testing.assert_close((before - after) / 0.1, grad, rtol=1e-10, atol=1e-12)


def test_dropped_units_are_the_same_in_all_runs_and_named_by_the_step():
    network = Convolutional(channels=(2, 3), hidden=50, dropout=0.5)
    sim = networks([Recipe(1), Recipe(2)], network)
    weights, x, y = sim.weights(), torch.as_tensor(X), one_hot(LABELS, 10).double()
    (a, b), _ = network.value_and_grad(weights, x, y, 1)
    torch.testing.assert_close(a, b, rtol=1e-12, atol=0)
    (again, _), (other, _) = (network.value_and_grad(weights, x, y, draw)[0] for draw in (1, 2))
    assert again == a and other != a
    means = torch.stack(
        [network.value_and_grad(weights, x, y, i)[1][7][0] for i in range(300)]
    ).mean(0)
    full = Convolutional(channels=(2, 3), hidden=50).value_and_grad(weights, x, y)[1][7][0]
    assert torch.nn.functional.cosine_similarity(means.flatten(), full.flatten(), dim=0) > 0.9


def test_the_papers_network_has_its_parameters_and_its_penalties():
    """3.116, 12.31 and 3.62 at the start: lambda/2 times the expected squares of entries of
    variance .00774.
    """
    network = paper()
    dense = [leaf for leaf in network.leaves if leaf.factored]
    assert sum(leaf.rows * leaf.columns for leaf in network.leaves) == 1_663_370
    extra = sum(min(leaf.rows, leaf.columns) ** 2 for leaf in dense)
    assert extra == 262_244 and round(100 * extra / 1_663_370, 1) == 15.8
    how = {
        "penalty": "product",
        "decay": 5e-4,
        "init": "truncated",
        "scale": 0.1,
        "factors": "each",
    }
    recipes = [Recipe(1, **how), Recipe(2, **how), Recipe(2, **how | {"penalty": "factors"})]
    zeros = np.zeros((2, 784))
    sim = FactoredNetworks(network, zeros, np.zeros(2, int), recipes, batch=1)
    _, penalties = sim.losses()
    np.testing.assert_allclose(penalties, [3.116, 12.305, 3.623], rtol=0.01)
    assert [float(w.mean()) for w in sim.weights()[1::2]] == pytest.approx([0, 0.1, 0.1, 0.1])


@pytest.mark.parametrize(
    ("wrong", "says"), [({"side": 10}, "multiple of 4"), ({"hidden": 0}, "hidden width")]
)
def test_sizes_that_do_not_fit_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        Convolutional(**wrong)
