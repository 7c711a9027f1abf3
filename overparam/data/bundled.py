"""Data sets that scikit-learn brings along: here without a download, on every machine the same."""

from __future__ import annotations

from functools import cache

import numpy as np

from overparam.data.dataset import Data, standardise


def diabetes() -> Data:
    """442 patients, 10 measurements, and the progression of their diabetes a year later; as
    measured."""
    from sklearn.datasets import (
        load_diabetes,
    )  # takes more than a second to import: only when asked for

    table = load_diabetes(scaled=False)
    return Data(
        "Diabetes",
        table.data,
        table.target[:, None],
        tuple(table.feature_names),
        ("disease progression",),
        "B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Least Angle Regression, "
        "Annals of Statistics 32 (2004)",
    )


def breast_cancer() -> Data:
    """569 samples of cells: the mean symmetry of their nuclei, from the other 29 measurements; as
    measured."""
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer()
    names = [str(name) for name in table.feature_names]
    at = names.index("mean symmetry")
    return Data(
        "Breast cancer",
        np.delete(table.data, at, axis=1),
        table.data[:, [at]],
        tuple(names[:at] + names[at + 1 :]),
        (names[at],),
        "W. N. Street, W. H. Wolberg, O. L. Mangasarian, Nuclear feature extraction for breast "
        "tumor diagnosis, SPIE 1905 (1993)",
    )


@cache
def load_diabetes() -> Data:
    """The diabetes data, 442 × 10 with one target, standardised."""
    return standardise(diabetes())


@cache
def load_breast_cancer() -> Data:
    """The breast cancer data, 569 × 29 with one target, the mean symmetry; standardised."""
    return standardise(breast_cancer())
