"""The table in words: speed-ups, limits, and each way a run can end."""

import numpy as np
import pytest

from overparam.choices.kinds import read_choices
from overparam.choices.race import CHOICES, Entry, Experiment
from overparam.measure.history import GAPS
from overparam.serving.run import View
from overparam.story.race_words import table


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


def test_the_speed_up_is_that_at_the_smallest_gap_both_reached():
    first, second = table(experiment(), view(), [None, None])
    assert (first.speed_up, first.speed_up_gap) == (1.0, GAPS[2])
    assert (second.speed_up, second.speed_up_gap) == (4.0, GAPS[2])
    assert second.iterations == (4, 10, 20, 90, None, None)


def test_no_speed_up_while_step_sizes_are_compared():
    assert [line.speed_up for line in table(experiment(), view(tuning=True), [None, None])] == [None, None]


def test_no_speed_up_without_plain_gradient_descent_to_compare_with():
    lines = table(experiment(methods=(Entry(2), Entry(1, "adam"))), view(), [None, None])
    assert [line.speed_up for line in lines] == [None, None]


@pytest.mark.parametrize(
    ("choices", "seen", "stable", "says"),
    [
        ({}, {}, None, "gap 0.05 at iteration 100"),
        ({}, {"edge": (True, True)}, None, "edge of the grid"),
        ({}, {"gap": -1e-16}, None, "solved: gap below 1e-8"),
        ({"steps": "shared"}, {"diverged": (0, 0)}, None, "diverged at iteration 0: lower the step size below 0.05"),
        ({}, {"tuning": True}, None, "best step so far"),
        ({}, {"diverged": (5, 5)}, None, "every step size of the grid diverged"),
        ({"horizon": 10}, {"diverged": (50, 50)}, None, "after the tuning horizon"),
        ({"steps": "shared"}, {"diverged": (50, 50)}, 0.07, "diverged at iteration 50: lower the step size below 0.07"),
        ({"steps": "shared"}, {"diverged": (50, 50)}, None, "lower the step size below 0.05"),
        ({"steps": "shared"}, {"diverged": (50, 50)}, 3.0, "lower the step size below 0.05"),
    ],
)
def test_the_verdict_says_what_became_of_a_method(choices, seen, stable, says):
    assert says in table(experiment(**choices), view(**seen), [stable, stable])[0].verdict
