"""A file as a table, and the regression problem that a person makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from overparam.data.dataset import Data, DataError, cite, standardise
from overparam.data.table import numbers
from overparam.data.table.columns import MAX_LEVELS, Column, indicators, listed, opening
from overparam.data.table.names import column_names, conflict, first_line, plain
from overparam.data.table.numbers import MAX_VALUE, bare, is_number
from overparam.data.table.reading import Reading
from overparam.data.table.rows import MAX_COLUMNS, Rows, count

MIN_ROWS = 2
_ROW_NUMBERS = {"", "unnamed: 0", "rownames", "row.names"}  # as pandas and R call them


@dataclass
class _Choice:
    """What a person's reading makes of the columns.

    features: the columns that are used. bad: which of their cells are no numbers, (rows, features).
    kept: the rows that are used.
    notes: what is left out or taken otherwise. faults: what the person has yet to decide, each with
    its place and remedies.
    """

    features: list[Column]
    bad: np.ndarray
    kept: np.ndarray
    notes: list[str]
    faults: list[str]


class Sheet:
    """The table in a file; `data` makes a regression problem of it, as a person wants it read.

    Args:
        rows: the rows of the file.
        first: what line 1 holds, "names" or "sample"; "" decides by the cells.

    Attributes:
        first: what line 1 is taken for; "" where its cells contradict each other.
        first_asked: whether somebody may see that otherwise.
        columns: all columns that hold anything, but for row numbers and row names.
        lines: where each row stands in the file.
        notes: what was left out, or read in a way worth a word.

    Raises:
        DataError: what keeps the file from being a table at all, and the remedy.
    """

    def __init__(self, rows: Rows, first: str = ""):
        self.notes, self._conflict, top = list(rows.notes), "", rows.cells[0]
        if len(rows.heading) == len(top) and all(map(is_number, top)):
            self.first, self.first_asked = "sample", False
            self.notes.append("The names of the columns are taken from the line with # above them.")
        else:
            guess, self.first_asked = first_line(top, rows.cells[1:], rows.quoted)
            self.first = first or guess
            if not self.first:
                self._conflict = conflict(top, rows.lines[0])
            elif self.first_asked:
                taken = "names" if self.first == "names" else "a sample"
                self.notes.append(
                    f"Line {rows.lines[0]} ({cite(', '.join(top))}) is taken for {taken}."
                )
        heading = (
            rows.heading
            if self.first == "sample" and len(rows.heading) == len(top)
            else [""] * len(top)
        )
        names, skipped = (heading, 0) if self.first == "sample" else (top, 1)
        self.lines = rows.lines[skipped:]
        if not self.lines:
            raise DataError(
                "The file has a line of names but no line of numbers; add one for each sample."
            )
        self.columns = self._columns(
            names, list(zip(*rows.cells[skipped:], strict=True)), rows.separator
        )

    def _columns(
        self, names: Sequence[str], cells: list[tuple[str, ...]], separator: str
    ) -> list[Column]:
        held = [j for j in range(len(names)) if bare(names[j]) or any(map(bare, cells[j]))]
        if len(held) < 2:
            raise DataError(
                "The file has only one column, so nothing is left to predict from; "
                "separate columns by commas, semicolons or tabs."
            )
        decimal, sentence = numbers.decimal_sign([cells[j] for j in held], separator)
        self.notes += [sentence] if sentence else []
        unique, found = column_names(names, held), []
        for j in held:
            column = Column.of(j + 1, unique[j], cells[j], decimal)
            if column.empty:
                self.notes.append(f"{opening(column.called)} holds no value and is left out.")
            elif not (j == 0 and self._labels_rows(bare(names[0]), column)):
                self._refuse_doubt(column, cells[j], decimal, separator)
                self.notes += column.remarks(cells[j])
                found.append(column)
        return found

    def _labels_rows(self, name: str, column: Column) -> bool:
        """Whether the first column holds row numbers or row names, which are no input; a note where
        it may."""
        counts = column.counts
        if self.first == "names" and name.lower() in _ROW_NUMBERS and (counts or column.texts):
            what, called = (
                "row numbers" if counts else "row names",
                f"called {cite(name)}" if name else "without a name",
            )
            self.notes.append(f"Column 1, {called}, holds {what} and is left out.")
            return True
        if counts and len(self.lines) > 2:
            self.notes.append(
                f"{opening(column.called)} counts the lines; leave it out unless it means"
                " something."
            )
        elif self.first == "names" and not name:
            self.notes.append(
                "Column 1 has no name and is taken as an input; leave it out if it numbers the"
                " lines."
            )
        return False

    def _refuse_doubt(
        self, column: Column, cells: Sequence[str], decimal: str, separator: str
    ) -> None:
        """Where commas do not separate the columns, 1.000 beside 987 may be a thousand."""
        row = None if separator == "," or column.texts else numbers.undecided(cells, decimal)
        if row is not None:
            either = [
                numbers.number(cells[row], sign) for sign in (numbers.SIGNS[decimal], decimal)
            ]
            raise DataError(
                f"Line {self.lines[row]}, {column.called} holds {cite(cells[row])}, which may be"
                f" {either[0]:.15g} or {either[1]:.15g}; leave out the sign between thousands, or"
                " give all numbers decimals."
            )

    def texts(self) -> list[Column]:
        """The columns of text, which a person leaves out or takes as categories."""
        return [column for column in self.columns if column.texts]

    def bad_lines(self, reading: Reading) -> int:
        """How many lines have a cell that is no number in the columns that are used."""
        return int(self._choose(reading).bad.any(axis=1).sum())

    def predictable(self, reading: Reading) -> list[Column]:
        """The columns that can be predicted: numbers, and texts of which there are two; not those
        that are the same throughout."""
        choice = self._choose(reading)
        return _single(
            [feature for feature in choice.features if _rows(feature, choice.kept).varies]
        )

    def data(self, reading: Reading, name: str = "your CSV") -> Data:
        """The regression problem that a person wants; standardised.

        Args:
            reading: what they said about this file.
            name: what to call the data.

        Raises:
            DataError: all that is at fault, each with its place, and the remedies.
        """
        choice = self._choose(reading)
        if choice.faults:
            raise DataError(" ".join(choice.faults))
        if choice.kept.sum() < MIN_ROWS:
            left = (
                ", or leave out the columns where most cells are at fault"
                if choice.bad.any()
                else ""
            )
            only = "only one row" if choice.kept.any() else "no row"
            raise DataError(f"The file has {only} of numbers; give it at least {MIN_ROWS}{left}.")
        features = [_rows(feature, choice.kept) for feature in choice.features]
        constant, features = (
            [f for f in features if not f.varies],
            [f for f in features if f.varies],
        )
        if constant:
            choice.notes.append(f"The same in every line, and left out: {listed(constant)}.")
        if len(features) < 2:
            why = " ".join(choice.notes[-3:])
            raise DataError(
                "At least two columns of numbers that vary are needed, one of them to predict."
                f" {why}".strip()
            )
        if len(features) > MAX_COLUMNS:
            raise DataError(
                f"With its categories the file has {len(features)} columns; at most {MAX_COLUMNS}"
                " are taken."
            )
        target = _target(features, reading)
        inputs = [feature for feature in features if feature is not target]
        return standardise(
            Data(
                plain(name) or "your CSV",
                np.column_stack([feature.values for feature in inputs]),
                target.values[:, None],
                tuple(feature.name for feature in inputs),
                (target.name,),
                notes=(*self.notes, *choice.notes),
            )
        )

    def _choose(self, reading: Reading) -> _Choice:
        features: list[Column] = []
        notes: list[str] = []
        text: list[Column] = []
        many: list[str] = []
        taken = {column.name for column in self.columns}
        for column in self.columns:
            if column.place in reading.leave_out:
                continue
            if not column.texts:
                features.append(column)
            elif column.place not in reading.categories:
                text.append(column)
            elif len(levels := column.levels()) > MAX_LEVELS:
                many.append(
                    f"{opening(column.called)} has {len(levels)} different texts, more than"
                    f" {MAX_LEVELS}: leave it out."
                )
            else:
                features += indicators(column, levels, taken)
                notes.append(
                    f"{opening(column.called)} is taken as {len(levels)} categories;"
                    f" {cite(levels[0])} is 0 in all of them."
                )
        gone = [column for column in self.columns if column.place in reading.leave_out]
        if gone:
            notes.insert(0, f"Left out: {listed(gone)}.")
        bad = np.zeros((len(self.lines), len(features)), bool)
        for j, feature in enumerate(features):
            bad[:, j] = ~(np.abs(feature.values) <= MAX_VALUE)
        kept: np.ndarray = (
            np.logical_not(bad.any(axis=1)) if reading.skip else np.ones(len(self.lines), bool)
        )
        if not kept.all():
            notes.append(
                f"{count(int((~kept).sum()), 'line')} with a cell that is no number left out."
            )
        faults = [self._conflict] if self._conflict else []
        if text:
            faults.append(self._text_fault(text))
        faults += many
        if bad.any() and not reading.skip:
            faults.append(self._cell_faults(features, bad))
        return _Choice(features, bad, kept, notes, faults)

    def _text_fault(self, columns: list[Column]) -> str:
        row, cell = columns[0].first_text()
        verb, them = ("hold", "them") if len(columns) > 1 else ("holds", "it")
        return (
            f"{opening(listed(columns))} {verb} text: {cite(cell)} in line {self.lines[row]},"
            f" {numbers.not_a_number(cell)}. Leave {them} out, or take {them} as categories."
        )

    def _cell_faults(self, features: list[Column], bad: np.ndarray) -> str:
        cells, lines, words = int(bad.sum()), int(bad.any(axis=1).sum()), []
        for row, j in np.argwhere(bad)[:2].tolist():
            column = features[j]
            cell = (column.cells or ())[row]
            words.append(
                f"Line {self.lines[row]}, {column.called}"
                f" {numbers.complaint(cell, column.values[row])}."
            )
        if cells > len(words):
            words.append(f"{cells:,} cells in {count(lines, 'line')} in all.")
        them = (
            "it, or leave out that line or column"
            if cells == 1
            else "them, or leave out those lines or columns"
        )
        return f"{' '.join(words)} Correct {them}."


def _rows(column: Column, kept: np.ndarray) -> Column:
    """The column in some of the rows only."""
    return column if kept.all() else replace(column, values=column.values[kept], cells=None)


def _single(features: Sequence[Column]) -> list[Column]:
    """Those that are a column of the file each: not the several that stand for one of
    categories."""
    places = [feature.place for feature in features]
    return [feature for feature in features if places.count(feature.place) == 1]


def _target(features: Sequence[Column], reading: Reading) -> Column:
    able = {feature.place: feature for feature in _single(features)}
    if not able:
        raise DataError(
            "No column of numbers is left to predict; take fewer columns as categories."
        )
    if reading.target is not None and reading.target not in able:
        raise DataError(
            f"Column {reading.target} cannot be predicted: it is left out, or holds no numbers;"
            " choose another one."
        )
    return able[reading.target or max(able)]
