"""What no page need wait for: imported and set once per process."""

from __future__ import annotations

import gc
import sys
import threading
from functools import cache
from importlib import import_module
from pkgutil import walk_packages

import overparam.ui
from overparam.ui.shell.running import has_streams


@cache
def warm_up() -> None:
    """Import whatever pages need, and set what holds for the process.

    A thread that has the interpreter keeps it for up to 50 ms instead of 5, so that a page is built
    in one go: sixty threads that build theirs together lose less to changing turns (the last of
    them is done after 0.8 to 0.9 s instead of 0.9 to 1.4 s). Where there are streams it keeps it
    for 1 ms: each frame that is sent waits for its turn as long (with 60 viewers 16 frames a second
    instead of 3).

    Afterwards everything imported is moved out of the garbage collector's sight: walking through
    torch's objects would hold everybody up for about 0.1 s at every full collection.
    """
    for module in walk_packages(overparam.ui.__path__, f"{overparam.ui.__name__}."):
        import_module(module.name)
    import_module("sklearn.datasets")  # of the race that a visitor meets first

    from overparam.engine.device import one_thread_of_blas

    one_thread_of_blas()
    sys.setswitchinterval(0.001 if has_streams() else 0.05)
    gc.collect()
    gc.freeze()


def warm_up_beside() -> None:
    """The same in the background, where no server has done it before its first page."""
    if warm_up.cache_info().misses == 0:
        threading.Thread(target=warm_up, name="warm up", daemon=True).start()
