"""Alignment: the Davis-Kahan certificate, imbalance, the law's rates and ranks, against direct
computation."""

import math

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles

from overparam.choices.alignment import (
    CONDITION,
    DEFAULTS,
    INPUTS,
    NOISE,
    OUTPUTS,
    SAMPLES,
    Chain,
)
from overparam.data.synthetic import synthetic
from overparam.engine.simulation import Simulation
from overparam.export.alignment import readings_csv
from overparam.measure.alignment import read_alignment
from overparam.theory.alignment import (
    energy_rank,
    entropy_rank,
    interface,
    interfaces,
    next_imbalance,
    rise_time,
    singular_value_rates,
    stable_rank,
)
from tests.app_pages import visit


def random_layers(seed, widths, scale=1.0):
    rng = np.random.default_rng(seed)
    pairs = zip(widths[1:], widths[:-1], strict=True)
    return [torch.from_numpy(scale * rng.standard_normal(shape)) for shape in pairs]


def train(kind, depth, scale, width, eta, iterations, seed, start=None):
    """Plain gradient descent at p = 2 on the view's regression, from numpy's draws or a given
    start: layers at every iteration."""
    x, y = synthetic(SAMPLES, INPUTS, len(OUTPUTS), CONDITION, "geometric", NOISE, seed)
    gram, cross = (torch.from_numpy(each) / SAMPLES for each in (x.T @ x, (y * OUTPUTS).T @ x))
    layers = start or random_layers(seed, [INPUTS, *[width] * (depth - 1), len(OUTPUTS)], scale)
    if kind == "identity":
        layers = [w + torch.eye(*w.shape, dtype=w.dtype) for w in layers]
    way = []
    for _ in range(iterations + 1):
        way.append([w.clone() for w in layers])
        leaves = [w.requires_grad_() for w in layers]
        product = leaves[0]
        for w in leaves[1:]:
            product = w @ product
        loss = 0.5 * (product @ gram * product).sum() - (product * cross).sum()
        grads = torch.autograd.grad(loss, leaves)
        layers = [(w - eta * g).detach() for w, g in zip(leaves, grads, strict=True)]
    return [torch.stack(each).detach() for each in zip(*way, strict=True)]


def first_certified(layers, ranks=5):
    """First iteration at which the guarantee is at least .9 at every interface, for r = 1, 2, ...;
    None where never."""
    sure = torch.stack([each.guarantee for each in interfaces(layers)]).amin(0) >= 0.9
    return [int(column.int().argmax()) if column.any() else None for column in sure[:, :ranks].T]


def sines(found):
    """|sin Theta_r|_F from what the top r of one layer have outside the top r of the other, (...,
    h)."""
    square, h = found.matrix.square(), found.matrix.shape[-1]
    return torch.stack([square[..., r:, :r].sum((-2, -1)).sqrt() for r in range(1, h + 1)], -1)


def test_the_certificate_holds_for_ten_thousand_random_pairs():
    """Pairs from nearly balanced to unrelated, oracle: scipy's angles between subspaces for some of
    them."""
    rng = np.random.default_rng(0)
    finite = 0
    for h, n, k in ((3, 5, 4), (5, 5, 5), (8, 6, 5), (6, 9, 8)):
        count = 2500
        below = torch.from_numpy(rng.standard_normal((count, h, n)))
        below *= torch.from_numpy(rng.uniform(0.2, 2, (count, h, 1)))
        u, s, _ = torch.linalg.svd(below, full_matrices=False)
        rotation = torch.linalg.qr(
            torch.from_numpy(rng.standard_normal((count, max(k, h), max(k, h))))
        )[0]
        root = rotation[:, :, : u.shape[-1]][:, :k] @ (s[..., None] * u.mT)  # balanced where k >= h
        noise = torch.from_numpy(10 ** rng.uniform(-4, 0.5, (count, 1, 1)))
        above = root + noise * torch.from_numpy(rng.standard_normal((count, k, h)))
        found = interface(below, above)
        sine = sines(found)
        known = found.bound.isfinite()
        finite += int(known.sum())
        assert bool((sine <= found.bound + 1e-12)[known].all())
        assert bool((found.bound <= found.prior + 1e-9)[known].all())
        assert bool((found.score >= found.guarantee - 1e-12).all())
        for i in range(0, count, 500):
            own, other = (np.linalg.svd(m)[0] for m in (below[i].numpy(), above[i].numpy().T))
            for r in range(1, min(h, n, k)):  # beyond its rank a layer has no direction of its own
                angles = subspace_angles(own[:, :r], other[:, :r])
                assert float(sine[i, r - 1]) == pytest.approx(
                    np.linalg.norm(np.sin(angles)), abs=1e-6
                )
    assert finite > 20_000


@pytest.mark.parametrize("depth", [2, 3])
def test_the_certificate_holds_along_a_run_and_imbalance_moves_as_it_must(depth):
    layers = train("near-zero", depth, 0.1, 8, 0.02, 300, 1)
    for j, found in enumerate(interfaces(layers)):
        known = found.bound.isfinite()
        assert bool((sines(found) <= found.bound + 1e-12)[known].all())
        below, above = layers[j], layers[j + 1]
        delta = above.mT @ above - below @ below.mT
        gradients = [(w[:-1] - w[1:]) / 0.02 for w in (below, above)]
        after = next_imbalance(delta[:-1], *gradients, 0.02)
        torch.testing.assert_close(
            after, delta[1:], rtol=0, atol=1e-12 * float(delta.abs().max() + 1)
        )


def test_weight_decay_shrinks_the_imbalance():
    below, above = random_layers(0, [4, 3, 5])
    outer = torch.from_numpy(
        np.random.default_rng(2).standard_normal((5, 4))
    )  # dL/dW of the product
    g_below, g_above = above.mT @ outer, outer @ below.mT
    eta, decay = 0.1, 0.3
    new_below, new_above = (
        below - eta * (g_below + decay * below),
        above - eta * (g_above + decay * above),
    )
    delta = above.mT @ above - below @ below.mT
    expected = new_above.mT @ new_above - new_below @ new_below.mT
    after = next_imbalance(delta, g_below, g_above, eta, decay)
    torch.testing.assert_close(after, expected, rtol=1e-12, atol=1e-13)


# Runs, the last of 60 readings that are even in log time, and the reading at which r = 1, 2, ...
# are first certified, as published beside the theory.
REFERENCE = [
    (("near-zero", 2, 0.01, 8, 0.02, 1000), 12_000, (63, 74, 86, 424, 801)),
    (("identity", 2, 0.01, 5, 0.02, 100), 6000, (22, 12, 9, 11)),
    (("identity", 3, 0.01, 5, 0.02, 100), 6000, (22, 19, 14, 19)),
    (("identity", 4, 0.01, 5, 0.01, 100), 6000, (40, 40, 30, 46)),
    pytest.param(
        ("near-zero", 3, 0.1, 8, 0.02, 2083),
        12_000,
        (101, 308, 263, 801, 2083),
        marks=pytest.mark.slow,
    ),
]


@pytest.mark.parametrize(("run", "last", "published"), REFERENCE, ids=str)
def test_reference_iterations(run, last, published):
    readings = np.unique(np.rint(np.geomspace(1, last, 60))).astype(int)
    found = first_certified(train(*run, 0), len(published))
    assert tuple(readings[np.searchsorted(readings, found)]) == published


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_view_certifies_when_plain_gradient_descent_does(seed):
    """From the view's own starts; its readings are 60 to a decade."""
    chain = Chain.of(DEFAULTS | {"draw": seed, "length": 700})
    shown = read_alignment(chain.problem(), chain.method(), 700)
    start = [w[0] for w in Simulation(chain.problem(), [chain.method()]).layers(0)]
    exact = first_certified(train("near-zero", 2, None, 8, 0.02, 700, seed, start), 4)
    for r, iteration in enumerate(exact, start=1):
        reading = shown.first_certified(r)
        assert (iteration is None) == (reading is None)
        assert iteration is None or iteration <= reading <= 1.1 * iteration
    assert sum(iteration is not None for iteration in exact) >= 3


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_starts_near_zero_are_certified_one_direction_after_the_other(seed):
    found = first_certified(train("near-zero", 2, 0.01, 8, 0.02, 1000, seed))
    assert all(at is not None and at < 250 for at in found[:3]) and found[3] > 150


def test_a_balanced_start_is_certified_at_once_and_an_identity_wider_than_k_never():
    balanced = Chain.of(DEFAULTS | {"from": "balanced", "size": 0.1, "h": 5, "length": 300})
    found = read_alignment(balanced.problem(), balanced.method(), 300)
    assert [found.certified_since(r) for r in range(1, 6)] == [0] * 5
    assert found.imbalance[0].max() < 1e-15 < found.imbalance[-1].max() < 1e-2
    wide = Chain.of(DEFAULTS | {"from": "identity", "length": 300})
    found = read_alignment(wide.problem(), wide.method(), 300)
    assert [found.first_certified(r) for r in range(1, 6)] == [None] * 5
    assert found.imbalance[0, 0] == pytest.approx(math.sqrt(8 - 5), rel=0.05)  # sqrt(h - k)
    assert found.score[-1, 0, 0] > 0.9  # aligned all the same


def test_rates_are_those_of_a_small_step_and_the_law_is_theirs_where_layers_are_balanced():
    layers = random_layers(3, [6, 4, 4, 5], 0.7)
    outer = torch.from_numpy(np.random.default_rng(4).standard_normal((5, 6)))
    leaves = [w.clone().requires_grad_() for w in layers]
    (leaves[2] @ leaves[1] @ leaves[0] * outer).sum().backward()
    values = [
        torch.linalg.svdvals(
            torch.linalg.multi_dot(
                [w - h * v.grad for w, v in zip(layers, leaves, strict=True)][::-1]
            )
        )
        for h in (1e-6, -1e-6)
    ]
    sigma, exact, law = singular_value_rates(layers, outer)
    measured = ((values[0] - values[1]) / 2e-6)[:4]
    torch.testing.assert_close(exact[:4], measured, rtol=1e-6, atol=1e-8)
    assert float((law - exact)[:4].abs().max()) > 0.1 * float(exact.abs().max())  # not balanced
    u, s, vt = torch.linalg.svd(outer, full_matrices=False)
    root = torch.diag(s ** (1 / 3))
    sigma, exact, law = singular_value_rates([root @ vt, root, u @ root], outer + 0.1)
    torch.testing.assert_close(law, exact, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(sigma, s)


def test_ranks_of_known_spectra():
    flat = torch.tensor([2.0, 2.0, 2.0, 0.0], dtype=torch.float64)
    assert [float(f(flat)) for f in (entropy_rank, stable_rank, energy_rank)] == pytest.approx(
        [3, 3, 3]
    )
    one = torch.tensor([5.0, 1e-9], dtype=torch.float64)
    assert [float(f(one)) for f in (entropy_rank, stable_rank, energy_rank)] == pytest.approx(
        [1, 1, 1], abs=1e-7
    )
    assert float(stable_rank(torch.zeros(3))) == 0


def test_a_residual_chain_is_of_low_rank_although_no_layer_is():
    chain = Chain.of(
        DEFAULTS | {"from": "identity", "task": "white", "layers": 4, "eta": 0.002, "length": 2000}
    )
    found = read_alignment(chain.problem(), chain.method(), 2000)
    assert found.layer_ranks[-1, :, 0].min() > 7 and found.product_ranks[-1, 0] < 4


def test_modes_rise_at_their_times():
    strengths = (4, 2, 1, 0.5, 0.25)
    assert [rise_time(s, 1e-3, 1) for s in strengths] == pytest.approx([0.693] * 5, rel=0.01)
    two = [math.log(s / 1e-3 - 1) / (2 * s) for s in strengths]
    assert [rise_time(s, 1e-3, 2) for s in strengths] == pytest.approx(two)
    assert [rise_time(s, 1e-3, 3) for s in strengths] == pytest.approx(
        [2.37, 4.66, 9.15, 17.8, 34.5], rel=3e-3
    )
    assert [rise_time(s, 1e-3, 4) for s in strengths] == pytest.approx(
        [3.92, 7.81, 15.5, 30.8, 60.9], rel=3e-3
    )


def test_all_of_the_hidden_space_is_always_the_same():
    found = interface(*random_layers(5, [4, 3, 4]))
    assert float(found.score[-1]) == pytest.approx(1) and float(found.guarantee[-1]) == 1


def test_the_numbers_taken_home_are_the_readings():
    chain = Chain.of(DEFAULTS | {"length": 20, "h": 5})
    found = read_alignment(chain.problem(), chain.method(), 20)
    lines = readings_csv(chain, found).splitlines()
    assert lines[1].startswith("iteration,interface,r,score,guarantee,gap,imbalance,sigma_1")
    assert len(lines) == 2 + len(found.times) * 5
    last = lines[-1].split(",")
    assert (int(last[0]), float(last[3]), float(last[-1])) == (
        20,
        found.score[-1, 0, 4],
        found.sigma[-1, -1],
    )


def text(app):
    assert not app.exception, app.exception
    return "\n".join(e.value for kind in (app.markdown, app.caption) for e in kind)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({}, "Top 2 directions certified aligned since iteration 9"),
        ({"from": "identity"}, "**never certified**"),
        ({"top": "8"}, "r = 8, h = 8: all of the hidden space"),
        ({"from": "balanced", "size": "0.1", "h": "5"}, "certified aligned since iteration 0**"),
        ({"reading": "law", "at": "300"}, "at iteration 30"),
        (
            {
                "reading": "ranks",
                "from": "identity",
                "task": "white",
                "layers": "3",
                "eta": "0.005",
            },
            "entropy rank",
        ),
        (
            {"from": "balanced", "size": "0.1", "h": "8", "top": "7", "length": "50"},
            "directions are arbitrary",
        ),
    ],
    ids=str,
)
def test_the_view_says_what_it_is(query, words):
    assert words in text(visit("pages/preconditioner.py", view="align", **query))


def test_what_cannot_be_is_said_in_one_sentence():
    narrow = visit("pages/preconditioner.py", view="align", h="2", **{"from": "balanced"})
    assert [e.value for e in narrow.error] == [
        "A balanced start of rank 5 needs a hidden width of at least 5, not 2."
    ]
    fast = visit("pages/preconditioner.py", view="align", eta="1")
    assert not fast.exception
    assert len(fast.warning) == 1 and "diverged at iteration" in fast.warning[0].value
