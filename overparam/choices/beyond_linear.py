"""What a person can choose on the page beyond linear, and the runs that a choice stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from overparam.choices.kinds import Choice, ChoiceError, Number, Option
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.recipe import PENALTIES, Recipe

EVERY = 10  # iterations between two looks at the loss of all training images
PER_DECADE = 4  # step sizes of a grid
LONGEST_GRID, MOST_FACTORS, MOST_SEEDS = 13, 4, 4

VIEWS = {
    "apart": "Taken apart",
    "steps": "Step sizes",
    "tuned": "Tuned",
    "loss": "The loss decides",
    "penalty": "The penalty",
}
GRID_VIEWS = ("steps", "tuned", "loss")
STARTS = {
    "he": "same function, He",
    "default": "same function, PyTorch's default",
    "each": "each factor PyTorch's default",
    "gaussian": "each factor Gaussian",
}
LOSSES = {"ce": "cross entropy", "l2": "ℓ2", "l4": "ℓ4"}
CURVES = {"both": "plotted loss", "penalty": "penalty", "fit": "fit"}
GOALS = {  # of the table of tuned speed-ups
    "ce": (0.3, 0.1, 0.03, 0.01),
    "l2": (0.2, 0.1, 0.05),
    "l4": (0.05, 0.02, 0.01, 0.005),
}
_OPTIMIZERS = ("gd", "momentum", "nesterov", "adam", "rmsprop")
# Where the step sizes of a grid begin, log10, for cross entropy; elsewhere half a decade lower
# where a step is in units of 1/curvature.
_LOWEST = {"gd": -1.75, "momentum": -2.5, "nesterov": -2.5, "adam": -3.5, "rmsprop": -4.0}

BEYOND_CHOICES: tuple[Choice, ...] = (
    Option("view", "Picture", "apart", VIEWS),
    Option("net", "Network", "dense", {"dense": "dense", "conv": "convolutional"}),
    Option(
        "data",
        "Images",
        "digits",
        {"digits": "Digits (bundled)", "fashion": "Fashion-MNIST", "mnist": "MNIST"},
    ),
    Number("hidden", "Hidden width", 64, 16, 128, integer=True),
    Number("factors", "Factors N, up to", 3, 2, MOST_FACTORS, integer=True),
    Option("start", "Start", "he", STARTS),
    Number("scale", "Deviation σ of the start", 0.25, 0.001, 2.0),
    Option("loss", "Loss", "ce", LOSSES),
    Option("penalty", "Penalty", "none", PENALTIES),
    Number("decay", "λ of the penalty", 0.005, 0.0, 1.0),
    Number("strong", "λ of the penalty", 0.02, 0.0, 1.0),  # of the picture of penalties
    Option(
        "optimizer",
        "Optimizer",
        "momentum",
        {name: OPTIMIZERS[name].label for name in _OPTIMIZERS},
    ),
    Option("batch", "Images a step", "64", {"32": "32", "64": "64", "all": "all"}),
    Number("its", "Iterations", 500, 100, 1000, integer=True),
    Number("long", "Iterations", 800, 100, 2000, integer=True),
    Number("seeds", "Seeds", 3, 1, MOST_SEEDS, integer=True),
    Number("rates", "Step sizes in a grid", 11, 9, LONGEST_GRID, integer=True),
    Number("step", "Step size η", 0.01, 1e-5, 10.0, low_open=True),
    Number("rate", "Step size η", 0.01778, 1e-5, 10.0, low_open=True),
    Number("goal", "Goal: a loss to arrive at", 0.1, 1e-4, 2.0, low_open=True),
    Option("curves", "Curves", "both", CURVES),
    Option("compare", "Compared at", "same", {"same": "the same step", "own": "own best steps"}),
)


@dataclass(frozen=True)
class Study:
    """Runs of one network on one set of images, each from several seeds: what is computed.

    Attributes:
        recipes: one for each run of a seed.
        seeds: how many, from 0 on: of the starts and of the order of the images.
        batch: images a step, None for all. horizon: iterations.
        spectra: whether singular values are read along the runs.
    """

    recipes: tuple[Recipe, ...]
    net: str = "dense"
    data: str = "digits"
    hidden: int = 64
    loss: str = "ce"
    batch: int | None = 64
    horizon: int = 300
    seeds: int = 2
    spectra: bool = False

    @property
    def only_stored(self) -> bool:
        """Whether it takes minutes, so that it is not computed while somebody waits."""
        return self.net == "conv" and len(self.recipes) > len(APART)


# The one grid of convolutional networks; it takes minutes, so it is shown as stored.
CONV_GRID = {"net": "conv", "seeds": 2, "its": 300}

# The runs of the paper's last figure, and what it is made of: names, and what is special of each.
APART: dict[str, dict[str, Any]] = {
    "one matrix": {"penalty": "product"},
    "two (paper)": {"depth": 2, "factors": "each", "penalty": "product"},
    "two, decay on factors": {"depth": 2, "factors": "each", "penalty": "factors"},
    "two, same function": {"depth": 2, "penalty": "product"},
    "one, no penalty": {},
    "two, no penalty": {"depth": 2, "factors": "each"},
    "same function, no penalty": {"depth": 2},
}


def study_of(values: Mapping[str, Any]) -> Study:
    """The runs of the picture that is chosen.

    Raises: ChoiceError, in one sentence, where they would take hours.
    """
    if values["view"] == "apart":
        return _apart(values)
    return _penalties(values) if values["view"] == "penalty" else grid_study(values)


def _study(values: Mapping[str, Any], recipes: list[Recipe], iterations: int, **more: Any) -> Study:
    batch = None if values["batch"] == "all" else int(values["batch"])
    if batch is None and values["data"] != "digits":
        raise ChoiceError("A step over all 60,000 images takes too long: choose 64 images a step.")
    names = {name: values[name] for name in ("net", "data", "hidden", "loss", "seeds")}
    if names["net"] == "conv":
        names["hidden"] = 64 if names["data"] == "digits" else 512  # as in the paper's network
    return Study(tuple(recipes), batch=batch, horizon=iterations, **names | more)


def _start(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a recipe that a start stands for."""
    return {
        "he": {"init": "he"},
        "default": {"init": "default"},
        "each": {"init": "default", "factors": "each"},
        "gaussian": {"init": "gaussian", "factors": "each", "scale": values["scale"]},
    }[values["start"]]


def _penalised(kind: str, decay: float) -> dict[str, Any]:
    return {} if kind == "none" or not decay else {"penalty": kind, "decay": decay}


def _apart(values: Mapping[str, Any]) -> Study:
    init = "truncated" if values["net"] == "conv" else "gaussian"
    shared = {"init": init} | {name: values[name] for name in ("scale", "step", "optimizer")}
    recipes = []
    for special in APART.values():
        penalty = _penalised(special.get("penalty", "none"), values["decay"])
        bare = {name: value for name, value in special.items() if name != "penalty"}
        recipes.append(Recipe(**shared | bare | penalty))
    return _study(values, recipes, values["long"])


def _penalties(values: Mapping[str, Any]) -> Study:
    shared = _start(values) | {"step": values["step"], "optimizer": values["optimizer"]}
    recipes = [
        Recipe(depth, **shared | _penalised(kind, values["strong"]))
        for depth in (1, values["factors"])
        for kind in PENALTIES
        if (depth, kind) != (1, "factors")  # with one factor the same as on the product
    ]
    return _study(values, recipes, values["long"], spectra=True)


def grid_steps(values: Mapping[str, Any]) -> tuple[float, ...]:
    """The step sizes that are compared, four a decade."""
    lowest = _LOWEST[values["optimizer"]]
    if values["loss"] != "ce" and values["optimizer"] in ("gd", "momentum", "nesterov"):
        lowest -= 0.5
    return tuple(float(f"{10 ** (lowest + i / PER_DECADE):.4g}") for i in range(values["rates"]))


def grid_study(values: Mapping[str, Any]) -> Study:
    """Every number of factors up to the chosen one, with every step size of a grid.

    Raises: ChoiceError, in one sentence, where it would take hours.
    """
    if values["net"] == "conv" and values["data"] != "digits":
        raise ChoiceError(
            "A grid of step sizes of the paper's network takes hours: choose the digits, or the "
            "picture 'Taken apart', which has one step size."
        )
    if values["net"] == "conv":
        values = {choice.name: choice.default for choice in BEYOND_CHOICES} | CONV_GRID
    shared = _start(values) | _penalised(values["penalty"], values["decay"])
    shared |= {"optimizer": values["optimizer"]}
    depths, steps = range(1, values["factors"] + 1), grid_steps(values)
    recipes = [Recipe(n, step=step, **shared) for n in depths for step in steps]
    return _study(values, recipes, values["its"])
