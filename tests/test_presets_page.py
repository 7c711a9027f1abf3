"""Presets and tuning on the race page, without a browser."""

import re
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from overparam.choices.kinds import read_choices
from overparam.choices.methods import Entry
from overparam.choices.race import CHOICES, Experiment
from overparam.figures.tuning import HIGHEST, LOWEST, Tuning, nearest, tuning_figure
from overparam.measure.history import GAPS
from overparam.serving.course import View
from overparam.serving.run import Run
from overparam.story.presets import ALWAYS_HERE, PRESETS
from overparam.story.race_words import arrivals, differences, ends
from overparam.ui.race.presets import preset_lines
from overparam.ui.race.tuning import _rows, _take, tuned_twin
from tests.app_pages import race, transport

SHORT = {"iterations": "150", "horizon": "100", "grid": "3"}
SMALL = SHORT | {"problem": "two", "p": "3", "ratio": "3", "methods": "1_gd~2_gd~1_adam"}


@pytest.fixture(autouse=True)
def no_ethanol(monkeypatch, tmp_path):
    monkeypatch.setenv("OVERPARAM_DATA", str(tmp_path))


def faults(app: AppTest) -> list[str]:
    assert not app.exception, app.exception
    return [e.value for e in (*app.warning, *app.error)]


def lines(app: AppTest) -> str:
    return "".join(
        block.value for block in app.get("html") if '<div class="preset">' in block.value
    )


def captions(app: AppTest) -> str:
    return "\n".join(caption.value for caption in app.caption)


@pytest.mark.parametrize("name", ["p2", "fig5-left"])
def test_one_click_sets_every_choice_runs_and_says_what_was_measured(name):
    app = race(**SMALL)
    assert lines(app) == ""
    app.session_state["race_presets"] = True
    app.run()
    app.button(key=f"race_preset_{name}").click().run()
    expected = Experiment.of(PRESETS[name].values(ALWAYS_HERE))
    assert faults(app) == [] and transport(app)["experiment"] == expected
    assert transport(app)["position"] == expected.iterations and not transport(app)["playing"]
    told = lines(app)
    for label in ("Replication", "Measured here", "Watch"):
        assert f"<b>{label}" in told
    assert "Iterations to g ≤" in told
    assert ("(on Ethanol)" in told) == (
        name == "fig5-left"
    )  # the numbers reported are of other data than those on screen


def test_the_full_length_is_one_click_away_and_so_is_the_way_back(monkeypatch):
    preset = replace(PRESETS["fig3-l2"], full=700)
    monkeypatch.setitem(PRESETS, "fig3-l2", preset)
    app = race(**preset.choices | SHORT)
    assert lines(app) and app.button(key="race_full").label == "Full length: 700 iterations"
    app.button(key="race_full").click().run()
    assert faults(app) == [] and transport(app)["experiment"] == Experiment.of(
        preset.values("diabetes", long=True)
    )
    assert transport(app)["position"] == 700 and app.button(key="race_full").label == "Short again"
    app.button(key="race_full").click().run()
    assert transport(app)["experiment"] == Experiment.of(preset.values("diabetes"))


def test_a_long_run_says_that_its_steps_were_compared_over_a_part_of_it():
    for long, says in (
        (False, "Where depth 1 crawls"),
        (True, "Step sizes are compared until iteration 100,000"),
    ):
        run = Run(Experiment.of(PRESETS["fig3-l4"].values(ALWAYS_HERE, long)))
        run.advance(20, seconds=0.1)
        assert says in preset_lines(run, run.view(20))


def test_the_tuning_view_looks_without_running_and_runs_to_the_horizon():
    app = race(**SMALL | {"seed": "71"}, axis="tuning")
    assert faults(app) == []
    app = race(**SMALL | {"seed": "72", "horizon": "2000", "iterations": "2000"}, axis="tuning")
    assert "press Run to go on" in captions(app)
    app.button(key="race_run").click().run()
    assert faults(app) == [] and "compared at the tuning horizon of 2,000" in captions(app)
    assert not transport(app)["playing"] and transport(app)["position"] == 2000
    app.button(key="race_run").click().run()  # nothing is left to compare: the curves
    assert app.session_state["race_axis"] == "log" and faults(app) == []


def test_the_tuning_view_of_given_step_sizes_compares_the_whole_grid():
    app = race(**SMALL | {"steps": "shared", "step": "0.02"}, axis="tuning")
    assert faults(app) == [] and re.search(r"\d\d runs, 3 step sizes a decade", captions(app))


def test_bad_choices_are_one_sentence_in_the_tuning_view_too():
    app = race(problem="synthetic", m="5", d="20", axis="tuning")
    assert len(faults(app)) == 1 and "at least as many samples" in faults(app)[0]
    assert "View must be one of log, linear, tuning" in faults(race(**SMALL, axis="sideways"))[0]


class State:
    """As much of a page's state as a click needs."""

    def __init__(self, **values):
        self._values = read_choices(CHOICES, {})[0] | values

    def values(self):
        return dict(self._values)

    def set(self, **values):
        self._values |= values


def compared(**values):
    state = State(
        **{"problem": "two", "p": 3.0, "ratio": 3.0, "iterations": 100, "horizon": 100, "grid": 3}
        | values
    )
    run = Run(tuned_twin(state.values()))
    while run.tuned is None:
        run.advance(100, seconds=0.1)
    return state, run, _rows(run, run.comparison(), state.values())


def test_a_click_runs_that_step_and_leaves_the_others_at_their_best():
    state, run, rows = compared(methods=(Entry(1), Entry(2), Entry(1, "adam")))
    best = [float(row.steps[row.chosen]) for row in rows]
    assert best == pytest.approx([run.tuned.grid.steps[row] for row in run.tuned.chosen])
    _take(state, rows, 1, 0.123)
    assert state.values()["steps"] == "each" and [e.step for e in state.values()["methods"]] == [
        best[0],
        0.123,
        best[2],
    ]
    again = _rows(run, run.comparison(), state.values())
    assert [row.own for row in again] == [best[0], 0.123, best[2]]
    assert tuned_twin(state.values()) == run.experiment  # the same grid stands behind the own steps
    _take(state, again, 0, 0.5)
    assert [e.step for e in state.values()["methods"]] == [0.5, 0.123, best[2]]


def test_a_shared_step_is_shown_on_every_curve():
    _, _, rows = compared(methods=(Entry(1), Entry(2)), steps="shared", step=0.03)
    assert [row.own for row in rows] == [0.03, 0.03]


def row(name="a", gaps=(0.5, 0.1, 0.2, np.nan), chosen=1, **more):
    return Tuning(
        name, "#248bed", "solid", np.array([0.01, 0.1, 1.0, 10.0]), np.array(gaps), chosen, **more
    )


def test_the_figure_marks_the_best_step_the_first_that_diverged_the_limit_and_the_step_in_use():
    figure = tuning_figure([row(stable=3.0, own=0.01)], "gap")
    curve, gone, own, limit = figure.data
    assert list(curve.marker.symbol) == ["circle", "star", "circle", "circle"] and list(gone.x) == [
        10.0
    ]
    assert list(own.x) == [0.01] and list(own.y) == [0.5] and list(limit.x) == [3.0, 3.0]
    assert [tuple(c) for c in curve.customdata] == [(0, s) for s in (0.01, 0.1, 1.0, 10.0)]


def test_the_figure_shows_solved_and_hopeless_gaps_at_its_edges():
    curve = tuning_figure([row(gaps=(1e9, 1e-3, -1e-17, 1e-12), chosen=2)], "gap").data[0]
    np.testing.assert_array_equal(curve.y, [HIGHEST, 1e-3, LOWEST, LOWEST])
    tuning_figure([row(gaps=(np.nan,) * 4)], "gap")  # all diverged: nothing to draw, nothing fails


def test_a_click_beside_a_point_takes_the_nearest():
    rows = [row(), row("b", gaps=(1e-4, 1e-5, 1e-6, 1e-7))]
    assert (
        nearest(rows, 0.12, 0.15) == (0, 0.1)
        and nearest(rows, 0.9, 2e-6) == (1, 1.0)
        and nearest(rows, 12, 3) == (0, 10.0)
    )


def view(gaps, reached, diverged=(-1, -1)):
    gaps, steps, edge = np.tile(np.array(gaps), (51, 1)), np.ones(2), np.zeros(2, bool)
    return View(
        50, np.arange(51), gaps, np.array(reached), steps, np.array(diverged), False, edge, 1.0, 0.0
    )


def chosen(*methods, **more):
    return Experiment.of(
        read_choices(CHOICES, {})[0] | {"methods": methods, "steps": "shared"} | more
    )


def test_arrivals_name_the_smallest_gap_of_all_and_of_any():
    pair = chosen(Entry(1, scale=0.01), Entry(2, scale=0.04))
    seen = view((0.1, 0.1), ((3, 40, -1, -1, -1, -1), (2, 9, 20, -1, -1, -1)))
    assert (
        arrivals(pair, seen, None)
        == "Iterations to g ≤ 0.2: depth 1: 40; depth 2: 9. Iterations to g ≤ 0.1: depth 1: not"
        " yet; depth 2: 20."
    )
    assert arrivals(pair, seen, None, goal=0.5) == "Iterations to g ≤ 0.5: depth 1: 3; depth 2: 2."
    none = view((1.0, np.nan), np.full((2, 6), -1), diverged=(-1, 1234))
    assert (
        arrivals(pair, none, None)
        == "No method has reached g ≤ 0.5 within 50 iterations. Diverged: depth 2 at iteration"
        " 1,234."
    )
    twice = chosen(Entry(8, scale=0.01), Entry(8, scale=0.1))
    assert "depth 8, start 0.01: 3; depth 8, start 0.1: 2" in arrivals(twice, seen, None, goal=0.5)


def test_arrivals_take_each_gap_at_its_own_best_step_and_go_on_after_tuning():
    run = Run(
        chosen(
            Entry(1),
            Entry(2),
            problem="two",
            p=3.0,
            ratio=2.0,
            steps="tuned",
            horizon=40,
            iterations=400,
            grid=4,
        )
    )
    while not run.finished:
        run.advance(400, seconds=0.1)
    seen = run.view(400)
    best = run.tuned.grid.fastest(run.tuned.reached)
    goal = GAPS.index(1e-4)
    one, two = (
        min(t for t in pair if t >= 0)
        for pair in zip(best[:, goal], seen.reached[:, goal], strict=True)
    )
    told = arrivals(run.experiment, seen, run.tuned)
    assert (
        f"Iterations to g ≤ 0.0001, each at its best step size for it: depth 1: {one:,}; depth 2:"
        f" {two:,}." in told
    )


def test_ends_and_differences_in_words():
    pair = chosen(Entry(1), Entry(2))
    reached = np.full((2, 6), 7)
    assert (
        ends(pair, view((0.25, np.nan), reached), None)
        == "g at iteration 50: depth 1: 0.25; depth 2: diverged."
    )
    assert (
        ends(pair, view((1e-12, 1e-10), reached), None)
        == "Iterations to g ≤ 0.0001: depth 1: 7; depth 2: 7."
    )
    rule = chosen(Entry(2, kind="rule"), Entry(2, width=5))
    assert (
        differences(rule, view((0.25, 0.5), reached), None)
        == "Largest distance from the rule's g until iteration 50: depth 2, width 5: 0.25."
    )
    assert "one of them diverged" in differences(rule, view((0.25, np.nan), reached), None)
