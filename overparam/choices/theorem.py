"""The choices of the page on Theorem 2, its examples, and the loss and plane that a choice
describes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from overparam.choices.estimate import ESTIMATE, OWN
from overparam.choices.kinds import ChoiceError, Number, Option, Structured
from overparam.choices.problems import CSV, PROBLEMS
from overparam.theory.curves import Array, Curve, ellipse, gamma, polygon, simplified
from overparam.theory.field import Plane, plane_through, slope_at_zero
from overparam.theory.landscapes import Cone, Landscape, Quadratic, linear, regression, separable
from overparam.theory.skew import guilty_direction
from overparam.words import show

CORNERS_PATTERN = re.compile(r"[;\n]+")
MOST_CORNERS = 40
FINEST = 1e-4  # of R^2: a drawn corner with a smaller triangle is a tremor


@dataclass(frozen=True)
class Example:
    """A state of the page worth looking at, and what to see there; choices not named take their
    defaults."""

    name: str
    label: str
    watch: str
    values: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Case:
    """A loss L on R^d, the plane of the picture, and L restricted to it.

    c = ||G(0)||; where it is 0 there is no direction e, and the picture takes the first two
    coordinates.
    """

    loss: Landscape
    plane: Plane
    flat: Landscape
    c: float


def corners(text: str) -> str:
    """Check the corners of a polygon, "x,y; x,y; ...", and give the text back in its shortest form.
    Raises ChoiceError."""
    return "; ".join(f"{x:g},{y:g}" for x, y in points(text))


def points(text: str) -> list[tuple[float, float]]:
    """The points of "x,y; x,y; ..."; at most MOST_CORNERS, coordinates up to 100. Raises
    ChoiceError."""
    parts = [part for part in CORNERS_PATTERN.split(str(text)) if part.strip()]
    if len(parts) > MOST_CORNERS:
        raise ChoiceError(f"The polygon has {len(parts)} corners: give at most {MOST_CORNERS}.")
    found = []
    for part in parts:
        numbers = part.replace(",", " ").split()
        try:
            x, y = (float(number) for number in numbers)
        except ValueError:
            raise ChoiceError(
                f"Corners are written like 0.5,0.2; 1,0.9; 0.1,0.8, which {show(part)} is not."
            ) from None
        if not (abs(x) <= 100 and abs(y) <= 100):
            raise ChoiceError(
                f"The corner {show(part)} lies outside the plane shown: use coordinates up to 100."
            )
        found.append((x, y))
    return found


def drawn_corners(stroke: Sequence[Sequence[float]], half_width: float) -> str:
    """The corners of a loop drawn by hand in the square of R = half_width, few enough for a
    link."""
    decimals = 2 - math.floor(math.log10(half_width))  # a hundredth of R is a pixel or two
    rounded = np.round(np.reshape(np.array(stroke, dtype=float), (-1, 2)), decimals)
    few = simplified(rounded, MOST_CORNERS, FINEST * half_width**2)
    return "; ".join(f"{x:g},{y:g}" for x, y in few + 0.0)  # no "-0"


VIEWS = {
    "around": "Walk around",
    "shrink": "Shrink it",
    "beat": "Draw a loop",
    "closest": "Come close",
    "estimate": "Estimate",
    "proof": "Proof",
    "limits": "Not said",
}
DATA = ("diabetes", "ethanol", "csv")
LOSSES = {
    "linear": "Linear",
    "quadratic": "Quadratic",
    "lp": "Two coordinates, ℓp",
    "cone": "Cone c‖W‖, G jumps at 0",
    **{name: PROBLEMS[name].label for name in DATA},
}
# The choices that each loss depends on.
SHAPE = {
    "linear": ("c",),
    "quadratic": ("c", "h1", "h2", "turn"),
    "lp": ("p", "y1", "y2"),
    "cone": ("c",),
    **dict.fromkeys(DATA, ("p", "across")),
}

CHOICES = (
    Option("view", "Part", "around", VIEWS),
    Option("loss", "Loss", "linear", LOSSES),
    Number(
        "N",
        "Depth N",
        3.0,
        1.0,
        10.0,
        help="Any real number: Claim 2 makes sense between the integers too.",
    ),
    Number("r", "r", 0.2, 0.0, 2.0, help="Inner radius of the curve."),
    Number(
        "R",
        "R",
        1.0,
        0.05,
        4.0,
        help="Outer radius of the curve, and half width of the square for the potential.",
    ),
    Number("c", "c = ‖G(0)‖", 1.3, 0.0, 3.0),
    Number("h1", "curvature h₁", 2.0, 0.0, 4.0, help="Eigenvalue of the Hessian."),
    Number(
        "h2",
        "curvature h₂",
        0.5,
        0.0,
        4.0,
        help="The other eigenvalue; equal ones make a round bowl.",
    ),
    Number(
        "turn", "turned by (°)", 30.0, -90.0, 90.0, help="Angle between e and the direction of h₁."
    ),
    Number("y1", "y₁", 1.5, -3.0, 3.0),
    Number("y2", "y₂", 0.5, -3.0, 3.0),
    Number("p", "p", 4.0, 2.0, 6.0, help="Exponent of the loss."),
    CSV,
    Option(
        "across",
        "Second direction",
        "minimum",
        {
            "minimum": "to the minimum",
            "steep": "steepest curvature",
            "guilty": "where F turns, at W = R e",
            "random": "random",
        },
        help=(
            "The plane goes through 0 and contains G(0); this picks its second direction. At any W"
            " all of what keeps F from being a gradient lies in one plane, spanned by W and N H W +"
            " (N−2) G."
        ),
    ),
    Option(
        "curve",
        "Curve",
        "ellipse",
        {"ellipse": "ellipse", "circle": "circle", "polygon": "your own"},
    ),
    Number("x", "centre, along e", 0.5, -4.0, 4.0),
    Number("y", "centre, across", 0.5, -4.0, 4.0),
    Number("a", "half axis a", 0.4, 0.01, 4.0),
    Number("b", "half axis b", 0.25, 0.01, 4.0),
    Number("tilt", "tilt (°)", 0.0, -90.0, 90.0),
    Structured("corners", "Corners", "0.2,0.1; 0.9,0.2; 0.6,0.8", corners, str),
    Number(
        "angle",
        "start: angle from e (°)",
        120.0,
        -180.0,
        180.0,
        help="Where gradient descent starts.",
    ),
    Number("start", "start: distance from 0", 0.1, 0.01, 4.0),
    Number("step", "Step of the proof", 1, 1, 5, integer=True),
    *ESTIMATE,
)

EXAMPLES = (
    Example(
        "theorem",
        "Theorem 2 at work",
        "Linear loss, N = 3: every piece has a closed form, and they do not add up to 0.",
        {},
    ),
    Example(
        "one",
        "N = 1: plain gradient descent",
        "N > 2 fails: F = G is the gradient of the loss itself, and every circulation is 0.",
        {"N": 1.0, "loss": "quadratic"},
    ),
    Example(
        "two-linear",
        "N = 2, linear loss: a gradient",
        "N > 2 fails: here F is the gradient of ‖W‖⟨W, G⟩. The colour shows that potential.",
        {"N": 2.0},
    ),
    Example(
        "two-bowl",
        "N = 2, anisotropic bowl: not a gradient",
        "Theorem 2 says nothing at N = 2, and on Γ the circulation is 0. This circle gives another"
        " number: F is not a gradient.",
        {
            "N": 2.0,
            "loss": "quadratic",
            "view": "beat",
            "curve": "circle",
            "x": 0.6,
            "y": 0.6,
            "a": 0.4,
        },
    ),
    Example(
        "bowl-at-0",
        "G(0) = 0: a gradient at every depth",
        "G(0) ≠ 0 fails: a round bowl around 0 gives F = N h ‖W‖^(2−2/N) W, the gradient of a power"
        " of ‖W‖. Move N.",
        {"c": 0.0, "h1": 1.0, "h2": 1.0, "loss": "quadratic"},
    ),
    Example(
        "cone",
        "G jumps at 0: a gradient at every depth",
        "Continuity fails: the cone c‖W‖ has a slope of length c everywhere, and F is the gradient"
        " of a power of ‖W‖. Move N.",
        {"loss": "cone"},
    ),
    Example(
        "data",
        "Real data",
        "Diabetes, p = 4: the curve lies in a plane of the 10-dimensional weight space; the"
        " integral uses all of F.",
        {"loss": "diabetes", "r": 0.1},
    ),
    Example(
        "closest",
        "The closest regularizer",
        "A regularizer supplies 99 % of F here, and never all of it. See what the rest does to"
        " gradient descent.",
        {"loss": "lp", "view": "closest", "R": 2.0},
    ),
)
EXAMPLE = {example.name: example for example in EXAMPLES}

DEFAULTS = {choice.name: choice.default for choice in CHOICES}


def matching_example(values: Mapping[str, Any]) -> Example | None:
    """The example that these values are, whatever part of the page is open."""
    for example in EXAMPLES:
        wanted = DEFAULTS | dict(example.values)
        if all(
            values[name] == wanted[name] for name in DEFAULTS if name not in {"view", "step", *OWN}
        ):
            return example
    return None


def case(
    values: Mapping[str, Any], inputs: Array | None = None, targets: Array | None = None
) -> Case:
    """The loss and the plane that the choices describe.

    Args:
        values: by name, as in CHOICES.
        inputs, targets: the data, (m, d) and (m,), for a loss in DATA.
    Raises: ValueError if the data have fewer than two inputs or span no plane with G(0).
    """
    kind, c = values["loss"], float(values["c"])
    loss: Landscape
    if kind == "lp":
        loss = separable(np.array([values["y1"], values["y2"]], dtype=float), values["p"])
    elif kind in DATA:
        assert inputs is not None and targets is not None
        if inputs.shape[1] < 2:
            raise ValueError(
                "The data have one input only, and a closed curve needs a plane: choose data with"
                " two or more."
            )
        loss = regression(inputs, targets, values["p"])
    elif kind == "cone":
        loss = Cone(c, np.array([1.0, 0.0]))
    elif kind == "quadratic":
        turn = np.radians(values["turn"])
        axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        loss = Quadratic(np.array([c, 0.0]), axes * [values["h1"], values["h2"]] @ axes.T)
    else:
        loss = linear(np.array([c, 0.0]))
    slope = slope_at_zero(loss)
    size = float(np.linalg.norm(slope))
    if size == 0:
        plane = Plane(np.eye(2, loss.dimension))
    elif loss.dimension == 2:
        plane = plane_through(slope)
    else:
        plane = plane_through(slope, _second_direction(loss, slope, values))
    return Case(loss, plane, loss.restricted(plane.basis), size)


def own_curve(values: Mapping[str, Any]) -> Curve:
    """The curve of a person's own. Raises ValueError, in one sentence, where it is none or passes
    through the origin."""
    if values["curve"] == "polygon":
        return polygon(points(values["corners"]))
    second = values["a"] if values["curve"] == "circle" else values["b"]
    return ellipse(
        (values["x"], values["y"]), (values["a"], second), float(np.radians(values["tilt"]))
    )


def theorem_curve(values: Mapping[str, Any]) -> Curve:
    """Gamma_{r,R}. Raises ValueError, in one sentence, for r = 0 or r >= R."""
    return gamma(values["r"], values["R"])


def _second_direction(loss: Landscape, slope: Array, values: Mapping[str, Any]) -> Array:
    choice = values["across"]
    if choice == "guilty":
        w = values["R"] * slope / np.linalg.norm(slope)
        found = guilty_direction(loss, values["N"], w)
        if found is None:
            raise ValueError(
                "At W = R e the field F does not turn: choose another R, or another second"
                " direction."
            )
        return found
    if choice == "random":
        return np.random.default_rng(0).normal(size=slope.size)
    if choice == "minimum":
        least = loss.minimum()
        if least is None:
            raise ValueError(
                "The loss has no unique minimum in these data: choose another second direction."
            )
        return least
    hessian = loss.hessian_product(np.zeros((slope.size, slope.size)), np.eye(slope.size))
    return np.linalg.eigh(hessian)[1][:, -1]
