"""Whole runs: against the ordinary PyTorch training loop, and against themselves one at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.problem import two_coordinate, two_coordinates
from overparam.engine.simulation import KINDS, STARTS, Method, Simulation, start_layers
from tests.regressions import close, data, rate, regression
from tests.test_optimizers import TWINS

pytestmark = pytest.mark.usefixtures("as_in_the_app")
REAL = torch.float64
ONE_OUTPUT = ("scale", "stretch")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("depth", "start", "width"),
    [(1, "balanced", None), (3, "balanced", 5), (3, "near-zero", 5), (4, "identity", 2)],
)
@pytest.mark.parametrize(("k", "d"), [(1, 4), (2, 4), (3, 3), (4, 2)])
def test_a_network_run_equals_the_ordinary_training_loop(k, d, depth, start, width, optimizer):
    """nn.Sequential, autograd and torch.optim, weight decay as a penalty in the loss."""
    scale, width = (
        {"balanced": 0.5, "near-zero": 0.3, "identity": 0.1}[start],
        max(width or k, k if start == "balanced" else 1),
    )
    method = Method(
        depth,
        optimizer,
        step=rate(optimizer),
        width=width,
        start=start,
        scale=scale,
        weight_decay=0.1,
    )
    inputs, targets = (torch.from_numpy(each) for each in data(k=k, d=d))
    net = torch.nn.Sequential(
        *(
            torch.nn.Linear(*w.shape[::-1], bias=False, dtype=REAL)
            for w in start_layers(method, k, d)
        )
    )
    for linear, w in zip(net, start_layers(method, k, d), strict=True):
        linear.weight.data.copy_(w)
    flat = [linear.weight for linear in net]
    twins = [TWINS[optimizer](w, method.step) for w in flat]
    simulation, expected = Simulation(regression(k=k, d=d), [method]), []
    for _ in range(50):
        net.zero_grad()
        loss = ((net(inputs) - targets) ** 4).sum() / (4 * len(inputs))
        (loss + 0.05 * sum((w**2).sum() for w in flat)).backward()
        expected.append(float(loss.detach()))
        for twin in twins:
            twin.step()
    close(simulation.advance(50)[:, 0], expected)
    assert abs(expected[-1] - expected[0]) > 1e-3 * expected[0]
    w_e = flat[0].detach()
    for w in flat[1:]:
        w_e = w.detach() @ w_e
    close(simulation.end_to_end()[0], w_e, 1e-9)
    for mine, w in zip(simulation.layers(0), flat, strict=True):
        close(mine[0], w.detach(), 1e-9)


def assorted(k, d):
    """Runs of every kind, optimizer, start and several depths, widths and step sizes, in no
    particular order."""
    methods = [
        Method(depth, name, step=rate(name), scale=0.5)
        for depth in (1, 2, 5)
        for name in OPTIMIZERS
    ]
    rules = [(depth, name) for depth in (1, 2.5, 4) for name in ("gd", "adam")]
    methods += [
        Method(depth, name, "rule", rate(name), scale=0.5, weight_decay=0.1)
        for depth, name in rules
    ]
    methods += [
        Method(3, "gd", kind, 0.003, scale=0.5)
        for kind in KINDS
        if k == 1 or kind not in ONE_OUTPUT
    ]
    methods += [
        Method(2, "gd", step=step, width=6, start=start, scale=0.3, seed=7)
        for step in (1e-3, 3e-3)
        for start in STARTS
    ]
    return [methods[i] for i in np.random.default_rng(0).permutation(len(methods))]


@pytest.mark.parametrize("p", [2, 3, 4])
@pytest.mark.parametrize(("k", "d"), [(1, 4), (2, 4), (3, 3), (4, 2)])
def test_a_batch_equals_its_runs_one_at_a_time(k, d, p):
    """Also: shallower networks are padded in the batch and not when alone."""
    problem, methods = regression(p, k=k, d=d), assorted(k, d)
    batch = Simulation(problem, methods)
    together = batch.advance(60)
    assert np.isfinite(together).all()
    for run, method in enumerate(methods):
        alone = Simulation(problem, [method])
        close(together[:, run], alone.advance(60)[:, 0])
        close(batch.end_to_end()[run], alone.end_to_end()[0], 1e-9)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_padded_networks_equal_unpadded_ones_over_a_whole_run(optimizer):
    problem, depths = regression(), (1, 2, 3, 5, 8)
    for start, width, scale in (
        ("balanced", None, 0.5),
        ("balanced", 4, 0.5),
        ("near-zero", 3, 0.3),
        ("identity", 3, 0.1),
    ):
        make = [
            Method(n, optimizer, "network", rate(optimizer), width, start, scale, weight_decay=0.05)
            for n in depths
        ]
        padded = Simulation(problem, make).advance(200)
        for run, method in enumerate(make):
            close(padded[:, run], Simulation(problem, [method]).advance(200)[:, 0], 1e-9)


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    problem, method = regression(), Method(3, step=0.003, scale=0.5)
    first, again = (Simulation(problem, [method]).advance(40) for _ in range(2))
    assert np.array_equal(first, again)
    assert (
        abs(Simulation(problem, [replace(method, seed=1)]).advance(40) - first).max()
        > 1e-3 * first[0]
    )


@pytest.mark.parametrize("kind", ["network", "rule"])
def test_a_seed_gives_the_same_balanced_start_at_every_depth_and_width(kind):
    methods = [
        Method(depth, kind=kind, scale=0.04, seed=3, width=width)
        for depth in (1, 2, 3, 7)
        for width in (None, 9)
    ]
    starts = Simulation(regression(), methods).end_to_end()
    np.testing.assert_allclose(starts, starts[:1].expand_as(starts), rtol=1e-12)
    np.testing.assert_allclose(starts.norm(dim=(1, 2)), 0.04, rtol=1e-12)


def test_a_start_of_ones_own_and_a_rule_of_real_depth():
    w_e = ((0.3, -0.1, 0.0, 0.2), (0.0, 1.0, -0.5, 0.1))
    methods = [Method(3, w_e=w_e), Method(2.6, kind="rule", w_e=w_e), Method(1, w_e=w_e)]
    for start in Simulation(regression(), methods).end_to_end():
        np.testing.assert_allclose(start, w_e, atol=1e-14)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_chunks_of_any_length_give_the_same_run(optimizer):
    problem = regression()
    methods = [
        Method(n, optimizer, kind, 1.5 * rate(optimizer), scale=0.5)
        for n in (1, 3)
        for kind in ("network", "rule")
    ]
    methods.append(Method(2, step=5.0, scale=0.5))  # diverges
    whole = Simulation(problem, methods)
    losses = whole.advance(64)
    for chunks in ([1] * 64, [10, 1, 3, 50], [63, 1]):
        simulation = Simulation(problem, methods)
        parts = np.concatenate([simulation.advance(chunk) for chunk in chunks])
        np.testing.assert_array_equal(parts, losses)
        np.testing.assert_array_equal(simulation.end_to_end(), whole.end_to_end())
        np.testing.assert_array_equal(simulation.diverged_at, whole.diverged_at)
        assert simulation.iteration == 64


@pytest.mark.parametrize("p", [2, 4])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_depth_1_of_every_kind_is_plain_gradient_descent(kind, k, p):
    if k > 1 and kind in ONE_OUTPUT:
        pytest.skip("defined for one output")
    inputs, targets = data(k=k)
    w = start_layers(Method(scale=0.5), k, 4)[0].numpy()
    expected = []
    for _ in range(60):
        residual = inputs @ w.T - targets
        expected.append((np.abs(residual) ** p).sum() / p / len(inputs))
        w = w - 0.003 * (np.abs(residual) ** (p - 1) * np.sign(residual)).T @ inputs / len(inputs)
    simulation = Simulation(regression(p, k=k), [Method(1, kind=kind, step=0.003, scale=0.5)])
    close(simulation.advance(60)[:, 0], expected)
    close(simulation.end_to_end()[0], w)


def test_keep_goes_on_with_some_runs_as_if_nothing_had_happened():
    problem, methods = regression(), assorted(2, 4)
    methods.append(Method(2, step=5.0, scale=0.5))  # diverges
    whole, part = Simulation(problem, methods), Simulation(problem, methods)
    whole.advance(40)
    part.advance(40)
    rows = [len(methods) - 1, 5, 0, 17, 3, 11]
    part.keep(rows)
    assert part.methods == tuple(methods[row] for row in rows) and part.iteration == 40
    close(part.advance(30), whole.advance(30)[:, rows])
    np.testing.assert_array_equal(part.diverged_at, whole.diverged_at[rows])
    close(part.end_to_end()[1:], whole.end_to_end()[rows[1:]], 1e-9)


def test_layers_belong_to_networks():
    simulation = Simulation(regression(), [Method(2, kind="rule"), Method(2)])
    assert len(simulation.layers(1)) == 2
    with pytest.raises(ValueError, match="run 0 is not a network"):
        simulation.layers(0)


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        (
            {"depth": 3, "width": 1},
            "a balanced start of rank 2 needs a hidden width of at least 2, not 1",
        ),
        ({"depth": 2.5}, "depth of a network must be a whole number, not 2.5"),
        ({"depth": 0}, "depth must be 1 or more, not 0"),
        ({"depth": 0.5, "kind": "rule"}, "depth must be 1 or more, not 0.5"),
        ({"depth": float("nan"), "kind": "rule"}, "depth must be 1 or more, not nan"),
        (
            {"depth": 2, "kind": "scale"},
            "'scale only' is defined for one output, but this problem has 2",
        ),
        ({"optimizer": "newton"}, "optimizer must be one of gd, momentum, .*, not 'newton'"),
        ({"kind": "net"}, "kind must be one of network, rule, scale, stretch, not 'net'"),
        ({"start": "ones"}, "start must be one of balanced, near-zero, identity, not 'ones'"),
        ({"step": -0.1}, "step must be a number above 0, not -0.1"),
        ({"step": float("nan")}, "step must be a number above 0, not nan"),
        ({"scale": float("inf")}, "scale must be 0 or a number above, not inf"),
        ({"weight_decay": -1.0}, "weight_decay must be 0 or a number above, not -1.0"),
        ({"depth": 2, "width": 0}, "width must be a whole number of 1 or more, or None, not 0"),
        ({"depth": 2, "width": 2.5}, "width must be a whole number of 1 or more, or None, not 2.5"),
        ({"w_e": ((1.0,),)}, r"w_e must have the shape \(2, 4\) of the problem, not \(1, 1\)"),
        (
            {"w_e": ((1.0,),), "start": "identity"},
            "w_e is a balanced start's, not one of 'identity'",
        ),
    ],
)
def test_a_method_that_is_impossible_or_does_not_fit_is_refused_in_one_sentence(choices, sentence):
    with pytest.raises(ValueError, match=sentence):
        Simulation(regression(), [Method(), Method(**choices)])


def test_no_methods_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match="methods must hold at least one run"):
        Simulation(regression(), [])


def test_runs_with_targets_of_their_own_are_so_many_problems():
    """Several groups, so that the order of the rows matters, and a part of the runs that goes on
    alone."""
    ratios = [2.0, 5.0, 3.0, 1.0, 4.0]
    methods = [
        Method(1),
        Method(2, "adam", step=0.02),
        Method(3),
        Method(2.5, kind="rule"),
        Method(2),
    ]
    alone = [
        Simulation(two_coordinate(4, y), [method])
        for y, method in zip(ratios, methods, strict=True)
    ]
    together = Simulation(two_coordinates(4, np.array([[y, 1.0] for y in ratios])), methods)
    close(together.advance(60), np.hstack([each.advance(60) for each in alone]))
    kept = [3, 0, 1]
    together.keep(kept)
    close(together.advance(40), np.hstack([alone[row].advance(40) for row in kept]))
    close(together.end_to_end(), torch.cat([alone[row].end_to_end() for row in kept]))
