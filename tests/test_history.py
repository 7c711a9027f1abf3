"""Histories: thinned curves, first iterations at a goal, however the losses arrive."""

import numpy as np
import pytest

from overparam.measure.history import LONGEST, PER_DECADE, RECORDED, History


def losses(iterations=3000, runs=3, seed=0):
    rng = np.random.default_rng(seed)
    table = np.exp(
        -np.arange(iterations)[:, None] * np.array([1e-3, 3e-3, 1e-2])[:runs]
    ) * rng.uniform(0.9, 1.1, (iterations, runs))
    table[700:, 1] = np.nan
    return table


@pytest.mark.parametrize("chunk", [1, 7, 450, 3000])
def test_any_chunks_give_the_same_history(chunk):
    table, goals = losses(), [0.5, 0.1, 1e-3]
    history = History(3, goals)
    for start in range(0, len(table), chunk):
        history.add(table[start : start + chunk])
    times, kept = history.until(len(table))
    np.testing.assert_array_equal(kept, table[times])
    first = [
        [int(np.argmax(table[:, r] <= g)) if (table[:, r] <= g).any() else -1 for g in goals]
        for r in range(3)
    ]
    np.testing.assert_array_equal(history.reached, first)
    assert times[-1] == len(table) - 1


def test_every_early_iteration_is_kept_and_later_ones_evenly_in_log_time():
    assert set(range(50)) <= set(RECORDED) and RECORDED[-1] == LONGEST
    late = RECORDED[RECORDED > 1000]
    np.testing.assert_allclose(np.diff(np.log10(late)), 1 / PER_DECADE, rtol=0.1)


def test_a_curve_ends_where_it_is_looked_at():
    history = History(3, [0.5])
    history.add(losses())
    assert history.until(100)[0][-1] <= 100 < history.until(3000)[0][-1]


def test_settled_is_the_worst_of_the_last_tenth():
    history, table = History(2, [0.5]), np.ones((1001, 2))
    table[905, 0], table[500, 1] = (
        7.0,
        9.0,
    )  # only the first lies in the last tenth; 905 is near enough a kept iteration
    table[900:912, 0] = 7.0
    history.add(table)
    np.testing.assert_array_equal(history.settled(), [7.0, 1.0])


def test_going_on_with_some_runs_keeps_their_curves():
    history, table = History(3, [0.5]), losses()
    history.add(table[:1000])
    history.keep([2, 0])
    history.add(table[1000:, [2, 0]])
    times, kept = history.until(3000)
    np.testing.assert_array_equal(kept, table[times][:, [2, 0]])
