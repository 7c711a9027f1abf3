"""What step sizes are tuned for: the end, or a gap; and that both counts reach the table."""

import numpy as np
import pytest

from overparam.choices.kinds import read_choices
from overparam.choices.methods import Entry
from overparam.choices.race import AIMS, CHOICES, Experiment
from overparam.measure.history import GAPS
from overparam.serving.run import Run
from overparam.story.race_words import table


def finished(**values) -> Run:
    usual = {
        "problem": "synthetic",
        "m": 60,
        "d": 6,
        "methods": (Entry(1), Entry(3)),
        "iterations": 200,
        "horizon": 150,
    }
    run = Run(Experiment.of(read_choices(CHOICES, {})[0] | usual | values))
    while not run.finished:
        run.advance(10**9, seconds=0.1)
    return run


@pytest.mark.parametrize("aim", AIMS)
def test_the_step_in_use_is_the_best_for_what_it_was_tuned_for(aim):
    run = finished(aim=aim)
    tuned, view = run.tuned, run.view(10**9)
    for i, row in enumerate(tuned.chosen):
        mine = tuned.grid.owner == i
        if aim == "end":
            assert tuned.gaps[row] == np.nanmin(tuned.gaps[mine])
        else:
            goal = GAPS.index(float(aim))
            counts = tuned.reached[mine, goal]
            assert tuned.reached[row, goal] == counts[counts >= 0].min() == view.reached[i, goal]


def test_where_no_step_reaches_the_gap_the_loss_at_the_end_decides():
    stuck = Entry(8, scale=0.01, start="near-zero")
    short = {"horizon": 10, "iterations": 10, "methods": (stuck,)}
    by_gap, by_end = finished(aim="0.01", **short), finished(**short)
    assert (by_gap.tuned.reached[:, GAPS.index(0.01)] < 0).all()
    assert by_gap.tuned.chosen == by_end.tuned.chosen


def test_the_table_tells_the_curve_shown_from_each_gaps_own_best_step():
    run = finished()
    view = run.view(10**9)
    for i, line in enumerate(table(run.experiment, view)):
        mine = run.tuned.reached[run.tuned.grid.owner == i]
        for goal, (shown, fewest) in enumerate(zip(line.iterations, line.fewest, strict=True)):
            tried = mine[:, goal][mine[:, goal] >= 0]
            candidates = [*tried.tolist(), *([shown] if shown is not None else [])]
            assert fewest == min(candidates, default=None)
            assert shown == (int(view.reached[i, goal]) if view.reached[i, goal] >= 0 else None)
