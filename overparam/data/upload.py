"""A person's own CSV file: bounded, checked cell by cell, and refused with the place and the remedy."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import math
from collections.abc import Iterator

import numpy as np

from overparam.data.dataset import Data, DataError, standardise
from overparam.words import show

MAX_BYTES = 8 * 2**20  # what `maxUploadSize` in .streamlit/config.toml lets through
MIN_ROWS, MAX_ROWS = 2, 20_000
MAX_COLUMNS = 512
MAX_NUMBERS = 2_000_000  # rows times columns: 16 MB in memory
MAX_NAME = 60  # characters of a column's name that are kept
MAX_VALUE = 1e100  # its square, and any sum of such squares, is finite
MISSING = {"", "na", "n/a", "nan", "null", "none", "?", "-", "."}  # ways to write a missing value, in lower case
DELIMITERS = ("\t", ";", ",")


def read_csv(raw: bytes, name: str = "your CSV") -> Data:
    """A regression problem from the bytes of a CSV file, its last column the target; standardised.

    Columns are separated by commas, semicolons or tabs. The first line holds their names, unless it holds numbers
    only; then they are called "column 1", "column 2", ... For another target, see `predicting`.

    Args:
        raw: the file, UTF-8 with or without byte order mark, within the bounds above.
        name: what to call the data.
    Raises: DataError, naming the line or column and the remedy. Nothing else, whatever the bytes.
    """
    names, table = _names_and_numbers(_decode(raw))
    return standardise(Data(_plain(name) or "your CSV", table[:, :-1], table[:, -1:], tuple(names[:-1]), (names[-1],)))


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise DataError(f"The file has more than {MAX_BYTES / 2**20:g} MB; leave out rows or columns.")
    if raw.startswith(b"PK\x03\x04"):
        raise DataError("The file is a workbook or a zip archive; save the sheet as CSV UTF-8 first.")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError("The file is UTF-16 text, not UTF-8; save it as CSV UTF-8.")
    if b"\0" in raw:
        line = _line(raw, raw.index(0))
        raise DataError(f"Line {line} holds a zero byte, so the file is not UTF-8 text; save it as CSV UTF-8.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"Line {_line(raw, error.start)} is not UTF-8 text; save the file as CSV UTF-8.") from None
    if not text.strip():
        raise DataError("The file is empty; choose one with a line of names and one line of numbers for each sample.")
    return text


def _line(raw: bytes, position: int) -> int:
    return raw[:position].count(b"\n") + 1


def _names_and_numbers(text: str) -> tuple[list[str], np.ndarray]:
    """Names of the columns, and one row of numbers per sample."""
    rows = _rows(text)
    first = next(rows)
    nameless = all(_number(cell) is not None or _is_missing(cell) for cell in first[1])
    names = _names([""] * len(first[1]) if nameless else first[1])
    table, most = [], min(MAX_ROWS, MAX_NUMBERS // len(names))
    for line, cells in itertools.chain([first] if nameless else [], rows):
        if len(cells) != len(names):
            raise DataError(
                f"Line {line} has {_count(len(cells), 'cell')}, but line {first[0]} has {len(names)}; "
                "give every line the same number."
            )
        if len(table) == most:
            raise DataError(
                f"The file has more than {most} rows of numbers, which is the most with {len(names)} columns; leave out some."
            )
        table.append(_numbers(names, line, cells))
    if not table:
        raise DataError("The file has a line of names but no line of numbers; add one for each sample.")
    if len(table) < MIN_ROWS:
        raise DataError(f"The file has only one row of numbers; give it at least {MIN_ROWS}.")
    return names, np.array(table)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every line that is not blank."""
    stream = io.StringIO(text, newline=None)  # any kind of line end
    reader = csv.reader(stream, delimiter=_delimiter(text), skipinitialspace=True, strict=True)
    try:
        for cells in reader:
            if len(cells) > 1 or any(cell.strip() for cell in cells):
                yield reader.line_num, cells
    except csv.Error:
        raise DataError(
            f"Line {reader.line_num} cannot be split into cells; look for a quotation mark that is never closed."
        ) from None


def _delimiter(text: str) -> str:
    """Of tab, semicolon and comma the one that splits most of the first rows into as many cells as the very first row.

    In doubt the earlier: decimal commas split "1,5;2,3" as regularly as the semicolon does.
    """

    def regular_rows(delimiter: str) -> int:
        rows = csv.reader(io.StringIO(text[:100_000], newline=None), delimiter=delimiter, skipinitialspace=True)
        sizes = [len(cells) for cells in itertools.islice(filter(None, rows), 20)]
        return sum(size == sizes[0] > 1 for size in sizes)

    return max(DELIMITERS, key=regular_rows)


def _names(cells: list[str]) -> list[str]:
    names = [_plain(cell) or f"column {j + 1}" for j, cell in enumerate(cells)]
    if len(names) > MAX_COLUMNS:
        raise DataError(f"The file has {len(names)} columns; leave some out, as at most {MAX_COLUMNS} are taken.")
    if len(names) == 1:
        raise DataError(
            "The file has only one column, so nothing is left to predict from; separate columns by commas, semicolons or tabs."
        )
    first = {}
    for j, name in enumerate(names):
        if first.setdefault(name, j) != j:
            raise DataError(f"Columns {first[name] + 1} and {j + 1} are both called {show(name)}; rename one of them.")
    return names


def _numbers(names: list[str], line: int, cells: list[str]) -> np.ndarray:
    """One row of finite numbers, taken as a whole; where that fails, the first cell at fault is looked for."""
    together = "".join(cells)
    if together.isascii() and "_" not in together:
        with contextlib.suppress(ValueError):
            row = np.array([float(cell) for cell in cells])
            if (np.abs(row) <= MAX_VALUE).all():
                return row
    values = [_number(cell) for cell in cells]
    j = next(j for j, value in enumerate(values) if value is None or abs(value) > MAX_VALUE)
    raise DataError(f"Line {line}, column {j + 1} ({show(names[j])}) {_complaint(cells[j].strip(), values[j])}")


def _number(cell: str) -> float | None:
    """The number that a cell holds, be it infinite; None for text and nan. ASCII digits only, without underscores."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if cell.isascii() and "_" not in cell and not math.isnan(value) else None


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING


def _complaint(cell: str, value: float | None) -> str:
    if value is not None:
        return f"holds {show(cell)}; correct it or rescale the column, as numbers must lie within ±{MAX_VALUE:g}."
    if _is_missing(cell):
        return "has no value; fill it in, or leave out that line or column."
    if _number(cell.replace(",", ".")) is not None:
        return f"holds {show(cell)}; write decimal points, not commas."
    return f"holds {show(cell)}, which is not a number; correct it, or leave out that line or column."


def _plain(text: str) -> str:
    """Text from outside as a name: one line, printable, without blanks around it, at most MAX_NAME characters."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text[: 10 * MAX_NAME]).split())
    return text if len(text) <= MAX_NAME else text[: MAX_NAME - 1] + "…"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
