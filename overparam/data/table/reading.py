"""What a person says about a file: which column is predicted, and what of the rest is used, and
how."""

from __future__ import annotations

import re
from dataclasses import dataclass

from overparam.data.dataset import DataError
from overparam.words import show

_TEXT = re.compile(
    r"(?P<contents>[0-9a-f]{16})(?:_(?P<target>[1-9]\d{0,2}))?(?:_x(?P<leave_out>[\d.]+))?(?:_k(?P<categories>[\d.]+))?"
    r"(?:_(?P<skip>skip))?(?:_(?P<first>names|sample))?"
)


@dataclass(frozen=True)
class Reading:
    """How one file is read; columns are counted from 1, as they stand in the file.

    As text, in links: the first 16 hexadecimal digits of the SHA-256 of the file, then what differs
    from the defaults: 0123456789abcdef_3_x2.5_k1_skip_names predicts column 3, leaves out columns 2
    and 5, takes column 1 as categories, skips lines without a number, and takes line 1 for names.

    Attributes:
        contents: which file.
        target: the column to predict; None is the last one that can be.
        leave_out: columns that are not used.
        categories: columns of text to be used, as one column of 0 and 1 for each text but the
            first.
        skip: whether lines with a cell that is no number are left out.
        first: what line 1 holds, "names" or "sample"; "" where the file says it.
    """

    contents: str = ""
    target: int | None = None
    leave_out: tuple[int, ...] = ()
    categories: tuple[int, ...] = ()
    skip: bool = False
    first: str = ""

    @classmethod
    def parse(cls, text: str) -> Reading:
        """The reading of a link's text; "" is no file. Raises DataError, in one sentence."""
        if not text:
            return cls()
        found = _TEXT.fullmatch(text)
        if found is None:
            raise DataError(
                f"The link's name for an uploaded file, {show(text)}, is not one of ours; upload"
                " the file again."
            )
        return cls(
            found["contents"],
            int(found["target"]) if found["target"] else None,
            _columns(found["leave_out"]),
            _columns(found["categories"]),
            bool(found["skip"]),
            found["first"] or "",
        )

    def format(self) -> str:
        """The text that `parse` reads back to the same reading."""
        words = [self.contents, str(self.target) if self.target else ""]
        words += [
            letter + ".".join(map(str, cs))
            for letter, cs in (("x", self.leave_out), ("k", self.categories))
            if cs
        ]
        return "_".join(filter(None, [*words, "skip" if self.skip else "", self.first]))


def _columns(text: str | None) -> tuple[int, ...]:
    return tuple(
        sorted({int(word) for word in (text or "").split(".") if word and len(word) < 4} - {0})
    )
