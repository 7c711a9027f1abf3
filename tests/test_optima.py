"""The least loss L*, proved: every optimum comes with a lower bound from the dual problem, computed
apart in numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize

from overparam.data import load_diabetes
from overparam.data.synthetic import synthetic
from overparam.engine.losses import lp
from overparam.engine.problem import Problem, two_coordinate

ETHANOL = Path(__file__).parents[2] / "shared" / "data" / "gas_ethanol.npz"


def lp_loss(w: np.ndarray, x: np.ndarray, y: np.ndarray, p: float) -> float:
    """(1/m) sum_i (1/p) ||W x_i - y_i||_p^p, as defined."""
    return float((np.abs(x @ w.T - y) ** p).sum() / (p * len(x)))


def dual_bound(w: np.ndarray, x: np.ndarray, y: np.ndarray, p: float) -> float:
    """A number that no W can have less loss than, from a guess w of the optimum.

        min_W (1/m) sum (1/p) |r|^p  >=  (1/m) sum_i ( -z_i y_i - |z_i|^q / q )   for every z with
        X^T z = 0,   1/p + 1/q = 1

    with equality at z = |r|^{p-1} sign r of the optimum. Here z is that of w, made orthogonal to
    the columns of X.
    """
    r = x @ w.T - y
    z = np.abs(r) ** (p - 1) * np.sign(r)
    left, sizes, _ = np.linalg.svd(x, full_matrices=False)
    left = left[:, sizes > 1e-13 * sizes.max()]
    for _ in range(2):  # twice is enough to be orthogonal to rounding
        z = z - left @ (left.T @ z)
    q = p / (p - 1)
    return float((-z * y - np.abs(z) ** q / q).sum() / len(x))


def newton_step(w: np.ndarray, x: np.ndarray, y: np.ndarray, p: float) -> np.ndarray:
    """A full step of Newton's method from w: at large p the last digits of w, lost in the loss,
    still count in the dual bound."""
    stepped = w.copy()
    for output, weights in enumerate(w):
        r = x @ weights - y[:, output]
        hessian = (x.T * ((p - 1) * np.abs(r) ** (p - 2))) @ x
        stepped[output] -= np.linalg.lstsq(
            hessian, x.T @ (np.abs(r) ** (p - 1) * np.sign(r)), rcond=1e-13
        )[0]
    return stepped


def check(x: np.ndarray, y: np.ndarray, p: float, accuracy: float = 1e-9) -> float:
    """The optimum of a problem, once its own loss and the dual bound agree with it. Returns L*."""
    problem = Problem(x, y, lp(p))
    optimum = problem.optimum()
    w, at_zero = optimum.weights.numpy(), lp_loss(np.zeros((y.shape[1], x.shape[1])), x, y, p)
    assert problem.loss_at_zero == pytest.approx(at_zero, rel=1e-12)
    assert optimum.loss == pytest.approx(lp_loss(w, x, y, p), rel=1e-10, abs=1e-12 * at_zero)
    bound = max(
        dual_bound(w, x, y, p), dual_bound(newton_step(w, x, y, p), x, y, p)
    )  # either bounds; the better guess is tighter
    assert optimum.loss <= bound + accuracy * at_zero
    return optimum.loss


def standard(columns: np.ndarray) -> np.ndarray:
    return (columns - columns.mean(axis=0)) / columns.std(axis=0)


@pytest.mark.parametrize("p, least", [(2, 0.24112579), (4, 0.15202885)])
def test_diabetes(p, least):
    data = load_diabetes()
    assert check(data.inputs, data.targets, p, 1e-12) == pytest.approx(least, abs=5e-9)


@pytest.mark.skipif(
    not ETHANOL.exists(), reason="no copy of the paper's data at ../shared/data/gas_ethanol.npz"
)
@pytest.mark.parametrize("p, start, least", [(2, 0.5, 0.04999222), (4, 1.3925, 0.05534998)])
def test_ethanol(p, start, least):
    with np.load(ETHANOL) as data:
        x, y = standard(data["X"]), standard(data["y"][:, None])
    assert check(x, y, p, 1e-12) == pytest.approx(least, abs=5e-9)
    assert lp_loss(np.zeros((1, 128)), x, y, p) == pytest.approx(start, abs=5e-5)


@pytest.mark.parametrize("p", [2.5, 4, 7])
def test_scipy_finds_the_same_optimum(p):
    data = load_diabetes()
    x, y = data.inputs, data.targets[:, 0]
    m = len(x)
    found = minimize(
        lambda w: (np.abs(x @ w - y) ** p).sum() / (p * m),
        np.zeros(10),
        jac=lambda w: x.T @ (np.sign(x @ w - y) * np.abs(x @ w - y) ** (p - 1)) / m,
        hess=lambda w: (p - 1) * (x.T * np.abs(x @ w - y) ** (p - 2)) @ x / m,
        method="trust-exact",
        options={"gtol": 1e-10},
    )
    assert Problem(x, y[:, None], lp(p)).optimum().loss == pytest.approx(found.fun, rel=1e-10)


@settings(max_examples=300, deadline=None)
@given(
    m=st.integers(2, 40),
    d=st.integers(1, 12),
    k=st.integers(1, 3),
    p=st.sampled_from([2.0, 2.5, 3.0, 4.0, 6.0, 8.0, 16.0]) | st.floats(2, 16),
    twins=st.booleans(),
    outlier=st.sampled_from([1.0, 30.0]),
    seed=st.integers(0, 2**32 - 1),
)
@example(m=36, d=1, k=2, p=15.5, twins=False, outlier=1.0, seed=2)
def test_any_data_have_a_proved_optimum(m, d, k, p, twins, outlier, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(m, d)), rng.normal(size=(m, k))
    y[0] *= outlier
    if twins:
        x = np.hstack(
            [x, x[:, :1], x @ rng.normal(size=(d, 1))]
        )  # dependent columns: the optimum is not unique
    least = check(standard(x), standard(y), p)
    if m <= d:
        assert least < 1e-9  # more weights than samples: an exact fit


@settings(max_examples=60, deadline=None)
@given(
    condition=st.sampled_from([1.0, 1e2, 1e4, 1e6]),
    spectrum=st.sampled_from(["geometric", "linear", "two levels"]),
    noise=st.sampled_from([0.0, 1e-3, 1.0]),
    p=st.sampled_from([2.0, 3.0, 4.0, 8.0]),
    seed=st.integers(0, 1000),
)
def test_synthetic_problems_have_a_proved_optimum(condition, spectrum, noise, p, seed):
    x, y = synthetic(60, 8, 2, condition, spectrum, noise, seed)
    least = check(x, y, p)
    assert least < 1e-12 if noise == 0 else least > 0


@pytest.mark.parametrize("p, y1", [(2, 10), (4, 10), (6, 30), (3.5, 1)])
def test_the_two_coordinate_problem_can_be_fitted_exactly(p, y1):
    problem = two_coordinate(p, y1)
    assert problem.optimum().loss == 0
    np.testing.assert_allclose(problem.optimum().weights.numpy(), [[y1, 1]], rtol=1e-12)
    assert problem.loss_at_zero == pytest.approx((y1**p + 1) / p, rel=1e-12)


@pytest.mark.parametrize("p", [2, 4, 16])
def test_columns_that_are_nearly_alike_span_the_same_plane(p):
    """[a, a + eps b] and [a, b] have the same fits, so the same least loss, up to the rounding of a
    + eps b."""
    a, b, y = np.random.default_rng(0).standard_normal((3, 200))
    apart = Problem(np.stack([a, b], 1), y[:, None], lp(p)).optimum()
    alike = Problem(np.stack([a, a + 1e-8 * b], 1), y[:, None], lp(p)).optimum()
    assert alike.loss == pytest.approx(apart.loss, rel=1e-7)


@pytest.mark.parametrize(
    ("x", "y"),
    [(np.eye(2), np.array([[30.0], [1.0]])), synthetic(60, 8, 2, 1e3, "geometric", 0.3, 5)],
)
def test_reach_is_the_norm_of_a_ridge_fit_that_leaves_a_thousandth(x, y):
    """Held against scipy's root of the ridge equation; the grid of ridges is 11 % fine."""
    problem = Problem(x, y, lp(4))
    least = ((x @ np.linalg.lstsq(x, y, rcond=None)[0] - y) ** 2).sum()
    avoidable = (y**2).sum() - least

    def ridge(rho: float) -> np.ndarray:
        return np.linalg.solve(x.T @ x + rho * np.eye(x.shape[1]), x.T @ y)

    def left(log_rho: float) -> float:
        return ((x @ ridge(np.exp(log_rho)) - y) ** 2).sum() - least - 1e-3 * avoidable

    exact = np.linalg.norm(ridge(np.exp(brentq(left, np.log(1e-12), np.log(1e6)))))
    assert exact <= problem.reach() * (1 + 1e-12) and problem.reach() == pytest.approx(
        exact, rel=0.02
    )
