"""What one run of a factored network is, and the factors that it starts from."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from overparam.engine.network import Leaf
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.parameterizations import balanced

PENALTIES = {"none": "none", "product": "on the product", "factors": "on the factors"}
INITS = {
    "he": "He",
    "default": "PyTorch's default",
    "gaussian": "Gaussian",
    "truncated": "Gaussian cut at two deviations",
}
FACTORS = {"same": "same function", "each": "each factor its own"}


@dataclass(frozen=True)
class Recipe:
    """One run: into how many factors each dense layer is split, from where, by which update.

    Attributes:
        depth: N, the number of factors of each dense layer, 1 or more.
        optimizer: a name in OPTIMIZERS. step: the step size eta > 0.
        penalty: a name in PENALTIES. decay: its lambda.
        init: a name in INITS, the distribution of the weights. scale: standard deviation, for
        "gaussian" and "truncated".
        factors: "same": balanced factors of the unfactored network's own weights, so that every
            depth begins at the same function. "each": each factor is drawn as if it were a layer.
    Raises: ValueError, naming the field and what it may be.
    """

    depth: int = 1
    optimizer: str = "momentum"
    step: float = 0.01
    penalty: str = "none"
    decay: float = 0.0
    init: str = "he"
    scale: float = 0.25
    factors: str = "same"

    def __post_init__(self) -> None:
        known: dict[str, Collection[str]] = {
            "optimizer": OPTIMIZERS,
            "penalty": PENALTIES,
            "init": INITS,
            "factors": FACTORS,
        }
        for name, names in known.items():
            if getattr(self, name) not in names:
                wrong = getattr(self, name)
                raise ValueError(f"{name} must be one of {', '.join(names)}, not {wrong!r}")
        if not (self.depth >= 1 and self.depth == int(self.depth)):
            raise ValueError(f"depth must be a whole number of 1 or more, not {self.depth!r}")
        for name in ("step", "scale"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a number above 0, not {getattr(self, name)!r}")
        if not 0 <= self.decay < math.inf:
            raise ValueError(f"decay must be 0 or a number above, not {self.decay!r}")


def _drawn(leaf: Leaf, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """A leaf's start (rows, columns), float64, by the recipe's init: biases start at 0 but with
    PyTorch's default.
    """
    shape = (leaf.rows, leaf.columns)
    if recipe.init == "default":
        bound = leaf.fan_in**-0.5
        uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
        return uniform.mul_(2 * bound).sub_(bound)
    if leaf.bias:
        at = leaf.offset if recipe.init == "truncated" else 0.0
        return torch.full(shape, at, dtype=torch.float64)
    if recipe.init == "truncated":
        empty, cut = torch.empty(shape, dtype=torch.float64), 2 * recipe.scale
        return torch.nn.init.trunc_normal_(empty, 0.0, recipe.scale, -cut, cut, generator)
    normal = torch.randn(shape, generator=generator, dtype=torch.float64)
    if recipe.init == "gaussian":
        return normal.mul_(recipe.scale)
    return normal.mul_((leaf.gain / leaf.fan_in) ** 0.5)


def start_factors(leaf: Leaf, recipe: Recipe, generator: torch.Generator) -> list[Tensor]:
    """The factors F_1 .. F_N that a leaf starts from, of inner width min(rows, columns); a single
    one where it is not split.

    Args:
        leaf: what they make up. recipe: its init, scale, factors and depth count. generator: what
            is drawn; from the same state every depth draws the same weights first.
    Returns: F_1 (width, columns), ..., F_N (rows, width), float64. "each" with He keeps the
    variance of the product.
    """
    if not leaf.factored or recipe.depth == 1:
        return [_drawn(leaf, recipe, generator)]
    inner = min(leaf.rows, leaf.columns)
    if recipe.factors == "same":
        return balanced(_drawn(leaf, recipe, generator), recipe.depth, inner)
    widths = [leaf.columns, *[inner] * (recipe.depth - 1), leaf.rows]
    gain = leaf.gain ** (1 / recipe.depth)
    layers = [Leaf(b, a, a, factored=True, gain=gain) for a, b in pairwise(widths)]
    return [_drawn(layer, recipe, generator) for layer in layers]
