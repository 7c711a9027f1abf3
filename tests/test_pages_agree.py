"""Home, trajectories, race and map where they show the same experiment: the same numbers, or the
same verdict where their starts differ."""

import numpy as np
import pytest

from overparam.choices.kinds import read_choices
from overparam.choices.map import PLAN_CHOICES, Plan
from overparam.choices.race import OPENING
from overparam.engine.problem import two_coordinate
from overparam.engine.simulation import Method, Simulation
from overparam.measure.illustration import tuned_run
from overparam.serving.maps.medians import Medians
from overparam.ui.home.sections import RIVALS
from overparam.ui.preconditioner.paths import GOAL, HORIZON, _compute
from tests.app_pages import race, visit

START = (0.1, 0.01)  # of the picture on the home page, and of the trajectories as they open
LATTICE = 10 ** (1 / 24)  # both try 24 step sizes a decade, but not the same ones


@pytest.mark.parametrize("p", [2.0, 4.0])
def test_the_picture_at_home_is_the_engines_and_agrees_with_the_trajectories(p):
    _, counts, steps, _, _ = _compute(p, 10.0, START, ("1", "3"), 1.0)
    for depth, count, step in zip((1, 3), counts, steps, strict=True):
        home = tuned_run(depth, p, goal=GOAL, horizon=HORIZON)
        method = Method(depth, kind="rule", step=home.step_size, w_e=(START,))
        losses = Simulation(two_coordinate(p, 10.0), [method]).advance(home.iterations + 1)[:, 0]
        np.testing.assert_allclose(losses, home.loss, rtol=1e-6)
        assert home.iterations == int((losses <= GOAL).argmax())
        assert step == pytest.approx(home.step_size, rel=LATTICE - 1)
        # a step that is larger by so much arrives sooner by as much, give or take an iteration
        assert abs(np.log(max(count, 1) / max(home.iterations, 1))) <= np.log(LATTICE) + 0.7 / max(
            count, 1
        )


@pytest.mark.slow
@pytest.mark.parametrize(("p", "faster"), [("2", False), ("4", True)])
def test_home_trajectories_and_map_agree_on_who_is_faster(p, faster):
    plain, deep = (tuned_run(depth, float(p), goal=GOAL) for depth in (1, 3))
    assert (deep.iterations < plain.iterations) == faster
    _, (one, three), *_ = _compute(float(p), 10.0, START, ("1", "3"), 1.0)
    assert (three < one) == faster
    query = {"detail": "quick", "depth": "3", "kind": "rule", "scale": "0.1005"}
    plan = Plan.of(read_choices(PLAN_CHOICES, query)[0])
    medians = Medians(plan, 7)
    while not medians.finished:
        medians.advance(1)
    column = int(np.flatnonzero(np.isclose(plan.values("x"), 10))[0])
    row = int(np.flatnonzero(plan.values("y") == float(p))[0])
    found = medians.spread()
    assert (found.view.log2_speed_up[row, column] > 0) == faster
    assert (found.slower if faster else found.faster)[row, column] <= 1  # of seven


def test_the_races_of_the_home_page_are_those_of_the_race_page():
    home = visit("pages/home.py")
    told = [block.value for block in home.markdown if "avoidable loss" in block.value]
    for query in ({}, OPENING | {"p": "2"}, RIVALS):
        app = race(**query)
        (claim,) = [block.value for block in app.markdown if "avoidable loss" in block.value]
        assert claim in told
