"""The implicit preconditioner against the definitions of Theorem 1 and Claims 1 and 2."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from overparam.theory.preconditioner import (
    dense,
    eigenvalues,
    ellipse,
    precondition,
    precondition_root,
    scale_only,
    stretch_only,
)
from tests.oracles import claim_1_matrix, scipy_power, theorem_1, vec

SHAPES = [(1, 4), (2, 5), (3, 3), (5, 2), (4, 1), (1, 1)]
DEPTHS = range(1, 9)
REAL_DEPTHS = [1.0, 1.5, 2.0, math.e, 3.0, 7.3]


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rank_deficient(rows, k, d, seed=0):
    rank = max(min(k, d) - 1, 1)
    return random(rows, k, rank, seed=seed) @ random(rows, rank, d, seed=seed + 1)


def assert_close(actual, expected, tolerance=1e-12):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    np.testing.assert_allclose(
        actual, expected, rtol=0, atol=tolerance * max(1.0, np.abs(expected).max())
    )


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(("k", "d"), SHAPES)
@pytest.mark.parametrize("rows", [1, 4])
def test_equals_theorem_1_term_by_term(rows, k, d, depth):
    w, grad = random(rows, k, d), random(rows, k, d, seed=1)
    result = precondition(w, grad, depth)
    for row in range(rows):
        assert_close(result[row], theorem_1(w[row].numpy(), grad[row].numpy(), depth))


@pytest.mark.parametrize("depth", DEPTHS)
def test_equals_theorem_1_with_scipy_powers_at_full_rank(depth):
    w, grad = random(1, 4, 4) + 4 * torch.eye(4), random(1, 4, 4, seed=1)
    assert_close(
        precondition(w, grad, depth)[0],
        theorem_1(w[0].numpy(), grad[0].numpy(), depth, scipy_power),
        1e-9,
    )


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(("k", "d"), [(2, 5), (3, 3), (5, 2)])
def test_rank_deficient_matrices(k, d, depth):
    w, grad = rank_deficient(3, k, d), random(3, k, d, seed=2)
    result = precondition(w, grad, depth)
    for row in range(3):
        assert_close(result[row], theorem_1(w[row].numpy(), grad[row].numpy(), depth), 1e-11)


@pytest.mark.parametrize(("k", "d"), [(5, 3), (10, 40), (64, 256)])
def test_rank_deficient_matrices_in_float32(k, d):
    """Round-off of the missing directions, raised to 2/8, would be a hundredth of the largest."""
    w, grad = random(1, k, 2) @ random(1, 2, d, seed=1), random(1, k, d, seed=2)
    assert_close(precondition(w.float(), grad.float(), 8), precondition(w, grad, 8), 2e-5)


@pytest.mark.parametrize("apply", [precondition, precondition_root])
@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_at_zero_the_result_is_zero_and_the_gradient_at_depth_one(apply, k, d):
    grad = random(3, k, d)
    result = apply(
        torch.zeros(3, k, d, dtype=torch.float64),
        grad,
        torch.tensor([1.0, 1.5, 4.0], dtype=torch.float64),
    )
    assert torch.equal(result[0], grad[0])
    assert torch.equal(result[1:], torch.zeros_like(result[1:]))


@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_depth_one_returns_the_gradient_itself(k, d):
    w, grad = random(2, k, d), random(2, k, d, seed=1)
    assert torch.equal(precondition(w, grad, 1), grad)
    assert torch.equal(precondition(w, grad, torch.ones(2, dtype=torch.float64)), grad)


@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_rows_with_their_own_depth_equal_rows_alone(k, d):
    w, grad = random(len(REAL_DEPTHS), k, d), random(len(REAL_DEPTHS), k, d, seed=1)
    together = precondition(w, grad, torch.tensor(REAL_DEPTHS, dtype=torch.float64))
    for row, depth in enumerate(REAL_DEPTHS):
        assert_close(
            together[row], precondition(w[row : row + 1], grad[row : row + 1], depth)[0], 1e-14
        )


@pytest.mark.parametrize("depth", REAL_DEPTHS)
def test_claim_2_equals_the_general_path_on_one_output(depth):
    """A column (d×1) takes the general path, the row it transposes to takes Claim 2."""
    w, grad = random(4, 1, 6), random(4, 1, 6, seed=1)
    assert_close(precondition(w, grad, depth), precondition(w.mT, grad.mT, depth).mT)


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_dense_matrix_equals_the_kronecker_sum_of_claim_1(k, d, depth):
    for w in (
        random(1, k, d)[0],
        rank_deficient(1, k, d)[0],
        torch.zeros(k, d, dtype=torch.float64),
    ):
        assert_close(dense(w, depth), claim_1_matrix(w.numpy(), depth), 1e-11)


@pytest.mark.parametrize("depth", [1, 2, 3, 8])
@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_eigenvalues_and_eigenvectors_of_the_kronecker_sum(k, d, depth):
    w = random(1, k, d)[0]
    u, sigma, vt = np.linalg.svd(w.numpy(), full_matrices=True)
    table = eigenvalues(torch.from_numpy(sigma), k, d, depth).numpy()
    matrix = claim_1_matrix(w.numpy(), depth)
    assert_close(np.sort(table.flatten()), np.linalg.eigvalsh(matrix), 1e-11)
    for r in range(k):
        for s in range(d):
            vector = vec(np.outer(u[:, r], vt[s]))
            assert_close(matrix @ vector, table[r, s] * vector, 1e-11)


@pytest.mark.parametrize("depth", REAL_DEPTHS)
@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_dense_matrix_is_symmetric_positive_semidefinite_and_agrees_with_precondition(k, d, depth):
    w, grad = random(1, k, d), random(1, k, d, seed=1)
    matrix = dense(w[0], depth).numpy()
    assert_close(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > -1e-12 * np.abs(matrix).max()
    assert_close(matrix @ vec(grad[0].numpy()), vec(precondition(w, grad, depth)[0].numpy()))


@pytest.mark.parametrize("depth", REAL_DEPTHS)
@pytest.mark.parametrize(("k", "d"), SHAPES)
def test_the_root_applied_twice_is_the_preconditioner(k, d, depth):
    for w in (random(2, k, d), rank_deficient(2, k, d)):
        grad = random(2, k, d, seed=3)
        root = precondition_root(w, precondition_root(w, grad, depth), depth)
        assert_close(root, precondition(w, grad, depth))


@given(depth=st.floats(1, 10), sigma=st.floats(1e-6, 1e3), gap=st.floats(0, 1))
@settings(max_examples=200, deadline=None)
def test_eigenvalues_between_their_bounds(depth, sigma, gap):
    """lambda lies between N small^{2-2/N} and N large^{2-2/N}: the closed form is a mean, however
    close the two are."""
    small = sigma * (1 - gap)
    value = eigenvalues(torch.tensor([sigma, small], dtype=torch.float64), 2, 2, depth)[0, 1].item()
    power = 2 - 2 / depth
    assert depth * small**power * (1 - 1e-12) <= value <= depth * sigma**power * (1 + 1e-12)


@pytest.mark.parametrize("depth", [2, 3, 5, 8])
@pytest.mark.parametrize("gap", [0.0, 1e-16, 1e-12, 1e-8, 1e-4, 0.5, 1.0])
def test_nearly_equal_singular_values_lose_no_digits(depth, gap):
    a, b = 3.0, 3.0 * (1 - gap)
    expected = sum(
        a ** (2 * (j - 1) / depth) * b ** (2 * (depth - j) / depth) for j in range(1, depth + 1)
    )
    value = eigenvalues(torch.tensor([a, b], dtype=torch.float64), 2, 2, depth)[0, 1].item()
    assert value == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("depth", [1.7, 2, 4.5])
def test_special_eigenvalues(depth):
    table = eigenvalues(torch.tensor([2.0, 2.0, 0.0], dtype=torch.float64), 3, 4, depth)
    rate = 2 ** (2 - 2 / depth)
    assert table[0, 1].item() == pytest.approx(depth * rate, rel=1e-14)  # equal
    assert table[0, 3].item() == pytest.approx(rate, rel=1e-14)  # one missing
    assert table[2, 0].item() == pytest.approx(rate, rel=1e-14)  # one zero
    assert table[2, 2].item() == 0 and table[2, 3].item() == 0  # both zero
    assert torch.equal(
        eigenvalues(torch.zeros(1, dtype=torch.float64), 1, 3, 1),
        torch.ones(1, 3, dtype=torch.float64),
    )


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize(("k", "d"), [(1, 3), (2, 3), (3, 2)])
def test_a_non_finite_row_leaves_the_others_alone(k, d, bad):
    w, grad = random(4, k, d), random(4, k, d, seed=1)
    expected = precondition(w, grad, 3)
    w[1, 0, 1], grad[2, -1, 0] = bad, bad
    result = precondition(w, grad, 3)
    assert not result[1].isfinite().any()
    assert not result[2].isfinite().all()
    assert_close(result[[0, 3]], expected[[0, 3]], 1e-14)


@pytest.mark.parametrize("depth", REAL_DEPTHS)
def test_the_two_halves_make_claim_2(depth):
    w, grad = random(3, 1, 5), random(3, 1, 5, seed=1)
    assert_close(
        scale_only(w, stretch_only(w, grad, depth), depth), precondition(w, grad, depth), 1e-14
    )
    direction = w / w.norm(dim=-1, keepdim=True)
    assert_close(stretch_only(w, direction, depth), depth * direction, 1e-14)
    across = grad - (grad * direction).sum(-1, keepdim=True) * direction
    assert_close(stretch_only(w, across, depth), across, 1e-14)
    assert_close(
        scale_only(2 * w, grad, depth), 2 ** (2 - 2 / depth) * scale_only(w, grad, depth), 1e-14
    )


def test_the_two_halves_at_zero():
    w, grad = torch.zeros(1, 1, 3, dtype=torch.float64), random(1, 1, 3)
    assert torch.equal(scale_only(w, grad, 2), torch.zeros_like(grad))
    assert torch.equal(stretch_only(w, grad, 2), grad)


@pytest.mark.parametrize("depth", [1, 2.5, 6])
def test_ellipse_is_the_image_of_the_unit_circle(depth):
    w = torch.tensor([0.6, -1.1], dtype=torch.float64)
    points = ellipse(w, depth, 361).numpy()
    assert_close(points[0], points[-1])
    circle = np.linalg.solve(dense(w[None], depth).numpy(), points.T)
    assert_close(np.linalg.norm(circle, axis=0), np.ones(361))
    rate = w.norm().item() ** (2 - 2 / depth)
    lengths = np.linalg.norm(points, axis=1)
    assert lengths.max() == pytest.approx(depth * rate, rel=1e-3)
    assert lengths.min() == pytest.approx(rate, rel=1e-3)


def test_bad_input_is_named():
    w = random(2, 2, 3)
    for bad in (0.5, 0, -1, math.nan):
        with pytest.raises(ValueError, match="Depth must be 1 or more"):
            precondition(w, w, bad)
    for ablation in (scale_only, stretch_only):
        with pytest.raises(ValueError, match="one output"):
            ablation(w, w, 2)
    with pytest.raises(ValueError, match="2 singular values, but 3"):
        eigenvalues(torch.ones(3), 2, 5, 2)
    with pytest.raises(ValueError, match="0 or positive"):
        eigenvalues(torch.tensor([1.0, -1.0]), 2, 5, 2)
