"""The skew part of F's Jacobian: closed form against the whole Jacobian, finite differences, the
curl in the plane."""

import numpy as np
import pytest

from overparam.data import load_diabetes
from overparam.theory.field import curl, field
from overparam.theory.landscapes import Quadratic, linear, regression, separable
from overparam.theory.skew import guilty_direction, jacobian, skew, skew_share

DEPTHS = (1, 2, 3.5, 8)


def wide() -> tuple[np.ndarray, np.ndarray]:
    """128 correlated inputs, as sensors are."""
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(300, 128)) @ (rng.normal(size=(128, 128)) / 8)
    return inputs, inputs @ rng.normal(size=128) / 20 + rng.normal(size=300)


@pytest.fixture(scope="module")
def losses():
    data = load_diabetes()
    return {
        2: separable(np.array([1.5, 0.5]), 4),
        10: regression(data.inputs, data.targets[:, 0], 4),
        128: regression(*wide(), 4),
    }


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("d", [2, 10, 128])
def test_closed_form_against_the_whole_jacobian_and_that_against_finite_differences(
    losses, d, depth
):
    rng, loss = np.random.default_rng(d), losses[d]
    w = 0.3 * rng.normal(size=(3, d))
    whole = jacobian(loss, depth, w[0])
    # central differences of F along three directions
    v, h = rng.normal(size=(3, d)) / np.sqrt(d), 1e-5
    ahead, behind = (field(loss.gradient, depth, w[0] + sign * h * v) for sign in (1, -1))
    np.testing.assert_allclose(
        (ahead - behind) / (2 * h), v @ whole.T, atol=1e-7 * np.abs(v @ whole.T).max()
    )
    found = skew(loss, depth, w)
    for i, point in enumerate(w):
        whole = jacobian(loss, depth, point)
        half = (whole - whole.T) / 2
        np.testing.assert_allclose(found.matrix(i), half, atol=1e-13 * np.linalg.norm(whole))
        assert found.energy[i] == pytest.approx(
            (half**2).sum(), rel=1e-10, abs=1e-26 * (whole**2).sum()
        )
        share = skew_share(loss, depth, point[None])[0]
        assert share == pytest.approx((half**2).sum() / (whole**2).sum(), rel=1e-10, abs=1e-25)
        assert np.linalg.matrix_rank(found.matrix(i), tol=1e-12 * np.linalg.norm(whole)) == (
            2 if depth > 1 else 0
        )


def test_in_two_dimensions_it_is_the_curl():
    loss, z = separable(np.array([1.5, 0.5]), 4), np.random.default_rng(0).normal(size=(20, 2))
    for depth in DEPTHS:
        found = skew(loss, depth, z)
        turn = [2 * found.matrix(i)[1, 0] for i in range(len(z))]
        np.testing.assert_allclose(turn, curl(loss, depth, z), rtol=1e-10, atol=1e-12)


def test_where_it_vanishes():
    rng = np.random.default_rng(3)
    w = rng.normal(size=(4, 5))
    flat = linear(rng.normal(size=5))
    np.testing.assert_allclose(skew_share(flat, 2, w), 0, atol=1e-30)  # F = grad ||W|| <W, G>
    bowl = Quadratic(np.zeros(5), 1.7 * np.eye(5))
    np.testing.assert_allclose(skew_share(bowl, 3, w), 0, atol=1e-30)  # G along W
    assert (skew_share(flat, 3, w) > 1e-4).all()
    assert guilty_direction(bowl, 3, w[0]) is None


def test_the_guilty_direction_spans_with_w_the_plane_of_the_skew_part():
    rng = np.random.default_rng(4)
    loss = Quadratic(rng.normal(size=6), np.diag([3.0, 2, 1, 0.5, 0.2, 0.1]))
    w = rng.normal(size=6)
    q = guilty_direction(loss, 3, w)
    assert abs(q @ w) < 1e-12 and np.linalg.norm(q) == pytest.approx(1)
    whole = jacobian(loss, 3, w)
    outside = np.linalg.svd(np.stack((w, q)))[2][2:]  # orthogonal to both
    np.testing.assert_allclose((whole - whole.T) @ outside.T, 0, atol=1e-12)
    # spanned by W and N H W + (N-2) G, as the formula says
    other = 3 * loss.hessian_product(w[None], w[None])[0] + loss.gradient(w[None])[0]
    assert np.linalg.matrix_rank(np.stack((w, q, other)), tol=1e-10) == 2


def test_no_jacobian_at_zero():
    with pytest.raises(ValueError, match="W = 0"):
        skew(linear(np.ones(2)), 3, np.zeros((1, 2)))
    with pytest.raises(ValueError, match="Depth"):
        jacobian(linear(np.ones(2)), 0.5, np.ones(2))
