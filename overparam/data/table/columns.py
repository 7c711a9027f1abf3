"""The columns of a file: numbers, or text that may be taken as categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overparam.data.dataset import cite
from overparam.data.table import numbers
from overparam.data.table.names import plain
from overparam.data.table.numbers import bare, is_missing

MAX_LEVELS = 50  # different texts of a column that may be taken as categories


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a file.

    Attributes:
        place: counted from 1, as it stands in the file.
        name: one line of plain text.
        values: a number for each row, NaN where the cell holds none.
        cells: the cells as they stand in the file; None where all are numbers within bounds.
        texts: whether more of the cells hold text than numbers.
    """

    place: int
    name: str
    values: np.ndarray
    cells: tuple[str, ...] | None = None
    texts: bool = False

    @classmethod
    def of(cls, place: int, name: str, cells: tuple[str, ...], decimal: str) -> Column:
        """The column that these cells make, read with a decimal sign."""
        values, odd = numbers.column(cells, decimal)
        fine = (np.abs(values) <= numbers.MAX_VALUE).all()
        texts = int(odd.sum()) > int((~np.isnan(values)).sum())
        return cls(place, name, values, None if fine else cells, texts)

    @property
    def called(self) -> str:
        """The column in a sentence."""
        return f"column {self.place} ({cite(self.name)})"

    @property
    def empty(self) -> bool:
        """Whether no cell holds anything."""
        return self.cells is not None and all(map(is_missing, self.cells))

    @property
    def counts(self) -> bool:
        """Whether the column numbers the rows, from 0 or from 1."""
        return any(
            np.array_equal(self.values, np.arange(len(self.values)) + start) for start in (0, 1)
        )

    @property
    def varies(self) -> bool:
        """Whether there are two different numbers in it."""
        numbers = self.values[np.isfinite(self.values)]
        return numbers.size > 0 and numbers.min() < numbers.max()

    def first_text(self) -> tuple[int, str]:
        """The first cell that holds text: its row, and what it holds."""
        cells = enumerate(self.cells or ())
        return next(
            (i, cell) for i, cell in cells if np.isnan(self.values[i]) and not is_missing(cell)
        )

    def levels(self) -> list[str]:
        """The different texts, in order."""
        return sorted({bare(cell) for cell in self.cells or () if not is_missing(cell)})

    def remarks(self, cells: Sequence[str]) -> list[str]:
        """Sentences where the numbers in these cells may not be what they seem."""
        found, least = [], np.min(self.values, initial=np.inf, where=np.isfinite(self.values))
        if numbers.rounded(cells):
            found.append(
                f"Whole numbers in {self.called} have more than 15 digits and are rounded."
            )
        others = self.values[self.values > least]
        if (
            least <= -99
            and set(f"{-least:.15g}") == {"9"}
            and others.size
            and others.min() > least / 2
        ):
            words = "where it stands for a missing value, empty those cells"
            found.append(f"The least number in {self.called} is {least:.15g}; {words}.")
        return found


def indicators(column: Column, levels: Sequence[str], taken: set[str]) -> list[Column]:
    """A column of 0 and 1 for each level but the first, with names that are not `taken`; NaN where
    the cell says nothing."""
    cells = np.array([bare(cell) if not is_missing(cell) else "" for cell in column.cells or ()])
    found = []
    for i, level in enumerate(levels[1:], start=2):
        label = plain(f"{column.name} = {level}")
        label = label if label not in taken else f"{label[:45]} ({column.place}.{i})"
        taken.add(label)
        found.append(
            Column(column.place, label, np.where(cells == "", np.nan, cells == level), column.cells)
        )
    return found


def opening(words: str) -> str:
    """The beginning of a sentence."""
    return words[:1].upper() + words[1:]


def listed(columns: Sequence[Column]) -> str:
    """Columns in a row, four at most."""
    words = [column.called for column in columns]
    shown = words if len(words) <= 4 else [*words[:3], f"{len(words) - 3} more"]
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]
