"""Factored nonlinear networks against autograd, torch.optim and closed forms."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from overparam.engine.classification import OBJECTIVES
from overparam.engine.dense import Dense
from overparam.engine.nonlinear import FactoredNetworks, one_hot
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.recipe import FACTORS, INITS, PENALTIES, Recipe

M, WIDTHS = 40, (6, 5, 4, 3)
RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(M, WIDTHS[0])), RNG.integers(0, WIDTHS[-1], M)
PHI = {"relu": torch.relu, "tanh": torch.tanh, "gelu": torch.nn.functional.gelu}
LOSS = {
    "ce": lambda o, labels: functional.cross_entropy(o, labels),
    "l2": lambda o, labels: ((o - functional.one_hot(labels, 3)) ** 2).sum(1).mean() / 2,
    "l4": lambda o, labels: ((o - functional.one_hot(labels, 3)) ** 4).sum(1).mean() / 4,
}


def networks(recipes, objective="ce", activation="relu", **how) -> FactoredNetworks:
    how = {"seed": 0, "batch": None, "dtype": torch.float64} | how
    return FactoredNetworks(Dense(WIDTHS, activation, objective), X, LABELS, recipes, **how)


def all_factors(sim: FactoredNetworks, run: int) -> list[list[torch.Tensor]]:
    return [sim.factors(run, leaf) for leaf in range(len(sim.network.leaves))]


class Oracle:
    """The same network in plain PyTorch: a list of factors a leaf, autograd, torch.optim."""

    def __init__(self, sim: FactoredNetworks, run: int, objective: str, activation: str):
        self.recipe, self.objective, self.activation = sim.recipes[run], objective, activation
        self.leaves = [[f.requires_grad_() for f in leaf] for leaf in all_factors(sim, run)]
        self.dense = [leaf.factored for leaf in sim.network.leaves]

    def products(self):
        made = []
        for factors in self.leaves:
            w = factors[0]
            for factor in factors[1:]:
                w = factor @ w
            made.append(w)
        return made

    def loss(self, x, labels):
        h, weights = torch.as_tensor(x), self.products()
        for place, (w, b) in enumerate(zip(weights[::2], weights[1::2], strict=True)):
            h = (PHI[self.activation](h) if place else h) @ w.T + b.T
        return LOSS[self.objective](h, torch.as_tensor(labels))

    def penalty(self):
        lam, kind = self.recipe.decay, self.recipe.penalty
        if kind == "none":
            return torch.zeros(())
        dense = zip(self.products(), self.leaves, self.dense, strict=True)
        if kind == "product":
            return lam / 2 * sum((w**2).sum() for w, _, on in dense if on)
        return lam / 2 * sum((f**2).sum() for _, factors, on in dense if on for f in factors)

    def flat(self):
        return [f for leaf in self.leaves for f in leaf]


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_one_step_is_autograd_through_the_factors(objective, activation):
    recipes = [
        Recipe(n, "gd", 0.1, penalty, 0.3, factors=factors)
        for n in (1, 2, 3, 4)
        for penalty in PENALTIES
        for factors in FACTORS
    ]
    sim = networks(recipes, objective, activation)
    oracles = [Oracle(sim, run, objective, activation) for run in range(len(recipes))]
    fit, penalty = sim.losses()
    np.testing.assert_allclose(sim.advance(1)[0], fit, rtol=1e-12)  # the batch is all of the data
    for run, oracle in enumerate(oracles):
        loss, extra = oracle.loss(X, LABELS), oracle.penalty()
        assert fit[run] == pytest.approx(loss.item(), rel=1e-12)
        assert penalty[run] == pytest.approx(extra.item(), rel=1e-12, abs=1e-300)
        grads = torch.autograd.grad(loss + extra, oracle.flat())
        moved = [f for leaf in all_factors(sim, run) for f in leaf]
        for before, after, grad in zip(oracle.flat(), moved, grads, strict=True):
            torch.testing.assert_close((before - after) / 0.1, grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["gd", "momentum", "nesterov", "adam"])
def test_minibatch_training_is_what_torch_optim_does(name):
    recipes = [Recipe(n, name, 0.02, "factors", 0.01) for n in (1, 3)]
    sim = networks(recipes, batch=16, seed=3)
    oracles = [Oracle(sim, run, "ce", "relu") for run in range(2)]
    make = {
        "gd": lambda p: torch.optim.SGD(p, 0.02),
        "momentum": lambda p: torch.optim.SGD(p, 0.02, momentum=0.9),
        "nesterov": lambda p: torch.optim.SGD(p, 0.02, momentum=0.9, nesterov=True),
        "adam": lambda p: torch.optim.Adam(p, 0.02),
    }[name]
    steps = [make(oracle.flat()) for oracle in oracles]
    order, taken = torch.Generator().manual_seed(1003), M
    for _ in range(30):
        if taken + 16 > M:
            places, taken = torch.randperm(M, generator=order).numpy(), 0
        here, taken = places[taken : taken + 16], taken + 16
        for oracle, step in zip(oracles, steps, strict=True):
            step.zero_grad()
            (oracle.loss(X[here], LABELS[here]) + oracle.penalty()).backward()
            step.step()
    sim.advance(30)
    for run, oracle in enumerate(oracles):
        moved = [f for leaf in all_factors(sim, run) for f in leaf]
        for ours, theirs in zip(moved, oracle.flat(), strict=True):
            torch.testing.assert_close(ours, theirs.detach(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("init", INITS)
def test_every_depth_begins_at_the_same_function(init):
    sim = networks([Recipe(n, init=init) for n in (1, 2, 3, 6)])
    x = torch.as_tensor(X)
    first, *others = sim.network.outputs(sim.weights(), x)
    for other in others:
        torch.testing.assert_close(other, first, rtol=1e-12, atol=1e-12)
    for run, depth in enumerate((1, 2, 3, 6)):
        for leaf, (rows, columns) in ((0, (5, 6)), (4, (3, 4))):
            factors, inner = sim.factors(run, leaf), min(rows, columns)
            widths = [columns] + [inner] * (depth - 1) + [rows]
            assert [f.shape for f in factors] == [(b, a) for a, b in pairwise(widths)]
            for below, above in pairwise(factors):
                torch.testing.assert_close(above.T @ above, below @ below.T, rtol=0, atol=1e-12)


def test_each_factor_of_its_own_keeps_the_variance_of_a_he_start():
    network = Dense((200, 100, 50))
    recipes = [Recipe(n, factors="each") for n in (1, 2, 3)]
    args = {"dtype": torch.float64}
    sim = FactoredNetworks(network, np.zeros((2, 200)), np.zeros(2, int), recipes, batch=1, **args)
    for leaf, gain in ((0, 2 / 200), (2, 1 / 100)):
        variance = sim.weights()[leaf].var((1, 2)).numpy()
        np.testing.assert_allclose(variance, gain, rtol=0.15)


def test_runs_do_not_know_of_one_another():
    recipes = [
        Recipe(1, "gd", 0.1),
        Recipe(2, "momentum", 0.05, "product", 0.01),
        Recipe(2, "gd", 0.2),
        Recipe(3, "adam", 0.01, "factors", 0.01, factors="each"),
        Recipe(2, "momentum", 0.01),
    ]
    together, alone = networks(recipes, batch=7), [networks([r], batch=7) for r in recipes]
    for sim in (together, *alone):
        sim.advance(25)
    fit, penalty = together.losses()
    single = np.array([sim.losses() for sim in alone])[:, :, 0].T
    np.testing.assert_allclose([fit, penalty], single, rtol=1e-11)
    together.keep([4, 0, 3])
    together.advance(5)
    for place, run in enumerate((4, 0, 3)):
        alone[run].advance(5)
        np.testing.assert_allclose(
            together.losses()[0][place], alone[run].losses()[0][0], rtol=1e-11
        )


def test_slices_and_chunks_change_nothing(monkeypatch):
    recipes = [Recipe(n, step=0.02) for n in (1, 2, 3)]
    whole, sliced, chunked = (networks(recipes, batch=9) for _ in range(3))
    whole.advance(20)
    for count in (1, 7, 12):
        sliced.advance(count)
    monkeypatch.setattr("overparam.engine.dense.CHUNK", 1)
    chunked.advance(20)
    np.testing.assert_array_equal(whole.losses(), sliced.losses())
    np.testing.assert_allclose(whole.losses(), chunked.losses(), rtol=1e-12)


def test_seeds_draw_other_weights_and_other_batches():
    a, b = (networks([Recipe()], batch=9, seed=seed) for seed in (0, 1))
    assert not torch.equal(a.weights()[0], b.weights()[0])
    assert not torch.equal(a._next_batch()[0], b._next_batch()[0])


def test_a_run_that_diverges_is_noted_and_disturbs_nobody():
    recipes = [Recipe(2, "gd", 0.05), Recipe(2, "gd", 1e6)]
    sim, calm = networks(recipes, "l4"), networks(recipes[:1], "l4")
    for each in (sim, calm):
        each.losses()
        each.advance(20)
    fit, penalty = sim.losses()
    assert list(sim.diverged_at) == [-1, 20] and np.isnan([fit[1], penalty[1]]).all()
    assert fit[0] == pytest.approx(calm.losses()[0][0], rel=1e-12)
    assert np.isnan(sim.singular_values()[0][1]).all()


def test_singular_values_and_accuracy_are_those_of_the_products():
    sim = networks([Recipe(1), Recipe(3)])
    for values, leaf in zip(sim.singular_values(), (0, 2, 4), strict=True):
        expected = np.linalg.svd(sim.weights()[leaf].numpy(), compute_uv=False)
        np.testing.assert_allclose(values, expected, rtol=1e-10)
    outputs = sim.network.outputs(sim.weights(), torch.as_tensor(X)).numpy()
    expected = (outputs.argmax(1) == LABELS).mean(1)
    np.testing.assert_array_equal(sim.accuracy(X, LABELS), expected)


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("penalty", ["product", "factors"])
def test_how_fast_a_penalty_alone_shrinks_a_singular_value(depth, penalty):
    """From balanced factors: lambda N sigma^(2-2/N) on the product, lambda N on the factors,
    relative to sigma.
    """
    lam, eta = 0.5, 1e-6
    sim = networks([Recipe(depth, "gd", eta, penalty, lam)])
    for group in sim._groups:  # no data: the penalty alone
        for piece, product in zip(group.pieces, sim._products()[0], strict=True):
            before = torch.linalg.svdvals(product[0])
            piece.step(product.clone(), torch.zeros_like(product), 1)
            after = torch.linalg.svdvals(piece.product()[0])
            if piece.leaf.factored:
                rate = (before - after) / (eta * before)
                power = 2 - 2 / depth if penalty == "product" else 0
                torch.testing.assert_close(rate, lam * depth * before**power, rtol=1e-5, atol=0)


def test_the_penalty_on_balanced_factors_is_a_schatten_norm_and_the_least_of_all():
    for depth in (2, 3):
        recipe = Recipe(depth, penalty="factors", decay=0.7)
        sim = networks([recipe, replace(recipe, factors="each")])
        sigma = [values[0] for values in sim.singular_values()]
        expected = 0.35 * depth * sum((s ** (2 / depth)).sum() for s in sigma)
        assert sim.losses()[1][0] == pytest.approx(expected, rel=1e-12)
        unbalanced = sum((v[1] ** (2 / depth)).sum() for v in sim.singular_values())
        assert sim.losses()[1][1] > 0.35 * depth * unbalanced


def test_two_factors_with_the_penalty_on_the_product():
    """dW = -lambda (B B^T W + W A^T A) for W = B A, not balanced."""
    lam, eta = 0.3, 1e-7
    sim = networks([Recipe(2, "gd", eta, "product", lam, factors="each")])
    a, b = sim.factors(0, 0)
    piece = sim._groups[0].pieces[0]
    w = piece.product().clone()
    piece.step(w, torch.zeros_like(w), 1)
    moved = (piece.product()[0] - w[0]) / eta
    expected = -lam * (b @ b.T @ w[0] + w[0] @ a.T @ a)
    torch.testing.assert_close(moved, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"depth": 0}, "depth must be a whole number of 1 or more, not 0"),
        ({"depth": 1.5}, "depth must be a whole number"),
        ({"step": 0.0}, "step must be a number above 0"),
        ({"decay": -1.0}, "decay must be 0 or a number above"),
        ({"penalty": "both"}, "penalty must be one of none, product, factors, not 'both'"),
        ({"init": "zeros"}, "init must be one of"),
        ({"optimizer": "lion"}, "optimizer must be one of"),
    ],
)
def test_a_recipe_that_cannot_be_names_its_field(wrong, says):
    with pytest.raises(ValueError, match=says):
        Recipe(**wrong)


@pytest.mark.parametrize("batch", [0, M + 1])
def test_a_batch_must_fit_the_data(batch):
    with pytest.raises(ValueError, match="a batch must hold from 1 to all 40 samples"):
        networks([Recipe()], batch=batch)


def test_a_network_needs_widths_and_labels_in_range():
    with pytest.raises(ValueError, match="each width must be a whole number of 1 or more, not 0"):
        Dense((4, 0, 2))
    with pytest.raises(ValueError, match="labels must be whole numbers from 0 to 2"):
        one_hot(np.array([0, 3]), 3)


def test_every_optimizer_of_the_race_moves_a_network():
    sim = networks([Recipe(2, name, 1e-2) for name in OPTIMIZERS])
    before = sim.losses()[0]
    sim.advance(5)
    assert np.isfinite(sim.losses()[0]).all() and (sim.losses()[0] != before).all()
