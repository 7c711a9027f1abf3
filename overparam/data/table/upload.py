"""A person's own CSV file: bounded, checked cell by cell, and refused with the place and the
remedy.

The standard library splits rows into cells; what the cells mean is decided here, in four steps:
bytes to text (`text`), text to rows (`rows`), cells to numbers (`numbers`), a table to
a regression problem (`sheet`). Readers made for tables of all kinds, pandas' among them, guess
where these steps ask: they take the longest row's extra cells for an index, text for missing
values, and cannot say which line was at fault.
"""

from __future__ import annotations

import hashlib

from overparam.data.dataset import Data
from overparam.data.table.reading import Reading
from overparam.data.table.rows import split
from overparam.data.table.sheet import Sheet
from overparam.data.table.text import decode

DATA_KEPT = (
    4  # data sets made of one file that are kept, for going back and forth between its columns
)


def read_csv(raw: bytes, name: str = "your CSV", reading: Reading | None = None) -> Data:
    """A regression problem from the bytes of a CSV file, its last column the target unless another
    is wanted; standardised.

    Args:
        raw: the file, UTF-8 with or without byte order mark, within the bounds of the modules that
            read it.
        name: what to call the data.
        reading: what a person says about the file.

    Raises:
        DataError: naming the line or column and the remedy. Nothing else, whatever the bytes.
    """
    reading = reading or Reading()
    return Sheet(split(decode(raw)), reading.first).data(reading, name)


def digest(raw: bytes) -> str:
    """The name of a file in links: the first 16 hexadecimal digits of the SHA-256 of its bytes."""
    return hashlib.sha256(raw).hexdigest()[:16]


class Upload:
    """One file, and what was made of it: its table, and the data sets that people chose from
    that."""

    def __init__(self, contents: str, raw: bytes):
        self.contents, self._raw = contents, raw
        self._sheets: dict[str, Sheet] = {}
        self._data: dict[Reading, Data] = {}

    def sheet(self, first: str = "") -> Sheet:
        """The table, with line 1 taken for what `first` says. Raises DataError where there is
        none."""
        if first not in self._sheets:
            self._sheets = {first: Sheet(split(decode(self._raw)), first)}
        return self._sheets[first]

    def data(self, reading: Reading) -> Data:
        """The data set that a reading makes. Raises DataError, naming all that is at fault."""
        if reading not in self._data:
            made = self.sheet(reading.first).data(reading)
            while len(self._data) >= DATA_KEPT:
                self._data.pop(next(iter(self._data)))
            self._data[reading] = made
        return self._data[reading]

    def linked(self, text: str) -> Reading:
        """The reading of a link's text where it speaks of this file, else the usual one.

        Links that were made before the reading stood in them name the file and the predicted column
        by one digest.
        """
        reading = Reading.parse(text)
        if reading.contents == self.contents:
            return reading
        whole = hashlib.sha256(self._raw).hexdigest()
        for column in self.sheet().columns if text == reading.contents else ():
            if hashlib.sha256(f"{whole} {column.name}".encode()).hexdigest()[:16] == text:
                return Reading(self.contents, target=column.place)
        return Reading(self.contents)
