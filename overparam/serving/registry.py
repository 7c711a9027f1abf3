"""Shared objects, found by what they were made from: two people who choose the same look at the
same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

Made = TypeVar("Made")


class Registry(Generic[Made]):
    """Makes objects on first request, hands the same one out afterwards, and lets go of those not
    asked for longest.

    Args: most: how many are kept. make: called as `make(key, *others)` where there is none yet.
    """

    def __init__(self, most: int, make: Callable[..., Made]):
        self._most, self._make, self._lock = most, make, threading.Lock()
        self._kept: OrderedDict[Hashable, Made] = OrderedDict()

    def get(self, key: Hashable, *others: Any) -> Made:
        """The object of a key: the one there is, or a new one made from the key and the other
        arguments."""
        with self._lock:
            made = self._kept.pop(key, None) or self._make(key, *others)
            self._kept[key] = made
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return made

    def find(self, key: Hashable) -> Made | None:
        """The object of a key, if there is one."""
        with self._lock:
            return self._kept.get(key)

    def __len__(self) -> int:
        return len(self._kept)
