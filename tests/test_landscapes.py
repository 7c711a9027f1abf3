"""Losses of one neuron: derivatives against autograd, minima, and the restriction to a plane."""

import numpy as np
import pytest
import torch

from overparam.theory.landscapes import Cone, Quadratic, Regression, linear, regression, separable

RNG = np.random.default_rng(3)
HESSIAN = np.array([[3.0, 0.7, 0.2], [0.7, 2.0, 0.1], [0.2, 0.1, 0.4]])
X, Y = RNG.normal(size=(40, 3)), RNG.normal(size=40)


def torch_quadratic(w):
    return w @ torch.tensor([0.3, -1.0, 2.0]) + 0.5 * w @ torch.tensor(HESSIAN) @ w


def torch_regression(p):
    return lambda w: ((torch.tensor(X) @ w - torch.tensor(Y)).abs() ** p).mean() / p


CASES = {
    "quadratic": (Quadratic(np.array([0.3, -1.0, 2.0]), HESSIAN), torch_quadratic),
    "cone": (Cone(1.7, np.array([1.0, 0.0, 0.0])), lambda w: 1.7 * w.norm()),
    **{f"p = {p}": (regression(X, Y, p), torch_regression(p)) for p in (2, 2.5, 3, 4, 5)},
}


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", CASES)
def test_value_gradient_and_hessian_agree_with_autograd(name):
    loss, reference = CASES[name]
    w, v = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 3))
    for i in range(5):
        point, direction = torch.tensor(w[i]), torch.tensor(v[i])
        assert loss.value(w)[i] == pytest.approx(reference(point).item(), rel=1e-12)
        product = torch.autograd.functional.vhp(reference, point, direction)[1]
        slope = torch.autograd.functional.jacobian(reference, point)
        np.testing.assert_allclose(loss.gradient(w)[i], slope.numpy(), rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(
            loss.hessian_product(w, v)[i], product.numpy(), rtol=1e-10, atol=1e-12
        )


@pytest.mark.parametrize("name", CASES)
def test_restriction_to_a_plane_has_the_projected_gradient(name):
    loss, _ = CASES[name]
    basis = np.linalg.qr(RNG.normal(size=(3, 2)))[0].T
    small, z, v = loss.restricted(basis), RNG.normal(size=(7, 2)), RNG.normal(size=(7, 2))
    w = z @ basis
    assert small.dimension == 2
    np.testing.assert_allclose(small.value(z), loss.value(w), rtol=1e-12)
    np.testing.assert_allclose(
        small.gradient(z), loss.gradient(w) @ basis.T, rtol=1e-12, atol=1e-14
    )
    np.testing.assert_allclose(
        small.hessian_product(z, v),
        loss.hessian_product(w, v @ basis) @ basis.T,
        rtol=1e-11,
        atol=1e-13,
    )


@pytest.mark.parametrize("p", [2, 2.5, 3, 4, 5])
def test_at_the_minimum_a_newton_step_gains_nothing(p):
    loss = regression(X, Y, p)
    least = loss.minimum()
    slope, hessian = (
        loss.gradient(least[None])[0],
        loss.hessian_product(np.repeat(least[None], 3, axis=0), np.eye(3)),
    )
    gain = (
        0.5 * slope @ np.linalg.solve(hessian, slope)
    )  # what is left to the least value, to leading order
    assert gain <= 1e-15 * loss.value(least[None])[0]
    nearby = least + 1e-3 * RNG.normal(size=(50, 3))
    assert (loss.value(nearby) >= loss.value(least[None])).all()


def test_minima_that_are_known_or_missing():
    centre = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(Quadratic(-HESSIAN @ centre, HESSIAN).minimum(), centre, rtol=1e-12)
    np.testing.assert_allclose(
        separable(np.array([3.0, 1.0]), 2.0).minimum(), [3.0, 1.0], rtol=1e-12
    )
    assert linear(np.array([1.0, 0.0])).minimum() is None
    assert regression(X[:, [0, 0]], Y, 4).minimum() is None  # two equal columns: no unique minimum
    np.testing.assert_array_equal(separable(np.zeros(2), 4.0).minimum(), [0, 0])
    np.testing.assert_allclose(
        separable(np.array([3.0, 1.0]), 4.0).minimum(), [3.0, 1.0], rtol=1e-12
    )  # an exact fit
    np.testing.assert_array_equal(Cone(1.0, np.array([1.0, 0.0])).minimum(), [0, 0])


def test_the_two_coordinate_loss_is_the_sum_of_its_coordinates():
    loss = separable(np.array([3.0, 1.0]), 4.0)
    w = np.array([[0.5, 0.25], [3.0, 1.0]])
    np.testing.assert_allclose(loss.value(w), [(2.5**4 + 0.75**4) / 4, 0], rtol=1e-14)
    np.testing.assert_allclose(loss.gradient(w), [[-(2.5**3), -(0.75**3)], [0, 0]], rtol=1e-14)


def test_blocks_of_points_change_nothing():
    many = regression(RNG.normal(size=(3000, 3)), RNG.normal(size=3000), 4)
    w = RNG.normal(size=(301, 3))  # more than one block, the last one incomplete
    np.testing.assert_allclose(
        many.gradient(w), np.concatenate([many.gradient(w[i : i + 1]) for i in range(301)])
    )


def test_the_gradient_of_the_cone_jumps_at_zero_where_the_axis_stands_for_it():
    cone = Cone(2.0, np.array([0.6, 0.8]))
    np.testing.assert_allclose(
        cone.gradient(np.array([[0.0, 0.0], [-1e-9, 0.0]])), [[1.2, 1.6], [-2.0, 0.0]]
    )


@pytest.mark.parametrize(("p", "targets"), [(1.5, Y), (float("nan"), Y), (2.0, Y[:3])])
def test_bad_regressions_are_refused(p, targets):
    with pytest.raises(ValueError, match=r"2 or more|must be \(m, d\) and \(m,\)"):
        Regression(X, targets, p, 1.0)
