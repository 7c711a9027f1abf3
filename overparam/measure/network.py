"""Real networks of one output and one hidden unit, many at once, started balanced at given
end-to-end weights."""

from __future__ import annotations

from math import prod

import numpy as np
import torch

from overparam.engine.parameterizations import Layers
from overparam.theory.curves import Array


class Networks:
    """n networks of N layers of one output and one hidden unit, balanced at W (n, d): every layer
    has the norm ||W||^{1/N}.

    Args: w: end-to-end weights, shape (n, d), none of them 0. depth: N, a whole number >= 1.
    """

    def __init__(self, w: Array, depth: int):
        n, d = w.shape
        here = torch.from_numpy(np.ascontiguousarray(w))[:, None]
        self._layers = Layers([depth] * n, 1, d, 1, torch.zeros(n, dtype=torch.float64))
        self._params = torch.empty(
            sum(prod(shape) for shape in self._layers.shapes), dtype=torch.float64
        )
        size = here.norm(dim=-1, keepdim=True)
        for j, layer in enumerate(self._layers.layers(self._params)):
            layer[:] = size ** (1 / depth) * (here / size if j == 0 else 1.0)

    def end_to_end(self) -> Array:
        """W = W_N ... W_1, shape (n, d)."""
        return self._layers.end_to_end(self._params)[:, 0].numpy().copy()

    def step(self, gradient: Array, step: float) -> Array:
        """One step of gradient descent on all layers from G at `end_to_end`, (n, d); returns the
        new end-to-end weights."""
        self._layers.end_to_end(self._params)
        direction = self._layers.pullback(
            self._params, torch.from_numpy(np.ascontiguousarray(gradient))[:, None]
        )
        self._params.sub_(direction, alpha=step)
        return self.end_to_end()
