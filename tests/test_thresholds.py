"""What happens exactly at a threshold, at a tie and at the guards: where a wrong comparison would
change nothing anywhere else."""

from pathlib import Path

import numpy as np
import pytest
import torch

from overparam.choices.beyond_linear import Study
from overparam.choices.kinds import read_choices
from overparam.choices.map import PLAN_CHOICES, Plan
from overparam.choices.methods import Entry
from overparam.choices.race import CHOICES, Experiment
from overparam.data import Data
from overparam.engine.device import no_memory
from overparam.engine.recipe import Recipe
from overparam.engine.simulation import Simulation
from overparam.measure.curvature import largest_eigenvalue
from overparam.measure.illustration import STARTS
from overparam.serving.course import View
from overparam.serving.maps.block import NEVER, UNKNOWN, Block, Trial
from overparam.serving.maps.cell_runs import cell_runs
from overparam.serving.run import Run, RunError
from overparam.serving.training import Training, TrainingError
from overparam.story.race_words import table

ROOT = Path(__file__).parents[1]


def experiment(**values):
    small = {"problem": "synthetic", "m": 30, "d": 3, "iterations": 200, "steps": "shared"}
    small |= {"methods": (Entry(1), Entry(2)), "step": 0.05}
    return Experiment.of(read_choices(CHOICES, {})[0] | small | values)


@pytest.mark.parametrize("share, enough", [(1e-6, True), (1e-8, True), (1e-10, False)])
def test_a_share_of_a_billionth_of_the_loss_is_nothing_to_learn(share, enough):
    """Columns orthogonal to all but a part of the targets: L_0 - L* is that part's square."""
    x = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    y = np.array([[1.0], [1.0], [-1.0], [-1.0]]) + np.sqrt(2 * share) * x[:, :1]
    run = Run(
        experiment(problem="csv", csv="0" * 16, p=2.0),
        Data("nearly uncorrelated", x, y, ("a", "b"), ("y",)),
    )
    if enough:
        run.advance(5, seconds=5)
        assert run.computed == 5
    else:
        with pytest.raises(RunError, match="nothing to learn"):
            run.advance(5, seconds=5)


def test_runs_that_diverged_are_dropped_at_powers_of_two_only(monkeypatch):
    """A product of another size rounds differently: slices must not decide when that is."""
    at, keep = [], Simulation.keep

    def watched(self, rows):
        at.append(self.iteration - 1)
        keep(self, rows)

    monkeypatch.setattr(Simulation, "keep", watched)
    run = Run(experiment(steps="tuned", horizon=100, grid=12))
    while not run.finished:
        run.advance(run.computed + 3, seconds=5)
    dropped = [t for t in at if t != 100]  # 100: the tuning horizon
    assert dropped and all(t >= 16 and t & (t - 1) == 0 for t in dropped)


def test_of_step_sizes_that_arrive_together_the_lowest_is_the_quickest():
    block = object.__new__(Block)
    trial = Trial(np.array([0.1, 0.2, 0.3, 0.4]))
    block.trials = {"cell": trial}
    block._owner, block._place, block._goal = np.zeros(4, int), np.arange(4), np.ones(4)
    # the second and third arrive together, the third lower; the fourth, lower still, comes later
    losses = np.array([[2.0, 2.0, 2.0, 2.0], [1.5, 1.0, 0.5, 1.1], [0.1, 0.1, 0.1, 0.01]])
    block._note_arrivals(losses, start=7)
    assert (trial.iterations, trial.step, trial.at_edge) == (8, 0.3, False)
    block._note_arrivals(losses, start=10)  # what is decided stands
    assert trial.iterations == 8


def test_a_step_change_counts_from_the_iteration_at_which_it_is_made():
    run = Run(experiment(changes=((40, 0.5),)))
    while not run.finished:
        run.advance(10**9, seconds=5)
    steps = [run.view(position).steps[0] for position in (39, 40, 41)]
    np.testing.assert_allclose(steps, [0.05, 0.025, 0.025])


def test_a_cells_runs_go_on_to_ten_times_the_slower_arrival_and_not_to_the_horizon():
    plan = Plan.of(read_choices(PLAN_CHOICES, {})[0] | {"p": 4.0, "horizon": 20_000})
    runs = cell_runs(plan, plan.cell(4, 4))
    slower = max(int(own[own >= 0].min()) for own in runs.reached)
    assert 100 < slower and 10 * slower + 20 < 20_000
    # up to what a last slice of .03 seconds took with it
    assert runs.until >= 10 * slower and runs.until < 10 * slower + 20 + 4096
    assert runs.times[-1] == runs.until


def test_seconds_left_are_the_pace_times_what_is_left_of_both_stages():
    run = Run(experiment(steps="tuned", horizon=100, grid=6))
    while run.computed < 50:
        run.advance(50, seconds=5)
    run.pace = 0.5
    # two methods go on, of so many rows that have not diverged
    alone = 2 / np.count_nonzero(run.record.diverged_at < 0)
    assert run.seconds_left() == pytest.approx(0.5 * (50 + alone * 100))
    assert run.seconds_left(80) == pytest.approx(0.5 * 30)
    while run.computed < 120:
        run.advance(120, seconds=5)
    run.pace = 0.5
    assert run.seconds_left() == pytest.approx(0.5 * 80)
    while not run.finished:
        run.advance(10**9, seconds=5)
    assert run.seconds_left() == 0


def test_there_is_no_speed_up_at_a_gap_where_both_begin():
    def view(*reached):
        shape = np.full((2, 6), -1)
        shape[:, : len(reached[0])] = reached
        return View(
            *(10, np.arange(11), np.full((11, 2), 0.05), shape, np.array([0.1, 0.1])),
            *(np.array([-1, -1]), False, np.array([False, False]), 0.5, 0.25),
        )

    chosen = experiment()
    _, both_at_once = table(chosen, view([0], [0]))
    assert both_at_once.speed_up is None
    _, later = table(chosen, view([0, 6], [0, 3]))
    assert later.speed_up == pytest.approx(2.0)


def test_lanczos_keeps_its_basis_orthogonal():
    """After one pass of Gram-Schmidt eigenvalues that are close lie too low by what is lost."""
    values = torch.cat(
        [torch.logspace(-12, -3, 150, dtype=torch.float64), torch.tensor([0.999999, 1.0])]
    )
    basis, _ = torch.linalg.qr(
        torch.randn(152, 152, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    )
    matrix = (basis * values) @ basis.mT
    seen = []

    def product(v):
        seen.append(v[0] / v[0].norm())
        return v @ matrix

    largest_eigenvalue(product, torch.Size((1, 152)), torch.float64, torch.device("cpu"), 1e-15)
    vectors = torch.stack(seen)
    strangers = vectors @ vectors.mT - torch.eye(len(vectors), dtype=torch.float64)
    assert len(vectors) > 8 and float(strangers.abs().max()) < 1e-13


def test_the_home_page_tunes_over_as_many_starts_as_it_says():
    said = (ROOT / "pages/home.py").read_text(encoding="utf-8")
    assert "best over six starts" in said and len(set(STARTS)) == len(STARTS) == 6
    assert STARTS[0] == 0.01 and min(STARTS) < STARTS[0] < max(STARTS)


def test_no_memory_is_known_by_type_everywhere(monkeypatch):
    """An error that only speaks of an allocation is our mistake, and is raised as it is."""
    for error, told in ((MemoryError(), True), (RuntimeError("cannot allocate a seat"), False)):
        assert no_memory(error) is told

        def fails(*_, error=error):
            raise error

        monkeypatch.setattr(Training, "_slice", fails)
        training = Training(Study((Recipe(1, step=0.1),)))
        with pytest.raises(TrainingError if told else RuntimeError) as caught:
            training.advance(1)
        assert ("No memory is left" in str(caught.value)) is told


def test_a_map_looks_at_the_horizon_itself_where_a_stage_ends_there():
    plan = Plan.of(read_choices(PLAN_CHOICES, {})[0] | {"p": 4.0, "horizon": 64})
    block = Block(plan, [plan.cell(12, 4)])
    (trial,) = block.trials.values()
    while block.iteration < 64:
        block.advance(64, 1.0)
    assert block.prune() and trial.iterations == UNKNOWN  # iterations 0 to 63 are known, 64 is not
    block.advance(65, 1.0)
    assert not block.prune() and trial.iterations == NEVER
