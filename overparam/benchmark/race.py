"""The race: an iteration of many runs against the bare products and the ordinary training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from overparam.benchmark.stopwatch import Stopwatch
from overparam.benchmark.workload import STEP, best_bare, ethanol_shaped, products
from overparam.engine.problem import Problem, two_coordinate
from overparam.engine.simulation import Method, Simulation, start_layers

RUNS = (1, 3, 7, 12, 24, 96)


def ordinary_loop(problem: Problem, method: Method) -> Callable[[int], list[float]]:
    """The training loop that one writes by hand: nn.Sequential, autograd, torch.optim; one run.
    Returns advance(n) -> losses."""
    dtype = problem.dtype
    layers = [layer.to(dtype) for layer in start_layers(method, problem.k, problem.d)]
    linears = [torch.nn.Linear(w.shape[1], w.shape[0], bias=False, dtype=dtype) for w in layers]
    net = torch.nn.Sequential(*linears)
    with torch.no_grad():
        for linear, w in zip(linears, layers, strict=True):
            linear.weight.copy_(w)
    optimizer, p = torch.optim.SGD(net.parameters(), lr=method.step), int(problem.loss.power or 0)
    zero = torch.zeros(problem.k, problem.d, dtype=dtype)
    inputs, targets = problem.scaled_inputs.T.contiguous(), -problem.residuals(zero).T.contiguous()

    def advance(iterations: int) -> list[float]:
        losses = []
        for _ in range(iterations):
            optimizer.zero_grad()
            loss = ((net(inputs) - targets) ** p).sum() / p
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    return advance


def race(measure: Stopwatch) -> Iterator[str]:
    """A whole iteration of the race against the bare products, the ordinary loop, and depth 1."""
    yield "One iteration of gradient descent at p = 4, all runs together, hidden width 1"
    yield (
        "  bare: depth 3 over the two matrix products alone, each in the fastest of many forms,"
        " which stand at the end"
    )
    yield (
        "  loop: the ordinary loop (nn.Sequential, autograd, torch.optim; one run) over depth 3,"
        " per run"
    )
    yield ""
    yield (
        "problem   precision  runs |  depth 1  depth 3  depth 8 |  depth 3 |  bare    loop   3 / 1 "
        "  8 / 1"
    )
    yield "                          |       us an iteration      | us a run |"
    for name, make in (
        ("2565x128", ethanol_shaped),
        ("two coord", lambda dtype: two_coordinate(4, 10.0, dtype=dtype)),
    ):
        for dtype in (torch.float64, torch.float32):
            for runs in RUNS:
                problem = make(dtype)
                methods = {n: Method(n, step=STEP, scale=0.1) for n in (1, 3, 8)}
                bare = products(problem, runs)
                candidates: dict[str, Callable[[int], object]] = {
                    f"depth {n}": Simulation(make(dtype), [m] * runs).advance
                    for n, m in methods.items()
                }
                took = measure(candidates | bare | {"loop": ordinary_loop(problem, methods[3])})
                one, three, eight = (1e6 * took[f"depth {n}"] for n in methods)
                alone, forms = best_bare(took)
                yield (
                    f"{name:9} {str(dtype)[6:]:>9} {runs:5} | {one:8.1f} {three:8.1f} {eight:8.1f}"
                    f" | {three / runs:8.2f} | {three / (1e6 * alone):5.2f}"
                    f" {1e6 * took['loop'] * runs / three:7.1f} {three / one:7.2f}"
                    f" {eight / one:7.2f} | {1e6 * alone:.1f} us, {'; '.join(forms)}"
                )


def widths(measure: Stopwatch) -> Iterator[str]:
    """The ordinary loop against a batch of 96 runs, by hidden width: the data only ever see W_e,
    whatever the width."""
    yield "Depth 3 on 2565x128, 96 runs, by hidden width: us an iteration and run"
    yield ""
    yield "precision  width |  here  ordinary loop  times faster"
    for dtype in (torch.float64, torch.float32):
        for width in (1, 10, 100):
            problem, method = ethanol_shaped(dtype), Method(3, step=STEP, scale=0.1, width=width)
            took = measure(
                {
                    "here": Simulation(problem, [method] * 96).advance,
                    "loop": ordinary_loop(problem, method),
                }
            )
            here, loop = 1e6 * took["here"] / 96, 1e6 * took["loop"]
            yield f"{str(dtype)[6:]:>9} {width:6} | {here:5.1f} {loop:14.1f} {loop / here:13.1f}"
