"""Ways of training whose regularizer is known: the closed forms against runs, random draws and
finite differences."""

import numpy as np
import pytest

from overparam.data import load_diabetes
from overparam.theory.estimators import Points, Symmetric, fit, share_left
from overparam.theory.known import (
    dropout_diagonal,
    dropout_force,
    dropout_value,
    early_stopping_matrix,
    early_stopping_spectrum,
    label_noise_force,
    momentum_limit,
    momentum_penalty,
    step_size_spectrum,
)


@pytest.fixture(scope="module")
def data():
    table = load_diabetes()
    return table.inputs, table.targets[:, 0]


def descend(hessian: np.ndarray, slope: np.ndarray, step: float, iterations: int) -> np.ndarray:
    """Gradient descent from 0 on quadratics with a common Hessian: slope (M, d), answers (M, d)."""
    w = np.zeros_like(slope)
    for _ in range(iterations):
        w = w - step * (slope + w @ hessian)
    return w


@pytest.mark.parametrize("iterations", [1, 3, 30, 300, 1000])
def test_early_stopping_is_a_matrix_whatever_the_targets(data, iterations):
    inputs, targets = data
    hessian = inputs.T @ inputs / len(inputs)
    targets = np.stack((targets, *np.random.default_rng(0).normal(size=(4, len(inputs)))))
    slope, step = -targets @ inputs / len(inputs), 0.9 / np.linalg.norm(hessian, 2)
    w = descend(hessian, slope, step, iterations)
    gradient = slope + w @ hessian
    rest = gradient + w @ early_stopping_matrix(hessian, step, iterations)
    assert np.linalg.norm(rest) <= 2e-12 * np.linalg.norm(gradient)


def test_the_ceiling_of_the_spectrum():
    s = np.concatenate(([0.0], np.geomspace(1e-14, 1, 400)))
    for t in (1, 10, 1000):
        q = early_stopping_spectrum(s, 0.9, t)
        assert (
            (q <= 1 / (0.9 * t) * (1 + 1e-12)).all()
            and q[0] == 1 / (0.9 * t)
            and (np.diff(q) <= 1e-12 / t).all()
        )
    assert early_stopping_spectrum(np.array([1.0]), 1.0, 1)[0] == 0  # one step arrives


@pytest.mark.parametrize("iterations", [30, 300])
def test_the_whole_matrix_needs_as_many_targets_as_dimensions_and_the_fit_never_says_so(
    data, iterations
):
    inputs, own = data
    hessian, d = inputs.T @ inputs / len(inputs), 10
    step = 0.9 / np.linalg.norm(hessian, 2)
    exact = early_stopping_matrix(hessian, step, iterations)
    targets = np.stack((own, *np.random.default_rng(1).normal(size=(d - 1, len(inputs)))))
    slope = -targets @ inputs / len(inputs)
    w = descend(hessian, slope, step, iterations)
    gradient = slope + w @ hessian
    errors = {}
    for m in (1, 5, 9, 10):
        here, force = Points(w[:m], gradient[:m], gradient[:m] @ hessian), -gradient[None, :m]
        found = fit(Symmetric(), here, force)
        errors[m] = np.linalg.norm(found.parameters[0] - exact) / np.linalg.norm(exact)
        assert share_left(force - found.force(here), force).value < 1e-20
    assert errors[10] < 1e-10 and errors[9] > 1e-4 and errors[1] > 0.5


def test_one_step_against_the_flow():
    s, step = np.array([1e-3, 0.2, 1.0, 2.5]), 0.4
    away = np.array([1.0, -2.0, 0.5, 3.0])
    flow, stepped = away * np.exp(-step * s), away * (1 - step * s)
    np.testing.assert_allclose(
        step_size_spectrum(s, step) * away, (flow - stepped) / step, rtol=1e-9
    )
    np.testing.assert_allclose(step_size_spectrum(s, 1e-4), 0.5e-4 * s**2, rtol=1e-4)


@pytest.mark.parametrize("momentum", [0.5, 0.9])
def test_overdamped_momentum_is_a_penalty_on_the_gradient(momentum):
    s = 1.0
    step = 1e-3 * momentum_limit(momentum) / s
    w, v = 1.0, 0.0
    for _ in range(int(200 / (1 - momentum))):  # the transient of the velocity
        v = momentum * v + s * w
        w -= step * v
    v = momentum * v + s * w
    extra = (1 - momentum) * v - s * w  # in units of the plain step eta/(1-mu)
    assert extra / (s * s * w) == pytest.approx(momentum_penalty(step, momentum), rel=3e-3)


def test_the_limit_of_momentum_is_where_the_motion_begins_to_swing():
    for momentum in (0.2, 0.9):
        for factor, swings in ((0.99, False), (1.01, True)):
            s = factor * momentum_limit(momentum)
            roots = np.roots(
                [1, -(1 + momentum - s), momentum]
            )  # of w_{t+1} = w_t + mu (w_t - w_{t-1}) - s w_t
            assert bool(np.abs(roots.imag).max() > 1e-9) == swings


@pytest.mark.parametrize("p", [2, 4])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_dropout_against_masks_and_finite_differences(data, p, rate):
    inputs, targets = data[0][:60], data[1][:60]
    rng = np.random.default_rng(2)
    w = rng.normal(size=(2, 10)) * 0.4
    h = 1e-5
    for j in range(10):
        move = h * np.eye(10)[j]
        ahead, behind = (
            dropout_value(inputs, targets, p, rate, w + sign * move) for sign in (1, -1)
        )
        np.testing.assert_allclose(
            dropout_force(inputs, targets, p, rate, w)[:, j],
            (ahead - behind) / (2 * h),
            rtol=2e-7,
            atol=1e-9,
        )
    masks = (rng.random((4000, 60, 10)) >= rate) / (1 - rate)
    residual = (masks * inputs) @ w[0] - targets
    losses = (np.abs(residual) ** p).mean(1) / p
    plain = (np.abs(inputs @ w[0] - targets) ** p).mean() / p
    expected = dropout_value(inputs, targets, p, rate, w[:1])[0]
    assert abs(losses.mean() - plain - expected) < 3.5 * losses.std() / np.sqrt(4000)
    if p == 2:
        np.testing.assert_allclose(
            dropout_diagonal(data[0], rate), rate / (1 - rate), rtol=1e-12
        )  # standardised


@pytest.mark.parametrize("p", [2, 4])
def test_label_noise_against_draws(data, p):
    inputs, targets = data[0][:40], data[1][:40]
    rng = np.random.default_rng(3)
    w = rng.normal(size=(1, 10)) * 0.4
    residual = (w @ inputs.T - targets)[0] - 0.5 * rng.normal(size=(20_000, 40))
    noisy = residual ** (p - 1) @ inputs / 40
    clean = (w @ inputs.T - targets) ** (p - 1) @ inputs / 40
    off = noisy.mean(0) - clean[0] - label_noise_force(inputs, targets, p, 0.5, w)[0]
    assert (np.abs(off) < 4 * noisy.std(0) / np.sqrt(20_000)).all()


def test_where_nothing_is_known_it_is_said(data):
    for unknown in (dropout_force, dropout_value, label_noise_force):
        with pytest.raises(ValueError, match=r"p = 2 and 4, not for p = 3"):
            unknown(*data, 3, 0.2, np.ones((1, 10)))
