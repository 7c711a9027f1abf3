"""Whole runs: against the ordinary PyTorch training loop, against themselves one at a time, and
what happens when one diverges."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from overparam.engine.device import prepare_thread
from overparam.engine.losses import lp
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.parameterizations import imbalance
from overparam.engine.problem import Problem, two_coordinate, two_coordinates
from overparam.engine.simulation import KINDS, STARTS, Method, Simulation, start_layers
from tests.test_optimizers import TWINS

REAL = torch.float64
ONE_OUTPUT = ("scale", "stretch")


def data(m=30, k=2, d=4, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((m, d))
    return inputs, inputs @ rng.standard_normal((d, k)) + 0.5 * rng.standard_normal((m, k))


def regression(p=4, m=30, k=2, d=4, seed=0, **make):
    return Problem(*data(m, k, d, seed), lp(p), **make)


def rate(name):
    """A step size that gets somewhere in fifty steps and is not chaotic (AdaDelta at 1 makes 1e-15
    into 1e-4 in 200 steps)."""
    return {"adadelta": 0.2, "adagrad": 0.1, "rmsprop": 0.01, "adam": 0.03}.get(name, 0.003)


@pytest.fixture(scope="module", autouse=True)
def as_in_the_app():
    """Long loops run as they do there: without denormals, which make a converged run 100 times
    slower."""
    prepare_thread()
    yield
    torch.set_flush_denormal(False)


def close(mine, other, tolerance=1e-10):
    mine, other = np.asarray(mine), np.asarray(other)
    np.testing.assert_allclose(
        mine, other, rtol=tolerance, atol=tolerance * np.nanmax(np.abs(other))
    )


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


@pytest.mark.parametrize(("k", "d"), [(1, 5), (2, 5), (3, 3), (5, 2)])
@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_gap_between_rule_and_network_is_proportional_to_the_step(depth, k, d):
    """From a balanced start, over a fixed flow time, the gap halves when the step size does; the
    gap is there."""
    problem, steps = regression(4, k=k, d=d), np.array([2e-4, 1e-4, 5e-5])

    def gap(step):
        pair = Simulation(
            problem,
            [Method(depth, kind=kind, step=step, scale=0.8) for kind in ("network", "rule")],
        )
        losses = np.diff(pair.advance(round(0.06 / step)), axis=1)
        return np.abs(losses).max()

    gaps = np.array([gap(step) for step in steps])
    slope = np.polyfit(np.log(steps), np.log(gaps), 1)[0]
    assert slope == pytest.approx(1, abs=0.05)


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


def fastest(problem, depths, kind, y1, horizon):
    """Iterations to a loss below 1e-4 at each depth's best step size, 24 a decade; `horizon` where
    no step got there."""
    steps = 10 ** (np.arange(-5 * 24, 25) / 24)
    methods = [
        Method(depth, kind=kind, step=float(step), w_e=((0.01 * y1, 0.01),))
        for depth in depths
        for step in steps
    ]
    reached = Simulation(problem, methods).advance(horizon) < 1e-4
    return np.where(reached.any(0), reached.argmax(0), horizon).reshape(len(depths), -1).min(1)


# Iterations at depths 1, 2, 3, 4 by the end-to-end rule, from an independent implementation on a
# coarser grid. They are indicative: the best step makes use of a lucky first one, so a finer grid
# finds fewer. A network's layers lose their balance in such a step and it takes several times as
# long, still far less than without depth.
REFERENCE = {
    (2, 10.0): (3, 9, 16, 22),
    (4, 10.0): (1785, 50, 190, 7),
    (4, 30.0): (18015, 455, 125, 65),
}


@pytest.mark.parametrize("kind", ["rule", "network"])
def test_two_coordinates_depth_hurts_at_p_2(kind):
    counts = fastest(two_coordinate(2, 10.0), (1, 2, 3, 4), kind, 10.0, 50)
    assert (np.diff(counts) > 0).all() and counts[1] >= 3 * counts[0]
    assert (counts <= REFERENCE[2, 10.0]).all()


@pytest.mark.parametrize("y1", [10.0, 30.0])
def test_two_coordinates_depth_helps_by_orders_of_magnitude_at_p_4(y1):
    problem, reference = two_coordinate(4, y1), np.array(REFERENCE[4, y1])
    rule = fastest(problem, (2, 3, 4), "rule", y1, reference[1] + 30)
    assert (rule <= 1.05 * reference[1:]).all() and (np.diff(rule) < 0).all()
    assert (
        fastest(problem, (1,), "rule", y1, 25 * rule[0]) == 25 * rule[0]
    )  # without depth no step size gets there in that time


def test_two_coordinates_depth_helps_networks_too():
    problem, reference = two_coordinate(4, 10.0), REFERENCE[4, 10.0][0]
    (alone,) = fastest(problem, (1,), "network", 10.0, 2200)
    assert alone == pytest.approx(reference, rel=0.2)
    assert (fastest(problem, (2, 3, 4), "network", 10.0, reference // 6) < reference // 6).all()


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
