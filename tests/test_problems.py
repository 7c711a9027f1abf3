"""Loss and gradient against autograd, optima against numpy and scipy, made-up data against what was
ordered."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.datasets import load_diabetes

from overparam.data.synthetic import SPECTRA, synthetic
from overparam.engine import problem as problems
from overparam.engine.losses import lp
from overparam.engine.problem import Problem, two_coordinate, two_coordinates
from overparam.engine.products import candidates

REAL = torch.float64


def data(m, k, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, d)) * np.logspace(0, -0.5, d), rng.standard_normal((m, k))


def weights(runs, k, d, seed=1):
    return torch.randn(runs, k, d, generator=torch.Generator().manual_seed(seed), dtype=REAL)


def loss_and_slope(w, inputs, targets, p, weight):
    """The loss as it is defined, for R matrices, and its gradient by autograd."""
    w = w.clone().requires_grad_()
    residual = torch.from_numpy(inputs) @ w.mT - torch.from_numpy(targets)
    loss = weight * (residual.abs() ** p / p).sum((1, 2))
    return loss.detach(), torch.autograd.grad(loss.sum(), w)[0]


def scipy_least_loss(inputs, targets, p):
    """The least loss of one output by BFGS, polished by Newton steps written with numpy."""

    def value(w):
        return (np.abs(inputs @ w - targets) ** p).mean() / p

    def gradient(w):
        r = inputs @ w - targets
        return inputs.T @ (np.abs(r) ** (p - 1) * np.sign(r)) / len(r)

    start = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    return value(
        minimize(
            value, start, jac=gradient, method="BFGS", options={"gtol": 1e-12, "maxiter": 3000}
        ).x
    )


# Both orders of the two products (few and many rows), and at p = 2 both the data (few samples) and
# their Gram matrix (many).
@pytest.mark.parametrize("runs", [1, 3, 11, 12, 40])
@pytest.mark.parametrize("m", [7, 90])
@pytest.mark.parametrize("p", [2, 2.5, 3, 4, 6])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (1, 6), (2, 5), (3, 3), (4, 2)])
def test_value_and_grad_equal_autograd(k, d, p, m, runs):
    inputs, targets = data(m, k, d)
    w = weights(runs, k, d)
    loss, grad = Problem(inputs, targets, lp(p)).value_and_grad(w)
    expected, slope = loss_and_slope(w, inputs, targets, p, 1 / m)
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    np.testing.assert_allclose(grad, slope, rtol=0, atol=1e-12 * float(slope.abs().max()))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("p", [2, 4])
@pytest.mark.parametrize("k", [1, 2])
def test_every_form_of_the_products_gives_the_same(k, p, dtype, monkeypatch):
    inputs, targets = data(90, k, 6)
    w = weights(41, k, 6).to(dtype)
    expected, slope = loss_and_slope(w.double(), inputs, targets, p, 1 / 90)
    tolerance = 1e-12 if dtype is REAL else 1e-5
    for runs in (1, 2, 3, 5, 7, 12, 41):
        forms = candidates(runs * k, (False, True))
        for choice in range(len(forms)):

            def form_of(shape, dtype, right, turned, i=choice):
                return (c := candidates(shape[0], turned))[i % len(c)]

            monkeypatch.setattr(problems, "fastest", form_of)
            loss, grad = Problem(inputs, targets, lp(p), dtype=dtype).value_and_grad(w[:runs])
            np.testing.assert_allclose(loss, expected[:runs], rtol=tolerance)
            np.testing.assert_allclose(
                grad, slope[:runs], rtol=0, atol=tolerance * float(slope.abs().max())
            )


@pytest.mark.parametrize("runs", [2, 40])
@pytest.mark.parametrize("p", [2, 3, 4])
def test_single_precision_is_single_precision(p, runs):
    """Rounded at 6e-8; sums of 90 terms of mixed sign lose at most two digits of that here."""
    inputs, targets = data(90, 2, 5)
    w = weights(runs, 2, 5)
    loss, grad = Problem(inputs, targets, lp(p)).value_and_grad(w)
    loss, grad = loss.clone(), grad.clone()
    loss_32, grad_32 = Problem(inputs, targets, lp(p), dtype=torch.float32).value_and_grad(
        w.float()
    )
    assert loss_32.dtype == grad_32.dtype == torch.float32
    np.testing.assert_allclose(loss_32, loss, rtol=5e-6)
    np.testing.assert_allclose(grad_32, grad, rtol=0, atol=5e-6 * float(grad.abs().max()))


@pytest.mark.parametrize("p", [2, 4])
def test_one_problem_is_asked_for_different_numbers_of_runs_in_turn(p):
    inputs, targets = data(50, 2, 4)
    problem = Problem(inputs, targets, lp(p))
    w = weights(20, 2, 4)
    whole = [tensor.clone() for tensor in problem.value_and_grad(w)]
    for runs in (1, 20, 3, 20, 7):
        loss, grad = problem.value_and_grad(w[:runs])
        np.testing.assert_allclose(loss, whole[0][:runs], rtol=1e-12)
        np.testing.assert_allclose(grad, whole[1][:runs], rtol=1e-11, atol=1e-13)


def test_matrices_may_be_views():
    inputs, targets = data(50, 2, 4)
    w = weights(6, 4, 2).mT[::2]
    loss, grad = (tensor.clone() for tensor in Problem(inputs, targets, lp(4)).value_and_grad(w))
    again, slope = Problem(inputs, targets, lp(4)).value_and_grad(w.contiguous())
    assert torch.equal(loss, again) and torch.equal(grad, slope)


@pytest.mark.parametrize("weight", [1.0, 0.3])
@pytest.mark.parametrize("p", [2, 3.5, 4])
def test_weight_takes_the_place_of_the_mean(p, weight):
    inputs, targets = data(30, 2, 3)
    w = weights(2, 2, 3)
    loss, grad = Problem(inputs, targets, lp(p), weight=weight).value_and_grad(w)
    expected, slope = loss_and_slope(w, inputs, targets, p, weight)
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    np.testing.assert_allclose(grad, slope, rtol=0, atol=1e-12 * float(slope.abs().max()))


@pytest.mark.parametrize("p", [2, 2.5, 4])
def test_value_loss_at_zero_and_residuals(p):
    inputs, targets = data(30, 2, 3)
    problem, w = Problem(inputs, targets, lp(p)), weights(1, 2, 3)[0]
    assert problem.value(w) == pytest.approx(
        float(loss_and_slope(w[None], inputs, targets, p, 1 / 30)[0]), rel=1e-13
    )
    assert problem.loss_at_zero == pytest.approx((np.abs(targets) ** p).sum() / 30 / p, rel=1e-13)
    np.testing.assert_allclose(
        problem.residuals(w),
        (inputs @ w.numpy().T - targets).T / 30 ** (1 / p),
        rtol=1e-11,
        atol=1e-14,
    )
    np.testing.assert_allclose(problem.scaled_inputs, inputs.T / 30 ** (1 / p), rtol=1e-14)


@pytest.mark.parametrize(
    ("m", "k", "d"), [(40, 1, 6), (40, 3, 6), (40, 6, 3), (25, 2, 25), (6, 2, 9)]
)
def test_least_squares_optimum_equals_numpy(m, k, d):
    inputs, targets = data(m, k, d)
    optimum = Problem(inputs, targets, lp(2)).optimum()
    solution = np.linalg.lstsq(inputs, targets, rcond=None)[0]
    np.testing.assert_allclose(optimum.weights, solution.T, rtol=1e-9, atol=1e-9)
    expected = ((inputs @ solution - targets) ** 2).sum() / (2 * m)
    assert optimum.loss == pytest.approx(expected, rel=1e-12, abs=1e-20)


def test_least_squares_optimum_with_dependent_columns():
    inputs, targets = data(40, 2, 5)
    inputs = np.hstack([inputs, inputs[:, :2] - inputs[:, 2:4], 0 * inputs[:, :1]])
    optimum = Problem(inputs, targets, lp(2)).optimum()
    np.testing.assert_allclose(
        optimum.weights, (np.linalg.pinv(inputs) @ targets).T, rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("p", [2.2, 3, 4, 6, 12])
@pytest.mark.parametrize(("k", "d"), [(1, 4), (2, 3), (3, 2)])
def test_optimum_beyond_least_squares_equals_scipy(k, d, p):
    inputs, targets = data(60, k, d)
    problem = Problem(inputs, targets, lp(p))
    optimum = problem.optimum()
    expected = sum(scipy_least_loss(inputs, targets[:, o], p) for o in range(k))
    assert optimum.loss == pytest.approx(expected, rel=1e-9)
    assert optimum.loss == pytest.approx(problem.value(optimum.weights), rel=1e-14)
    slopes = (
        problem.value_and_grad(torch.stack([optimum.weights, torch.zeros(k, d, dtype=REAL)]))[1]
        .abs()
        .amax((1, 2))
    )
    assert slopes[0] < 1e-7 * slopes[1]  # a convex loss: no slope means least


def test_optimum_with_dependent_columns_beyond_least_squares():
    inputs, targets = data(60, 1, 3)
    twice = np.hstack([inputs, inputs])
    assert Problem(twice, targets, lp(4)).optimum().loss == pytest.approx(
        Problem(inputs, targets, lp(4)).optimum().loss, rel=1e-12
    )


@pytest.mark.parametrize("p", [2, 4, 16])
def test_optimum_of_data_that_can_be_fitted_exactly_is_zero(p):
    inputs, targets = data(5, 2, 8)
    assert Problem(inputs, targets, lp(p)).optimum().loss == 0.0
    assert two_coordinate(p, 30.0).optimum().loss == 0.0


@pytest.mark.parametrize("p", [3, 4, 16])
def test_optimum_where_one_of_the_outputs_can_be_fitted_exactly(p):
    inputs, targets = data(60, 3, 4)
    targets[:, 1] = inputs @ [1.0, -2.0, 0.5, 3.0]
    targets[:, 2] = 0.0
    optimum = Problem(inputs, targets, lp(p)).optimum()
    alone = Problem(inputs, targets[:, :1], lp(p)).optimum()
    assert optimum.loss == pytest.approx(alone.loss, rel=1e-12)
    np.testing.assert_allclose(optimum.weights[1], [1.0, -2.0, 0.5, 3.0], rtol=1e-10)


@pytest.mark.parametrize(("p", "least"), [(2, 0.24112579), (4, 0.15202885)])
def test_optimum_of_diabetes_is_the_published_one(p, least):
    """Found by an independent implementation of least squares and Newton's method."""
    inputs, targets = load_diabetes(return_X_y=True, scaled=False)
    inputs = (inputs - inputs.mean(0)) / inputs.std(0)
    targets = ((targets - targets.mean()) / targets.std())[:, None]
    assert Problem(inputs, targets, lp(p)).optimum().loss == pytest.approx(least, abs=5e-9)


@pytest.mark.parametrize("p", [2, 4])
def test_gap_is_one_at_zero_weights_and_zero_at_the_optimum(p):
    inputs, targets = data(60, 2, 3)
    problem = Problem(inputs, targets, lp(p))
    least, zero = problem.optimum().loss, problem.loss_at_zero
    np.testing.assert_allclose(
        problem.gap(np.array([zero, least, (zero + 3 * least) / 4])),
        [1, 0, 0.25],
        rtol=1e-13,
        atol=1e-13,
    )


@pytest.mark.parametrize("p", [2, 3, 4])
def test_two_coordinates_decouple(p):
    """Gradient descent multiplies D_i = w_i - y_i by 1 - eta |D_i|^{p-2}, each coordinate alone."""
    problem, w = two_coordinate(p, 10.0), torch.tensor([[[3.0, -0.5]]], dtype=REAL)
    offset = w[0, 0] - torch.tensor([10.0, 1.0], dtype=REAL)
    loss, grad = problem.value_and_grad(w)
    assert float(loss) == pytest.approx(float((offset.abs() ** p).sum() / p), rel=1e-13)
    np.testing.assert_allclose(
        offset - 1e-3 * grad[0, 0], offset * (1 - 1e-3 * offset.abs() ** (p - 2)), rtol=1e-12
    )


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize(
    ("m", "d", "k", "condition"),
    [(200, 7, 2, 100.0), (30, 1, 1, 50.0), (40, 40, 3, 1.0), (60, 6, 9, 1e4)],
)
def test_synthetic_data_have_the_spectrum_that_was_ordered(m, d, k, condition, spectrum):
    x, y = synthetic(m, d, k, condition, spectrum, noise=0.0, seed=3)
    assert x.shape == (m, d) and y.shape == (m, k)
    eigenvalues = np.linalg.eigvalsh(x.T @ x / m)[::-1]
    assert eigenvalues[0] == pytest.approx(1, rel=1e-9)
    if d > 1:
        assert eigenvalues[0] / eigenvalues[-1] == pytest.approx(condition, rel=1e-8)
        share = {
            "geometric": [condition ** (-i / (d - 1)) for i in range(d)],
            "linear": [1 - (1 - 1 / condition) * i / (d - 1) for i in range(d)],
            "two levels": [1.0] * ((d + 1) // 2) + [1 / condition] * (d // 2),
        }[spectrum]
        np.testing.assert_allclose(eigenvalues, share, rtol=1e-8)
    np.testing.assert_allclose((y**2).mean(0), 1, rtol=1e-12)
    assert Problem(x, y, lp(4)).optimum().loss == 0.0


def test_synthetic_noise_and_seed():
    m, noise = 20_000, 0.5
    x, y = synthetic(m, 3, 2, 10.0, "geometric", noise, seed=5)
    residual = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(residual.std(0), noise, rtol=0.03)  # six standard errors
    again = synthetic(m, 3, 2, 10.0, "geometric", noise, seed=5)
    assert np.array_equal(x, again[0]) and np.array_equal(y, again[1])
    assert not np.allclose(x, synthetic(m, 3, 2, 10.0, "geometric", noise, seed=6)[0])


def test_synthetic_refuses_fewer_samples_than_inputs():
    with pytest.raises(ValueError, match="at least as many samples as inputs"):
        synthetic(5, 6, 1, 10.0, "linear", 0.0, 0)


@pytest.mark.parametrize(
    "shapes", [((5, 2), (4, 1)), ((5,), (5, 1)), ((5, 2), (5,)), ((0, 2), (0, 1)), ((5, 0), (5, 1))]
)
def test_data_that_do_not_fit_together_are_refused(shapes):
    with pytest.raises(ValueError, match="weight must be a number above 0, or None, not 0"):
        Problem(np.ones((3, 2)), np.ones((3, 1)), lp(2), weight=0)
    with pytest.raises(ValueError, match="inputs and targets must be finite numbers"):
        Problem(np.full((3, 2), np.nan), np.ones((3, 1)), lp(2))
    with pytest.raises(ValueError, match="need the same m >= 1"):
        Problem(np.ones(shapes[0]), np.ones(shapes[1]), lp(2))


@pytest.mark.parametrize("runs", [3, 20])
@pytest.mark.parametrize("p", [2, 2.5, 4])
@pytest.mark.parametrize(("m", "k", "d"), [(40, 1, 2), (5, 3, 4), (2, 1, 2)])
def test_matrices_with_targets_of_their_own_are_so_many_problems(m, k, d, p, runs):
    rng = np.random.default_rng(0)
    inputs, targets = rng.standard_normal((m, d)), rng.standard_normal((runs, m, k))
    w = weights(runs, k, d)
    own = Problem(inputs, targets, lp(p))
    order = [2, 0, 1]
    for problem, rows in ((own, list(range(runs))), (own.rows(order), order)):
        loss, grad = problem.value_and_grad(w[rows])
        for i, row in enumerate(rows):
            expected, slope = loss_and_slope(w[row : row + 1], inputs, targets[row], p, 1 / m)
            np.testing.assert_allclose(loss[i], expected[0], rtol=1e-11)
            np.testing.assert_allclose(
                grad[i], slope[0], rtol=0, atol=1e-11 * float(slope.abs().max())
            )


def test_targets_of_ones_own_say_what_they_cannot_answer():
    own = two_coordinates(4, np.array([[10.0, 1.0], [3.0, 1.0]]))
    with pytest.raises(ValueError, match="targets for 2 matrices, not for 3"):
        own.value_and_grad(weights(3, 1, 2))
    for ask in (
        own.optimum,
        lambda: own.value(weights(1, 1, 2)[0]),
        lambda: own.residuals(weights(1, 1, 2)[0]),
    ):
        with pytest.raises(ValueError, match="targets of its own"):
            ask()


def test_a_part_of_a_problem_has_memory_of_its_own():
    shared = two_coordinate(4, 10)
    _, grads = shared.value_and_grad(weights(2, 1, 2))
    before = grads.clone()
    again, others = shared.rows([1, 0]).value_and_grad(2 * weights(2, 1, 2))
    assert torch.equal(grads, before) and not torch.equal(others, before)
    torch.testing.assert_close(again, shared.value_and_grad(2 * weights(2, 1, 2))[0])
