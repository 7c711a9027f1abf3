"""The table in words: speed-ups, limits, and each way a run can end."""

import math
from dataclasses import replace

import numpy as np
import pytest

from overparam.choices.kinds import read_choices
from overparam.choices.methods import Entry
from overparam.choices.race import CHOICES, Experiment
from overparam.figures.race import as_drawn
from overparam.measure.history import GAPS
from overparam.serving.course import View
from overparam.story.race_words import table
from overparam.ui.race.table import speed_words


def experiment(**values):
    return Experiment.of(read_choices(CHOICES, {})[0] | {"methods": (Entry(1), Entry(2))} | values)


REACHED = ((8, 40, 80, -1, -1, -1), (4, 10, 20, 90, -1, -1))


def view(reached=REACHED, diverged=(-1, -1), tuning=False, edge=(False, False), gap=0.05):
    return View(
        100,
        np.arange(101),
        np.full((101, 2), gap),
        np.array(reached),
        np.array([0.1, 0.2]),
        np.array(diverged),
        tuning,
        np.array(edge),
        0.5,
        0.25,
    )


def test_the_speed_up_is_that_at_the_smallest_gap_that_either_reached():
    first, second = table(experiment(), view(((8, 40, 80, 200, -1, -1), (4, 10, 20, 90, -1, -1))))
    assert (first.speed_up, first.speed_up_gap) == (1.0, GAPS[3])
    assert (second.speed_up, second.speed_up_gap) == (pytest.approx(200 / 90), GAPS[3])
    assert second.iterations == (4, 10, 20, 90, None, None)


def test_where_only_one_arrives_there_is_no_ratio_at_an_easier_gap():
    _, second = table(experiment(), view())
    assert (second.speed_up, second.speed_up_gap) == (math.inf, GAPS[3])
    assert speed_words(second.speed_up, second.speed_up_gap, second.name).startswith("only depth 2")
    _, second = table(experiment(), view(REACHED[::-1]))
    assert (second.speed_up, second.speed_up_gap) == (0.0, GAPS[3])
    assert "not there" in speed_words(second.speed_up, second.speed_up_gap, second.name)


def test_each_gaps_own_best_step_is_told_apart_from_the_curve_shown():
    seen = replace(view(), fewest=np.array([(8, 20, 60, 300, -1, -1), (4, 10, 20, -1, -1, -1)]))
    first, second = table(experiment(), seen)
    assert first.iterations == (8, 40, 80, None, None, None) and first.fewest == (
        8,
        20,
        60,
        300,
        None,
        None,
    )
    assert second.fewest == (4, 10, 20, 90, None, None)  # what the curve reaches counts, too
    assert (second.speed_up, second.speed_up_gap) == (math.inf, GAPS[3])
    assert (second.own_speed_up, second.own_speed_up_gap) == (pytest.approx(300 / 90), GAPS[3])


def test_no_speed_up_while_step_sizes_are_compared():
    assert [line.speed_up for line in table(experiment(), view(tuning=True))] == [None, None]


def test_no_speed_up_without_plain_gradient_descent_to_compare_with():
    lines = table(experiment(methods=(Entry(2), Entry(1, "adam"))), view())
    assert [line.speed_up for line in lines] == [None, None]


@pytest.mark.parametrize(
    ("choices", "seen", "says"),
    [
        ({}, {}, "gap 0.05 at iteration 100"),
        ({}, {"edge": (True, True)}, "edge of those tried"),
        ({}, {"gap": -1e-16}, "solved: gap below 1e-8"),
        (
            {},
            {"gap": -1e-16, "edge": (True, True)},
            "solved: gap below 1e-8; the best step size is at the edge of those tried",
        ),
        ({"precision": "float32"}, {"gap": 2e-7}, "solved: gap below 1e-6"),
        ({"precision": "float32"}, {"gap": 2e-6}, "gap 2e-06 at iteration 100"),
        (
            {"steps": "shared"},
            {"diverged": (0, 0)},
            "diverged at iteration 0: step sizes “tuned” looks for one that lasts",
        ),
        ({}, {"tuning": True}, "best step size so far"),
        ({}, {"diverged": (5, 5)}, "every step size that was tried diverged"),
        ({"horizon": 10}, {"diverged": (50, 50)}, "after the tuning horizon"),
        (
            {"aim": "0.2"},
            {"diverged": (50, 50)},
            "diverged at iteration 50, after the gap it was tuned for",
        ),
    ],
)
def test_the_verdict_says_what_became_of_a_method(choices, seen, says):
    assert says in table(experiment(**choices), view(**seen))[0].verdict


def test_a_curve_that_diverges_is_seen_to_leave():
    np.testing.assert_array_equal(
        as_drawn(np.array([1.0, 0.1, np.nan, np.nan]), 1e-16, 10.0), [1.0, 0.1, 10.0, np.nan]
    )
    np.testing.assert_array_equal(as_drawn(np.array([1.0, -1e-17]), 1e-16, 10.0), [1.0, 1e-16])


def test_a_curve_that_diverges_does_not_come_down_for_it():
    drawn = as_drawn(np.array([1.0, 1e9, np.nan, np.nan]), 1e-16, 10.0)
    np.testing.assert_array_equal(drawn, [1.0, 1e9, 1e9, np.nan])
    far = as_drawn(np.array([1.0, 1e300, np.nan]), 1e-16, 10.0)
    assert np.isfinite(far.astype(np.float32)).all()
    np.testing.assert_array_equal(as_drawn(np.array([np.nan, np.nan]), 1e-16, 10.0), [10.0, np.nan])
