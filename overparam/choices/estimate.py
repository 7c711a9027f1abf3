"""The choices of the view that estimates a regularizer, its one-click states, and the runs that a
choice describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from overparam.choices.kinds import Choice, Number, Option
from overparam.choices.problems import PROBLEMS
from overparam.data import Data, load_breast_cancer, load_diabetes, load_ethanol
from overparam.measure.estimate import FAMILIES
from overparam.measure.updates import WAYS, Task, Way

PANELS = {
    "fit": "Families",
    "roads": "Two roads",
    "trap": "The trap",
    "ball": "In any dimension",
}
SOURCES = {
    "two": "Two coordinates, y = (1.5, .5)",
    **{name: PROBLEMS[name].label for name in ("diabetes", "cancer", "ethanol", "csv")},
}
QUESTIONS = {"update": "every update", "endpoint": "where runs end"}
SIDES = {"works": "Work", "loops": "All five starts", "skew": "Where it turns"}
MEASURES = {
    "rule": "the end-to-end rule",
    "network": "one step of a real network",
    "batch": "minibatches of 32",
}
BATCH = 32

# The choice that says how strong each way of training is.
STRENGTH = {
    "decay": "lam",
    "stop": "t",
    "dropout": "drop",
    "noise": "sigma",
    "batch": "batch",
    "momentum": "mu",
    "step": "hs",
    "rule": "N",
    "network": "N",
}

ESTIMATE: tuple[Choice, ...] = (
    Option("panel", "What to look at", "fit", PANELS),
    Option("what", "What happened", "decay", WAYS, "How the runs were trained."),
    Option("data", "Data", "diabetes", SOURCES),
    Number(
        "q", "Loss exponent p", 2.0, 2.0, 6.0, help="The loss is (1/p) |⟨W, x⟩ − y|^p, averaged."
    ),
    Option(
        "asks",
        "Asked of",
        "update",
        QUESTIONS,
        "Updates: is what an update adds to −ηG, at points along the runs, the gradient of an R? "
        "Ends: is −G, where the runs end, the gradient of an R, as if the end minimised L + R?",
    ),
    Option("family", "Family of R", "ridge", FAMILIES),
    Number("lq", "q of the ℓq penalty", 3.0, 1.1, 6.0),
    Number("lam", "Weight decay λ", 0.01, 0.0, 1.0),
    Number("t", "Stopped after t iterations", 100, 1, 10_000, integer=True),
    Number(
        "drop", "Dropout rate q", 0.2, 0.0, 0.9, help="The probability of leaving an input out."
    ),
    Number("sigma", "Label noise σ", 0.5, 0.0, 5.0, help="Drawn anew at every step."),
    Number(
        "batch", "Batch size", 32, 1, 1000, integer=True, help="Samples, drawn with replacement."
    ),
    Number("mu", "Momentum μ", 0.9, 0.0, 0.99),
    Number(
        "pace",
        "Step size, in limits",
        0.1,
        0.001,
        100.0,
        help="In units of (1−√μ)²/s_max; beyond 1 the velocity does not follow the position.",
    ),
    Number(
        "hs", "Step size η s_max", 0.1, 0.001, 1.5, help="In units of 1 over the largest curvature."
    ),
    Number("runs", "Runs M", 1, 1, 32, integer=True, help="Fitted; eight others are held out."),
    Number(
        "repeats",
        "Repeats S",
        16,
        1,
        32,
        integer=True,
        help="Draws of the noise at the same points.",
    ),
    Number("seed", "Seed", 0, 0, 2**31 - 1, integer=True, help="Of starts, targets and noise."),
    Option("by", "The force, measured by", "rule", MEASURES),
    Option("side", "Beside the roads", "works", SIDES),
    Number("loop", "Start shown", 1, 1, 5, integer=True),
    Number("dim", "Dimension d", 10, 2, 256, integer=True),
)
OWN = frozenset(choice.name for choice in ESTIMATE)


@dataclass(frozen=True)
class Preset:
    """One click: a way of training whose answer is worth seeing."""

    name: str
    label: str
    values: Mapping[str, Any]


PRESETS = (
    Preset("decay", "Weight decay", {}),
    Preset("stop", "Early stopping", {"what": "stop", "asks": "endpoint"}),
    Preset("dropout", "Dropout 0.2", {"what": "dropout"}),
    Preset("depth", "Depth 3", {"what": "network"}),
)


def way_of(values: Mapping[str, Any]) -> Way:
    """The way of training that the choices describe."""
    kind = values["what"]
    return Way(kind, float(values[STRENGTH[kind]]), float(values["pace"]))


def task_of(source: str, p: float, upload: Data | None) -> Task:
    """The regression that the choices describe.

    Args:
        source: a name in SOURCES.
        p: loss exponent.
        upload: the person's file, for "csv".
    Raises:
        ValueError: in one sentence, where there are no such data.
    """
    if source == "two":
        return Task(np.eye(2), np.array([1.5, 0.5]), p, 1.0)
    if source == "csv" and upload is None:
        raise ValueError("The file that this link speaks of is not here: upload it again.")
    loaders: dict[str, Callable[[], Data]] = {
        "diabetes": load_diabetes,
        "cancer": load_breast_cancer,
        "ethanol": lambda: load_ethanol(download=False),
    }
    data = loaders[source]() if upload is None or source != "csv" else upload
    return Task(data.inputs, data.targets[:, 0], p, 1 / len(data.inputs))


def gap_of(source: str, p: float, d: int) -> float:
    """The gap that both roads go down to: as far as it takes to see the difference, and no
    further."""
    if source == "two":
        return 1e-3
    if d >= 100:
        return 0.1 if p == 2 else 0.2
    return 0.02 if p == 2 else 0.05
