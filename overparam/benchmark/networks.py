"""Networks that are not linear: the simulation's, and layers of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from overparam.benchmark.stopwatch import Stopwatch
from overparam.benchmark.workload import STEP
from overparam.data.digits import load_digits
from overparam.engine.dense import Dense
from overparam.engine.nonlinear import FactoredNetworks
from overparam.engine.recipe import Recipe
from overparam.nn import EndToEnd, overparameterize


def ordinary_network(recipe: Recipe, batch: int) -> Callable[[int], None]:
    """The training loop that one writes by hand for one factored network: nn.Sequential, autograd,
    torch.optim; advance(n)."""
    data, layers = load_digits(), list[torch.nn.Module]()
    for columns, rows in ((64, 64), (64, 10)):
        widths = [columns, *[min(columns, rows)] * (recipe.depth - 1), rows]
        inner = range(recipe.depth)
        layers += [torch.nn.Linear(widths[j], widths[j + 1], bias=j == inner[-1]) for j in inner]
        layers.append(torch.nn.ReLU())
    net = torch.nn.Sequential(*layers[:-1])
    momentum = {"momentum": 0.9, "nesterov": 0.9}.get(recipe.optimizer, 0.0)
    if recipe.optimizer == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam(net.parameters(), recipe.step)
    else:
        nesterov = recipe.optimizer == "nesterov"
        optimizer = torch.optim.SGD(net.parameters(), recipe.step, momentum, nesterov=nesterov)
    inputs, labels = torch.tensor(data.inputs), torch.tensor(data.labels)

    def advance(iterations: int) -> None:
        for _ in range(iterations):
            here = torch.randint(len(labels), (batch,))
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs[here]), labels[here]).backward()
            optimizer.step()

    return advance


def nonlinear(measure: Stopwatch) -> Iterator[str]:
    """Factored networks on the digits, all runs together, against the ordinary loop of one run."""
    yield (
        "Networks 64-64-10 of 1, 2 and 3 factors, 4 optimizers, 13 step sizes: us an iteration"
        " and run"
    )
    yield ""
    yield " runs  batch |  here  ordinary loop  times faster"
    data, names = load_digits(), ("gd", "momentum", "nesterov", "adam")
    recipes = [Recipe(n, name, STEP) for n in (1, 2, 3) for name in names]
    together = [recipe for recipe in recipes for _ in range(13)]
    for batch in (32, 64, 256):
        runs = FactoredNetworks(Dense((64, 64, 10)), data.inputs, data.labels, together, 0, batch)
        loops = {str(recipe): ordinary_network(recipe, batch) for recipe in recipes}
        took = measure({"here": runs.advance, **loops})
        here, loop = (
            1e6 * took["here"] / len(together),
            1e6 * np.mean([took[name] for name in loops]),
        )
        yield f"{len(together):5} {batch:6} | {here:5.1f} {loop:14.1f} {loop / here:13.1f}"


def layer_training(
    layer: torch.nn.Module, inputs: Tensor, depth: int, rule: bool
) -> Callable[[int], None]:
    """Steps of gradient descent on one layer of one's own network, its weight plain, in factors, or
    moved by the end-to-end rule; advance(n)."""
    if depth > 1 and not rule:
        overparameterize(layer, depth)
    parameters = list(layer.parameters())
    optimizer: torch.optim.Optimizer = (
        EndToEnd(parameters, STEP, depth) if rule else torch.optim.SGD(parameters, STEP)
    )

    def advance(iterations: int) -> None:
        for _ in range(iterations):
            optimizer.zero_grad()
            layer(inputs).square().mean().backward()
            optimizer.step()

    return advance


def own_network(measure: Stopwatch) -> Iterator[str]:
    """Steps on layers of one's own network, in factors and by the rule, over those on plain
    layers."""
    yield "A step on a layer of one's own network over that on the plain layer, float32"
    yield ""
    yield "layer                             |  N = 2  N = 3  EndToEnd, N = 2"
    nn, image = torch.nn, torch.randn(16, 64, 16, 16)
    layers: dict[str, tuple[Callable[[], torch.nn.Module], Tensor]] = {
        "linear 512 to 512, batch 32": (lambda: nn.Linear(512, 512), torch.randn(32, 512)),
        "linear 512 to 512, batch 512": (lambda: nn.Linear(512, 512), torch.randn(512, 512)),
        "linear 512 to 10, batch 128": (lambda: nn.Linear(512, 10), torch.randn(128, 512)),
        "linear 512 to 1, batch 128": (lambda: nn.Linear(512, 1), torch.randn(128, 512)),
        "3x3, 64 to 64, 16x16, batch 16": (lambda: nn.Conv2d(64, 64, 3, padding=1), image),
        "1x1, 64 to 64, 16x16, batch 16": (lambda: nn.Conv2d(64, 64, 1), image),
    }
    ways = {"plain": (1, False), "2": (2, False), "3": (3, False), "rule": (2, True)}
    for name, (make, inputs) in layers.items():
        torch.manual_seed(0)
        took = measure({way: layer_training(make(), inputs, *how) for way, how in ways.items()})
        two, three, rule = (took[way] / took["plain"] for way in ("2", "3", "rule"))
        yield f"{name:<33} | {two:6.1f} {three:6.1f} {rule:16.1f}"
