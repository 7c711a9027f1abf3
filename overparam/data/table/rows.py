"""From the text of a file to its rows of cells: which sign separates them, and what stands around
the table."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from overparam.data.dataset import DataError, cite
from overparam.data.table.numbers import bare, is_number

MAX_COLUMNS = 512
MAX_NUMBERS = 2_000_000  # rows times columns: 16 MB in memory
SEPARATORS = (
    "\t",
    ";",
    ",",
    "|",
    " ",
)  # in doubt the earlier: decimal commas split "1,5;2,3" as regularly as the semicolon

_SEPARATOR_LINE = re.compile(
    r'"?sep=([^\w\s"]|\t)"?[;,\t]*\n', re.IGNORECASE
)  # by which spreadsheets tell each other
_COMMENT = re.compile(
    r"#(?!n/a|na\b|nv\b|div/0!|value!|wert!|ref!|name\?|null!|num!)", re.IGNORECASE
)


@dataclass
class Rows:
    """The rows of a table, all with the same number of cells.

    Attributes:
        separator: the sign between the cells of a row.
        lines: where each row stands in the file, counted from 1.
        cells: as many texts a row as the table has columns.
        heading: the cells of a line that begins with # right above the rows.
        quoted: whether the cells of the first row stand in quotation marks, and no others do.
        notes: what was left out on the way, in sentences.
    """

    separator: str
    lines: list[int]
    cells: list[list[str]]
    heading: list[str]
    quoted: bool = False
    notes: list[str] = field(default_factory=list)


def split(text: str) -> Rows:
    """The rows of a CSV file.

    Columns are separated by tabs, semicolons, commas, bars or blanks; a line sep=; at the top is
    obeyed. Blank rows, lines that begin with #, lines of text above the table and columns without
    any name or value are no part of the table.

    Raises:
        DataError: the line that does not fit, and the remedy.
    """
    told = _SEPARATOR_LINE.match(text)
    lines = text.split("\n")
    comments = {i: line for i, line in enumerate(lines) if _COMMENT.match(line)}
    for i in [*comments, *([0] if told else [])]:
        lines[i] = ""
    body = "\n".join(lines)
    separator = told[1] if told else _separator(body)
    places, cells = [], []
    for line, row in _rows(body, separator):
        if any(map(bare, row)):
            places.append(line)
            cells.append(row)
    if not cells:
        raise DataError(
            "The file holds no table; choose one with a line of names and a line of numbers for"
            " each sample."
        )
    above = next((i for i in range(places[0] - 2, -1, -1) if lines[i].strip() or i in comments), -1)
    heading = [row for _, row in _rows(comments.get(above, "").lstrip("# "), separator)]
    rows = Rows(separator, places, cells, heading[0] if heading else [])
    if comments:
        rows.notes.append(f"{count(len(comments), 'line')} beginning with # left out.")
    _fit(rows)
    rows.quoted = _only_first_quoted(lines[rows.lines[0] - 1 :])
    return rows


def count(number: int, noun: str) -> str:
    """A number of things in words."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _reader(text: str, separator: str, strict: bool):
    if separator == " ":
        text = "\n".join(" ".join(line.split()) for line in text.split("\n"))
    return csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True, strict=strict)


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every row."""
    reader = _reader(text, separator, strict=True)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        reason = (
            "a quotation mark is followed by something else than the sign between columns; take out"
            " what stands between the two, or separate columns by commas, semicolons or tabs"
            if "expected after" in str(error)
            else "look for a quotation mark that is never closed"
        )
        raise DataError(f"Line {reader.line_num} cannot be split into cells: {reason}.") from None


def _separator(text: str) -> str:
    """The sign by which all of the first rows come apart into equally many cells; of several the
    one that leaves most numbers."""

    def fitness(separator: str) -> tuple[bool, int]:
        rows = list(
            itertools.islice(filter(None, _reader(text[:100_000], separator, strict=False)), 30)
        )
        sizes = Counter(map(len, rows))
        width = max(sizes, key=lambda size: sizes[size] if size > 1 else 0, default=1)
        if width == 1:
            return False, -len(text)
        cells = [cell for row in rows if len(row) == width for cell in row]
        return sizes[width] == len(rows), sum(1 if is_number(cell) else -1 for cell in cells)

    return max(SEPARATORS, key=fitness)


def _only_first_quoted(lines: list[str]) -> bool:
    return '"' not in "".join(lines[1:]) and bool(
        re.fullmatch(r'\s*"[^"]*"(?:[\t;,| ]\s*"[^"]*")+\s*', lines[0])
    )


def _fit(rows: Rows) -> None:
    """Make all rows equally long: cut what is empty behind the table, leave out text above it,
    complete R's line of names.

    R's `write.table` gives the column of row names no name, so that the first line is one cell
    shorter than the others.
    """
    filled = max(
        next((i for i in range(len(row), 0, -1) if bare(row[i - 1])), 0) for row in rows.cells
    )
    rows.cells = [row[:filled] for row in rows.cells]
    sizes = Counter(map(len, rows.cells))
    width = max(sizes, key=lambda size: (sizes[size], size))
    if width > MAX_COLUMNS:
        raise DataError(
            f"The file has {width} columns; leave some out, as at most {MAX_COLUMNS} are taken."
        )
    if len(rows.cells) * width > MAX_NUMBERS:
        raise DataError(
            f"The file has more than {MAX_NUMBERS // width} rows of numbers, which is the most with"
            f" {count(width, 'column')}; leave out some."
        )
    if len(rows.cells[0]) == width - 1 and _row_names_follow(rows.cells, width):
        rows.cells[0] = ["", *rows.cells[0]]
    above = 0
    while len(rows.cells[above]) < width and not any(map(is_number, rows.cells[above])):
        above += 1
    if above:
        others = f" and {count(above - 1, 'other line')}" if above > 1 else ""
        rows.notes.append(
            f"Line {rows.lines[0]} ({cite(', '.join(rows.cells[0]))}){others} above the table left"
            " out."
        )
        rows.lines, rows.cells = rows.lines[above:], rows.cells[above:]
    whole = next(i for i, row in enumerate(rows.cells) if len(row) == width)
    for i, (line, row) in enumerate(zip(rows.lines, rows.cells, strict=True)):
        if len(row) != width:
            place = {
                0: ", and leave out lines above the names",
                len(rows.cells) - 1: ", and leave out lines below the table",
            }
            raise DataError(
                f"Line {line} has {count(len(row), 'cell')}, but line {rows.lines[whole]} has"
                f" {width}; give every line the same number{place.get(i, '')}."
            )


def _row_names_follow(cells: list[list[str]], width: int) -> bool:
    """Whether the first row are names, and the others begin with a name or a number of their
    own."""
    if any(map(is_number, cells[0])) or len(cells) < 2 or not any(map(is_number, cells[1])):
        return False
    first = [row[0] for row in cells[1:] if len(row) == width]
    return not any(map(is_number, first)) or [bare(cell) for cell in first] == [
        str(i + 1) for i in range(len(first))
    ]
