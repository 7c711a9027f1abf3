"""Tuning: all step sizes of all methods in one batch, against the bare products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from overparam.benchmark.stopwatch import Stopwatch
from overparam.benchmark.workload import STEP, best_bare, ethanol_shaped, products
from overparam.engine.simulation import Method, Simulation
from overparam.measure.history import GAPS, History

TWELVE = (
    *(Method(depth) for depth in (1, 2, 3, 4, 8)),
    *(
        Method(1, optimizer)
        for optimizer in ("momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam")
    ),
    Method(2, "adam"),
)


def tuning(measure: Stopwatch) -> Iterator[str]:
    """Tuning twelve methods, 24 step sizes each, with all that is kept of them, against the bare
    products."""
    yield "Tuning twelve methods with 24 step sizes each on 2565x128, 288 runs in one batch, p = 4"
    yield ""
    yield "precision |  ms an iteration  s for 1,000  over bare products"
    for dtype in (torch.float64, torch.float32):
        problem = ethanol_shaped(dtype)
        methods = [
            replace(method, step=STEP * 10 ** (i / 24), scale=0.1)
            for method in TWELVE
            for i in range(24)
        ]
        simulation, history = Simulation(problem, methods), History(len(methods), GAPS)
        bare = products(problem, len(methods))

        def kept(n: int, simulation: Simulation = simulation, history: History = history) -> None:
            history.add(simulation.advance(n))

        took = measure({"here": kept, **bare})
        here = took["here"]
        ratio = here / best_bare(took)[0]
        yield f"{str(dtype)[6:]:>9} | {1e3 * here:16.2f} {1e3 * here:12.1f} {ratio:19.2f}"
