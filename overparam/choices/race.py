"""An experiment: everything the person chose, as one frozen, validated, hashable record.

It is what the widgets make, what the URL says, the key of the run, and what an export records. The
bounds stand in CHOICES, which widgets, URL reader and messages share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import torch

from overparam.choices.kinds import Choice, ChoiceError, Number, Option, Structured, Variant
from overparam.choices.losses import LOSS, LOSSES
from overparam.choices.methods import (
    SCALE,
    STEP,
    Entry,
    format_changes,
    format_methods,
    parse_changes,
    parse_methods,
)
from overparam.choices.problems import PROBLEM, PROBLEMS
from overparam.data import Data
from overparam.engine.problem import Problem
from overparam.engine.simulation import KINDS, STARTS, Method
from overparam.measure.history import GAPS

DEFAULT_METHODS = (
    *(Entry(depth) for depth in (1, 2, 3)),
    *(Entry(1, optimizer) for optimizer in ("momentum", "adagrad", "adadelta", "adam")),
)

OPENING = {
    "problem": "cancer",
    "methods": "1_gd~2_gd~3_gd",
    "horizon": "500",
    "iterations": "500",
}
"""The race as it opens, as a query: real data on which plain gradient descent crawls.

Of the 31 columns of scikit-learn's breast cancer, each predicted from the others, depth 2 is more
than a tenth faster to g <= .01 in 22 and slower in 9, which plain gradient descent solves in few
iterations; this column is the one most like the paper's data in how much of the fit lies in weak
directions.
"""

AIMS = {"end": "lowest final loss"} | {f"{gap:g}": f"first to g ≤ {gap:g}" for gap in GAPS[1:4]}
_SHARED = (STEP, Structured("changes", "Step-size changes", (), parse_changes, format_changes))
STEPS = Variant(
    "steps",
    "Step sizes",
    "tuned",
    {"tuned": "tuned", "shared": "shared", "each": "own"},
    "Tuned: for each method the best step size of a grid, by its final loss or by how soon it is at"
    " a gap. Shared: one for all. Own: each method may have its own, in the list of"
    " methods.",
    {
        "shared": _SHARED,
        "each": _SHARED,
        "tuned": (
            Number(
                "horizon",
                "Tuning horizon",
                10_000,
                10,
                100_000,
                integer=True,
                help="Iterations after which step sizes are compared.",
            ),
            Number(
                "grid",
                "Step sizes a decade",
                6,
                2,
                24,
                integer=True,
                help="How fine the grid of step sizes is: so many to a factor of 10.",
            ),
            Option(
                "aim",
                "Tune for",
                "end",
                AIMS,
                "Lowest final loss: the largest of the last tenth of the horizon counts. First to a"
                " gap: where no step size gets there, the lowest final loss decides.",
            ),
        ),
    },
)

CHOICES: tuple[Choice, ...] = (
    PROBLEM,
    LOSS,
    *LOSS.choices(),
    *PROBLEM.choices(),
    Structured("methods", "Methods", DEFAULT_METHODS, parse_methods, format_methods),
    STEPS,
    *STEPS.choices(),
    Option(
        "start",
        "Start",
        "balanced",
        STARTS,
        "Balanced: $W_{j+1}^\\top W_{j+1}=W_jW_j^\\top$, as the theory assumes.",
    ),
    replace(
        SCALE,
        help=(
            "Norm of $W_N\\cdots W_1$ for a balanced start; for others the standard deviation of"
            " the entries, or of the noise on them."
        ),
    ),
    Number("decay", "Weight decay λ", 0.0, 0, 10),
    Number("iterations", "Iterations", 10_000, 10, 1_000_000, integer=True),
    Option("precision", "Precision", "float64", {"float64": "float64", "float32": "float32"}),
    Number(
        "seed",
        "Seed",
        0,
        0,
        2**31 - 1,
        integer=True,
        help="Of the start's direction and of synthetic data.",
    ),
)

GLANCED = ("loss", "p", "delta", "steps", "step")  # choices that a hand may move
MOST_NUMBERS = 40_000_000  # held by one run: 320 MB in float64


@dataclass(frozen=True)
class Experiment:
    """The person's choices; field names and meaning as in CHOICES."""

    problem: str
    loss: str
    p: float
    delta: float
    ratio: float
    m: int
    d: int
    k: int
    condition: float
    spectrum: str
    noise: float
    csv: str
    methods: tuple[Entry, ...]
    steps: str
    step: float
    changes: tuple[tuple[int, float], ...]
    horizon: int
    grid: int
    aim: str
    start: str
    scale: float
    decay: float
    iterations: int
    precision: str
    seed: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Experiment:
        """From checked values; choices without effect are set to their defaults, so that equal
        experiments compare equal."""
        values = {f.name: values[f.name] for f in fields(cls)}
        idle = [
            choice
            for variant in (PROBLEM, LOSS, STEPS)
            for choice in variant.idle(values[variant.name])
        ]
        return cls(**values | {choice.name: choice.default for choice in idle})

    def glance(self, asked: Mapping[str, str]) -> Experiment:
        """What follows a hand that moves a control: the same with other values of GLANCED, over in
        some hundredths of a second: few iterations, and few step sizes where these are compared.

        Args: asked: values as in the page's URL. Raises: ChoiceError where one is none.
        """
        values = {}
        for choice in CHOICES:
            if choice.name in asked and choice.name in GLANCED:
                values[choice.name] = choice.read(asked[choice.name])
        values["changes"] = () if "step" in values else self.changes
        tuned = values.get("steps", self.steps) == "tuned"
        most, together = (150, 1000) if tuned else (1000, 3000)  # of one method, and of all
        iterations = min(self.iterations, most, together // len(self.methods))
        few = {"iterations": iterations, "horizon": iterations, "grid": 2}
        return Experiment.of({f.name: getattr(self, f.name) for f in fields(self)} | values | few)

    def method(self, entry: Entry) -> Method:
        """A line of the list as a run of the engine; its step size is the shared one unless it has
        its own."""
        own_step, start = entry.step if self.steps == "each" else None, entry.start or self.start
        hidden = (
            entry.kind == "network" or start != "balanced"
        )  # a rule starts from the product of such layers
        return Method(
            depth=entry.depth,
            optimizer=entry.optimizer,
            kind=entry.kind,
            step=own_step or self.step,
            width=entry.width if hidden else None,
            start=start,
            scale=entry.scale or self.scale,
            seed=self.seed,
            weight_decay=self.decay,
        )

    def summary(self) -> str:
        """The experiment in a few words: problem, loss, methods, step sizes."""
        depths = ", ".join(
            f"{e.depth:g}" for e in self.methods if e.optimizer == "gd" and e.kind == "network"
        )
        others = len(self.methods) - sum(
            e.optimizer == "gd" and e.kind == "network" for e in self.methods
        )
        words = [PROBLEMS[self.problem].short, LOSSES[self.loss].short(self)]
        words += [
            (
                f"depth {depths}" + (f" and {others} more" if others else "")
                if depths
                else f"{others} methods"
            )
        ]
        words += [
            {"tuned": "tuned", "shared": f"step size {self.step:.3g}", "each": "own step sizes"}[
                self.steps
            ]
        ]
        words += (
            [f"changed at {', '.join(f'{at:,}' for at, _ in self.changes)}"] if self.changes else []
        )
        return ", ".join(words)

    @property
    def tuning_horizon(self) -> int:
        """Iterations of the tuning stage: 0 where step sizes are given, never more than the run
        has."""
        return min(self.horizon, self.iterations) if self.steps == "tuned" else 0

    def build(self, device: torch.device | str, upload: Data | None = None) -> Problem:
        """The problem as tensors.

        Args: upload: the person's file, for the problem "csv".
        Raises: ChoiceError where choices do not fit together; DataError where the data cannot be
        had.
        """
        inputs, targets, weight = PROBLEMS[self.problem].arrays(self, upload)
        loss, precision = LOSSES[self.loss].build(self), getattr(torch, self.precision)
        return Problem(inputs, targets, loss, weight, precision, device)

    def check_fit(self, problem: Problem, rows: int) -> None:
        """Raises ChoiceError where the methods do not fit the problem, or the batch does not fit
        the memory."""
        for entry in self.methods:
            if entry.kind in ("scale", "stretch") and problem.k > 1:
                raise ChoiceError(
                    f"'{KINDS[entry.kind]}' is defined for one output, but this problem has"
                    f" {problem.k}; remove it."
                )
            rank, start = min(problem.k, problem.d), entry.start or self.start
            if (
                entry.width
                and entry.width < rank
                and start == "balanced"
                and entry.depth > 1
                and entry.kind == "network"
            ):
                raise ChoiceError(
                    f"A balanced start needs a hidden width of {rank} or more here, not"
                    f" {entry.width}: widen it or start near zero."
                )
        if self.numbers(problem, rows) > MOST_NUMBERS:
            raise ChoiceError(
                f"{rows} runs of this size take too much memory: use fewer step sizes a decade,"
                " fewer methods or narrower layers."
            )

    def numbers(self, problem: Problem, rows: int) -> int:
        """How many numbers a batch of so many runs holds in memory, about: parameters, their
        gradients and memories, residuals."""
        widths = [
            (e.width or problem.k) if e.kind == "network" else problem.k for e in self.methods
        ]
        parameters = max(
            w * problem.d + w * w * int(e.depth) for w, e in zip(widths, self.methods, strict=True)
        )
        return rows * (6 * parameters + 2 * problem.k * problem.m)
