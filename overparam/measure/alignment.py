"""What is read off a deep linear network along its run: interfaces, certificate, law, ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from overparam.engine.problem import Problem
from overparam.engine.simulation import Method
from overparam.engine.turns import GATE
from overparam.measure.trajectory import Following, Trajectory, follow, log_times
from overparam.theory.alignment import (
    energy_rank,
    entropy_rank,
    interfaces,
    singular_value_rates,
    stable_rank,
)

PER_DECADE = 60
CERTAIN = 0.9  # a guarantee from which directions count as certified


@dataclass(frozen=True)
class Alignment:
    """Readings at T iterations of a network of N layers with hidden width h; J = N - 1 interfaces.

    times (T,); matrices (T, J, h, h): |T_j|; score, guarantee, gap (T, J, h); imbalance (T, J);
    sigma, exact, law (T, q): singular values of the product, their rates and those of the law;
    layer_ranks (T, N, 3), product_ranks (T, 3): entropy, stable and energy rank; layer_sigma: the
    singular values of each layer (T, q_j). diverged: the iteration, or -1.
    """

    times: np.ndarray
    matrices: np.ndarray
    score: np.ndarray
    guarantee: np.ndarray
    gap: np.ndarray
    imbalance: np.ndarray
    sigma: np.ndarray
    exact: np.ndarray
    law: np.ndarray
    layer_ranks: np.ndarray
    product_ranks: np.ndarray
    layer_sigma: list[np.ndarray]
    diverged: int

    def certified_since(self, r: int) -> int | None:
        """The first reading from which the top r are certified at every interface until the end."""
        unsure = np.flatnonzero(self.guarantee[:, :, r - 1].min(1) < CERTAIN)
        begin = int(unsure[-1]) + 1 if unsure.size else 0
        return int(self.times[begin]) if begin < len(self.times) else None

    def first_certified(self, r: int) -> int | None:
        """The first reading at which the top r are certified at every interface."""
        sure = np.flatnonzero(self.guarantee[:, :, r - 1].min(1) >= CERTAIN)
        return int(self.times[sure[0]]) if sure.size else None


def read_alignment(problem: Problem, method: Method, iterations: int) -> Alignment:
    """Run a network and read it at iterations PER_DECADE to a decade.

    Raises: ValueError where the start does not fit.
    """
    way = follow(problem, [method], log_times(iterations, PER_DECADE), layers_of=[0])
    with GATE:
        return read_way(way)


def begin(problem: Problem, method: Method, iterations: int) -> Following:
    """The same run, to be computed a little at a time and read by `read_way`.

    Raises: ValueError where the start does not fit.
    """
    return Following(problem, [method], log_times(iterations, PER_DECADE), layers_of=[0])


def read_way(way: Trajectory) -> Alignment:
    """What is read off one run's way, as far as it goes and its loss is finite."""
    kept = np.flatnonzero(np.isfinite(way.losses[:, 0]))
    layers = [each[kept, 0] for each in way.layers]
    between = interfaces(layers)
    sigma, exact, law = singular_value_rates(layers, way.gradients[kept, 0])
    own = [torch.linalg.svdvals(layer) for layer in layers]

    def ranks(values: torch.Tensor) -> torch.Tensor:
        parts = (entropy_rank(values), stable_rank(values), energy_rank(values).double())
        return torch.stack(parts, -1)

    def stacked(name: str) -> np.ndarray:
        return torch.stack([getattr(each, name) for each in between], 1).numpy()

    return Alignment(
        way.times[kept],
        np.abs(stacked("matrix")),
        stacked("score"),
        stacked("guarantee"),
        stacked("gap"),
        stacked("imbalance"),
        sigma.numpy(),
        exact.numpy(),
        law.numpy(),
        torch.stack([ranks(each) for each in own], 1).numpy(),
        ranks(sigma).numpy(),
        [each.numpy() for each in own],
        int(way.diverged_at[0]),
    )
