"""From runs to a verdict: each verdict where it is true, the trap, early stopping against time,
shared work."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from overparam.choices.estimate import ESTIMATE, PRESETS, SOURCES, STRENGTH, gap_of, task_of, way_of
from overparam.choices.kinds import read_choices, write_choices
from overparam.choices.race import CHOICES as RACE
from overparam.choices.race import Experiment
from overparam.data import load_diabetes
from overparam.measure.estimate import FAMILIES, clear, estimate, judge, stopping, swings
from overparam.measure.roads import Works
from overparam.measure.trap import trap
from overparam.measure.updates import WAYS, RunError, Task, Way
from overparam.serving.work import Work

DEFAULTS = {choice.name: choice.default for choice in ESTIMATE} | {"N": 3.0}


def done(work):
    shares = []
    while True:
        try:
            shares.append(next(work))
        except StopIteration as end:
            assert all(0 <= share <= 1 for share in shares)
            return end.value


@pytest.fixture(scope="module")
def tasks():
    data = load_diabetes()
    return {p: Task(data.inputs, data.targets[:, 0], p, 1 / 442) for p in (2, 4)}


def verdict(task, way, family="ridge", asks="update", runs=1, repeats=16, loops=None):
    found = done(estimate(task, way, asks, runs, repeats, 0))
    return judge(found, family, way, loops, swings(task, way)), found


def loops_of(difference: float, error: float) -> Works:
    one = np.full(5, 1.0)
    return Works(one, one - difference, np.full(5, 2.0), np.full(5, error))


@pytest.mark.parametrize(
    ("p", "way", "family", "asks", "runs", "expected"),
    [
        (2, Way("decay", 0.01), "ridge", "update", 1, "found"),
        (4, Way("decay", 0.01), "diagonal", "update", 1, "found"),
        (2, Way("decay", 0.01), "power", "update", 1, "other"),
        (2, Way("decay", 0.01), "ridge", "endpoint", 1, "found"),
        (2, Way("stop", 100), "ridge", "update", 1, "nothing"),
        (2, Way("stop", 100), "ridge", "endpoint", 1, "other"),
        (2, Way("stop", 100), "diagonal", "endpoint", 1, "undecided"),
        (2, Way("stop", 100), "symmetric", "endpoint", 1, "undecided"),
        (2, Way("stop", 100), "symmetric", "endpoint", 10, "found"),
        (2, Way("dropout", 0.2), "ridge", "update", 1, "found"),
        (2, Way("dropout", 0.2), "ridge", "endpoint", 1, "found"),
        (4, Way("dropout", 0.5), "ridge", "update", 1, "other"),
        (2, Way("noise", 0.5), "ridge", "update", 1, "nothing"),
        (4, Way("noise", 0.5), "ridge", "update", 1, "other"),
        (2, Way("batch", 32), "ridge", "update", 1, "nothing"),
        (2, Way("momentum", 0.9, 0.1), "quadratic", "update", 10, "found"),
        (2, Way("momentum", 0.9, 0.1), "ridge", "update", 10, "other"),
        (2, Way("momentum", 0.9, 3), "quadratic", "update", 10, "past"),
        (2, Way("step", 0.1), "quadratic", "update", 4, "found"),
        (2, Way("rule", 1), "ridge", "update", 1, "found"),
        (4, Way("rule", 3), "ridge", "update", 4, "undecided"),
    ],
)
def test_the_verdict_that_is_true(tasks, p, way, family, asks, runs, expected):
    found, _ = verdict(tasks[p], way, family, asks, runs)
    assert found.kind == expected


def test_a_fit_that_is_free_enough_is_no_finding(tasks):
    for family in ("diagonal", "symmetric"):
        found, answers = verdict(tasks[2], Way("stop", 100), family, "endpoint")
        assert found.reason == "few runs" and answers.answers[family].here.value < 1e-20


def test_depth_is_judged_by_loops_and_only_by_those(tasks):
    way = Way("network", 3)
    assert verdict(tasks[4], way)[0].reason == "family"
    assert verdict(tasks[4], way, loops=loops_of(0.05, 1e-5))[0].kind == "not"
    assert verdict(tasks[4], way, loops=loops_of(1e-6, 1e-5))[0].reason == "loops"


def test_degenerate_settings_say_what_is_true(tasks):
    one_draw, found = verdict(tasks[2], Way("dropout", 0.2), repeats=1)
    assert (one_draw.kind, one_draw.reason) == ("undecided", "one draw")
    assert np.isinf(found.answers["ridge"].half).all()
    few, _ = verdict(tasks[2], Way("dropout", 0.2), repeats=2)
    assert few.kind in ("nothing", "undecided")  # two draws cannot tell
    assert verdict(tasks[2], Way("decay", 0.0))[0].kind == "nothing"  # every update is that of L
    assert verdict(tasks[2], Way("dropout", 0.0))[0].kind == "nothing"
    with pytest.raises(RunError, match="no curvature at W = 0"):
        verdict(Task(np.eye(2), np.zeros(2), 4, 1.0), Way("step", 0.1))


def test_clear_of_the_error(tasks):
    assert clear(loops_of(0.01, 1e-4)).all() and not clear(loops_of(0.01, 2e-3)).any()
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(1000, 16, 5))
    alarms = [
        clear(Works(draws, np.zeros_like(draws), np.ones_like(draws), np.zeros_like(draws))).any()
        for draws in noise
    ]
    assert 0.02 < np.mean(alarms) < 0.08  # of five loops together


def test_parameters_have_intervals_and_the_truth_only_where_the_family_holds_it(tasks):
    _, found = verdict(tasks[2], Way("dropout", 0.2))
    answer = found.answers["ridge"]
    assert answer.exact is not None and answer.exact[0] == pytest.approx(0.25)
    assert abs(answer.centre[0] - 0.25) < 1.5 * answer.half[0] and answer.half[0] < 0.02
    assert found.answers["power"].exact is None
    np.testing.assert_allclose(found.answers["symmetric"].exact, 0.25)
    _, found = verdict(tasks[2], Way("decay", 0.01))
    np.testing.assert_allclose(found.answers["ridge"].apart, 0.01, rtol=1e-6)
    assert (found.answers["ridge"].half == 0).all()


def test_rounding_below_zero_is_not_called_negative(tasks):
    _, found = verdict(tasks[2], Way("stop", 100), "symmetric", "endpoint", 10)
    symmetric = found.answers["symmetric"]
    # of the order of 1e-17, whose sign is another one on another processor: below 0 here
    least = -np.abs(symmetric.centre[-1:])
    assert abs(least) < 1e-12 * symmetric.centre[0]
    below = replace(symmetric, centre=np.concatenate([symmetric.centre[:-1], least]))
    assert not symmetric.negative.any() and not below.negative.any()
    assert found.answers["diagonal"].negative.any()


def test_a_free_potential_is_offered_in_two_dimensions_only(tasks):
    _, wide = verdict(tasks[2], Way("decay", 0.01))
    assert set(FAMILIES) - set(wide.answers) == {"free"}
    plane = Task(np.eye(2), np.array([1.5, 0.5]), 4, 1.0)
    _, flat = verdict(plane, Way("decay", 0.01), "free", runs=8)
    assert set(flat.answers) == set(FAMILIES) and flat.answers["free"].here.value < 1e-6


def test_early_stopping_against_time(tasks):
    found = stopping(tasks[2], 1000)
    assert (found.low <= found.high).all() and (found.high <= found.ceiling * (1 + 1e-12)).all()
    ratio = dict(zip(found.iterations.tolist(), found.scalar / found.ceiling, strict=True))
    left = dict(zip(found.iterations.tolist(), found.left, strict=True))
    assert ratio[1] == pytest.approx(0.20, abs=0.005) and left[1] == pytest.approx(0.58, abs=0.005)
    assert ratio[1000] == pytest.approx(0.18, abs=0.005) and left[1000] == pytest.approx(
        0.47, abs=0.005
    )
    ends = done(estimate(tasks[2], Way("stop", 1000), "endpoint", 1, 1, 0)).answers["ridge"]
    assert ends.centre[0] == pytest.approx(found.scalar[-1], rel=1e-8)  # the run itself says so
    assert ends.here.value == pytest.approx(found.left[-1], rel=1e-6)


def test_one_run_of_any_depth_is_fitted_by_a_potential_and_the_next_runs_are_not():
    for depth in (2, 4):
        found = done(trap(depth, 0, counts=(1, 2), others=8))
        assert found.potential[0][0] < 1e-6 and found.potential[1][0] > 0.3
    whole = done(trap(4, 0))
    assert whole.potential[1][-1] > 3 * whole.anything[1][-1] and whole.anything[1][-1] < 0.01
    plain = done(trap(1, 0))
    assert max(plain.potential[1][-1], plain.anything[1][-1]) < 1e-6


@pytest.mark.parametrize("kind", WAYS)
def test_every_way_of_training_has_a_strength_and_survives_the_url(kind):
    values = DEFAULTS | {"what": kind}
    table = tuple(choice for choice in ESTIMATE)
    again, sentences = read_choices(table, write_choices(table, values))
    assert sentences == [] and again == {c.name: values[c.name] for c in table}
    assert way_of(values).strength == values[STRENGTH[kind]]


def test_presets_are_legal():
    for preset in PRESETS:
        values = DEFAULTS | dict(preset.values)
        assert read_choices(ESTIMATE, write_choices(ESTIMATE, values))[1] == []


def test_data_of_every_source():
    data = load_diabetes()
    for source in ("two", "diabetes", "cancer", "csv"):
        task = task_of(source, 4.0, data)
        assert np.isfinite(task.loss.value(np.zeros((1, task.inputs.shape[1])))).all()
        assert 0 < gap_of(source, 4.0, task.inputs.shape[1]) < 1
    chosen = {c.name: c.default for c in RACE} | {"problem": "cancer", "p": 4.0}
    problem = Experiment.of(chosen).build("cpu")
    task = task_of("cancer", 4.0, None)
    w = np.random.default_rng(0).normal(size=(1, task.inputs.shape[1]))
    assert task.loss.value(w)[0] == pytest.approx(problem.value(torch.from_numpy(w)), rel=1e-9)
    with pytest.raises(ValueError, match="upload it again"):
        task_of("csv", 2.0, None)
    assert set(SOURCES) == {"two", "diabetes", "cancer", "ethanol", "csv"}


def test_shared_work_is_done_once_and_its_error_is_everybodys():
    begun = []

    def steps():
        begun.append(threading.get_ident())
        for i in range(5):
            yield i / 5
        return "result"

    work = Work("key", steps)
    workers = [
        threading.Thread(target=lambda: [work.advance() for _ in range(3)]) for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert work.done and work.result == "result" and len(begun) == 1 and work.share == 1

    def fails():
        yield 0.1
        raise ValueError("in words")

    work = Work("other", fails)
    while not work.done:
        work.advance()
    for _ in range(2):
        with pytest.raises(ValueError, match="in words"):
            _ = work.result
