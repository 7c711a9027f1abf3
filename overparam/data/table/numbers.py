"""The numbers that people and programs write into cells, and what is no number.

A file is written in one way: with decimal points ("1,234.5") or with decimal commas ("1.234,5").
Which, its unmistakable cells say together; then every cell is read that way and no other: "1,234"
is never 1234 in one line and 1.234 in the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from overparam.data.dataset import cite

MAX_VALUE = 1e100  # its square, and any sum of such squares, is finite
MISSING = {
    *("", "na", "<na>", "n/a", "n.a.", "nat", "null", "none", "nil", "?", "-", "--", "."),
    *("nan", "-nan", "+nan", "nan(ind)", "-nan(ind)", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
    *(
        "#n/a",
        "#na",
        "#div/0!",
        "#value!",
        "#ref!",
        "#name?",
        "#null!",
        "#num!",
        "#nv",
        "#wert!",
    ),  # of spreadsheets
}
SIGNS = {".": ",", ",": "."}  # decimal sign -> the one that may then stand between thousands

_UNSEEN = (  # signs without width, from web pages and office programs
    "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
)
_MINUS = str.maketrans({"\u2212": "-", "\ufe63": "-", "\uff0d": "-"})
_WRAPPED = re.compile(
    r'="(.*)"|\'(.*)\''
)  # how spreadsheets keep text, and how some programs quote
_INFINITE = re.compile(r"([+-]?)inf(?:inity)?", re.IGNORECASE)
_PLAIN = {
    sign: re.compile(
        rf"[+-]?(?:\d+{re.escape(sign)}?\d*|{re.escape(sign)}\d+)(?:[eEdD][+-]?\d+)?", re.ASCII
    )
    for sign in SIGNS
}
_THOUSANDS = {
    sign: re.compile(
        rf"[+-]?[1-9]\d{{0,2}}([{re.escape(between)}'’"
        rf" \u00a0\u2009\u202f])\d{{3}}(?:\1\d{{3}})*(?:{re.escape(sign)}\d+)?",
        re.ASCII,
    )
    for sign, between in SIGNS.items()
}
_AMID_OTHERS = re.compile(
    r"[^\d+\-.,]{0,4}([+-]?\d[\d.,]*)[^\d.,]{0,6}"
)  # a number with a unit, a currency or brackets
_SIMPLE = {
    sign: re.compile(rf"[0-9eE{re.escape(sign)}+\-\n]+") for sign in SIGNS
}  # a column that `float` reads as it is
_LONG = re.compile(r"(?<![\d.,])\d{16,300}(?![\d.,])")


def bare(cell: str) -> str:
    """What a cell holds, without the blanks, invisible signs and wrappings around it."""
    cell = cell.strip().strip(_UNSEEN).strip()
    wrapped = _WRAPPED.fullmatch(cell)
    return (wrapped[1] or wrapped[2] or "").strip() if wrapped else cell


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return bare(cell).lower() in MISSING


def number(cell: str, decimal: str) -> float | None:
    """The number that a cell holds, be it infinite; None where it holds none. Only the digits 0 to
    9 count.

    Args:
        decimal: the decimal sign, "." or ",".
    """
    cell = bare(cell).translate(_MINUS)
    if _PLAIN[decimal].fullmatch(cell):
        return float(cell.replace(decimal, ".").lower().replace("d", "e"))
    if thousands := _THOUSANDS[decimal].fullmatch(cell):
        return float(cell.replace(thousands[1], "").replace(decimal, "."))
    if infinite := _INFINITE.fullmatch(cell):
        return float(infinite[1] + "inf")
    return None


def is_number(cell: str) -> bool:
    """Whether a cell holds a number, written with either decimal sign."""
    return any(number(cell, sign) is not None for sign in SIGNS)


def column(cells: Sequence[str], decimal: str) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a column, NaN where a cell holds none, and which of the cells hold neither a
    number nor a missing value."""
    together = "\n".join(cells)
    if _SIMPLE[decimal].fullmatch(together):
        try:
            return np.array(
                [float(cell) for cell in together.replace(decimal, ".").split("\n")]
            ), np.zeros(len(cells), bool)
        except ValueError:
            pass
    numbers = [number(cell, decimal) for cell in cells]
    values = np.array([np.nan if each is None else each for each in numbers])
    return values, np.array(
        [n is None and not is_missing(cell) for n, cell in zip(numbers, cells, strict=True)], bool
    )


def decimal_sign(columns: Iterable[Sequence[str]], separator: str) -> tuple[str, str]:
    """The decimal sign of a file, and a sentence about it where that is worth a word (""
    otherwise).

    Cells that are numbers with one of the signs only decide, the majority if need be. Where all
    could be either, as 1,234 can, commas between columns say decimal points; other separators are
    what the countries of the decimal comma use.
    """
    columns = list(columns)
    if not any("," in "".join(cells) for cells in columns):  # most files
        doubtful = next(
            (c for c in columns if separator != "," and all(map(_THOUSANDS[","].fullmatch, c))),
            None,
        )
        return (
            ".",
            f"{cite(doubtful[0])} is read as {number(doubtful[0], '.'):.15g}." if doubtful else "",
        )
    votes, example = {".": 0, ",": 0}, {".": "", ",": ""}
    either: dict[str, str] = {}  # the sign in it -> the first cell that could be read both ways
    for cells in columns:
        marked = [cell for cell in cells if "," in cell or "." in cell]
        sure = _sure(marked)
        for cell in marked[:1] if sure else marked:
            read = {sign: number(cell, sign) is not None for sign in SIGNS}
            if all(read.values()) and not sure:
                either.setdefault("," if "," in cell else ".", cell)
            for sign in SIGNS:
                if sure == sign or (read[sign] and not read[SIGNS[sign]]):
                    votes[sign] += len(marked) if sure else 1
                    readable = (each for each in marked if number(each, sign) is not None)
                    example[sign] = example[sign] or next(readable, "")
    if any(votes.values()):
        decimal = "," if votes[","] > votes["."] else "."
    else:
        decimal = "," if "," in either and separator != "," else "."
    if SIGNS[decimal] in either:
        cell = either[SIGNS[decimal]]
        return decimal, f"{cite(cell)} is read as {number(cell, decimal):.15g}."
    if decimal == "," and (cell := either.get(",") or example[","]):
        return (
            decimal,
            f"Commas are read as decimal points: {cite(cell)} is {number(cell, decimal):.15g}.",
        )
    return decimal, ""


def _sure(marked: Sequence[str]) -> str:
    """The decimal sign of cells that hold a comma or a point, where a look at all of them together
    and at few of them says it."""
    together = "\n".join(marked)
    for sign, other in SIGNS.items():
        if other not in together and _SIMPLE[sign].fullmatch(together):
            return "" if all(map(_THOUSANDS[other].fullmatch, marked)) else sign
    return ""


def undecided(cells: Sequence[str], decimal: str) -> int | None:
    """The place of a cell that may be thousands or decimals, where its column gives reason to
    doubt; None where none does.

    The doubt: 1.000 and 2.500 stand beside 987, so that 1000 and 2500 are more likely than 1 and
    2.5.
    """
    marked = [i for i, cell in enumerate(cells) if decimal in cell]
    doubtful = marked and all(_THOUSANDS[SIGNS[decimal]].fullmatch(bare(cells[i])) for i in marked)
    plain = [number(cell, decimal) for cell in cells if decimal not in cell]
    return marked[0] if doubtful and any(n is not None and abs(n) >= 100 for n in plain) else None


def rounded(cells: Sequence[str]) -> bool:
    """Whether whole numbers of a column have more digits than a float64 keeps, so that their
    differences change."""
    return any(int(float(digits)) != int(digits) for digits in _LONG.findall("\n".join(cells)))


def complaint(cell: str, value: float) -> str:
    """What is the matter with a cell that is no finite number (`value` NaN) or too large a one, as
    the end of a sentence."""
    if not np.isnan(value):
        return f"holds {cite(cell)}, but numbers must lie within ±{MAX_VALUE:g}: rescale the column"
    if is_missing(cell):
        return f"has no value ({cite(cell)})" if bare(cell) else "has no value"
    if is_number(cell):
        return f"holds {cite(cell)}, whose commas and points are not those of the other numbers"
    return f"holds {cite(cell)}, {not_a_number(cell)}"


def not_a_number(cell: str) -> str:
    """Why a cell of text is no number, as the end of a sentence."""
    amid = _AMID_OTHERS.fullmatch(bare(cell))
    return (
        "which is more than a number: write the number alone"
        if amid and is_number(amid[1])
        else "which is not a number"
    )
