"""What a CUDA GPU computes is what the CPU computes; skipped where there is none."""

import numpy as np
import pytest
import torch

from overparam.benchmark.gpu import gpu
from overparam.choices.kinds import read_choices
from overparam.choices.race import CHOICES, Experiment
from overparam.engine import device as execution
from overparam.engine.losses import lp
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.problem import Problem
from overparam.engine.simulation import KINDS, Method, Simulation
from overparam.serving.run import Run

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU on this machine")


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "adagrad", "adam"])
@pytest.mark.parametrize("p", [2.0, 4.0])
def test_the_gpu_gives_the_curves_of_the_cpu(optimizer, p):
    rng = np.random.default_rng(0)
    inputs, targets = rng.standard_normal((300, 8)), rng.standard_normal((300, 1))
    methods = [
        Method(depth, optimizer, kind, step=3e-3, scale=0.3)
        for kind in KINDS
        for depth in (1, 2, 3)
    ]
    on_cpu, on_gpu = (
        Simulation(Problem(inputs, targets, lp(p), device=device), methods).advance(200)
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_replayed_step_is_a_launched_step(dtype):
    rng = np.random.default_rng(0)
    inputs, targets = rng.standard_normal((300, 8)), rng.standard_normal((300, 1))
    methods = [
        Method(depth, optimizer, kind, 3e-3, scale=0.3)
        for optimizer in OPTIMIZERS
        for kind in KINDS
        for depth in (1, 2, 3)
    ]
    launched, replayed = (
        Simulation(Problem(inputs, targets, lp(4), dtype=dtype, device="cuda"), methods, replay)
        for replay in (False, True)
    )
    for simulation in (launched, replayed):
        simulation.keep(range(1, len(methods)))
        simulation.advance(7)
        simulation.scale_steps(0.5)
        simulation.keep(range(2, len(methods) - 3))
    np.testing.assert_allclose(
        replayed.advance(100), launched.advance(100), rtol=1e-9 if dtype == torch.float64 else 1e-4
    )
    assert replayed._replay is not None and launched._replay is None


def test_a_run_on_the_gpu_says_so_and_finds_what_the_cpu_finds(monkeypatch):
    values = read_choices(
        CHOICES,
        {"problem": "synthetic", "methods": "1_gd~2_gd", "iterations": "300", "horizon": "100"},
    )[0]
    found = {}
    for worth in (0.0, float("inf")):
        monkeypatch.setattr(execution, "GPU_WORTH", worth)
        run = Run(Experiment.of(values))
        while not run.finished:
            run.advance(300)
        found[worth] = run.view(300).gaps
        assert ("on the GPU" in run.device_note) == (worth == 0.0)
    np.testing.assert_allclose(found[0.0], found[float("inf")], rtol=1e-7)


def test_the_benchmark_measures_it():
    assert any("x" in line and "|" in line for line in list(gpu(None))[3:])
