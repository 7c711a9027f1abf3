"""The largest eigenvalue of the Hessian, with and without depth, against matrices written out in
numpy."""

import numpy as np
import pytest
import torch

from overparam.engine.losses import lp
from overparam.engine.problem import Problem
from overparam.measure.curvature import hessian_product, sharpness
from overparam.theory.preconditioner import dense
from tests.oracles import claim_1_matrix, matrix_power

REAL = torch.float64


def problem(m, k, d, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(m, d, generator=generator, dtype=REAL) * torch.logspace(
        0, -1, d, dtype=REAL
    )
    return inputs, torch.randn(m, k, generator=generator, dtype=REAL)


def weights(runs, k, d, seed=1):
    return torch.randn(runs, k, d, generator=torch.Generator().manual_seed(seed), dtype=REAL)


def hessian(inputs, targets, p, w):
    """The dk×dk Hessian for column-first vec: the mean over samples of (x xᵀ) (x) diag((p-1)
    |r|^{p-2})."""
    x, r = inputs.numpy(), (inputs @ w.mT - targets).numpy()
    curvature = (p - 1) * np.abs(r) ** (p - 2)
    return sum(
        np.kron(np.outer(a, a), np.diag(c)) for a, c in zip(x, curvature, strict=True)
    ) / len(x)


@pytest.mark.parametrize("p", [2, 3.5, 4, 6])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (1, 7), (3, 4), (4, 2)])
def test_product_equals_the_hessian_of_autograd(k, d, p):
    inputs, targets = problem(20, k, d)
    w, v = weights(3, k, d), weights(3, k, d, seed=2)

    def loss(matrix):
        return ((inputs @ matrix.mT - targets).abs() ** p).sum() / (p * len(inputs))

    product = hessian_product(Problem(inputs, targets, lp(p)), w)(v)
    for row in range(3):
        _, expected = torch.autograd.functional.hvp(loss, w[row], v[row])
        np.testing.assert_allclose(
            product[row], expected, rtol=1e-9, atol=1e-9 * expected.abs().max()
        )
        flat = hessian(inputs, targets, p, w[row]) @ v[row].mT.flatten().numpy()
        np.testing.assert_allclose(
            product[row].mT.flatten(), flat, rtol=1e-9, atol=1e-9 * np.abs(flat).max()
        )


@pytest.mark.parametrize("p", [2, 4])
@pytest.mark.parametrize(("k", "d"), [(1, 1), (1, 2), (1, 30), (3, 8), (4, 2)])
def test_largest_eigenvalue_equals_numpy(k, d, p):
    inputs, targets = problem(40, k, d)
    w = weights(5, k, d)
    expected = [np.linalg.eigvalsh(hessian(inputs, targets, p, row))[-1] for row in w]
    np.testing.assert_allclose(sharpness(Problem(inputs, targets, lp(p)), w), expected, rtol=1e-9)


@pytest.mark.parametrize("depth", [1, 2, 3, 8])
@pytest.mark.parametrize(("k", "d"), [(1, 6), (2, 3), (3, 2)])
def test_largest_eigenvalue_as_depth_sees_it_equals_numpy(k, d, depth):
    inputs, targets = problem(40, k, d)
    w = weights(4, k, d)
    roots = [matrix_power(claim_1_matrix(row.numpy(), depth), 0.5) for row in w]
    expected = [
        np.linalg.eigvalsh(root @ hessian(inputs, targets, 4, row) @ root)[-1]
        for row, root in zip(w, roots, strict=True)
    ]
    np.testing.assert_allclose(
        sharpness(Problem(inputs, targets, lp(4)), w, depth), expected, rtol=1e-9
    )


def test_depths_of_their_own_and_real_valued():
    inputs, targets = problem(40, 1, 6)
    w, depths = weights(4, 1, 6), torch.tensor([1.0, 1.5, 2.7, 6.0], dtype=REAL)
    expected = [
        np.linalg.eigvals(
            dense(row, depth.item()).numpy() @ hessian(inputs, targets, 4, row)
        ).real.max()
        for row, depth in zip(w, depths, strict=True)
    ]
    np.testing.assert_allclose(
        sharpness(Problem(inputs, targets, lp(4)), w, depths), expected, rtol=1e-8
    )


def test_real_size_equals_numpy_and_rows_computed_in_chunks_agree(monkeypatch):
    inputs, targets = problem(400, 1, 128)
    w = weights(6, 1, 128)
    values = sharpness(Problem(inputs, targets, lp(4)), w)
    residual = (inputs @ w.squeeze(1).mT - targets).numpy()
    x = inputs.numpy()
    expected = [np.linalg.eigvalsh(x.T @ (3 * r[:, None] ** 2 / 400 * x))[-1] for r in residual.T]
    np.testing.assert_allclose(values, expected, rtol=1e-9)
    monkeypatch.setattr("overparam.measure.curvature._RESIDUALS", 800)
    np.testing.assert_allclose(sharpness(Problem(inputs, targets, lp(4)), w), values, rtol=1e-9)


def test_degenerate_hessians():
    inputs, targets = problem(10, 1, 6)
    w = weights(1, 1, 6)
    assert (
        sharpness(Problem(inputs, 0 * targets, lp(4)), 0 * w).item() == 0
    )  # no residual, no curvature
    assert (
        sharpness(Problem(inputs, targets, lp(2)), torch.zeros_like(w), 3).item() == 0
    )  # depth sees nothing at W = 0
    line = inputs[:, :1] @ torch.ones(1, 6, dtype=REAL)  # rank one
    expected = np.linalg.eigvalsh((line.mT @ line / 10).numpy())[-1]
    np.testing.assert_allclose(sharpness(Problem(line, targets, lp(2)), w), [expected], rtol=1e-9)
    isotropic = np.sqrt(6) * torch.eye(
        6, dtype=REAL
    )  # H = I: the space is exhausted after one step
    np.testing.assert_allclose(
        sharpness(Problem(isotropic, torch.zeros(6, 1), lp(2)), w), [1.0], rtol=1e-12
    )


@pytest.mark.parametrize("k", [1, 2])
def test_a_non_finite_matrix_gives_nan_and_leaves_the_others_alone(k):
    inputs, targets = problem(20, k, 5)
    w = weights(3, k, 5)
    for depth in (None, 2):
        expected = sharpness(Problem(inputs, targets, lp(4)), w, depth)
        for bad in (float("nan"), float("inf"), 1e200):
            broken = w.clone()
            broken[1, 0, 0] = bad
            values = sharpness(Problem(inputs, targets, lp(4)), broken, depth)
            assert values[1].isnan()
            np.testing.assert_allclose(values[[0, 2]], expected[[0, 2]], rtol=1e-9)
