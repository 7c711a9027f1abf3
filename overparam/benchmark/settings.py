"""The app's settings, each on against off."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import numpy as np
import torch

from overparam.benchmark.stopwatch import Stopwatch
from overparam.engine.losses import lp
from overparam.engine.problem import Problem


def settings(measure: Stopwatch) -> Iterator[str]:
    """What the app's settings are worth: denormals flushed to zero, imports frozen out of the
    garbage collector."""
    yield "Settings of the app"
    yield ""
    # residuals of 1e-105, as at the end of a run that fits its data exactly, have cubes that only
    # denormals can hold
    problem = Problem(
        np.random.default_rng(0).standard_normal((2565, 128)), np.zeros((2565, 1)), lp(4)
    )
    w = torch.full((3, 1, 128), 1e-106, dtype=torch.float64)

    def passes(flush: bool) -> Callable[[int], None]:
        def advance(iterations: int) -> None:
            torch.set_flush_denormal(flush)
            for _ in range(iterations):
                problem.value_and_grad(w)
            torch.set_flush_denormal(True)

        return advance

    took = measure({"flushed": passes(True), "kept": passes(False)})
    ratio = took["kept"] / took["flushed"]
    yield (
        f"denormals kept, a step of a converged run:  {ratio:6.2f} times as long as flushed (about"
        " 1 on some processors)"
    )

    def collections(iterations: int) -> None:
        for _ in range(iterations):
            gc.collect()

    seen = measure({"collect": collections})["collect"]
    gc.freeze()
    frozen = measure({"collect": collections})["collect"]
    gc.unfreeze()
    yield (
        f"a full garbage collection, imports frozen:  {1e3 * frozen:6.2f} ms instead of"
        f" {1e3 * seen:.0f} ms"
    )
