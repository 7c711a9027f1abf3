"""Plateaus: the norm identity, the escape law, drift, decay and optimizers, against autograd, scipy
and closed forms."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.integrate import quad, solve_ivp

from overparam.data.teacher import small_digits, two_points, whitened_teacher
from overparam.engine.deep_net import NET_LOSSES, DeepNet, Descent, he_layers
from overparam.engine.flow import stiff_path
from overparam.measure.plateaus import (
    OFFSET_ESCAPED,
    chain_drift_against_scale,
    curve,
    first_time,
    fit_slopes,
    gradient_flow,
    scalar_flow,
)
from overparam.theory.activations import ACTIVATIONS, LEAK, Activation
from overparam.theory.plateaus import (
    chain_escape_time,
    chain_gain,
    escape_exponent,
    inhomogeneity,
    pinning_scale,
    symmetric_layers,
    widened,
)

ORACLE = {  # torch's own
    "linear": lambda z: z,
    "relu": F.relu,
    "leaky": lambda z: F.leaky_relu(z, LEAK),
    "tanh": torch.tanh,
    "sin": torch.sin,
    "arctan": torch.arctan,
    "gelu": F.gelu,
    "silu": F.silu,
    "shifted": lambda z: F.softplus(z) - math.log(2),
    "sigmoid": torch.sigmoid,
    "softplus": F.softplus,
}


def tensors(*arrays):
    return [torch.from_numpy(a) for a in arrays]


def teacher_net(activation, widths, decay=0.0):
    x, y = tensors(*whitened_teacher([1.0]))
    return DeepNet(widths, ACTIVATIONS[activation], x, y, decay=decay)


def escapes(activation, depth, small, eps, seeds=2, width=None, decay=0.0):
    """Escape times (E, S) of He nets."""
    width = width or (16 if activation == "relu" else 8)
    widths = [4, *[width] * (depth - 1), 1]
    net = teacher_net(activation, widths, decay)
    starts = [he_layers(widths, small, e, s) for e in eps for s in range(seeds)]
    flow = gradient_flow(
        net, torch.cat([net.join([w[None] for w in s]) for s in starts]), 1e-3, 0.5
    )
    flow.advance(1000)
    times = [first_time(c.times, c.loss, 0.8) for c in (curve(p, depth) for p in flow.paths())]
    return np.array(times).reshape(len(eps), seeds)


def chain(activation, depth, s, y, biases=(), decay=0.0):
    """The scalar chain on inputs s and targets y."""
    return DeepNet([1] * (depth + 1), activation, s[None], y[None], biases=biases, decay=decay)


def gauss(skew):
    """Nodes of a standard normal s, y = s + skew (s² - 1), and weights: kappa = 3, mu = 2 skew."""
    s, weight = np.polynomial.hermite_e.hermegauss(9)
    weight = weight / weight.sum()
    return s, s + skew * (s**2 - 1), weight


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_is_torchs_with_its_derivative_and_its_expansion(name):
    z = torch.linspace(-6, 6, 401, dtype=torch.float64).requires_grad_()
    expected = ORACLE[name](z)
    (slope,) = torch.autograd.grad(expected.sum(), z)
    value, mine = ACTIVATIONS[name].value_and_slope(z.detach())
    off = z.detach() != 0
    torch.testing.assert_close(value, expected.detach(), rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(mine[off], slope[off], rtol=1e-12, atol=1e-14)
    small = torch.tensor([-1e-3, 1e-3], dtype=torch.float64)
    below, above = ACTIVATIONS[name].value_and_slope(small)[0]
    a, slopes = ACTIVATIONS[name].at_zero, ACTIVATIONS[name].slopes
    np.testing.assert_allclose([(a[0] - below) * 1e3, (above - a[0]) * 1e3], slopes, atol=1e-3)
    if name not in ("relu", "leaky"):
        assert float(above + below) / 2 == pytest.approx(a[0] + a[2] * 1e-6, abs=1e-12)
        assert float(above - below) / 2 == pytest.approx(
            a[1] * 1e-3 + a[3] * 1e-9, rel=1e-6, abs=1e-13
        )


@pytest.mark.parametrize("biases", [(), (0, 1, 2, 3)], ids=["without", "with biases"])
@pytest.mark.parametrize("loss", NET_LOSSES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_are_autograds_and_the_norm_identity_is_exact(name, loss, biases):
    generator = torch.Generator().manual_seed(3)
    widths = [3, 5, 4, 6, 2]
    x = torch.randn(3, 12, dtype=torch.float64, generator=generator)
    y = torch.randn(2, 12, dtype=torch.float64, generator=generator)
    if loss == "entropy":
        y = y.softmax(0)
    net = DeepNet(widths, ACTIVATIONS[name], x, y, loss, biases)
    params = 0.7 * torch.randn(3, net.size, dtype=torch.float64, generator=generator)
    found = net.forward_backward(params)
    for run, row in enumerate(params):
        leaf = row.clone().requires_grad_()
        weights, offsets = net.weights(leaf[None]), net.offsets(leaf[None])
        h = x
        for j, w in enumerate(weights):
            z = w[0] @ h + (offsets[j][0] if j in offsets else 0)
            h = ORACLE[name](z) if j < 3 else z
        value = {
            "squares": lambda h=h: 0.5 * (h - y).square().sum(0).mean(),
            "fourth": lambda h=h: 0.25 * (h - y).pow(4).sum(0).mean(),
            "entropy": lambda h=h: F.cross_entropy(h.T, y.T),
        }[loss]()
        (grad,) = torch.autograd.grad(value, leaf)
        torch.testing.assert_close(found.loss[run], value.detach(), rtol=1e-12, atol=0)
        torch.testing.assert_close(found.grad[run], grad, rtol=1e-11, atol=1e-14)
        g, w = net.weights(grad[None]), net.weights(row[None])
        b, gb = net.offsets(row[None]), net.offsets(grad[None])
        for j in range(3):
            left = -2 * (w[j + 1] * g[j + 1]).sum() + 2 * (w[j] * g[j]).sum()
            scale = 2 * (w[j + 1] * g[j + 1]).abs().sum() + 2 * (w[j] * g[j]).abs().sum()
            if j in b:
                left += 2 * (b[j] * gb[j]).sum()
            assert abs(float(left - found.drift[run, j])) <= 1e-12 * float(scale)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_one_step_of_gradient_descent_adds_the_difference_of_squared_gradients(decay):
    net = teacher_net("tanh", [4, 5, 5, 1], decay)
    params = net.join([w[None] for w in he_layers([4, 5, 5, 1], (), 1.0, 0)])
    found, eta = net.forward_backward(params), 0.1
    gaps = [
        net.squared_norms(each).diff(dim=1)
        for each in (params, params - eta * found.grad, found.grad)
    ]
    before, after, gradients = gaps
    expected = before + eta * found.drift - 2 * eta * decay * before + eta**2 * gradients
    torch.testing.assert_close(after, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["tanh", "gelu", "sigmoid"])
def test_on_the_symmetric_manifold_a_net_is_a_chain_with_a_widened_activation(name):
    n, x = 6, torch.from_numpy(whitened_teacher([1.0])[0])
    u = torch.tensor([0.5, -0.5, 0.5, 0.5], dtype=torch.float64)
    y = ((u @ x) + 0.2 * (u @ x) ** 2)[None]
    net = DeepNet([4, n, n, 1], ACTIVATIONS[name], x, y)
    one = DeepNet([1, 1, 1, 1], widened(ACTIVATIONS[name], n), (u @ x)[None], y)
    norms = torch.tensor([[0.7, 0.4, 1.3]], dtype=torch.float64)
    layers = symmetric_layers(list(norms.T), n, u, torch.ones(1, dtype=torch.float64))
    wide, thin = net.forward_backward(net.join(layers)), one.forward_backward(norms)
    torch.testing.assert_close(wide.loss, thin.loss, rtol=1e-14, atol=0)
    torch.testing.assert_close(wide.drift, thin.drift, rtol=1e-11, atol=1e-14)
    units = symmetric_layers(
        [torch.ones(1, dtype=torch.float64)] * 3, n, u, torch.ones(1, dtype=torch.float64)
    )
    along = [(g * d).sum() for g, d in zip(net.weights(wide.grad)[1:], units[1:], strict=True)]
    torch.testing.assert_close(torch.stack(along), thin.grad[0, 1:], rtol=1e-12, atol=1e-14)
    first = net.weights(wide.grad)[0][0]
    assert float((first - first.mean(0)).abs().max()) < 1e-15  # the flow stays on the manifold


def test_a_flow_is_scipys_and_runs_do_not_disturb_one_another():
    widths = [4, 5, 5, 1]
    net = teacher_net("tanh", widths)
    starts = torch.cat(
        [net.join([w[None] for w in he_layers(widths, (0, 1, 2), e, 1)]) for e in (0.3, 0.03)]
    )
    flow = gradient_flow(net, starts, rtol=1e-6, goal=0.02)
    flow.advance(10_000)
    for start, path in zip(starts, flow.paths(), strict=True):
        alone = gradient_flow(net, start[None], rtol=1e-6, goal=0.02)
        alone.advance(10_000)
        np.testing.assert_allclose(alone.paths()[0].times, path.times, rtol=1e-9)
        end = float(path.times[-1])
        slope = lambda _, p: -net.forward_backward(torch.from_numpy(p)[None]).grad[0].numpy()  # noqa: E731
        there = solve_ivp(slope, (0, end), start.numpy(), rtol=1e-10, atol=1e-13).y[:, -1]
        loss = net.forward_backward(torch.from_numpy(there)[None]).loss / net.loss_at_zero()
        assert path.readings[-1, 0] == pytest.approx(float(loss), rel=2e-4)


EPS = 10 ** -np.arange(1.5, 3.01, 0.5)  # at most .03


@pytest.mark.parametrize(
    ("name", "depth", "small"),
    [
        ("tanh", 3, (0, 1, 2)),
        ("gelu", 4, (0, 1, 2, 3)),
        ("relu", 4, (0, 1, 3)),
        *(
            pytest.param(name, depth, small, marks=pytest.mark.slow)
            for name in ("linear", "tanh", "relu", "gelu", "silu")
            for depth, small in (
                (3, (0, 1, 2)),
                (5, (0, 2, 4)),
                (4, (0, 1, 2, 3)),
                (5, (0, 1, 2, 3, 4)),
            )
        ),
    ],
)
def test_the_escape_time_follows_the_number_of_small_layers(name, depth, small):
    times = escapes(name, depth, small, EPS)
    slopes = fit_slopes(EPS, times, len(small))
    assert slopes is not None and slopes.seeds == 2 and np.isfinite(times).all()
    law = escape_exponent(len(small))
    assert law == -(len(small) - 2)
    assert abs(slopes.least - law) < 0.03 and abs(slopes.most - law) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("small", [(0, 1, 2), (2, 3, 4), (0, 2, 4), (1, 2, 3)], ids=str)
def test_where_the_small_layers_sit_does_not_matter(small):
    slopes = fit_slopes(EPS, escapes("tanh", 5, small, EPS), 3)
    assert abs(slopes.least + 1) < 0.03 and abs(slopes.most + 1) < 0.03


@pytest.mark.parametrize(
    ("name", "coefficient"), [("linear", 1), ("tanh", 1), ("relu", 2), ("gelu", 2), ("silu", 2)]
)
def test_two_small_layers_escape_in_logarithmic_time(name, coefficient):
    slopes = fit_slopes(EPS, escapes(name, 2, (0, 1), EPS), 2)
    assert slopes.logarithmic
    assert abs(slopes.least - coefficient) < 0.03 and abs(slopes.most - coefficient) < 0.03


def test_one_small_layer_makes_no_plateau_and_a_net_on_the_saddle_never_leaves():
    times = escapes("tanh", 3, (1,), [0.1, 0.01, 0.0001])
    assert times.max() < 1 and np.allclose(times[1], times[2], rtol=0.1)
    never = escapes("tanh", 3, (0, 1, 2), [0.0])
    assert np.isnan(never).all()
    assert np.isfinite(escapes("tanh", 3, (1,), [0.0])).all()  # one layer at 0 is no saddle


def test_the_constants_of_the_chain():
    grid = torch.special.erfinv(torch.linspace(-0.999, 0.999, 999, dtype=torch.float64))
    grid = grid / grid.square().mean().sqrt()  # nearly a standard normal
    gain = chain_gain(ACTIVATIONS["gelu"], 4, grid, grid)
    assert gain == pytest.approx(1 / 8) and chain_gain(
        ACTIVATIONS["relu"], 5, grid, grid
    ) == pytest.approx(0.5)
    net = chain(ACTIVATIONS["gelu"], 4, grid, grid)
    line = chain(ACTIVATIONS["linear"], 3, grid, grid)
    times = []
    for each in (net, line):
        flow = gradient_flow(
            each, torch.full((1, each.depth), 0.01, dtype=torch.float64), rtol=1e-6
        )
        flow.advance(10_000)
        times.append(first_time(flow.paths()[0].times, flow.paths()[0].readings[:, 0], 0.8))
    assert chain_escape_time(0.01, 4, gain) == pytest.approx(4.0e4)
    assert times[0] == pytest.approx(4.0e4, rel=1e-3)
    # w' = w²(1 - w³) from .01 to w³ = 1 - sqrt(.8): the integral of 1/w² + w + O(w⁴)
    end = (1 - 0.8**0.5) ** (1 / 3)
    exact = quad(lambda w: 1 / (w**2 * (1 - w**3)), 0.01, end)[0]
    assert times[1] == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize(
    "name", ["tanh", "sin", "arctan", "gelu", "silu", "shifted", "linear", "relu"]
)
def test_a_balanced_chain_drifts_by_its_class(name):
    """y = s + .3 (s² - 1) for a normal s: kappa = 3, mu = .6, by quadrature as repeated samples'
    masses."""
    s, y, weight = gauss(0.3)
    phi, power = ACTIVATIONS[name], {"odd": 4, "even": 3}.get(ACTIVATIONS[name].kind)

    def slope(_, w):
        value, first = (v.numpy() for v in phi.value_and_slope(torch.from_numpy(w[0] * s)))
        back = weight * (w[1] * value - y)
        psi = w[0] * s * first - value
        return [
            -(back * w[1] * first * s).sum(),
            -(back * value).sum(),
            2 * (psi * w[1] * back).sum(),
        ]

    mine = chain_drift_against_scale(phi, np.array([0.01, 0.02]), 0.3)
    drifts = []
    for a in (0.01, 0.02):
        reach = lambda _, w, a=a: w[0] - a  # noqa: E731
        reach.terminal = True
        found = solve_ivp(
            slope, (0, 1e4), [a / 100, a / 100, 0], rtol=1e-10, atol=1e-30, events=reach
        )
        drifts.append(found.y[2, -1])
    mean = lambda f: float((weight * f * y).sum())  # noqa: E731
    np.testing.assert_allclose(mine.measured, drifts, rtol=1e-4, atol=1e-22)
    if power is None:
        assert max(map(abs, drifts)) < 1e-20 and not mine.law.any()
        return
    _, first, second, third = phi.at_zero
    theory = -(third / first) * mean(s**3) / mean(s) * 0.01**4
    if phi.kind == "even":
        theory = -(2 / 3) * (second / first) * mean(s**2) / mean(s) * 0.01**3
    assert drifts[0] == pytest.approx(theory, rel=0.02) and mine.law[0] == pytest.approx(theory)
    assert math.log2(drifts[1] / drifts[0]) == pytest.approx(power, abs=0.03)


def test_where_the_activation_is_not_0_at_0_layers_are_never_balanced():
    found = chain_drift_against_scale(ACTIVATIONS["sigmoid"], np.geomspace(0.005, 0.05, 5), 0.3)
    assert found.law is None and found.slope == pytest.approx(2, abs=0.02)


@pytest.mark.parametrize("name", ["tanh", "gelu"])
def test_the_drift_along_a_run_is_the_integral_of_the_identity(name):
    widths = [4, 8, 8, 1]
    net = teacher_net(name, widths)
    start = net.join([w[None] for w in he_layers(widths, (0, 1, 2), 0.05, 0)])
    errors = []
    for rtol in (1e-3, 1e-5):
        flow = gradient_flow(net, start, rtol)
        flow.advance(5000)
        c = curve(flow.paths()[0], 3)
        errors.append(np.abs(c.imbalance - c.integral).max() / np.abs(c.imbalance).max())
    assert errors[0] < 5e-3 and errors[1] < 5e-5


@pytest.mark.parametrize("name", ["linear", "tanh"])
@pytest.mark.parametrize(("small", "theory"), [(3, 0.05), (4, 0.05**0.5)])
def test_weight_decay_pins_what_starts_below_its_threshold(name, small, theory):
    assert pinning_scale(0.05, 1.0, small) == pytest.approx(theory)
    s = torch.from_numpy(whitened_teacher([1.0])[0])[0]
    net = chain(ACTIVATIONS[name], small, s, s, decay=0.05)
    eps = torch.tensor([0.9, 1.12]) * theory
    flow = gradient_flow(net, eps.double()[:, None].expand(2, small).clone(), goal=0.5)
    flow.advance(1000)
    pinned, free = (first_time(p.times, p.readings[:, 0], 0.8) for p in flow.paths())
    assert np.isnan(pinned) and np.isfinite(free)


def test_adam_has_no_plateau_and_gradient_descent_counts_flow_time():
    widths, eps = [4, 8, 8, 1], (0.1, 0.032, 0.01)
    net = teacher_net("tanh", widths)
    start = torch.cat(
        [net.join([w[None] for w in he_layers(widths, (0, 1, 2), e, 0)]) for e in eps]
    )
    flow = gradient_flow(net, start, 1e-4)
    flow.advance(1000)
    times = np.array([first_time(p.times, p.readings[:, 0], 0.8) for p in flow.paths()])
    counts = {}
    for optimizer, step in (("gd", 0.05), ("momentum", 0.05), ("adam", 0.01)):
        descent = Descent(net, start, optimizer, step, 0.8 * net.loss_at_zero())
        descent.advance(3000)
        counts[optimizer] = descent.counts.numpy()
    np.testing.assert_allclose(counts["gd"], times / 0.05, atol=6)
    np.testing.assert_allclose(counts["momentum"], times * (1 - 0.9) / 0.05, atol=100)
    assert counts["adam"].max() < 1.5 * counts["adam"].min() < 30
    assert counts["gd"].max() > 8 * counts["gd"].min()


@pytest.mark.parametrize(("name", "small"), [("sigmoid", 3), ("softplus", 4)])
def test_an_activation_that_is_not_0_at_0_doubles_the_exponent(name, small):
    s = torch.from_numpy(whitened_teacher([1.0])[0])[0]
    net, level = chain(ACTIVATIONS[name], small, s, s), OFFSET_ESCAPED
    times = []
    for eps in (0.01, 0.005):
        start = torch.full((1, small), eps, dtype=torch.float64)

        def rate(p, _):
            return (
                -(found := net.forward_backward(p)).grad,
                found.loss[:, None] / 0.5,
            )

        path = stiff_path(rate, start, lambda _, r: r[:, 0] <= level, 1e14)
        times.append(first_time(path.times, path.readings[:, 0], level))
    slope = math.log2(times[0] / times[1])
    assert escape_exponent(small, offset=True) == -2 * (small - 2)
    assert slope == pytest.approx(-2 * (small - 2), abs=0.08)


def test_the_scalar_equation_predicts_when_a_symmetric_net_leaves():
    """Exactly so for a linear net, whose layers stay equal; within .2 % for tanh."""
    s = torch.from_numpy(whitened_teacher([1.0])[0])[:1]
    for name, tolerance in (("linear", 1e-3), ("tanh", 4e-3)):
        net = chain(ACTIVATIONS[name], 3, s[0], s[0])
        many = gradient_flow(net, torch.full((1, 3), 0.01, dtype=torch.float64), 1e-5, 0.5)
        one = scalar_flow(net, range(3), [0.01], 0.5)
        for flow in (many, one):
            flow.advance(2000)
        times = [
            first_time(f.paths()[0].times, f.paths()[0].readings[:, 0], 0.8) for f in (many, one)
        ]
        assert times[1] == pytest.approx(times[0], rel=tolerance)


def test_psi_vanishes_where_the_activation_is_homogeneous():
    z = torch.linspace(-3, 3, 30, dtype=torch.float64)
    for name, activation in ACTIVATIONS.items():
        psi = inhomogeneity(z, activation).abs().max()
        assert (float(psi) == 0) == (activation.kind == "homogeneous"), name


def test_the_data_are_what_they_say():
    x, y = whitened_teacher([3.0, 1.5, 0.75])
    np.testing.assert_allclose(x @ x.T / x.shape[1], np.eye(4), atol=1e-13)
    np.testing.assert_allclose(np.linalg.svd(y @ x.T / x.shape[1])[1], [3, 1.5, 0.75])
    np.testing.assert_allclose(np.sort(x[0]), np.sort(-x[0]))
    images, labels = small_digits()
    assert images.shape == (64, 100) and (labels.sum(1) == 10).all() and abs(images).max() <= 0.5
    assert two_points()[1].shape == (1, 2)


def test_slopes_of_exact_powers_and_of_too_little():
    eps = np.array([0.1, 0.03, 0.01, 0.003])
    times = np.stack([3 * eps**-2.0, 5 * eps**-1.9], axis=1)
    found = fit_slopes(eps, times, 4)
    assert (found.least, found.most) == pytest.approx((-2, -1.9)) and found.seeds == 2
    assert found.scales == pytest.approx((0.003, 0.03))
    assert fit_slopes(eps[:1], times[:1], 4) is None
    assert fit_slopes(eps, np.full((4, 2), np.nan), 4) is None
    logs = fit_slopes(eps, (1 + 2 * np.log(1 / eps))[:, None], 2)
    assert logs.logarithmic and logs.mean == pytest.approx(2)


def test_an_activation_of_ones_own_is_a_row():
    cube = Activation("cube", "odd", lambda z: (z**3, 3 * z * z), (0, 0, 0, 1), (0, 0))
    z = torch.tensor([2.0])
    assert float(inhomogeneity(z, cube)) == 16  # (k - 1) phi for a homogeneous phi of degree k
