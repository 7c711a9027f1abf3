"""Does depth help a network that is not linear? `python -m overparam.digits_pair` measures it.

One net (64-64-64-10, ReLU) on one data set (scikit-learn's digits, 1437 images to train) with two
losses: cross entropy, and the l4 loss on one-hot labels, (1/4) sum_o |r_o|^4 averaged over images.
All methods start from the same function and see the same minibatches. Printed is the number of
epochs until the training loss is below a goal, for each goal at the method's own best step of a
grid: mean and range over seeds. Then what weight decay on factors does to singular values.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from overparam.nn import EndToEnd, collapse, factors, overparameterize, products

BATCH, PER_DECADE = 64, 8
FRESH = 3  # the grids of steps were placed with seeds 0, 1 and 2: what is reported uses others
Loss = Callable[[Tensor, Tensor], Tensor]
Make = Callable[[nn.Module, float], torch.optim.Optimizer]


def _sgd(model: nn.Module, step: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), step)


def _momentum(model: nn.Module, step: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), step, momentum=0.9)


def _adam(model: nn.Module, step: float) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), step)


def _rule(model: nn.Module, step: float) -> torch.optim.Optimizer:
    return EndToEnd(model.parameters(), step, depth=2)


@dataclass(frozen=True)
class Method:
    """How to train: so many factors in each layer, and an optimizer for them.

    `centres` are exponents of 10: the middle of the grid of steps for each loss.
    """

    name: str
    depth: int
    optimizer: Make
    centres: tuple[float, float]


METHODS = (
    Method("SGD", 1, _sgd, (-0.375, -0.125)),
    Method("SGD, N = 2", 2, _sgd, (-0.75, -0.125)),
    Method("SGD, N = 3", 3, _sgd, (-0.875, -0.125)),
    Method("EndToEnd, N = 2", 1, _rule, (-0.75, -0.125)),
    Method("momentum", 1, _momentum, (-1, -0.25)),
    Method("momentum, N = 2", 2, _momentum, (-1.5, -0.5)),
    Method("Adam", 1, _adam, (-2, -2)),
    Method("Adam, N = 2", 2, _adam, (-2.25, -2.25)),
)


def network(seed: int, depth: int) -> nn.Sequential:
    """The same function for every depth."""
    torch.manual_seed(seed)
    layers = (nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    model = nn.Sequential(*layers)
    return overparameterize(model, depth) if depth > 1 else model


def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pixels of 1437 and 360 images, with one mean and one deviation for all; labels."""
    table = load_digits()
    x, x_test, y, y_test = train_test_split(table.data, table.target, test_size=360, random_state=0)
    pixels = [torch.from_numpy((part - x.mean()) / x.std()).float() for part in (x, x_test)]
    return pixels[0], pixels[1], torch.from_numpy(y), torch.from_numpy(y_test)


def l4(outputs: Tensor, labels: Tensor) -> Tensor:
    residual = outputs - nn.functional.one_hot(labels, 10)
    return residual.pow(4).sum() / (4 * len(outputs))


LOSSES: dict[str, tuple[Loss, tuple[float, float]]] = {
    "cross-entropy": (nn.functional.cross_entropy, (0.1, 0.01)),
    "l4": (l4, (0.01, 0.003)),
}


def train(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: Loss, x: Tensor, y: Tensor, seed: int
) -> Iterator[float]:
    """Train without end; after each epoch the loss of all training images."""
    order = torch.Generator().manual_seed(seed)
    while True:
        for rows in torch.randperm(len(x), generator=order).split(BATCH):
            optimizer.zero_grad()
            loss(model(x[rows]), y[rows]).backward()
            optimizer.step()
        with torch.no_grad():
            yield float(loss(model(x), y))


def epochs_to(losses: Iterator[float], goals: Sequence[float], most: int) -> list[int]:
    """Epochs until the loss is at most each goal; `most` + 1 where that takes longer."""
    arrivals = [most + 1] * len(goals)
    for epoch, value in enumerate(islice(losses, most), start=1):
        arrivals = [
            min(arrival, epoch) if value <= goal else arrival
            for arrival, goal in zip(arrivals, goals, strict=True)
        ]
        if not math.isfinite(value) or max(arrivals) <= most:
            break
    return arrivals


def best_of_grid(epochs: np.ndarray, steps: Sequence[float], most: int) -> str:
    """The best step's mean and range in words: where most seeds arrive, then soonest on average.

    Args:
        epochs: shape (steps, seeds), above `most` where a run did not arrive.
        steps: the grid.
        most: epochs at most.

    Returns:
        "mean [least-largest] at step"; of several equal steps the one in their middle.
    """
    late = (epochs > most).sum(axis=1) * 1e6 + epochs.mean(axis=1)
    ties = np.flatnonzero(late == late.min())
    best = int(ties[len(ties) // 2])
    low, high = epochs[best].min(), epochs[best].max()
    edge = ", the grid's edge" if best in (0, len(steps) - 1) else ""
    at = f"at {steps[best]:.2g}{edge}"
    if high > most:
        return f"{(epochs[best] <= most).sum()} of {epochs.shape[1]} in {most}, {at}"
    return f"{epochs[best].mean():.1f} [{low}-{high}] {at}"


def pair(name: str, seeds: Sequence[int], most: int) -> None:
    """Print epochs to the goals of one loss, a line a method."""
    loss, goals = LOSSES[name]
    x, _, y, _ = digits()
    print(f"{name}: epochs until the training loss is at most {goals[0]:g} | {goals[1]:g}")
    for method in METHODS:
        centre = method.centres[list(LOSSES).index(name)]
        steps = [10 ** (centre + i / PER_DECADE) for i in range(-2, 3)]
        epochs = np.empty((len(steps), len(seeds), len(goals)), dtype=int)
        for i, step in enumerate(steps):
            for j, seed in enumerate(seeds):
                model = network(seed, method.depth)
                run = train(model, method.optimizer(model, step), loss, x, y, seed)
                epochs[i, j] = epochs_to(run, goals, most)
        cells = [best_of_grid(epochs[:, :, i], steps, most) for i in range(len(goals))]
        print(f"  {method.name:16} {cells[0]:36} | {cells[1]}", flush=True)


def decay(seeds: Sequence[int], epochs: int, strength: float = 0.01) -> None:
    """Print singular values of the middle layer by where weight decay goes (N = 2, SGD)."""
    x, x_test, y, y_test = digits()
    print(f"weight decay {strength:g}, cross entropy, N = 2, SGD at 0.1, {epochs} epochs")
    for where in ("nowhere", "factors", "products"):
        lines = []
        for seed in seeds:
            model = network(seed, 2)
            biases = [p for name, p in model.named_parameters() if name.endswith("bias")]
            groups: list[dict[str, Any]] = [
                {"params": list(factors(model)), "weight_decay": strength * (where == "factors")},
                {"params": biases},
            ]
            loss = partial(penalised, model, strength * (where == "products"))
            list(islice(train(model, torch.optim.SGD(groups, 0.1), loss, x, y, seed), epochs))
            with torch.no_grad():
                sigma = torch.linalg.svdvals(products(model)["2.weight"])
                right = (collapse(model)(x_test).argmax(1) == y_test).double().mean()
            lines.append((int((sigma > 0.01 * sigma[0]).sum()), float(sigma.sum()), float(right)))
        counts, sums, accuracies = zip(*lines, strict=True)
        print(
            f"  on {where:9} singular values above 1 %: {min(counts)}-{max(counts)} of 64; "
            f"their sum {min(sums):.1f}-{max(sums):.1f}; "
            f"test accuracy {min(accuracies):.3f}-{max(accuracies):.3f}",
            flush=True,
        )


def penalised(model: nn.Module, strength: float, outputs: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy, and half the strength times the squares of the weights W_N ... W_1."""
    squares = torch.stack([w.square().sum() for w in products(model).values()])
    return nn.functional.cross_entropy(outputs, labels) + strength / 2 * squares.sum()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m overparam.digits_pair",
        description="Epochs to a training loss on digits, with and without depth.",
    )
    parts = [*LOSSES, "decay"]
    parser.add_argument("parts", nargs="*", metavar="part", help=f"some of {', '.join(parts)}")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each (default 3)")
    parser.add_argument(
        "--first", type=int, default=FRESH, help=f"the first seed (default {FRESH})"
    )
    parser.add_argument("--epochs", type=int, default=30, help="epochs at most (default 30)")
    choices = parser.parse_args(arguments)
    if unknown := [part for part in choices.parts if part not in parts]:
        parser.error(f"no part is called {', '.join(unknown)}; there are {', '.join(parts)}")
    torch.set_num_threads(1)
    seeds = range(choices.first, choices.first + choices.seeds)
    for part in choices.parts or parts:
        if part == "decay":
            decay(seeds, 4 * choices.epochs)
        else:
            pair(part, seeds, choices.epochs)


if __name__ == "__main__":
    main()
