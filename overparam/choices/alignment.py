"""The choices of the view on alignment, its examples, and the linear network that they describe."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from overparam.choices.kinds import Number, Option
from overparam.data.synthetic import synthetic
from overparam.engine.losses import lp
from overparam.engine.problem import Problem
from overparam.engine.simulation import STARTS, Method

OUTPUTS = np.array([2, 1.5, 1, 0.7, 0.4])  # scales of the regression's five outputs
INPUTS, SAMPLES, CONDITION, NOISE = 8, 200, 10.0, 0.1
CHAIN = np.geomspace(16, 0.1, INPUTS)  # the white teacher's singular values
PANELS = {"certificate": "Certificate", "law": "Singular values", "ranks": "Ranks"}
TASKS = {"regression": "regression, 5 outputs", "white": "white inputs, strengths 16 … 0.1"}

CHOICES = (
    Option("reading", "Reading", "certificate", PANELS),
    Option("task", "Data", "regression", TASKS),
    Option("from", "Start", "near-zero", STARTS),
    Number("layers", "Depth N", 2, 2, 8, integer=True),
    Number("size", "Start scale", 0.01, 0, 1, low_open=True),
    Number("h", "Hidden width h", 8, 1, 24, integer=True),
    Number("top", "Directions r", 2, 1, 24, integer=True, help="How many of the top directions."),
    Number("eta", "Step size η", 0.02, 0, 1, low_open=True),
    Number("length", "Iterations", 1000, 10, 10_000, integer=True),
    Number("draw", "Seed", 0, 0, 99, integer=True),
    Number("at", "Cursor", 100, 0, 10_000, integer=True, help="Or click in a plot."),
)
DEFAULTS = {choice.name: choice.default for choice in CHOICES}


@dataclass(frozen=True)
class Example:
    """A state of the view worth looking at, and what to see; what is not named is the default."""

    name: str
    label: str
    watch: str
    values: Mapping[str, Any]


EXAMPLES = (
    Example(
        "near-zero",
        "Near zero: alignment is forced",
        "The imbalance stands still, the spectral gap grows: where they cross, alignment is"
        " certain.",
        {},
    ),
    Example(
        "balanced",
        "Balanced: aligned from the start",
        "The imbalance is that of rounding, and only drifts with η²: every r is certified at once.",
        {"from": "balanced", "size": 0.1, "h": 5},
    ),
    Example(
        "identity",
        "Identity, h > k: never certified",
        "The imbalance √(h − k) of the start stays above every spectral gap: aligned by the"
        " score, unproven.",
        {"from": "identity", "at": 1000},
    ),
    Example(
        "residual",
        "A residual chain: no layer of low rank",
        "Every layer stays nearly of full rank; their product does not.",
        {
            "from": "identity",
            "task": "white",
            "reading": "ranks",
            "layers": 4,
            "eta": 0.002,
            "length": 2000,
            "at": 2000,
        },
    ),
)


@dataclass(frozen=True)
class Chain:
    """A deep linear network trained by gradient descent at p = 2."""

    task: str
    start: str
    depth: int
    size: float
    width: int
    eta: float
    iterations: int
    seed: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Chain:
        return cls(
            values["task"],
            values["from"],
            values["layers"],
            values["size"],
            values["h"],
            values["eta"],
            values["length"],
            values["draw"],
        )

    def problem(self) -> Problem:
        """The regression of the chosen task."""
        if self.task == "white":
            return Problem(math.sqrt(INPUTS) * np.eye(INPUTS), self._white_targets(), lp(2))
        x, y = synthetic(SAMPLES, INPUTS, len(OUTPUTS), CONDITION, "geometric", NOISE, self.seed)
        return Problem(x, y * OUTPUTS, lp(2))

    def _white_targets(self) -> np.ndarray:
        rng = np.random.default_rng(self.seed)
        u, v = (np.linalg.qr(rng.standard_normal((INPUTS, INPUTS)))[0] for _ in range(2))
        return math.sqrt(INPUTS) * ((u * CHAIN) @ v.T).T

    def method(self) -> Method:
        """The run. Raises ValueError where a balanced start does not fit into the width."""
        return Method(
            depth=self.depth,
            step=self.eta,
            width=self.width,
            start=self.start,
            scale=self.size,
            seed=self.seed,
        )


def matching_example(values: Mapping[str, Any]) -> Example | None:
    """The example that these values are, wherever the cursor stands."""
    free = ("at",)
    for example in EXAMPLES:
        wanted = DEFAULTS | dict(example.values)
        if all(values[name] == wanted[name] for name in DEFAULTS if name not in free):
            return example
    return None
