"""What a data set is, and how it is standardised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np


class DataError(ValueError):
    """Data that cannot be had or used; the message tells a person what happened and what to do."""


def cite(text: str) -> str:
    """Text from a file as it may be repeated in a message: as it stands there, short, on one line,
    as code.

    Markdown takes nothing in code for markup or a link. Signs that cannot be seen, and the one that
    would end the code, are written as their numbers.
    """
    seen = "".join(
        c if c.isprintable() and c != "`" else f"\\u{ord(c):04x}"
        for c in text.strip(" \t\r\n")[:41]
    )
    return f"`{seen[:40]}…`" if len(seen) > 40 else f"`{seen}`" if seen else "``"


@dataclass(frozen=True, eq=False)
class Data:
    """A regression data set; rows are samples.

    Attributes:
        inputs: shape (m, d), float64.
        targets: shape (m, k), float64.
        feature_names, target_names: d and k names of their columns: plain text, never markup.
        citation: where the data come from.
        notes: sentences on what was left out of a file, or read in a way worth a word.
    """

    name: str
    inputs: np.ndarray
    targets: np.ndarray
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    citation: str = ""
    notes: tuple[str, ...] = ()


def standardise(data: Data) -> Data:
    """Shift and scale every column to mean 0 and population standard deviation 1, as the paper's
    experiments do.

        x <- (x - mean x) / sqrt(mean (x - mean x)²)

    Args:
        data: any finite data, in any units.
    Returns: the same data in units of each column's standard deviation; the arrays are read-only,
    as they are shared.
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
            f"The {role} {cite(names[int(j)])} is {columns[0, j]:g} in every row, so it cannot be"
            " standardised; "
            + ("leave that column out." if role == "feature" else "choose another target.")
        )
    _, exponent = np.frexp(np.abs(columns).max(axis=0))
    scores = np.ldexp(
        columns, -exponent
    )  # an exact scaling: neither huge nor tiny columns lose their squares
    scores -= scores.mean(axis=0)
    scores -= scores.mean(
        axis=0
    )  # the first mean is rounded at the size of the offset, which may dwarf the spread
    scores /= np.abs(scores).max(axis=0)
    scores /= np.sqrt((scores**2).mean(axis=0))
    scores.flags.writeable = False
    return scores
