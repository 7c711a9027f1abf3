"""The choices of the page on plateaus, its examples, and the family of nets that a choice
describes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from overparam.choices.kinds import ChoiceError, Flag, Number, Option, Structured
from overparam.data.teacher import small_digits, two_points, whitened_teacher
from overparam.engine.deep_net import DeepNet, he_layers
from overparam.theory.activations import ACTIVATIONS
from overparam.theory.plateaus import symmetric_layers, widened
from overparam.words import show

VIEWS = {
    "escape": "Plateaus",
    "balance": "Imbalance",
    "optimizers": "Optimizers",
    "modes": "Modes",
}
DATA = {
    "teacher": "whitened teacher",
    "two": "two coordinates",
    "digits": "digits (100 images)",
}
STARTS = {"random": "random (He)", "symmetric": "symmetric: a scalar chain"}
MODES = (3.0, 1.5, 0.75)  # the teacher's singular values in the view of that name
PER_DECADE, MOST_SCALES = 4, 17  # scales
MOST_DEPTH = 6


def _read_layers(text: str) -> tuple[int, ...]:
    if text == "none":
        return ()
    layers = [int(c) for c in text if c in "123456"]
    if len(layers) != len(text) or len(set(layers)) != len(layers):
        raise ChoiceError(
            f"Small layers are written like 135, each at most once, which {show(text)} is not; "
            "using the first four instead."
        )
    return tuple(sorted(layers))


def _write_layers(layers: Any) -> str:
    return "".join(map(str, sorted(layers))) or "none"


CHOICES = (
    Option("view", "View", "escape", VIEWS),
    Option("act", "Activation", "tanh", {name: row.label for name, row in ACTIVATIONS.items()}),
    Number("N", "Depth N", 4, 1, MOST_DEPTH, integer=True),
    Structured("small", "Small layers", (1, 2, 3, 4), _read_layers, _write_layers),
    Number("least", "Smallest ε", 0.00316, 0, 1, help="0 puts a net exactly on the saddle."),
    Number("most", "Largest ε", 0.1, 0.001, 3),
    Number("alone", "ε, their scale", 0.316, 0, 1, help="0 puts the net exactly on the saddle."),
    Number("width", "Hidden width", 8, 1, 32, integer=True),
    Number("seeds", "Random starts", 4, 1, 8, integer=True),
    Option("data", "Data", "teacher", DATA),
    Option("start", "Start", "random", STARTS),
    Number("decay", "Weight decay λ", 0, 0, 1),
    Flag("bias", "Output bias"),
    Number("pick", "Which ε", 2, 0, 24, integer=True, help="Counted from the largest, 0."),
    Number("draw", "Which start", 0, 0, 7, integer=True),
    Number("step", "Step size of descent, momentum", 0.05, 0, 1, low_open=True),
    Number("adam", "Step size of Adam", 0.01, 0, 1, low_open=True),
    Number("horizon", "Iterations at most", 3000, 100, 20_000, integer=True),
)
DEFAULTS = {choice.name: choice.default for choice in CHOICES}


@dataclass(frozen=True)
class Example:
    """A state of the page worth looking at, and what to see; what is not named is the default."""

    name: str
    label: str
    watch: str
    values: Mapping[str, Any]


EXAMPLES = (
    Example(
        "law",
        "The law: ε⁻⁽ʳ⁻²⁾",
        "Four of four layers are small: ten times smaller layers wait a hundred times longer.",
        {},
    ),
    Example(
        "three",
        "Only 3 of 5 layers small",
        "Depth 5, but r = 3: the slope is −1, not −3. Click other layers: the place does not"
        " matter.",
        {"N": 5, "small": (1, 3, 5)},
    ),
    Example(
        "two",
        "r = 2: only a logarithm",
        "Two small layers: τ grows like ln(1/ε), the straight line on a logarithmic ε axis.",
        {"N": 2, "small": (1, 2)},
    ),
    Example(
        "pinned",
        "Weight decay pins a net",
        "λ = 0.05: below ε = λ/c the small layers shrink faster than they grow, and never leave.",
        {
            "N": 3,
            "small": (1, 2, 3),
            "start": "symmetric",
            "decay": 0.05,
            "least": 0.01,
            "most": 1.0,
        },
    ),
    Example(
        "adam",
        "Adam has no plateau",
        "The same nets, iterations instead of flow time: gradient descent waits, Adam does not.",
        {"view": "optimizers", "N": 3, "small": (1, 2, 3), "least": 0.01, "most": 0.3},
    ),
    Example(
        "modes",
        "Mode times are not 1/s",
        "Three modes of strengths 3, 1.5, 0.75: the order is kept, times are not 1 : 2 : 4.",
        {"view": "modes", "N": 3, "small": (1, 2, 3), "act": "linear", "alone": 0.01},
    ),
    Example(
        "sigmoid",
        "φ(0) ≠ 0: twice the exponent",
        "Without an output bias the top layer follows the mean that it makes: slope −2(r−2).",
        {"act": "sigmoid", "N": 3, "small": (1, 2, 3), "start": "symmetric", "width": 1},
    ),
    Example(
        "relu",
        "ReLU: not all escape",
        "A narrow ReLU net can start with dead units, and stay: k of n escaped.",
        {"act": "relu", "N": 5, "small": (1, 2), "width": 4, "seeds": 8, "least": 0.01},
    ),
)


@dataclass(frozen=True)
class Family:
    """Nets that differ in the scale eps of their small layers, and in the draw of their start.

    small: indices (from 0) of the small layers. eps: scales, falling. modes: the teacher has three
    outputs. chain: a scalar chain that is integrated by a stiff solver, because phi(0) != 0.
    """

    activation: str
    depth: int
    small: tuple[int, ...]
    eps: tuple[float, ...]
    width: int
    seeds: int
    data: str
    start: str
    decay: float
    bias: bool
    modes: bool

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Family:
        """The family that the page's choices describe. Raises ChoiceError, in one sentence."""
        offset = ACTIVATIONS[values["act"]].kind == "offset"
        modes = values["view"] == "modes"
        if offset and modes:
            raise ChoiceError(
                f"{ACTIVATIONS[values['act']].label} is not 0 at 0, and such nets are followed as a"
                " chain with one output only: choose another activation for the modes."
            )
        if offset and values["data"] == "digits":
            raise ChoiceError(
                f"{ACTIVATIONS[values['act']].label} is not 0 at 0, and such nets are followed as a"
                " chain with one output only: choose other data than the digits."
            )
        symmetric = offset or (values["start"] == "symmetric" and not modes)
        return cls(
            activation=values["act"],
            depth=values["N"],
            small=tuple(j - 1 for j in values["small"] if j <= values["N"]),
            eps=(values["alone"],) if modes else scales(values["least"], values["most"]),
            width=values["width"],
            seeds=1 if symmetric or modes else values["seeds"],
            data="teacher" if modes else values["data"],
            start="symmetric" if symmetric else "random",
            decay=values["decay"],
            bias=values["bias"] and offset,
            modes=modes,
        )

    @property
    def r(self) -> int:
        return len(self.small)

    @property
    def chain(self) -> bool:
        return ACTIVATIONS[self.activation].kind == "offset"

    @property
    def offset(self) -> bool:
        """Whether the mean that the net makes has no bias to undo it."""
        return self.chain and not self.bias

    def net(self) -> DeepNet:
        """The nets on their data: the chain itself where it is followed instead of a net."""
        x, y = points(self.data, self.modes)
        loss = "entropy" if self.data == "digits" else "squares"
        if self.chain:
            return self.scalar()
        widths = self.widths(len(x), len(y))
        return DeepNet(widths, ACTIVATIONS[self.activation], x, y, loss, decay=self.decay)

    def widths(self, d: int, k: int) -> list[int]:
        return [d, *[self.width] * (self.depth - 1), k]

    def scalar(self) -> DeepNet:
        """The scalar chain along the direction that the data ask for."""
        s, y = along(self.data, self.modes)
        phi = widened(ACTIVATIONS[self.activation], self.width)
        biases = (self.depth - 1,) if self.bias else ()
        return DeepNet([1] * (self.depth + 1), phi, s, y, biases=biases, decay=self.decay)

    def starts(self) -> Tensor:
        """Parameters, one row for each eps and each draw, draws of one eps side by side: (R, P)."""
        net, scale = self.net(), torch.tensor(self.eps, dtype=torch.float64)
        norms = [scale if j in self.small else torch.ones_like(scale) for j in range(self.depth)]
        if self.chain:
            zeros = [torch.zeros_like(scale)] * len(net.biases)
            return torch.stack([*norms, *zeros], 1)
        if self.start == "symmetric":
            x, y = points(self.data, self.modes)
            u, _, vt = torch.linalg.svd(y @ x.mT)
            return net.join(symmetric_layers(norms, self.width, vt[0], u[:, 0]))
        x, y = points(self.data, self.modes)
        widths = self.widths(len(x), len(y))
        draws = [he_layers(widths, self.small, e, s) for e in self.eps for s in range(self.seeds)]
        return torch.stack([torch.cat([w.flatten() for w in layers]) for layers in draws])


def scales(least: float, most: float) -> tuple[float, ...]:
    """Scales from the largest to the smallest, about PER_DECADE a decade; 0 is a scale of its own.

    Raises: ChoiceError where the smallest is above the largest.
    """
    if least > most:
        raise ChoiceError(
            f"The smallest ε, {least:g}, is above the largest, {most:g}: raise one or lower the"
            " other."
        )
    end = least or most / 10  # a decade beside the saddle itself
    # a link may ask for hundreds of decades
    count = max(1, round(PER_DECADE * math.log10(most / end)) + (least < most))
    found = tuple(float(e) for e in np.geomspace(most, end, min(count, MOST_SCALES)))
    return found if least else (*found, 0.0)


@lru_cache(maxsize=8)
def points(data: str, modes: bool) -> tuple[Tensor, Tensor]:
    """Inputs and targets as columns, (d, m) and (k, m); shared, not to be changed."""
    if data == "digits" and not modes:
        x, y = small_digits()
    elif data == "two" and not modes:
        x, y = two_points()
    else:
        x, y = whitened_teacher(MODES if modes else [1.0])
    return torch.from_numpy(x), torch.from_numpy(y)


def along(data: str, modes: bool) -> tuple[Tensor, Tensor]:
    """Inputs and targets of the scalar chain, (1, m) each: the strongest pair of directions."""
    x, y = points(data, modes)
    u, _, vt = torch.linalg.svd(y @ x.mT, full_matrices=False)
    return vt[:1] @ x, u[:, :1].mT @ y


def matching_example(values: Mapping[str, Any]) -> Example | None:
    """The example that these values are, if any."""
    for example in EXAMPLES:
        wanted = DEFAULTS | dict(example.values)
        if all(values[name] == wanted[name] for name in DEFAULTS):
            return example
    return None
