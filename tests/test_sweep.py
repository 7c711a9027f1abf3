"""The map of where depth helps: against a loop written by hand, and what is kept, shared and said
while it fills."""

import threading
from dataclasses import replace
from functools import cache
from math import prod

import numpy as np
import pytest

from overparam.choices.kinds import ChoiceError, read_choices
from overparam.choices.map import AXES, DETAILS, DYNAMICS, PLAN_CHOICES, TUNED, Plan
from overparam.engine.simulation import Method, Simulation
from overparam.measure.step_sizes import search_ranges
from overparam.serving.maps import sweep as sweep_module
from overparam.serving.maps.block import (
    NEVER,
    UNKNOWN,
    Trial,
    cell_problem,
    start_weights,
    step_sizes,
    step_unit,
)
from overparam.serving.maps.cell_runs import cell_runs
from overparam.serving.maps.shared import MAPS
from overparam.serving.maps.sweep import Sweep, SweepError
from overparam.serving.memory import UNWATCHED_SECONDS, Room
from overparam.serving.registry import Registry


def plan(**values):
    return Plan.of(read_choices(PLAN_CHOICES, {})[0] | values)


def finished(sweep):
    while not sweep.finished:
        sweep.advance()
    return sweep.view()


@cache
def by_hand(p, depth, kind, horizon=4000, goal=1e-4, scale=0.01):
    """Iterations to the goal at the best of 97 step sizes for 13 ratios, by a loop over the layers,
    or over Claim 2, in numpy; a ratio is left out once one of its step sizes has arrived."""
    ratios, waiting = np.geomspace(1, 100, 13), np.arange(13)
    eta = (10 ** (np.arange(-56, 41) / 8) / ratios[:, None] ** (p - 2))[:, :, None]
    y = np.stack([ratios, np.ones(13)], 1)[:, None, :]
    w = np.full((13, 97, 2), scale / np.sqrt(2))
    first = w * scale ** (
        1 / depth - 1
    )  # of a network: W_1 is a vector, the layers above are numbers; all have the same norm
    above = [np.full((13, 97, 1), scale ** (1 / depth)) for _ in range(depth - 1)]
    reached = np.full(13, NEVER)
    with np.errstate(all="ignore"):
        for iteration in range(horizon + 1):
            residual = w - y[waiting]
            arrived = ((np.abs(residual) ** p).sum(2) / p <= goal).any(1)
            if arrived.any():
                reached[waiting[arrived]] = iteration
                waiting, going = waiting[~arrived], ~arrived
                w, first, residual = w[going], first[going], residual[going]
                above = [a[going] for a in above]
                if not len(waiting):
                    break
            gradient = np.abs(residual) ** (p - 1) * np.sign(residual)
            if kind == "rule":
                square = (w * w).sum(2, keepdims=True)
                stretch = (depth - 1) * (gradient * w).sum(2, keepdims=True) / square
                w = w - eta[waiting] * square ** (1 - 1 / depth) * (gradient + stretch * w)
            else:
                along = (gradient * first).sum(2, keepdims=True)
                first = first - eta[waiting] * prod(above) * gradient
                above = [
                    a - eta[waiting] * along * prod(above[:j] + above[j + 1 :])
                    for j, a in enumerate(above)
                ]
                w = prod(above) * first
    return reached


@pytest.mark.parametrize(("kind", "depth"), [("network", 2), ("rule", 3), ("network", 4)])
def test_the_map_has_the_sign_of_a_loop_written_by_hand(kind, depth):
    """p from 2 to 8 times 13 ratios from 1 to 100, 97 step sizes, 4000 iterations."""
    chosen = plan(kind=kind, depth=depth)
    view = finished(Sweep(chosen))
    p = chosen.values("y")
    deep, plain = (
        np.array([by_hand(each, *method) for each in p])
        for method in ((depth, kind), (1, "network"))
    )
    both = (deep >= 0) & (plain >= 0)
    log2 = np.where(both, np.log2(np.maximum(plain, 1) / np.maximum(deep, 1)), np.nan)
    clear = np.abs(log2) > 1
    assert clear.sum() > 30
    np.testing.assert_array_equal(np.sign(view.log2_speed_up[clear]), np.sign(log2[clear]))
    # equal counts, too, but for the odd lucky step: a large one overshoots chaotically, so rounding
    # can decide where it lands
    assert (view.plain == plain).mean() > 0.95 and (view.deep == deep).mean() > 0.95


def test_depth_hurts_at_p_2_and_helps_beyond_as_reported():
    """The end-to-end rule: 4 to 19 times slower at p = 2 for N = 2, never faster at y_1 = y_2,
    faster elsewhere from p = 3 on."""
    chosen = plan(kind="rule", depth=2)
    view = finished(Sweep(chosen))
    p, speed_up = chosen.values("y"), view.log2_speed_up
    assert 2 ** -speed_up[0].max() == pytest.approx(4, rel=0.3) and 2 ** -speed_up[
        0
    ].min() == pytest.approx(18, rel=0.2)
    assert (speed_up[:, 0] <= 0).all()
    beyond = speed_up[p >= 3, 1:]
    assert np.nanmin(beyond) > 0 and np.nanmax(speed_up[p >= 4]) > 4
    censored = view.plain[p >= 4] == NEVER
    assert (view.deep[p >= 4][censored] >= 0).sum() >= 5
    assert not ((view.deep == NEVER) & (view.plain >= 0)).any()


QUICK = {"detail": "quick", "horizon": 300, "grid": 4}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"x": "scale", "y": "depth", "kind": "rule", "p": 3, "ratio": 5},
        {"x": "step", "y": "shape", "p": 3},
        {"problem": "synthetic", "x": "shape", "y": "depth", "start": "random", "seed": 3},
    ],
)
def test_every_cell_is_the_quickest_of_its_own_runs(values):
    chosen = plan(**QUICK | values)
    view = finished(Sweep(chosen))
    for row, column in [(0, 0), (1, 3), (3, 1), (view.deep.shape[0] - 1, view.deep.shape[1] - 1)]:
        cell = chosen.cell(column, row)
        runs = cell_runs(chosen, cell)
        for count, step, own, place in (
            (view.deep, view.deep_step, runs.reached[0], runs.best[0]),
            (view.plain, view.plain_step, runs.reached[1], runs.best[1]),
        ):
            assert count[row, column] == min(own[own >= 0], default=NEVER)
            if count[row, column] >= 0:
                assert step[row, column] == pytest.approx(runs.steps[place], rel=1e-12)


def test_a_cells_curves_are_the_engines_and_end_at_the_goal():
    chosen = plan(horizon=500)
    cell = chosen.cell(4, 3)
    runs, problem = cell_runs(chosen, cell), cell_problem(chosen, cell)
    methods = [
        Method(
            depth,
            step=float(runs.steps[place]),
            w_e=start_weights(chosen.start, chosen.seed, cell.scale, 2),
        )
        for depth, place in ((cell.depth, runs.best[0]), (1, runs.best[1]))
    ]
    losses = Simulation(problem, methods).advance(runs.until + 1)
    for curve in (0, 1):
        arrived = runs.reached[curve, runs.best[curve]]
        assert losses[arrived, curve] <= runs.goal < losses[:arrived, curve].min()
        smooth = runs.times <= arrived
        np.testing.assert_allclose(
            runs.losses[smooth, curve], losses[runs.times[smooth], curve], rtol=1e-6
        )
    assert runs.until >= runs.reached.max(1).min() and runs.times[-1] == runs.until


def test_slices_of_any_length_give_the_same_map_bit_by_bit():
    chosen = plan(**QUICK)
    small = Sweep(chosen)
    while not small.finished:
        small.advance(seconds=1e-5)
    one, other = small.view(), finished(Sweep(chosen))
    for name in one.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_the_map_fills_and_never_takes_anything_back():
    sweep = Sweep(plan(**QUICK | {"horizon": 1000}))
    seen, shares = sweep.view(), [sweep.decided]
    assert (seen.deep == UNKNOWN).all() and shares == [0]
    while not sweep.finished:
        sweep.advance(0.01)
        now = sweep.view()
        for name in ("deep", "plain"):
            known = getattr(seen, name) != UNKNOWN
            np.testing.assert_array_equal(getattr(seen, name)[known], getattr(now, name)[known])
        seen = now
        shares.append(sweep.decided)
        assert sweep.seconds_left() >= 0
    assert shares == sorted(shares) and shares[-1] == 1 and len(shares) > 3
    assert sweep.seconds_left() == 0 and not (seen.deep == UNKNOWN).any()


def test_arriving_at_the_horizon_counts_and_one_later_does_not():
    first = finished(Sweep(plan(**QUICK | {"x": "shape", "y": "scale", "p": 4, "horizon": 2000})))
    slowest = int(first.plain.max())
    assert 32 < slowest < 2000
    at = first.plain == slowest
    exact, short = (
        finished(
            Sweep(plan(**QUICK | {"x": "shape", "y": "scale", "p": 4, "horizon": slowest - i}))
        )
        for i in (0, 1)
    )
    assert (exact.plain[at] == slowest).all() and (short.plain[at] == NEVER).all()


def test_with_the_step_size_along_an_axis_both_depths_take_that_step():
    chosen = plan(**QUICK | {"x": "step", "y": "p", "ratio": 3.0})
    view = finished(Sweep(chosen))
    unit = 1 / 3.0 ** (chosen.values("y")[:, None] - 2)
    expected = unit * chosen.values("x")
    for count, step in ((view.deep, view.deep_step), (view.plain, view.plain_step)):
        np.testing.assert_allclose(step[count >= 0], expected[count >= 0], rtol=1e-12)
        assert (count >= 0).sum() > 3
    assert not view.deep_edge.any() and not view.plain_edge.any()


def test_a_best_step_at_the_end_of_its_grid_is_told():
    for values, place, at_edge in (
        ({}, 0, True),
        ({}, -1, True),
        ({}, 7, False),
        ({"x": "step"}, 0, False),
    ):
        chosen = plan(**values)
        trial = Trial(step_sizes(chosen, chosen.cell(2, 2)))
        trial.arrive(17, place % len(trial.steps))
        assert trial.at_edge == at_edge and trial.iterations == 17


@pytest.mark.parametrize("problem", ["two", "synthetic"])
def test_the_steps_of_a_cell_are_those_of_the_race_on_the_same_problem(problem):
    """One home: the closed form of the map's many cells is `search_ranges` on the problem, but for
    the lattice."""
    for values in (
        {"scale": 0.01},
        {"scale": 10.0},
        {"kind": "rule", "start": "random", "seed": 4},
    ):
        chosen = plan(problem=problem, **values)
        for column, row in ((0, 0), (6, 3), (12, 7)):
            cell = chosen.cell(column, row)
            for each in (cell, cell.plain):
                steps, data = step_sizes(chosen, each), cell_problem(chosen, each)
                start = Method(
                    each.depth,
                    kind=chosen.kind,
                    w_e=start_weights(chosen.start, chosen.seed, each.scale, data.d),
                )
                ((low, high),) = search_ranges(data, [start])
                assert np.log10(steps[[0, -1]]) == pytest.approx(
                    np.log10([low, high]), abs=0.5 / chosen.grid + 0.02
                )
                places = np.log10(steps / step_unit(chosen, each)) * chosen.grid
                np.testing.assert_allclose(places, np.rint(places), atol=1e-8)


def test_many_threads_compute_a_map_once():
    sweep, counted = Sweep(plan(**QUICK)), []
    slices = sweep._slices
    sweep._slices = (counted.append(1) or done for done in slices)
    threads = [threading.Thread(target=finished, args=(sweep,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = Sweep(plan(**QUICK))
    np.testing.assert_array_equal(sweep.view().deep, finished(alone).deep)
    assert sum(counted) < 400 and sweep.decided == 1


def test_equal_choices_share_a_map_and_choices_without_effect_do_not_part_them():
    assert MAPS.get(plan()) is MAPS.get(plan(ratio=55.0, condition=7.0, p=3.0, seed=9, gap=0.5))
    assert MAPS.get(plan()) is not MAPS.get(plan(depth=3))
    assert plan(x="shape", y="depth", depth=7) == plan(x="shape", y="depth")
    assert plan(x="step", grid=24) == plan(x="step") and plan(start="random", seed=1) != plan(
        start="random"
    )


def test_no_memory_is_one_sentence_and_the_map_begins_again(monkeypatch):
    sweep = Sweep(plan(**QUICK))
    sweep.advance(0.02)
    monkeypatch.setattr(Simulation, "advance", lambda *_: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(SweepError, match="No memory is left for this map"):
        sweep.advance()
    assert not sweep.finished and sweep.decided == 0
    monkeypatch.undo()
    np.testing.assert_array_equal(finished(sweep).deep, finished(Sweep(plan(**QUICK))).deep)


def test_a_mistake_of_ours_does_not_pass_for_a_finished_map(monkeypatch):
    sweep = Sweep(plan(**QUICK))
    sweep.advance(0.02)
    with monkeypatch.context() as patched:
        patched.setattr(
            Simulation, "advance", lambda *_: (_ for _ in ()).throw(RuntimeError("a mistake"))
        )
        for _ in range(2):
            with pytest.raises(RuntimeError, match="a mistake"):
                sweep.advance()
    assert not sweep.finished
    np.testing.assert_array_equal(finished(sweep).deep, finished(Sweep(plan(**QUICK))).deep)


def test_only_so_many_unfinished_maps_are_computed_together(monkeypatch):
    first, second, third, fourth = (Sweep(plan(**QUICK, depth=depth)) for depth in (2, 3, 4, 5))
    monkeypatch.setattr(
        sweep_module, "ROOM", Room(third.runs + fourth.runs)
    )  # deeper ones have more
    for sweep in (first, second):
        sweep.advance(1e-5)
    with pytest.raises(SweepError, match="busy with other large maps"):
        third.advance(1e-5)
    assert first.decided > 0 and second.decided > 0  # nobody has lost anything
    finished(first)  # what is finished holds no memory
    third.advance(1e-5)
    assert third.decided > 0
    second.asked -= 2 * UNWATCHED_SECONDS
    fourth.advance(1e-5)  # in the place of the one that nobody looks at
    assert second.decided == 0 and third.decided > 0 and fourth.decided > 0 and first.decided == 1


def test_a_registry_lets_go_of_what_was_not_asked_for_longest():
    registry = Registry(2, lambda key, *others: [key, *others])
    first = registry.get("a", 1)
    registry.get("b")
    assert registry.get("a", 2) is first
    registry.get("c")
    assert len(registry) == 2 and registry.get("a") is first and registry.get("b", 5) == ["b", 5]


@pytest.mark.parametrize("axes", [(x, y) for x in AXES for y in AXES if x != y])
@pytest.mark.parametrize("problem", ["two", "synthetic"])
def test_any_two_axes_make_cells_within_bounds(problem, axes):
    for kind in DYNAMICS:
        for detail in DETAILS:
            chosen = plan(problem=problem, x=axes[0], y=axes[1], kind=kind, detail=detail)
            for column, row in ((0, 0), (len(chosen.values("x")) - 1, len(chosen.values("y")) - 1)):
                cell = chosen.cell(column, row)
                assert (
                    2 <= cell.p <= 8
                    and 1 <= cell.shape <= 1e4
                    and 0 < cell.scale <= 1
                    and 1 <= cell.depth <= 10.0001
                )
                assert (cell.step == TUNED) != ("step" in axes) and cell.plain == replace(
                    cell, depth=1
                )
                if kind == "network":
                    assert isinstance(cell.depth, int)


def test_choices_that_do_not_fit_say_so():
    with pytest.raises(ChoiceError, match="Both axes of the map are the depth N"):
        plan(x="depth", y="depth")
    with pytest.raises(ChoiceError, match=r"whole number, not 2\.5: choose the end-to-end rule"):
        plan(depth=2.5)
    assert plan(depth=2.5, kind="rule").depth == 2.5
    with pytest.raises(
        SweepError, match=r"This map would take \d{3},\d{3} runs: choose less detail"
    ):
        Sweep(plan(x="shape", y="scale", detail="fine", grid=24)).advance()
