"""From the bytes of a file to its text; a file that is no text is named for what it is."""

from __future__ import annotations

import re

from overparam.data.dataset import DataError

MAX_BYTES = 8 * 2**20  # what `maxUploadSize` in .streamlit/config.toml lets through

_UNPACK = "is compressed; unpack it first"
_SAVE = "save the table as CSV UTF-8"
_NO_TEXT: tuple[tuple[bytes, str], ...] = (  # how files begin that people take for tables
    (b"PK\x03\x04", f"is a workbook or a zip archive; {_SAVE} first"),
    (b"\xd0\xcf\x11\xe0", f"is an old workbook (xls); {_SAVE} first"),
    (b"\x1f\x8b", _UNPACK),
    (b"BZh91AY&SY", _UNPACK),
    (b"\xfd7zXZ\0", _UNPACK),
    (b"\x28\xb5\x2f\xfd", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", _UNPACK),
    (b"PAR1\x15", f"is a Parquet file; {_SAVE} first"),
    (b"ARROW1\0\0", f"is a Feather file; {_SAVE} first"),
    (b"\x89HDF", f"is an HDF5 file; {_SAVE} first"),
    (b"SQLite format 3\0", f"is a database; {_SAVE} first"),
    (b"\x93NUMPY", f"is a NumPy array; {_SAVE} first, with numpy.savetxt"),
    (b"%PDF-", f"is a PDF; {_SAVE} where it came from"),
    (b"{\\rtf", f"is a text with formats (RTF); {_SAVE} first"),
)
_WEB_PAGE = re.compile(r"\s*<(!doctype|html|\?xml|table)", re.IGNORECASE)
_JSON = re.compile(r'\s*(\{\s*"|\[\s*[\[{])')


def decode(raw: bytes) -> str:
    """The text of a file, its lines ended by \\n; without byte order marks and the end mark of old
    systems.

    Args:
        raw: UTF-8, or UTF-16 that says so by its byte order mark.

    Raises:
        DataError: what the file is instead, and the remedy.
    """
    if len(raw) > MAX_BYTES:
        raise DataError(
            f"The file has more than {MAX_BYTES / 2**20:g} MB; leave out rows or columns."
        )
    for beginning, words in _NO_TEXT:
        if raw.startswith(beginning):
            raise DataError(f"The file {words}.")
    text = _characters(raw).lstrip("\ufeff").rstrip("\x1a")
    if not text.strip():
        raise DataError(
            "The file is empty; choose one with a line of names and a line of numbers for each"
            " sample."
        )
    if _WEB_PAGE.match(text):
        raise DataError(
            "The file is a web page or XML, perhaps a page that asks to sign in; download the table"
            " itself."
        )
    if _JSON.match(text):
        raise DataError(f"The file is JSON, not CSV; {_SAVE} first.")
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")


def _characters(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return raw.decode("utf-16")
        except UnicodeDecodeError:
            raise DataError(
                "The file begins as UTF-16 text but is not; save it as CSV UTF-8."
            ) from None
    if b"\0" in raw:
        line = _line(raw, raw.index(0))
        raise DataError(
            f"Line {line} holds a zero byte, so the file is not UTF-8 text; save it as CSV UTF-8."
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = _line(raw, error.start)
        raise DataError(f"Line {line} is not UTF-8 text; save the file as CSV UTF-8.") from None


def _line(raw: bytes, position: int) -> int:
    before = raw[:position]
    return before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n") + 1
