"""The benchmark measures what it says: the same computation, and every line of the table."""

import re

import numpy as np
import pytest
import torch

from overparam.benchmark.__main__ import main
from overparam.benchmark.maps import by_hand
from overparam.benchmark.networks import ordinary_network
from overparam.benchmark.race import RUNS, ordinary_loop
from overparam.benchmark.stopwatch import stopwatch
from overparam.choices.kinds import read_choices
from overparam.choices.map import PLAN_CHOICES, Plan
from overparam.data.digits import load_digits
from overparam.engine.losses import lp
from overparam.engine.problem import Problem
from overparam.engine.recipe import Recipe
from overparam.engine.simulation import Method, Simulation
from overparam.serving.maps.atlas import Pool
from overparam.serving.maps.block import UNKNOWN, Block, step_sizes


@pytest.fixture(autouse=True)
def settings_of_the_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.set_flush_denormal(False)


def small(dtype, outputs=1):
    rng = np.random.default_rng(0)
    return Problem(
        rng.standard_normal((40, 5)), rng.standard_normal((40, outputs)), lp(4), dtype=dtype
    )


@pytest.mark.parametrize("width", [2, 7])
def test_the_ordinary_loop_computes_the_same_run(width):
    method = Method(3, step=2e-3, scale=0.5, width=width)
    losses = ordinary_loop(small(torch.float64, 2), method)(60)
    np.testing.assert_allclose(
        losses, Simulation(small(torch.float64, 2), [method]).advance(60)[:, 0], rtol=1e-10
    )
    assert losses[-1] < 0.9 * losses[0]  # it went somewhere


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "nesterov", "adam"])
def test_the_ordinary_network_learns(optimizer):
    step = 0.003 if optimizer == "adam" else 0.1
    torch.manual_seed(0)
    advance = ordinary_network(Recipe(2, optimizer, step), 64)
    net = next(
        cell.cell_contents
        for cell in advance.__closure__
        if isinstance(cell.cell_contents, torch.nn.Module)
    )
    data = load_digits()
    advance(150)
    assert [len(p) for p in net.parameters()] == [64, 64, 64, 10, 10, 10]
    right = net(torch.tensor(data.test_inputs)).argmax(1).numpy() == data.test_labels
    assert right.mean() > 0.7


@pytest.mark.parametrize(("kind", "depth"), [("network", 3), ("rule", 2), ("network", 1)])
def test_the_loop_written_by_hand_computes_the_same_row_of_the_map(kind, depth):
    plan = Plan.of(read_choices(PLAN_CHOICES, {"kind": kind, "depth": str(depth)})[0])
    cells = [plan.cell(x, 2) for x in range(13)]
    counts = [len(step_sizes(plan, cell)) for cell in cells]
    reached = np.split(by_hand(plan, 3.0, depth, kind)(300).numpy(), np.cumsum(counts)[:-1])
    block = Block(plan, cells)
    block.advance(300, seconds=np.inf)
    expected = [min(own[own >= 0], default=UNKNOWN) for own in reached]
    assert [trial.iterations for trial in block.trials.values()] == expected
    assert max(expected) > 50


def test_a_stopwatch_keeps_the_fastest_slice_of_each_candidate():
    now = [0.0]
    costs = {"a": iter([9, 9, 2e-3, 5e-3]), "b": iter([9, 9, 7e-3, 6e-3])}

    def candidate(name):
        def advance(iterations):
            now[0] += iterations * next(costs[name])

        return advance

    took = stopwatch(2, clock=lambda: now[0])({name: candidate(name) for name in costs})
    assert took == pytest.approx({"a": 2e-3, "b": 6e-3})


def test_the_table_has_a_line_for_every_problem_precision_and_number_of_runs(monkeypatch, capsys):
    for section in ("race", "tuning"):
        monkeypatch.setattr(f"overparam.benchmark.{section}.ethanol_shaped", small)
    monkeypatch.setattr("overparam.benchmark.stopwatch.SLICE", 1e-4)
    maps = "overparam.benchmark.maps"
    monkeypatch.setattr(f"{maps}.ATLAS_DETAIL", "quick&horizon=20&grid=2")
    monkeypatch.setattr(f"{maps}.Pool", lambda workers: Pool(1))  # no process starts
    main(["--rounds", "1"])
    lines = capsys.readouterr().out.splitlines()
    race = [line for line in lines if re.match(r"(2565x128|two coord) +float", line)]
    assert len(race) == 2 * 2 * len(RUNS)
    assert len([line for line in lines if re.match(r"round \d: .* best ratio", line)]) == 3
    assert len([line for line in lines if re.match(r" +float(32|64) +\d+ \|", line)]) == 6
    for line in race:
        assert all(float(number) > 0 for number in re.findall(r"\d+\.\d+", line.split("|", 1)[1]))
