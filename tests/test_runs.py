"""Runs: computed once for all who look, resumable, faithful to the engine, and honest about what
went wrong."""

import threading

import numpy as np
import pytest
import torch

from overparam.choices.kinds import ChoiceError, read_choices
from overparam.choices.methods import Entry
from overparam.choices.race import CHOICES, Experiment
from overparam.data import Data, standardise
from overparam.engine.device import no_memory
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.simulation import Simulation
from overparam.serving import run as runs_module
from overparam.serving.memory import UNWATCHED_SECONDS, Room
from overparam.serving.registry import Registry
from overparam.serving.run import Run, RunError


def experiment(**values):
    small = {
        "problem": "synthetic",
        "m": 60,
        "d": 5,
        "iterations": 400,
        "horizon": 100,
        "methods": (Entry(1), Entry(2), Entry(1, "adam")),
    }
    return Experiment.of(read_choices(CHOICES, {})[0] | small | values)


def finish(run):
    while not run.finished:
        run.advance(10**9, seconds=0.05)
    return run.view(10**9)


def test_a_run_shows_what_the_engine_computes():
    chosen = experiment(steps="shared", step=0.05)
    view = finish(Run(chosen))
    problem = chosen.build("cpu")
    losses = Simulation(problem, [chosen.method(e) for e in chosen.methods]).advance(401)
    np.testing.assert_array_equal(view.gaps, problem.gap(losses[view.times]))
    assert view.iteration == 400 and view.times[-1] == 400


def test_a_tuned_run_goes_on_with_each_methods_best_step():
    run = Run(experiment())
    view = finish(run)
    assert run.tuned.chosen == run.tuned.grid.best(
        np.where(run.tuned.diverged_at >= 0, np.nan, _settled_by_hand(run))
    )
    alone = finish(
        Run(
            experiment(
                steps="each",
                methods=tuple(
                    Entry(e.depth, e.optimizer, step=float(s))
                    for e, s in zip(run.experiment.methods, view.steps, strict=True)
                ),
            )
        )
    )
    np.testing.assert_allclose(view.gaps, alone.gaps, rtol=1e-6, atol=1e-13)


def test_the_comparison_of_step_sizes_can_be_watched_and_stands_once_they_are_chosen():
    run = Run(experiment())
    assert run.comparison() is None
    while run.computed < 40:
        run.advance(40)
    so_far = run.comparison()
    assert so_far.iteration == 40 and run.tuned is None
    losses = Simulation(run.experiment.build("cpu"), so_far.grid.methods).advance(41)
    np.testing.assert_allclose(
        so_far.gaps, run.experiment.build("cpu").gap(losses[36:].max(0)), rtol=1e-9, atol=1e-13
    )
    assert [so_far.grid.steps[row] for row in so_far.chosen] == list(run.view(40).steps)
    finish(run)
    settled = run.experiment.build("cpu").gap(_settled_by_hand(run))
    assert run.comparison() is run.tuned and run.tuned.iteration == 100
    np.testing.assert_allclose(run.tuned.gaps, settled, rtol=1e-9, atol=1e-13)
    assert Run(experiment(steps="shared")).comparison() is None
    given = Run(experiment(steps="shared"))
    finish(given)
    assert given.comparison() is None


def test_of_step_sizes_that_all_solve_the_problem_the_quickest_is_chosen():
    """Beyond a gap of 1e-8 rounding would decide."""
    run = Run(
        experiment(condition=3.0, horizon=3000, iterations=3000, methods=(Entry(1), Entry(2)))
    )
    finish(run)
    for method, row in enumerate(run.tuned.chosen):
        mine = run.tuned.grid.owner == method
        solved = mine & (run.tuned.gaps < 1e-8)
        assert (
            solved.sum() > 3 and run.tuned.reached[row, -1] == run.tuned.reached[solved, -1].min()
        )


def _settled_by_hand(run):
    problem = run.experiment.build("cpu")
    losses = Simulation(problem, run.tuned.grid.methods).advance(101)
    from overparam.measure.history import RECORDED

    return losses[[t for t in RECORDED if 90 <= t <= 100]].max(0)


def test_small_slices_and_large_ones_give_the_same_run_bit_by_bit():
    chosen = experiment()
    by_one = Run(chosen)
    for position in range(0, 401, 3):
        while by_one.computed < position:
            by_one.advance(position)
    np.testing.assert_array_equal(finish(by_one).gaps, finish(Run(chosen)).gaps)


def test_nobody_sees_beyond_their_own_position():
    run = Run(experiment(steps="shared"))
    finish(run)
    view = run.view(37)
    assert view.iteration == 37 and view.times.max() == 37
    assert view.reached.max() <= 37 and view.diverged_at.max() <= 37


def test_a_run_advances_no_further_than_asked():
    run = Run(experiment())
    while run.computed < 10:
        run.advance(10)
    run.advance(10)
    assert run.computed == 10


def test_many_threads_compute_a_run_once():
    run, chosen = Run(experiment(iterations=2000)), experiment(iterations=2000)
    counted = []
    begin = run._begin
    run._begin = lambda: counted.append(1) or begin()
    threads = [threading.Thread(target=finish, args=(run,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted == [1]
    np.testing.assert_array_equal(run.view(10**9).gaps, finish(Run(chosen)).gaps)


def test_the_registry_shares_runs_and_forgets_the_oldest():
    runs = Registry(2, Run)
    first = runs.get(experiment())
    assert runs.get(experiment()) is first
    runs.get(experiment(seed=1))
    runs.get(experiment())
    runs.get(experiment(seed=2))
    assert len(runs) == 2 and runs.get(experiment()) is first


def test_a_file_of_another_person_never_answers_for_ones_own():
    """The digest of the file is part of the experiment, so different files are different runs."""
    runs = Registry(4, Run)
    assert runs.get(experiment(problem="csv", csv="0" * 16)) is not runs.get(
        experiment(problem="csv", csv="1" * 16)
    )


def test_divergence_is_told_with_its_iteration_and_leaves_the_others_alone():
    chosen = experiment(steps="each", methods=(Entry(1, step=0.05), Entry(2, step=500.0)))
    view = finish(Run(chosen))
    alone = finish(Run(experiment(steps="each", methods=(Entry(1, step=0.05),))))
    assert view.diverged_at[0] == -1 and 0 < view.diverged_at[1] < 50
    np.testing.assert_allclose(view.gaps[:, 0], alone.gaps[:, 0], rtol=1e-12)
    assert np.isnan(view.gaps[view.times >= view.diverged_at[1], 1]).all()


def test_every_method_diverging_ends_the_run_all_the_same():
    view = finish(Run(experiment(steps="shared", step=1e5)))
    assert (view.diverged_at >= 0).sum() >= 2 and view.iteration == 400


def test_data_that_cannot_be_fitted_any_better_are_told():
    x = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    nothing = standardise(
        Data("uncorrelated", x, np.array([[1.0], [1.0], [-1.0], [-1.0]]), ("a", "b"), ("y",))
    )
    with pytest.raises(RunError, match="nothing to learn"):
        Run(experiment(problem="csv", csv="0" * 16), nothing).advance(10)


def test_choices_that_do_not_fit_raise_their_sentence_at_every_try():
    run = Run(experiment(m=3, d=20))
    for _ in range(2):
        with pytest.raises(ChoiceError, match="at least as many samples"):
            run.advance(10)
    assert run.view(10) is None


def test_a_failing_gpu_starts_the_run_again_on_the_cpu_and_says_so(monkeypatch):
    run = Run(experiment(steps="shared", step=0.05))
    run.advance(5)
    run._device = torch.device("cuda")
    monkeypatch.setattr(
        Simulation,
        "advance",
        lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("CUDA out of memory.")),
    )
    run.advance(400)
    monkeypatch.undo()
    view = finish(run)
    assert "GPU failed" in run.device_note
    np.testing.assert_array_equal(
        view.gaps, finish(Run(experiment(steps="shared", step=0.05))).gaps
    )


def test_a_device_that_cannot_compute_leaves_the_run_to_the_cpu(monkeypatch):
    """PyTorch's `meta` device holds no numbers: everything that is asked of it fails."""
    monkeypatch.setattr(
        runs_module, "choose_device", lambda work: (torch.device("meta"), "Computed on the GPU.")
    )
    run = Run(experiment(steps="shared", step=0.05))
    view = finish(run)
    assert "GPU failed" in run.device_note
    np.testing.assert_array_equal(
        view.gaps, finish(Run(experiment(steps="shared", step=0.05))).gaps
    )


def test_no_memory_is_one_sentence(monkeypatch):
    run = Run(experiment())
    monkeypatch.setattr(Simulation, "advance", lambda *_: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(RunError, match="No memory is left"):
        run.advance(5)


def test_no_memory_is_known_by_type_and_an_error_that_only_speaks_of_it_is_not():
    assert no_memory(MemoryError()) and no_memory(torch.OutOfMemoryError("CUDA out of memory."))
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**16)
    assert no_memory(caught.value)
    assert not no_memory(RuntimeError("could not allocate a seat")) and not no_memory(
        ValueError("DefaultCPUAllocator")
    )


@pytest.mark.parametrize(
    "error",
    [RuntimeError("CUDA error: all devices are busy"), AssertionError("not compiled with CUDA")],
)
def test_a_gpu_whose_name_cannot_be_asked_leaves_the_run_to_the_cpu(monkeypatch, error):
    def fails():
        raise error

    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", fails)
    run = Run(experiment(steps="shared", step=0.05))
    view = finish(run)
    assert run.device_note == "Computed on the CPU: a CUDA GPU was found, but it does not answer."
    monkeypatch.undo()
    np.testing.assert_array_equal(
        view.gaps, finish(Run(experiment(steps="shared", step=0.05))).gaps
    )


@pytest.mark.parametrize(
    "optimizer", [name for name, o in OPTIMIZERS.items() if o.steps is not None]
)
def test_gradients_whose_squares_overflow_are_told_and_those_below_are_trained(optimizer):
    """In float32 a square above 3.4e38 is infinite, and what is divided by it never moves again
    (AdaDelta's ratio: above 1e33)."""
    values = {
        "problem": "two",
        "ratio": 1000.0,
        "precision": "float32",
        "steps": "shared",
        "iterations": 50,
    }
    methods = tuple(Entry(depth, optimizer) for depth in (1, 2, 3))
    with pytest.raises(
        RunError, match=r"Float32 cannot hold the squares of these gradients, .*: choose float64"
    ):
        Run(experiment(**values, p=8.0, methods=methods)).advance(10)
    for chosen in ({"p": 8.0, "precision": "float64"}, {"p": 6.0}):
        view = finish(
            Run(
                experiment(
                    **values | chosen,
                    methods=methods,
                    step=100.0 if optimizer == "adadelta" else 1.0,
                )
            )
        )
        assert (view.gaps[-1] < view.gaps[0]).all()
    run = Run(experiment(**values, p=8.0, methods=(Entry(1),), step=1e-20))
    assert np.isfinite(finish(run).gaps).all()
    with pytest.raises(RunError, match="or a start nearer 0"):  # large at its start only
        Run(
            experiment(problem="diabetes", p=16.0, scale=10.0, precision="float32", methods=methods)
        ).advance(10)


def test_a_change_of_step_size_takes_hold_at_its_iteration():
    chosen = experiment(steps="shared", step=0.05, changes=((64, 0.5), (150, 3.0)))
    run = Run(chosen)
    for position in range(0, 401, 7):  # slices that end before, at and after the changes
        while run.computed < position:
            run.advance(position)
    view, problem = finish(run), chosen.build("cpu")
    simulation = Simulation(problem, [chosen.method(e) for e in chosen.methods])
    losses = [simulation.advance(64)]
    simulation.scale_steps(0.5)
    losses.append(simulation.advance(86))
    simulation.scale_steps(3.0)
    losses = np.concatenate([*losses, simulation.advance(251)])
    np.testing.assert_array_equal(view.gaps, problem.gap(losses[view.times]))
    np.testing.assert_allclose(view.steps, 0.05 * 0.5 * 3.0)
    np.testing.assert_array_equal(run.view(100).steps, 0.05 * 0.5)
    unchanged = finish(Run(experiment(steps="shared", step=0.05)))
    first = view.times <= 64  # the loss at the change is still the one before it
    np.testing.assert_array_equal(view.gaps[first], unchanged.gaps[first])
    assert (view.gaps[view.times == 65] != unchanged.gaps[view.times == 65]).all()


@pytest.fixture
def alone(monkeypatch):
    """Room for two and a half runs, and no runs but those of the test."""
    one = Run(experiment())
    one.advance(1)
    monkeypatch.setattr(runs_module, "ROOM", Room(int(2.5 * one.held)))


def test_runs_that_nobody_looks_at_make_room_for_new_ones(alone, monkeypatch):
    first, second = Run(experiment(seed=11)), Run(experiment(seed=12))
    for run in (first, second):
        run.advance(5)
    first.asked -= 2 * UNWATCHED_SECONDS
    third = Run(experiment(seed=13))
    third.advance(5)
    assert (first.computed, second.computed, third.computed) == (-1, 5, 5) and first.held == 0
    second.asked -= 2 * UNWATCHED_SECONDS
    np.testing.assert_array_equal(
        finish(first).gaps, finish(Run(experiment(seed=11))).gaps
    )  # it begins anew


def test_where_watched_runs_leave_no_room_the_person_is_told_and_nobody_loses_anything(alone):
    watched = [Run(experiment(seed=seed)) for seed in (21, 22)]
    for run in watched:
        run.advance(5)
    with pytest.raises(RunError, match="busy with other large runs"):
        Run(experiment(seed=23)).advance(5)
    assert [run.computed for run in watched] == [5, 5]
    finish(watched[1])  # what is finished holds no memory
    late = Run(experiment(seed=24))
    late.advance(5)
    assert late.computed == 5


def test_after_memory_ran_out_the_run_begins_again_and_tunes_again(monkeypatch):
    run, expected = Run(experiment()), finish(Run(experiment()))
    run.advance(120, seconds=60)
    assert run.tuned is not None
    with monkeypatch.context() as patched:
        patched.setattr(Simulation, "advance", lambda *_: (_ for _ in ()).throw(MemoryError()))
        with pytest.raises(RunError, match="No memory is left"):
            run.advance(400)
    assert run.view(400) is None and run.tuned is None and run.held == 0
    np.testing.assert_array_equal(finish(run).gaps, expected.gaps)


def test_a_loss_that_does_not_fit_into_float32_is_one_sentence():
    too_large = {"problem": "two", "p": 16.0, "ratio": 1000.0}
    for how in ({}, {"steps": "shared"}):
        with pytest.raises(RunError, match="does not fit into float32: choose float64"):
            Run(experiment(precision="float32", **too_large, **how)).advance(5)
        assert np.isfinite(finish(Run(experiment(**too_large, **how))).first)


def test_curvature_in_float32_is_the_curvature():
    """Step sizes are searched around it, and its square overflows float32 long before the loss
    does."""
    chosen = {"problem": "two", "p": 16.0, "ratio": 100.0, "steps": "tuned"}
    chosen["methods"] = (Entry(1), Entry(2))  # Adam is refused here, as it squares the gradient
    in_32, in_64 = (
        finish(Run(experiment(precision=precision, **chosen)))
        for precision in ("float32", "float64")
    )
    np.testing.assert_allclose(in_32.steps, in_64.steps, rtol=1.0)
