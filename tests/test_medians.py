"""A map over several starts: medians against numpy's, and starts that are maps of their own."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overparam.choices.kinds import read_choices
from overparam.choices.map import OPENING, PLAN_CHOICES, STARTS, Plan
from overparam.figures.map import NEITHER, ONLY_DEEP
from overparam.serving.maps.block import NEVER, UNKNOWN, start_weights
from overparam.serving.maps.cell_runs import cell_runs
from overparam.serving.maps.medians import Medians, spread
from overparam.serving.maps.shared import MAPS
from overparam.serving.maps.sweep import Sweep, View
from overparam.story.map_words import censored, spread_hover, spread_summary, spread_words

SMALL = {"detail": "quick", "horizon": "150", "grid": "3"}


def plan(**query: str) -> Plan:
    return Plan.of(read_choices(PLAN_CHOICES, query)[0])


def view(deep, plain) -> View:
    deep, plain = np.atleast_2d(deep), np.atleast_2d(plain)
    none = np.zeros(deep.shape, bool)
    return View(deep, plain, deep * 0.5, plain * 0.25, none, none)


arrivals = st.sampled_from([NEVER, 1, 3, 8, 20, 100])


@given(st.lists(st.tuples(arrivals, arrivals), min_size=1, max_size=9))
@settings(deadline=None)
def test_a_cell_shows_the_median_start(starts):
    found = spread([view(*start) for start in starts])
    told = [
        np.log2(plain / deep) if min(deep, plain) > 0 else np.inf if deep > 0 else -np.inf
        for deep, plain in starts
        if max(deep, plain) > 0
    ]
    shown = starts[int(found.start[0, 0])]
    assert (found.view.deep[0, 0], found.view.plain[0, 0]) == shown
    assert found.known[0, 0] == len(starts)
    assert found.neither[0, 0] == len(starts) - len(told)
    assert found.faster[0, 0] == sum(x > 0 for x in told)
    assert found.slower[0, 0] == sum(x < 0 for x in told)
    if 2 * len(told) < len(starts):
        assert shown == (NEVER, NEVER)
    if told:
        assert (found.low[0, 0], found.high[0, 0]) == (min(told), max(told))
    if len(told) % 2 and 2 * len(told) >= len(starts):
        value = dict.fromkeys(starts)  # the value of the start that is shown is numpy's median
        assert shown in value
        deep, plain = shown
        score = np.log2(plain / deep) if min(shown) > 0 else np.inf if deep > 0 else -np.inf
        assert score == np.sort(told)[len(told) // 2]


def test_starts_that_are_not_known_yet_say_nothing():
    found = spread([view(4, 8), view(UNKNOWN, 2), view(UNKNOWN, UNKNOWN)])
    assert (found.view.deep, found.view.plain) == (4, 8) and found.known == 1
    nothing = spread([view(UNKNOWN, 3), view(UNKNOWN, UNKNOWN)])
    assert nothing.known == 0 and np.isnan(nothing.low) and nothing.view.plain == 3


def test_words_over_starts_agree_with_the_numbers():
    deep, plain = [5, 5, 50, 10, 5, NEVER, 7], [20, 10, 10, 5, NEVER, NEVER, 7]
    found = spread([view(*start) for start in zip(deep, plain, strict=True)])
    quick = plan(**SMALL)
    assert spread_words(quick, found, 0, 0) == (
        "7 starts: faster in 3, slower in 2, neither arrived in 1, from 1/5× to only depth 2"
    )
    assert spread_hover(quick, found)[0][0].endswith(spread_words(quick, found, 0, 0))
    said = spread_summary(quick, found)
    assert "medians of 7 starts, 1 cell:** depth 2 is equally fast in 1." in said
    assert "In 1 cell (•)" in said
    only = spread([view(5, NEVER)] * 3)
    assert censored(only.view) == [[ONLY_DEEP]]
    assert spread_words(quick, only, 0, 0) == "3 starts: faster in 3"
    assert censored(spread([view(NEVER, NEVER)] * 2 + [view(5, 6)]).view) == [[NEITHER]]


@pytest.mark.parametrize(
    "query", [{}, {"start": "random", "seed": "5"}, {"problem": "synthetic", "gap": "0.1"}]
)
def test_every_start_is_a_map_of_its_own_and_the_first_is_the_map_itself(query):
    chosen = plan(**SMALL | query)
    medians = Medians(chosen, 3)
    assert medians.plans[0] == chosen and len(set(medians.plans)) == 3
    while not medians.finished:
        medians.advance(1)
    alone = [Sweep(each) for each in medians.plans]
    for sweep in alone:
        while not sweep.finished:
            sweep.advance(1)
    together, apart = medians.spread(), spread([sweep.view() for sweep in alone])
    for name in ("deep", "plain"):
        np.testing.assert_array_equal(getattr(together.view, name), getattr(apart.view, name))
    assert medians.runs == sum(sweep.runs for sweep in alone)
    starts = {each.start for each in medians.plans[1:]}
    assert starts == {"positive" if not query else chosen.start}


def test_the_first_start_is_computed_first():
    chosen = plan(**SMALL | {"p": "2.75", "x": "scale", "y": "shape"})
    medians = Medians(chosen, 7)
    medians.advance(0.01)
    assert medians.now()[0] == 0 or MAPS.get(chosen).finished
    assert MAPS.find(medians.plans[6]) is None


def test_a_start_with_positive_weights_has_them_and_its_norm():
    for seed in range(20):
        (weights,) = start_weights("positive", seed, 0.3, 5)
        assert min(weights) > 0 and np.linalg.norm(weights) == pytest.approx(0.3)
        (any_way,) = start_weights("random", seed, 0.3, 5)
        np.testing.assert_allclose(np.abs(any_way), weights)


def test_the_runs_of_a_cell_are_those_of_the_start_shown():
    chosen = replace(plan(**SMALL), seed=0)
    medians = Medians(chosen, 3)
    while not medians.finished:
        medians.advance(1)
    found = medians.spread()
    cell = chosen.cell(2, 1)
    shown = medians.plans[int(found.start[1, 2])]
    runs = cell_runs(shown, cell)
    assert int(runs.reached[0][runs.best[0]]) == found.view.deep[1, 2]


def test_the_map_that_its_page_opens_with_is_the_one_that_is_computed():
    values, _ = read_choices((*PLAN_CHOICES, STARTS), OPENING)
    opening = Medians(Plan.of(values), int(values["starts"]))
    assert opening.stored and opening.finished
    (kept, *_), first = (MAPS.get(each).view() for each in opening.plans), opening.plans[0]
    sweep = Sweep(first)
    while not sweep.finished:
        sweep.advance(1.0)
    found = sweep.view()
    assert sweep.runs == MAPS.get(first).runs
    # products are rounded as the processor has it, and a few best steps are lucky ones
    for name in ("deep", "plain"):
        same = getattr(kept, name) == getattr(found, name)
        assert same.mean() > 0.97, name
    np.testing.assert_allclose(kept.log2_speed_up, found.log2_speed_up, atol=0.5)
    assert not Medians(replace(first, gap=2 * first.gap), 7).stored
