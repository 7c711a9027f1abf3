"""When curves arrive at a goal, and paired speed-ups."""

from __future__ import annotations

import numpy as np
import pytest

from overparam.measure.arrivals import arrivals, paired_speed_ups

TIMES = np.arange(0, 50, 10)


def test_between_two_looks_the_logarithm_of_the_loss_is_a_straight_line():
    rates = np.array([0.01, 0.05, 0.2])
    losses = np.exp(-rates * TIMES[:, None])
    expected = np.log(2) / rates
    found = arrivals(TIMES, losses, 0.5)
    np.testing.assert_allclose(found, np.where(expected <= 40, expected, np.inf), rtol=1e-12)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([1.0, 0.9, 0.8, 0.7, 0.6], np.inf),
        ([0.5, 0.4, 0.3, 0.2, 0.1], 0),
        ([1.0, 0.5, 1.0, 0.1, 0.1], 10),
        ([1.0, np.nan, np.nan, np.nan, np.nan], np.inf),
        ([1.0, 0.25, np.nan, np.nan, np.nan], 5),
    ],
)
def test_first_arrivals_ends_and_divergence(losses, expected):
    assert arrivals(TIMES, np.array(losses), 0.5) == pytest.approx(expected)


def test_a_single_look_and_any_shape():
    losses = np.array([[[0.4, 2.0], [0.5, 1.0]]])
    found = arrivals(np.array([0]), losses, 0.5)
    np.testing.assert_array_equal(found, [[0, np.inf], [0, np.inf]])


def test_speed_ups_are_paired_by_seed_and_each_at_its_own_best_step():
    never = np.inf
    arrived = np.array([[[100, 50, never], [never, 20, 25]], [[never] * 3, [never, 7, never]]])
    np.testing.assert_array_equal(paired_speed_ups(arrived), [[1, 2.5], [np.nan, np.inf]])
