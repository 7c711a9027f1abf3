"""What a map of where depth helps is of: the two quantities along its axes, and what stays the
same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from overparam.choices.kinds import Choice, ChoiceError, Number, Option

LEAST_STEP, MOST_STEP = 1e-4, 10.0  # of an axis of step sizes, in units of `sweep.step_unit`
MOST_HORIZON = 20_000  # iterations that somebody waits for
TUNED = 0.0  # in the place of a step size: each depth at its own best one

AXES = {
    "p": "loss exponent p",
    "shape": "ratio y₁ / y₂, or condition number",
    "scale": "start scale ‖W₀‖",
    "depth": "depth N",
    "step": "step size, same for both",
}
SHAPE = {"two": "ratio y₁ / y₂", "synthetic": "condition number"}
DETAILS = {"quick": "quick", "standard": "standard", "fine": "fine"}
DYNAMICS = {"network": "network", "rule": "end-to-end rule (real N)"}

PLAN_CHOICES: tuple[Choice, ...] = (
    Option(
        "problem",
        "Problem",
        "two",
        {"two": "Two coordinates", "synthetic": "Synthetic regression"},
        "Two coordinates: L = (1/p)(|w₁ − y₁|^p + |w₂ − 1|^p). Synthetic: 200 samples of 10 inputs,"
        " noise 0.1.",
    ),
    Option("x", "Across", "shape", AXES),
    Option("y", "Upwards", "p", AXES),
    Option(
        "kind",
        "What moves",
        "network",
        DYNAMICS,
        "The layers of a network, or its end-to-end matrix by the rule of Theorem 1.",
    ),
    Number("depth", "Depth N", 2, 1, 10, help="Compared with depth 1."),
    Number("p", "Loss exponent p", 4, 2, 8),
    Number("ratio", "Ratio y₁ / y₂", 10, 1, 100),
    Number("condition", "Condition number", 100, 1, 1e4),
    Number(
        "scale",
        "Start scale ‖W₀‖",
        0.01,
        0,
        10,
        low_open=True,
        help="Norm of the end-to-end weights at the start.",
    ),
    Number("loss", "Goal: loss L ≤", 1e-4, 0, 1, low_open=True, help="The least loss is 0 here."),
    Number(
        "gap",
        "Goal: gap g ≤",
        0.001,
        1e-12,
        0.9,
        help="g = (L − L*) / (L₀ − L*). Below 1e-12 rounding decides.",
    ),
    Number(
        "horizon",
        "Give up after",
        4000,
        10,
        MOST_HORIZON,
        integer=True,
        help="Iterations after which a step size has not arrived.",
    ),
    Number(
        "grid",
        "Step sizes a decade",
        8,
        2,
        24,
        integer=True,
        help="The decades tried follow from depth, start and minimum.",
    ),
    Option("detail", "Detail", "standard", DETAILS),
    Option(
        "start",
        "Start along",
        "even",
        {"even": "(1, …, 1)", "positive": "positive", "random": "any"},
        "Direction of the weights at the start: (1, …, 1), one drawn at random among those with"
        " positive weights, or any.",
    ),
    Number(
        "seed",
        "Seed",
        0,
        0,
        2**31 - 1,
        integer=True,
        help="Of a random start and of the synthetic data.",
    ),
)

STARTS = Option(
    "starts",
    "Starts a cell",
    "1",
    {"1": "1", "7": "7, median"},
    "Seven: the start chosen, and six more with the seeds that follow, which draw directions of the"
    " start and synthetic data. For (1, 1) the six have positive weights.",
)


OPENING = {"problem": "synthetic", "starts": "7"}  # of the page's bare address


@dataclass(frozen=True)
class Cell:
    """One problem and one depth; `step` is relative to the problem's unit, TUNED where each depth
    has its own best."""

    p: float
    shape: float
    scale: float
    depth: float
    step: float

    @property
    def plain(self) -> Cell:
        """The same at depth 1."""
        return replace(self, depth=1)


@dataclass(frozen=True)
class Plan:
    """The person's choices; field names and meaning as in PLAN_CHOICES."""

    problem: str
    x: str
    y: str
    kind: str
    depth: float
    p: float
    ratio: float
    condition: float
    scale: float
    loss: float
    gap: float
    horizon: int
    grid: int
    detail: str
    start: str
    seed: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Plan:
        """From checked values; choices without effect are set to their defaults, so that equal maps
        compare equal.

        Raises: ChoiceError where the choices do not fit together.
        """
        values = {f.name: values[f.name] for f in fields(cls)}
        axes = (values["x"], values["y"])
        if axes[0] == axes[1]:
            raise ChoiceError(
                f"Both axes of the map are the {AXES[axes[0]]}: choose another quantity for one of"
                " them."
            )
        if (
            "depth" not in axes
            and values["kind"] == "network"
            and values["depth"] != int(values["depth"])
        ):
            raise ChoiceError(
                f"A network's depth must be a whole number, not {values['depth']:g}: choose the"
                " end-to-end rule."
            )
        two = values["problem"] == "two"
        idle = {"condition", "gap"} if two else {"ratio", "loss"}
        idle |= {name for name in ("p", "scale", "depth") if name in axes}
        idle |= {"ratio", "condition"} if "shape" in axes else set()
        idle |= {"grid"} if "step" in axes else set()
        idle |= {"seed"} if two and values["start"] == "even" else set()
        return cls(**values | {c.name: c.default for c in PLAN_CHOICES if c.name in idle})

    def over(self, starts: int) -> tuple[Plan, ...]:
        """This map, and the same with other starts: seeds that follow; where no seed is drawn,
        directions with positive weights."""
        start = "positive" if (self.problem, self.start) == ("two", "even") else self.start
        others = range(self.seed + 1, self.seed + starts)
        return (self, *(replace(self, start=start, seed=seed) for seed in others))

    def values(self, axis: str) -> np.ndarray:
        """The values along an axis, "x" or "y"."""
        return _lattice(getattr(self, axis), self.problem, self.kind, self.detail)

    def cell(self, x: int, y: int) -> Cell:
        """The cell in a column and a row."""
        fixed = {"p": self.p, "scale": self.scale, "depth": self.depth, "step": TUNED}
        fixed["shape"] = self.ratio if self.problem == "two" else self.condition
        fixed |= {self.x: float(self.values("x")[x]), self.y: float(self.values("y")[y])}
        return Cell(
            **{name: int(v) if name == "depth" and v == int(v) else v for name, v in fixed.items()}
        )

    def cells(self) -> list[list[Cell]]:
        """All cells, row by row."""
        columns, rows = (range(len(self.values(axis))) for axis in ("x", "y"))
        return [[self.cell(x, y) for x in columns] for y in rows]

    def name(self, axis: str) -> str:
        """What stands along an axis, in words."""
        quantity = getattr(self, axis)
        return {"shape": SHAPE[self.problem], "step": "step size in leaps"}.get(
            quantity, AXES[quantity]
        )


# Values along an axis, from few to many. A network has whole depths, the rule has any.
_P = ((2, 3, 4, 6, 8), (2, 2.5, 3, 3.5, 4, 5, 6, 8), tuple(np.arange(2, 8.5, 0.5)))
_WHOLE = ((2, 3, 4, 6, 8), tuple(range(2, 9)), tuple(range(2, 11)))


def ends(axis: str, problem: str) -> tuple[float, float]:
    """The first and the last value along an axis; a network's depths, whole numbers, end at 10."""
    return {
        "p": (2.0, 8.0),
        "depth": (1.25, 8.0),
        "shape": (1.0, 100.0 if problem == "two" else 1e4),
        "scale": (1e-4, 1.0),
        "step": (LEAST_STEP, MOST_STEP),
    }[axis]


def _lattice(axis: str, problem: str, kind: str, detail: str) -> np.ndarray:
    fineness = list(DETAILS).index(detail)
    if axis == "p":
        return np.array(_P[fineness], dtype=float)
    if axis == "depth" and kind == "network":
        return np.array(_WHOLE[fineness], dtype=float)
    return np.geomspace(*ends(axis, problem), (7, 13, 25)[fineness])
