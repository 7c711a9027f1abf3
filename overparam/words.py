"""Text from outside, made fit to be repeated in a sentence."""

from __future__ import annotations

import re
from typing import Any


def show(value: Any) -> str:
    """A value from outside as it may be repeated in a message: short, quoted, one line, and nothing
    that makes markup or a link.

    Kept are letters, digits, a few signs, the point of a number and the underscore within a word.
    """
    text = _NOT_PLAIN.sub("?", str(value)[:41])
    return f"'{text[:40]}…'" if len(text) > 40 else f"'{text}'"


_NOT_PLAIN = re.compile(r"[^\w .,;+=%-]|(?<!\d)\.|\.(?!\d)|(?<![^\W_])_|_(?![^\W_])")
