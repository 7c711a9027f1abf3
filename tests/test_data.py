"""Standardised data, and the bundled set."""

from __future__ import annotations

import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overparam.data import Data, DataError, load_diabetes, standardise


def table(inputs, targets=((0.0,), (1.0,))) -> Data:
    inputs, targets = np.array(inputs, dtype=float), np.array(targets, dtype=float)
    names = tuple(f"x{j}" for j in range(inputs.shape[1]))
    return Data("made up", inputs, targets, names, tuple(f"y{j}" for j in range(targets.shape[1])))


finite = st.floats(-1e100, 1e100) | st.integers(-3, 3).map(float)
columns = st.lists(finite, min_size=2, max_size=8).filter(lambda c: min(c) < max(c))


@given(columns, st.sampled_from([0.0, 1.0, 1e6, -1e15]))
def test_scores_agree_with_exact_arithmetic(column, offset):
    column = [c + offset for c in column]
    if min(column) == max(column):
        return
    scores = standardise(table([[c] for c in column], [[c] for c in range(len(column))])).inputs[
        :, 0
    ]
    mean = statistics.mean(map(Fraction, column))
    squares = [(Fraction(c) - mean) ** 2 for c in column]
    exact = [float(s / (sum(squares) / len(squares))) ** 0.5 for s in squares]
    np.testing.assert_allclose(np.abs(scores), exact, rtol=0, atol=1e-12)
    assert all(
        s == 0 or (s > 0) == (Fraction(c) > mean) for s, c in zip(scores, column, strict=True)
    )
    assert abs(scores.mean()) < 1e-13 and abs(scores.std() - 1) < 1e-13


def test_tiny_huge_and_nearly_constant_columns():
    inputs = np.array(
        [[5e-324, 1e100, 1.0, 1e15], [0.0, -1e100, np.nextafter(1.0, 2), 1e15 + 0.125]]
    )
    scores = standardise(table(inputs)).inputs
    np.testing.assert_allclose(scores, [[1, 1, -1, -1], [-1, -1, 1, 1]], rtol=1e-15)


def test_a_constant_column_is_named():
    with pytest.raises(DataError, match=r"feature `x1` is 3 in every row.*leave that column out"):
        standardise(table([[1, 3], [2, 3]]))
    with pytest.raises(DataError, match=r"target `y0` is 0 in every row.*choose another target"):
        standardise(table([[1], [2]], [[0], [0]]))


def test_standardised_data_cannot_be_changed_by_accident():
    data = load_diabetes()
    with pytest.raises(ValueError, match="read-only"):
        data.inputs[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        data.targets[0, 0] = 1


def test_diabetes():
    data = load_diabetes()
    assert data.inputs.shape == (442, 10) and data.targets.shape == (442, 1)
    assert data.feature_names[:4] == ("age", "sex", "bmi", "bp") and "Efron" in data.citation
    for columns in (data.inputs, data.targets):
        assert columns.dtype == np.float64
        np.testing.assert_allclose(columns.mean(axis=0), 0, atol=1e-14)
        np.testing.assert_allclose(columns.std(axis=0), 1, rtol=1e-14)
    slope, *_ = np.linalg.lstsq(data.inputs, data.targets, rcond=None)
    residual = data.inputs @ slope - data.targets
    assert 1 - (residual**2).mean() == pytest.approx(
        0.5177484222203498, rel=1e-9
    )  # R² as scikit-learn documents it
