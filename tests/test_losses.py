"""Losses of degree p against their definition in numpy and against autograd."""

import math

import numpy as np
import pytest
import torch

from overparam.engine.losses import lp

POWERS = [2, 2.5, 3, 3.7, 4, 4.5, 5, 6, 6.5, 7, 9, 9.1, 15.5, 16]
REAL = torch.float64


def residuals(shape=(7, 11), seed=0, dtype=REAL):
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("p", POWERS)
def test_value_is_its_definition(p):
    r = residuals()
    np.testing.assert_allclose(lp(p).value(r), np.abs(r.numpy()) ** p / p, rtol=1e-13)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("p", POWERS)
def test_slope_and_bend_are_the_derivatives(p, dtype):
    r = residuals(dtype=dtype).requires_grad_()
    (slope,) = torch.autograd.grad((r.abs() ** p / p).sum(), r, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), r)
    r, slope = r.detach(), slope.detach()
    rounding = 20 * torch.finfo(dtype).eps
    np.testing.assert_allclose(lp(p).slope_(r.clone()), slope, rtol=rounding)
    np.testing.assert_allclose(lp(p).bend(r), bend, rtol=rounding)


@pytest.mark.parametrize("p", POWERS)
def test_at_zero(p):
    zero = torch.zeros(3, dtype=REAL)
    assert lp(p).value(zero).tolist() == [0.0] * 3
    assert lp(p).slope_(zero.clone()).tolist() == [0.0] * 3
    assert lp(p).bend(zero).tolist() == [1.0 if p == 2 else 0.0] * 3


@pytest.mark.parametrize("p", POWERS)
def test_slope_is_written_over_the_residual_also_where_it_is_stored_by_columns(p):
    expected = lp(p).slope_(residuals().contiguous())
    by_columns = residuals().T.contiguous().T
    answer = lp(p).slope_(by_columns)
    assert answer.data_ptr() == by_columns.data_ptr() and answer.stride() == by_columns.stride()
    np.testing.assert_allclose(by_columns, expected, rtol=1e-14)


@pytest.mark.parametrize("p", POWERS)
def test_homogeneous_of_degree_p(p):
    """What `Problem` relies on: Euler's identity, and value(c r) = c^p value(r)."""
    r, loss = residuals(), lp(p)
    np.testing.assert_allclose(r * loss.slope_(r.clone()), loss.power * loss.value(r), rtol=1e-13)
    np.testing.assert_allclose(loss.value(3 * r), 3**loss.power * loss.value(r), rtol=1e-13)


@pytest.mark.parametrize("p", [1.999, 0, -2, 16.001, math.inf, math.nan])
def test_p_out_of_range_is_refused_in_one_sentence(p):
    with pytest.raises(ValueError, match="p must be from 2 to 16"):
        lp(p)
