"""Matrix products in the form that is fastest on this machine, found by trying them.

One product of a few rows can take up to ten times as long in one form as in another (which library,
how many rows at a time, in which order the large factor lies in memory), and which form is best
differs between processors, precisions and numbers of rows. So each shape is measured once, in a few
milliseconds, when it is first needed.

Forms round differently in the last digit. So a shape keeps its form as long as the process lives:
the same runs give the same numbers, however they are cut into slices. Processes that must agree
with one another share a folder (`share_forms`), or take no form but the plain one (`plain_forms`).
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

ROUNDS, SECONDS = (
    8,
    0.015,
)  # of measuring one product: whichever ends first, but two rounds at least
FINALISTS = 4  # forms that are measured further after two rounds
FEW_ROWS = 12  # up to so many rows they may be taken a few at a time
MOST_PADDING = 7

_CLOCK = (
    time.thread_time if time.get_clock_info("thread_time").resolution < 1e-6 else time.perf_counter
)


class Form(NamedTuple):
    """How a product `left @ right` is taken.

    by: "torch" or "numpy". turned: whether the large factor `right` lies in memory column by
    column. rows: of `left` at a time for numpy; for torch all rows, filled up to a multiple of
    this.
    """

    by: str
    turned: bool
    rows: int


PLAIN = Form("torch", False, 1)
# A function `multiply(left, right, out=)`, and the arguments with which to call it.
Products = tuple[Callable[..., object], list[tuple]]


def padded(rows: int) -> int:
    """The rows that the memory of a product of so many needs, so that every form finds room."""
    return rows + MOST_PADDING


def candidates(rows: int, turned: Sequence[bool]) -> list[Form]:
    """The forms that are tried for a product of so many rows, the plain one first."""
    fillings = [1] + [
        n for n in (4, 8) if rows > 1 and -rows % n and (n == 4 or -rows % 8 != -rows % 4)
    ]
    pieces = sorted({n for n in (1, 2, 3, 4) if n < rows <= FEW_ROWS} | {rows})
    return [
        Form(by, turn, n)
        for by, counts in (("torch", fillings), ("numpy", pieces))
        for turn in turned
        for n in counts
    ]


def calls(form: Form, rows: int, left: Tensor, right: Tensor, out: Tensor) -> Products:
    """A function `multiply(left, right, out=)` and the arguments with which to call it, for the
    first `rows` rows.

    Args: left, out: row-major, with `padded(rows)` rows, those beyond `rows` 0. right: in the order
    of the form.
    """
    if form.by == "numpy":
        a, b, c = left.numpy(), right.numpy(), out.numpy()
        cuts = [(start, min(start + form.rows, rows)) for start in range(0, rows, form.rows)]
        return np.dot, [(a[start:stop], b, c[start:stop]) for start, stop in cuts]
    filled = rows + -rows % form.rows
    return torch.mm, [(left[:filled], right, out[:filled])]


def fastest(
    shape: tuple[int, int, int],
    dtype: torch.dtype,
    right: Callable[[bool], Tensor],
    turned: Sequence[bool],
) -> Form:
    """The fastest form of a product of this shape on this machine's CPU; measured once in a
    process.

    Args: shape: rows of left, columns of left, columns of right. right: the large factor in either
    order. turned: the orders.
    """
    if getattr(_THREAD, "plain", False):
        return Form("torch", turned[0], 1)
    key = f"{shape[0]}-{shape[1]}-{shape[2]}-{str(dtype)[6:]}-{len(turned)}"
    with _LOCK:
        if key not in _FORMS:
            _FORMS[key] = _agreed(key, lambda: _measure(shape, dtype, right, turned))
        return _FORMS[key]


@contextmanager
def plain_forms() -> Iterator[None]:
    """Within it this thread measures nothing and takes every product as torch does: machines that
    cannot agree on forms give the same numbers."""
    _THREAD.plain = True
    try:
        yield
    finally:
        _THREAD.plain = False


def share_forms(folder: str | os.PathLike[str] | None) -> None:
    """Agree on forms with other processes of this machine through a folder; None: with none.
    Forgets what was found so far."""
    global _folder
    with _LOCK:
        _folder = None if folder is None else Path(folder)
        _FORMS.clear()


_FORMS: dict[str, Form] = {}
_LOCK, _THREAD = threading.Lock(), threading.local()
_folder: Path | None = None


def _agreed(key: str, measure: Callable[[], Form]) -> Form:
    """What the first process to measure it found."""
    if _folder is None:
        return measure()
    kept = _folder / f"{key}.json"
    if not kept.exists():
        found = measure()
        _folder.mkdir(mode=0o700, exist_ok=True)  # systems clear away what is old
        handle, name = tempfile.mkstemp(dir=_folder)
        with os.fdopen(handle, "w") as file:
            json.dump(found, file)
        try:
            os.link(name, kept)  # whole, and only where no other process was first
        except FileExistsError:
            pass
        finally:
            os.unlink(name)
    return Form(*json.loads(kept.read_text()))


def _measure(
    shape: tuple[int, int, int],
    dtype: torch.dtype,
    right: Callable[[bool], Tensor],
    turned: Sequence[bool],
) -> Form:
    rows, inner, columns = shape
    left, out = (torch.zeros(padded(rows), n, dtype=dtype) for n in (inner, columns))
    left[:rows] = 1 / inner
    ways = {
        form: calls(form, rows, left, right(form.turned), out) for form in candidates(rows, turned)
    }
    took = dict.fromkeys(ways, float("inf"))
    for number in _rounds():
        if number == 2:
            ways = {form: ways[form] for form in sorted(ways, key=took.__getitem__)[:FINALISTS]}
        for form, (multiply, arguments) in ways.items():
            before = _CLOCK()
            for a, b, c in arguments:
                multiply(a, b, out=c)
            took[form] = min(took[form], _CLOCK() - before)
    return min(ways, key=took.__getitem__)


def _rounds() -> Iterator[int]:
    began = time.perf_counter()
    for number in range(ROUNDS):
        if number >= 2 and time.perf_counter() - began > SECONDS:
            return
        yield number
