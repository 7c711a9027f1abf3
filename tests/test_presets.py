"""Presets: each can be read, is found again, and shows, shortened, the ordering that its figure is
about."""

from pathlib import Path

import numpy as np
import pytest

from overparam import reproduce
from overparam.choices import problems
from overparam.choices.kinds import read_choices
from overparam.choices.race import CHOICES, Experiment
from overparam.data import Data
from overparam.measure.history import GAPS
from overparam.serving.run import Run
from overparam.story.presets import COUNTEREXAMPLES, FIGURES, LONGEST_HORIZON, ON, PRESETS, matching

ETHANOL = Path(__file__).parents[2] / "shared" / "data" / "gas_ethanol.npz"
needs_ethanol = pytest.mark.skipif(
    not ETHANOL.exists(), reason="no copy of the paper's data at ../shared/data/gas_ethanol.npz"
)


@pytest.fixture
def ethanol(monkeypatch):
    """The paper's data, as if they had been downloaded."""
    with np.load(ETHANOL) as file:
        x, y = file["X"], file["y"][:, None]
    data = Data("Ethanol", (x - x.mean(0)) / x.std(0), (y - y.mean(0)) / y.std(0), (), ())
    monkeypatch.setattr(problems, "load_ethanol", lambda **_: data)
    return "ethanol"


def finished(name, problem, **shorter):
    run = Run(Experiment.of(PRESETS[name].values(problem) | shorter))
    while not run.finished:
        run.advance(10**9, seconds=0.1)
    return run


def fastest(run, goal):
    """Iterations of every method to a gap at its own best step size; a number beyond all where none
    got there."""
    reached = run.tuned.grid.fastest(run.tuned.reached)[:, GAPS.index(goal)]
    return np.where(reached < 0, 10**9, reached).tolist()


def arrived(run, goal):
    """Like `fastest`, but after tuning the chosen runs count, too."""
    later = run.view(10**9).reached[:, GAPS.index(goal)]
    return np.minimum(fastest(run, goal), np.where(later < 0, 10**9, later)).tolist()


def measured(run):
    preset = matching(run.experiment)
    return preset.measure(run.experiment, run.view(10**9), run.comparison())


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_preset_can_be_read_is_found_again_and_says_what_it_is(preset):
    for problem in ON:
        for long in (False, True):
            values = preset.values(problem, long)
            assert matching(Experiment.of(values)) is preset
            assert {choice.name: choice.check(values[choice.name]) for choice in CHOICES} == values
    assert preset.title and preset.about and preset.watch and (preset.paper or preset.replication)
    if preset.full is not None:
        long = preset.values("ethanol", long=True)
        assert long["iterations"] == preset.full and long["horizon"] == min(
            preset.full, LONGEST_HORIZON
        )


def test_the_presets_are_all_different_and_other_choices_are_none_of_them():
    assert len(PRESETS) == len(FIGURES) + len(COUNTEREXAMPLES)
    assert matching(Experiment.of(read_choices(CHOICES, {})[0])) is None
    values = PRESETS["fig3-l4"].values("diabetes")
    assert (
        matching(Experiment.of(values | {"seed": 3})) is None
        and matching(Experiment.of(values | {"problem": "two"})) is None
    )
    assert (
        matching(Experiment.of(values | {"grid": 3, "horizon": 70, "iterations": 90}))
        is PRESETS["fig3-l4"]
    )


@pytest.mark.parametrize("problem", ["diabetes", pytest.param("ethanol", marks=needs_ethanol)])
def test_figure_2_the_rule_is_the_network_up_to_the_step_size(problem, request):
    problem = request.getfixturevalue("ethanol") if problem == "ethanol" else problem
    step = PRESETS["fig2"].values(problem)["step"]

    def apart(factor):
        gaps = (
            finished("fig2", problem, step=step / factor, iterations=300 * factor).view(10**9).gaps
        )  # the same time of flow
        return np.abs(gaps[:, 1::2] - gaps[:, ::2]).max(0)  # a rule before each network

    whole, fifth = apart(1), apart(5)
    balanced, gaussian = [0, 2], [1, 3]
    assert (whole[balanced] < 0.02).all()
    np.testing.assert_allclose(whole[balanced] / fifth[balanced], 5, rtol=0.35)
    assert (whole[gaussian] > 0.05).all() and (whole[gaussian] / fifth[gaussian] < 2).all()


def test_figure_3_on_diabetes():
    """l2: every layer costs something. l4: depth 2 is ahead of depth 3, which is ahead of depth
    1."""
    one, two, three = fastest(finished("fig3-l2", "diabetes", horizon=1000, iterations=1000), 1e-4)
    assert one < two < three
    one, two, three = fastest(finished("fig3-l4", "diabetes", horizon=1000, iterations=1000), 1e-4)
    assert two < three < one


def test_figures_3_to_5_hold_on_the_data_that_are_always_here():
    """l2: depth gains nothing. l4: depth is far ahead, and ahead of AdaGrad, level with AdaDelta
    at its best step, behind momentum; Adam gains to a small gap. Near zero depth 8 is stuck."""
    one, two, three = (
        finished("fig3-l2", "cancer", horizon=1000, iterations=1000).view(1000).gaps[-1]
    )
    assert one < min(two, three)
    one, two, three = fastest(finished("fig3-l4", "cancer", horizon=500, iterations=500), 0.01)
    assert 4 < one / two < 5 and 4 < one / three < 5
    one, two, three, adagrad, adadelta, momentum = fastest(
        finished("fig4-left", "cancer", horizon=600, iterations=600, grid=6), 0.01
    )
    assert momentum < min(two, three) and max(two, three) < one / 3 and 5 * two < adagrad
    assert 0.8 < adadelta / two < 1.25
    one, two, three = fastest(finished("fig4-right", "cancer", grid=6), 0.001)
    assert 1.3 * max(two, three) < one
    four, eight, four_identity, eight_identity = arrived(
        finished("fig5-left", "cancer", grid=6), 0.2
    )
    assert four_identity <= four and eight_identity < 2000 < eight


@needs_ethanol
def test_figure_3_on_the_papers_data(ethanol):
    run = finished("fig3-l2", ethanol)
    one, two, three = run.view(10**9).gaps[-1]
    # which deep step is chosen hangs on rounding: large ones oscillate along the edge of stability
    assert (
        one == pytest.approx(0.0252, rel=0.02) and one < min(two, three) and max(two, three) < 0.03
    )
    assert measured(run).startswith("g at iteration 10,000: depth 1: 0.0252; depth 2: 0.02")
    one, two, three = fastest(finished("fig3-l4", ethanol, horizon=600, iterations=600), 0.2)
    assert (
        two == pytest.approx(433, rel=0.15) and three == pytest.approx(509, rel=0.15) and one > 600
    )


def test_figure_4_on_diabetes():
    """Depth beats AdaGrad here, momentum beats everything; and Adam gains nothing from depth,
    unlike on the paper's data."""
    one, two, three, adagrad, _, momentum = fastest(
        finished("fig4-left", "diabetes", horizon=1500, iterations=1500), 1e-4
    )
    assert momentum < two < one < adagrad and three < adagrad
    one, two, three = fastest(finished("fig4-right", "diabetes"), 1e-4)
    assert one < two < three


@needs_ethanol
def test_figure_4_on_the_papers_data(ethanol):
    _, two, three, adagrad, adadelta, _ = fastest(
        finished("fig4-left", ethanol, horizon=700, iterations=700, grid=6), 0.2
    )
    assert two < three < adadelta < adagrad
    one, two, three = fastest(
        finished("fig4-right", ethanol, horizon=900, iterations=900, grid=6), 0.1
    )
    assert max(two, three) < one / 2


@pytest.mark.parametrize("problem", ["diabetes", pytest.param("ethanol", marks=needs_ethanol)])
def test_figure_5_near_zero_is_stuck(problem, request):
    problem = request.getfixturevalue("ethanol") if problem == "ethanol" else problem
    run = finished("fig5-left", problem, grid=6)
    four, eight, four_identity, eight_identity = arrived(run, 0.2)
    assert four_identity < four and eight_identity < 2000 < eight
    assert "depth 8, near zero: not yet" in measured(run)


def test_counterexample_p_2():
    counts = fastest(finished("p2", "diabetes"), 1e-4)
    assert counts == sorted(counts) and counts[0] <= 3 and counts[3] > 4 * counts[0]


def test_counterexample_the_lead_of_depth_on_a_coarse_grid_is_gone_on_a_fine_one():
    coarse, fine = (
        finished("coarse-grid", "diabetes", grid=grid).view(10**9).reached[:, GAPS.index(1e-4)]
        for grid in (2, 24)
    )
    assert 0 < 1.5 * coarse[1] < coarse[0] and 0 < fine[0] <= fine[1]


def test_counterexample_late_divergence_and_its_cure():
    run = finished("late-divergence", "diabetes", iterations=3000)
    view = run.view(10**9)
    assert (
        view.diverged_at[2] > run.experiment.tuning_horizon and (view.diverged_at[:2] == -1).all()
    )
    first, _, third = view.reached[:, GAPS.index(0.001)]
    assert 0 < third < first / 5
    assert f"Diverged: depth 3 at iteration {view.diverged_at[2]:,}." in measured(run)
    longer = finished("late-divergence", "diabetes", iterations=3000, horizon=3000).view(10**9)
    assert (longer.diverged_at == -1).all() and 0 < longer.reached[2, GAPS.index(0.001)] < first / 2


def test_counterexample_depth_8_near_zero_does_not_move():
    run = finished("near-zero", "diabetes", horizon=200, iterations=200)
    smaller, larger, identity, plain = run.view(10**9).gaps[-1]
    np.testing.assert_allclose([smaller, larger], 1, atol=1e-5)
    assert identity < 0.5 and plain < 0.1


def test_the_script_prints_every_number_beside_what_was_reported(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("OVERPARAM_DATA", str(tmp_path))
    reproduce.main(["p2", "near-zero", "--seeds", "2"])
    printed = capsys.readouterr().out
    assert "Data: Breast cancer: symmetry (569×29); the paper's own data are not here" in printed
    p2, near_zero = printed.split("\n\n")[1:]
    assert p2.startswith("p = 2") and PRESETS["p2"].paper in p2 and PRESETS["p2"].replication in p2
    assert (
        p2.count(
            "measured     Iterations to g ≤ 0.0001, each at its best step size for it: depth 1: 1;"
        )
        == 2
        and "seed 1" in p2
    )
    assert "paper" not in near_zero.split("measured")[0] and "not yet" in near_zero
    with pytest.raises(SystemExit):
        reproduce.main(["fig9"])
    assert "no preset is called fig9; there are fig2" in capsys.readouterr().err
