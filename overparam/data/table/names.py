"""What the columns of a file are called, and whether its first line says so."""

from __future__ import annotations

from collections.abc import Sequence

from overparam.data.dataset import DataError, cite
from overparam.data.table.numbers import bare, is_missing, is_number, number

MAX_NAME = 60  # characters of a column's name that are kept
_YEARS = range(1800, 2201)


def plain(text: str) -> str:
    """Text from outside as a name: one line, printable, without blanks around it, at most MAX_NAME
    characters."""
    text = _one_line(text)
    return text if len(text) <= MAX_NAME else text[: MAX_NAME - 1] + "…"


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in bare(text)[:2000]).split())


def column_names(cells: Sequence[str], held: list[int]) -> dict[int, str]:
    """A name for each column that is held, no two alike."""
    full = {j: _one_line(cells[j]) or f"column {j + 1}" for j in held}
    first: dict[str, int] = {}
    for j, name in full.items():
        if first.setdefault(name, j) != j:
            raise DataError(
                f"Columns {first[name] + 1} and {j + 1} are both called {cite(name)}; rename one of"
                " them."
            )
    half, names = (MAX_NAME - 1) // 2, {j: plain(name) for j, name in full.items()}
    for shorten in (
        lambda j: f"{full[j][:half]}…{full[j][-half:]}",
        lambda j: f"{full[j][:40]}… (column {j + 1})",
    ):
        alike = {j for j in held if sum(other == names[j] for other in names.values()) > 1}
        names |= {j: shorten(j) for j in alike if len(full[j]) > MAX_NAME}
    return names


def first_line(top: list[str], below: list[list[str]], quoted: bool) -> tuple[str, bool]:
    """What line 1 holds, "names", "sample" or "" where its cells contradict each other, and whether
    that is a guess."""
    if not any(map(is_number, top)):
        return ("names" if any(not is_missing(cell) for cell in top) else "sample"), False
    if quoted:
        return "names", True
    words = [j for j, cell in enumerate(top) if not is_number(cell) and not is_missing(cell)]
    if not words:
        corner = (
            not bare(top[0]) and all(map(is_number, top[1:])) and all(bare(row[0]) for row in below)
        )
        counts = _counts(top) and (
            len(top) > 2 or not all(cell.isdigit() for row in below for cell in row)
        )
        return ("names" if corner or counts else "sample"), True
    if _counts([cell for cell in top if is_number(cell)], least_years=2):
        return "names", True
    text_below = all(sum(not is_number(row[j]) for row in below) > len(below) / 2 for j in words)
    return ("sample" if text_below else ""), True


def _counts(cells: list[str], least_years: int = 3) -> bool:
    """Whether cells are numbers such as stand in the place of names: 0, 1, 2, ...; 1, 2, 3, ...; or
    years in a row."""
    values = [value for cell in cells if (value := number(cell, ".")) is not None]
    if len(values) < 2 or len(values) < len(cells):
        return False
    start = values[0]
    in_order = values == [start + i for i in range(len(values))]
    return in_order and (start in (0, 1) or (start in _YEARS and len(values) >= least_years))


def conflict(top: list[str], line: int) -> str:
    """The fault of a first line that may be names or a sample."""
    figure = next(cell for cell in top if is_number(cell))
    text = next(cell for cell in top if not is_number(cell) and not is_missing(cell))
    return (
        f"Line {line} holds the number {cite(figure)} and the text {cite(text)}: "
        "say whether it is a line of names or a sample, or correct it."
    )
