"""The sentence above the race, and the marks in its chart: never at odds with the table, whatever
was raced; and the opening race as it is described."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overparam.choices.kinds import read_choices
from overparam.choices.methods import Entry
from overparam.choices.race import CHOICES, OPENING, Experiment
from overparam.measure.history import GAPS
from overparam.serving.course import View
from overparam.serving.run import Run
from overparam.story.race_claim import LEVEL, claim, finding, times
from overparam.story.race_words import table
from overparam.ui.race.answer import arrivals, gap_curves, to_guess
from tests.app_pages import race, transport, visit

POOL = (
    *(Entry(depth) for depth in (1, 2, 3, 5)),
    *(Entry(1, name) for name in ("momentum", "adam", "adagrad", "adadelta")),
    Entry(2, "adam"),
)
counts = st.integers(1, 600) | st.just(-1)


@st.composite
def seen(draw) -> tuple[Experiment, View]:
    """A race of some methods, each of which reaches gaps in order, or not, or diverges."""
    methods = draw(st.lists(st.sampled_from(POOL), min_size=1, max_size=6, unique=True))
    values = read_choices(CHOICES, OPENING)[0] | {
        "methods": tuple(methods),
        "steps": draw(st.sampled_from(("tuned", "shared", "each"))),
        "aim": draw(st.sampled_from(("end", "0.1"))),
    }
    reached = np.full((len(methods), len(GAPS)), -1)
    for row in reached:
        times = sorted(t for t in draw(st.lists(counts, max_size=len(GAPS))) if t > 0)
        row[: len(times)] = times
    diverged = np.array([draw(st.just(-1) | st.integers(600, 700)) for _ in methods])
    steps, edge = np.ones(len(methods)), np.zeros(len(methods), bool)
    view = View(
        700,
        np.arange(2),
        np.ones((2, len(methods))),
        reached,
        steps,
        diverged,
        False,
        edge,
        1.0,
        0.0,
    )
    return Experiment.of(values), view


@settings(max_examples=60, deadline=None)
@given(seen())
def test_what_is_to_be_guessed_races_and_is_judged_by_the_table(case):
    experiment, view = case
    labels = [entry.label() for entry in experiment.methods]
    asked = to_guess(experiment, view)
    row = view.reached[labels.index(asked.target)]
    assert [gap for gap, _ in asked.reached] == list(GAPS)
    assert [-1 if count is None else count for _, count in asked.reached] == row.tolist()
    assert asked.reference != asked.target and asked.reference in (None, *labels)
    if {Entry(1), Entry(2)} <= set(experiment.methods):
        assert asked.reference == "depth 1" and asked.target.startswith("depth ")


@settings(max_examples=300, deadline=None)
@given(seen())
def test_the_sentence_never_contradicts_the_table(race_seen):
    experiment, view = race_seen
    told, found, lines = claim(experiment, view), finding(experiment, view), table(experiment, view)
    if found is None:
        assert told.startswith("No method has reached g ≤ 0.5")
        assert all(line.iterations[0] is None for line in lines)
        return
    place = GAPS.index(found.goal)
    assert [line.iterations[place] for line in lines] == list(found.counts)
    deep = [i for i, e in enumerate(experiment.methods) if e.depth > 1 and e.optimizer == "gd"]
    there = [i for i in deep if found.counts[i] is not None]
    assert (found.leader is None) == (not there)
    if there:
        assert found.counts[found.leader] == min(found.counts[i] for i in there)
    ratio = None if found.leader is None else lines[found.leader].speed_up
    if "Only depth" in told:
        assert math.isinf(ratio) and found.factor is None
    if "times fewer" in told:
        assert ratio == pytest.approx(found.factor) and ratio >= LEVEL
        assert f"{times(ratio)} times fewer" in told
    if "only delays" in told:
        assert ratio == pytest.approx(found.factor) and ratio <= 1 / LEVEL
    if "Only plain gradient descent" in told:
        assert found.leader is None and all(lines[i].iterations[place] is None for i in deep)
    shown = {f"{c:,}" for line in lines for c in line.iterations if c is not None}
    shown |= {f"{c:,}" for c in view.diverged_at if c >= 0} | {"700"}
    numbers = re.sub(
        r"\*\*|[\d.,]+ times (fewer|as many)|[\d.]+ %|g ≤ [\d.]+|depth \d|momentum 0\.9",
        "",
        told,
        flags=re.I,
    )
    assert set(re.findall(r"\d[\d,]*\d|\d", numbers.replace("step size 0.01", ""))) <= shown, told


@settings(max_examples=100, deadline=None)
@given(seen())
def test_the_flags_stand_where_the_table_says(race_seen):
    experiment, view = race_seen
    found, drawn = finding(experiment, view), arrivals(experiment, view)
    if found is None:
        assert not drawn.flags and drawn.bracket is None
        return
    lines = {line.name: line for line in table(experiment, view)}
    for flag in drawn.flags:
        assert lines[flag.name].iterations[GAPS.index(flag.y)] == int(flag.x) == int(flag.text)
    if drawn.bracket:
        assert {drawn.bracket[0], drawn.bracket[1]} <= {flag.name for flag in drawn.flags}
        assert claim(experiment, view).count(drawn.bracket[2].split("×")[0]) >= 1


def test_while_step_sizes_are_compared_nothing_is_claimed():
    run = Run(Experiment.of(read_choices(CHOICES, OPENING)[0]))
    run.advance(20, seconds=0.2)
    view = run.view(20)
    assert finding(run.experiment, view) is None and "search" in claim(run.experiment, view)


def test_no_curve_rewrites_its_past_while_step_sizes_are_compared():
    run = Run(Experiment.of(read_choices(CHOICES, OPENING)[0]))
    before: dict[str, np.ndarray] = {}
    for position in (5, 12, 20):
        while run.computed < position:
            run.advance(position, seconds=0.2)
        lit = [curve for curve in gap_curves(run.experiment, run.view(position)) if not curve.ghost]
        assert [curve.name for curve in lit] == ["depth 1", "depth 2", "depth 3"]
        for curve in lit:
            past = before.get(curve.name, np.empty(0))
            np.testing.assert_array_equal(curve.y[: len(past)], past)
            before[curve.name] = curve.y


@pytest.fixture(scope="module")
def opening() -> list[View]:
    """The race as it opens, from ten starts."""
    views = []
    for seed in range(10):
        run = Run(Experiment.of(read_choices(CHOICES, OPENING | {"seed": str(seed)})[0]))
        while not run.finished:
            run.advance(10**9, seconds=0.1)
        views.append(run.view(10**9))
    return views


def test_the_opening_race_over_ten_starts(opening):
    """Depth is behind to g <= .2, level near .1, and three times ahead at .01."""
    reached = np.stack([view.reached for view in opening])  # (10, 3, T)
    two, tenth, hundredth = (reached[:, :, GAPS.index(gap)] for gap in (0.2, 0.1, 0.01))
    assert (two[:, 1:] > 1.5 * two[:, :1]).all()
    assert (tenth[:, 1] >= 0.85 * tenth[:, 0]).all()
    np.testing.assert_allclose(hundredth.min(0), [385, 118, 118], atol=1)
    np.testing.assert_allclose(hundredth.max(0), [388, 126, 134], atol=1)
    ratios = hundredth[:, :1] / hundredth
    assert (ratios[:, 1:].min(0) > (3.0, 2.8)).all() and (ratios[:, 1:].max(0) < 3.3).all()


def test_the_race_opens_complete_and_says_what_it_shows():
    app = race()
    assert transport(app)["experiment"] == Experiment.of(read_choices(CHOICES, OPENING)[0])
    assert transport(app)["position"] == 500
    told = [block.value for block in app.markdown if "avoidable loss" in block.value]
    assert len(told) == 1 and "Depth 2 needs 3.2 times fewer iterations" in told[0]
    assert "starts more slowly" in told[0]


def test_a_link_that_names_a_choice_means_what_it_always_meant():
    app = race(p="3", iterations="50", horizon="50", methods="1_gd")
    assert transport(app)["experiment"].problem == "diabetes"
    defaults = read_choices(CHOICES, {})[0]
    app = race(problem="diabetes", iterations="50", horizon="50", methods="1_gd")
    values = app.session_state["race__memory"].values
    assert {name: values[name] for name in defaults} == defaults | {
        "iterations": 50,
        "horizon": 50,
        "methods": (Entry(1),),
    }


def test_all_defaults_are_named_in_the_url_and_the_opening_is_not():
    app = race()
    assert not {choice.name for choice in CHOICES} & set(app.query_params)
    app = race(problem="diabetes")  # what a bare address used to open
    assert app.query_params["problem"] in ("diabetes", ["diabetes"])
    assert transport(app)["experiment"] == Experiment.of(read_choices(CHOICES, {})[0])


def test_chips_join_and_leave_and_the_last_method_stays():
    app = visit(
        "pages/convergence.py", problem="two", iterations="20", steps="shared", methods="1_gd"
    )
    app.button_group(key="race_rivals").set_value(["Adam"]).run()
    app.button_group(key="race_depths").set_value(["1", "5"]).run()
    methods = transport(app)["experiment"].methods
    assert methods == (Entry(1), Entry(5), Entry(1, "adam"))
    app.button_group(key="race_depths").set_value([]).run()
    assert transport(app)["experiment"].methods == (Entry(1, "adam"),)
    app.button_group(key="race_rivals").set_value([]).run()
    assert transport(app)["experiment"].methods == (Entry(1, "adam"),)


def test_depth_5_p_6_and_a_step_size_are_three_actions():
    app = race()
    app.button_group(key="race_depths").set_value(["1", "2", "3", "5"]).run()
    app.number_input(key="race_p_typed").set_value(6.0).run()
    app.number_input(key="race_step_typed").set_value(0.05).run()
    chosen = transport(app)["experiment"]
    assert Entry(5) in chosen.methods and (chosen.p, chosen.steps, chosen.step) == (
        6,
        "shared",
        0.05,
    )
    assert not app.exception and app.select_slider(key="race_eta").value == 0.05
    app.select_slider(key="race_eta").set_value("best").run()
    assert transport(app)["experiment"].steps == "tuned"
    app.button_group(key="race_p_switch").set_value("2").run()
    assert transport(app)["experiment"].p == 2 and app.slider(key="race_p").value == 2
