"""What a data set is, how it is standardised, and the one that scikit-learn bundles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from overparam.words import show


class DataError(ValueError):
    """Data that cannot be had or used; the message tells a person what happened and what to do."""


@dataclass(frozen=True, eq=False)
class Data:
    """A regression data set; rows are samples.

    Attributes:
        inputs: shape (m, d), float64.
        targets: shape (m, k), float64.
        feature_names, target_names: d and k names of their columns: plain text, never markup.
        citation: where the data come from.
    """

    name: str
    inputs: np.ndarray
    targets: np.ndarray
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    citation: str = ""


def predicting(data: Data, target: str) -> Data:
    """The same columns with another one to predict: its name becomes the only target, all others are inputs.

    Raises: DataError where there is no such column.
    """
    names = (*data.feature_names, *data.target_names)
    if target not in names:
        raise DataError(f"There is no column called {show(target)}; choose one of {len(names)} others.")
    table, chosen = np.hstack([data.inputs, data.targets]), [name == target for name in names]
    others = np.logical_not(chosen)
    features = tuple(name for name in names if name != target)
    return replace(data, inputs=table[:, others], targets=table[:, chosen], feature_names=features, target_names=(target,))


def standardise(data: Data) -> Data:
    """Shift and scale every column to mean 0 and population standard deviation 1, as the paper's experiments do.

        x <- (x - mean x) / sqrt(mean (x - mean x)²)

    Args:
        data: any finite data, in any units.
    Returns: the same data in units of each column's standard deviation; the arrays are read-only, as they are shared.
    Raises: DataError, naming the column, where a column is constant.
    """
    return replace(
        data,
        inputs=_standard_scores(data.inputs, data.feature_names, "feature"),
        targets=_standard_scores(data.targets, data.target_names, "target"),
    )


def _standard_scores(columns: np.ndarray, names: Sequence[str], role: str) -> np.ndarray:
    columns = np.asarray(columns, dtype=np.float64)
    for j in np.flatnonzero(columns.max(axis=0) == columns.min(axis=0)):
        raise DataError(
            f"The {role} {show(names[j])} is {columns[0, j]:g} in every row, so it cannot be standardised; "
            + ("leave that column out." if role == "feature" else "choose another target.")
        )
    _, exponent = np.frexp(np.abs(columns).max(axis=0))
    scores = np.ldexp(columns, -exponent)  # an exact scaling: neither huge nor tiny columns lose their squares
    scores -= scores.mean(axis=0)
    scores -= scores.mean(axis=0)  # the first mean is rounded at the size of the offset, which may dwarf the spread
    scores /= np.abs(scores).max(axis=0)
    scores /= np.sqrt((scores**2).mean(axis=0))
    scores.flags.writeable = False
    return scores


def load_diabetes() -> Data:
    """The diabetes data, 442 × 10 with one target, bundled with scikit-learn; standardised."""
    from sklearn.datasets import load_diabetes as bundled  # takes more than a second to import: only when asked for

    table = bundled(scaled=False)
    return standardise(
        Data(
            "Diabetes",
            table.data,
            table.target[:, None],
            tuple(table.feature_names),
            ("disease progression",),
            "B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Least Angle Regression, Annals of Statistics 32 (2004)",
        )
    )
