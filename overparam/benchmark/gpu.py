"""The GPU, where there is one, against the CPU."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch

from overparam.benchmark.stopwatch import Stopwatch, stopwatch
from overparam.benchmark.workload import STEP
from overparam.engine.losses import lp
from overparam.engine.problem import Problem
from overparam.engine.simulation import Method, Simulation


def gpu(measure: Stopwatch) -> Iterator[str]:
    """Where the GPU begins to pay: the same iteration on the CPU, there kernel by kernel, and there
    as one CUDA graph."""
    yield (
        "GPU against CPU, depth 3, p = 4: us an iteration, wall time; `GPU_WORTH` of"
        " `engine.device` decides between them"
    )
    yield ""
    if not torch.cuda.is_available():
        yield "no CUDA GPU was found: nothing to measure"
        return
    yield (
        "problem    runs |     CPU  kernels   graph  CPU over graph  "
        f" ({torch.cuda.get_device_name()})"
    )
    for m, d in ((442, 10), (2565, 128), (20_000, 512)):
        rng = np.random.default_rng(0)
        inputs, targets = rng.standard_normal((m, d)), rng.standard_normal((m, 1))
        for runs in (3, 96):
            methods = [Method(3, step=STEP, scale=0.1)] * runs
            # an advance ends with its losses on the CPU: the GPU has then done its work
            ways = {"cpu": ("cpu", False), "kernels": ("cuda", False), "graph": ("cuda", True)}
            took = stopwatch(10, time.perf_counter)(
                {
                    name: (
                        Simulation(
                            Problem(inputs, targets, lp(4), device=device), methods, replay
                        ).advance
                    )
                    for name, (device, replay) in ways.items()
                }
            )
            cpu, kernels, graph = (1e6 * took[name] for name in ways)
            yield (
                f"{f'{m}x{d}':9} {runs:5} | {cpu:7.1f} {kernels:8.1f} {graph:7.1f}"
                f" {cpu / graph:15.2f}"
            )
