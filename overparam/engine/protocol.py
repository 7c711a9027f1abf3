"""What a run asks of whoever computes its steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Engine(Protocol):
    """R runs that are advanced together.

    `engine.simulation` is one, with one pass over the data a step; `engine.nonlinear` another.

    Attributes:
        diverged_at: the iteration at which each run was given up, shape (R,), -1 where not.
    """

    diverged_at: np.ndarray

    def advance(self, iterations: int) -> np.ndarray:
        """Take so many steps of every run; the losses before each, shape (iterations, R), NaN from
        the iteration at which a run diverged."""

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some of the runs only, in the order given."""

    def scale_steps(self, factor: float) -> None:
        """Multiply every step size from the next step on."""
