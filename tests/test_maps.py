"""Maps shared among worker processes: the numbers of one process, whatever happens to a worker;
nothing is computed where nobody looks."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import fields

import numpy as np
import pytest

from overparam.choices.kinds import read_choices
from overparam.choices.map import OPENING, PLAN_CHOICES, Plan
from overparam.engine.products import share_forms
from overparam.serving.maps import shared as maps
from overparam.serving.maps.shared import SharedMap, StoredMap, compute_with
from overparam.serving.maps.sweep import Sweep, SweepError, View
from overparam.serving.workers import pool, worker
from overparam.serving.workers.hall import Hall
from tests.asgi import play

QUICK = {"detail": "quick", "horizon": 300, "grid": 3}
PLANS = {
    "two, p and depth": {"x": "p", "y": "depth"},
    "two, one batch": {"x": "shape", "y": "scale", "p": 4},
    "synthetic": {"problem": "synthetic", "x": "shape", "y": "p"},
}
needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="forked on Linux only")


def plan(**values):
    return Plan.of(read_choices(PLAN_CHOICES, {})[0] | QUICK | values)


def finished(sweep):
    while not sweep.finished:
        sweep.advance(0.5)
    return sweep


def assert_equal(one: View, other: View):
    for each in fields(View):
        ours, theirs = getattr(one, each.name), getattr(other, each.name)
        np.testing.assert_array_equal(ours, theirs, each.name)


@asynccontextmanager
async def two_workers():
    hall = Hall(pool.Workers(2))
    await hall.open()
    try:
        while hall.processes < 2:
            await asyncio.sleep(0.01)
        yield hall
    finally:
        await hall.close()
        share_forms(None)


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("parts", [2, 3])
def test_the_parts_of_a_map_are_the_map(name, parts):
    chosen = plan(**PLANS[name])
    whole = finished(Sweep(chosen))
    pieces = [finished(Sweep(chosen, part, parts)) for part in range(parts)]
    together = {cell: out for piece in pieces for cell, out in piece.outcomes.items()}
    assert sum(len(piece.outcomes) for piece in pieces) == len(together) == len(whole.outcomes)
    assert sum(piece.runs for piece in pieces) == whole.runs
    assert_equal(View.of(chosen.cells(), together), whole.view())


@pytest.mark.slow
@needs_fork
def test_a_map_of_two_workers_is_that_of_one_process_though_one_is_killed():
    chosen = plan(**PLANS["two, p and depth"], horizon=20_000)

    async def scenario():
        async with two_workers() as hall:
            shared = SharedMap(chosen, hall, 2)

            def compute():
                killed = False
                while not shared.finished:
                    shared.advance(0.05)
                    if shared.decided > 0.2 and not killed:
                        killed = True
                        os.kill(hall.workers.workers[0].pid, signal.SIGKILL)
                return killed

            assert await asyncio.to_thread(compute)
            alone = finished(Sweep(chosen))
            assert shared.decided == 1 and shared.runs == alone.runs
            assert_equal(shared.view(), alone.view())
            await asyncio.sleep(0.1)
            assert not any(each.jobs for each in hall.workers.workers)  # the map is here

    play(scenario())


@pytest.mark.slow
@needs_fork
def test_a_map_that_cannot_be_says_why_and_may_be_tried_again():
    chosen = plan(x="shape", y="scale", detail="fine", grid=24)

    async def scenario():
        async with two_workers() as hall:
            shared = SharedMap(chosen, hall, 2)

            def compute():
                while True:
                    shared.advance(0.05)

            for _ in range(2):
                with pytest.raises(SweepError, match="choose less detail"):
                    await asyncio.to_thread(compute)

    play(scenario())


def test_a_worker_computes_as_long_as_somebody_looks(monkeypatch):
    now = 100.0
    monkeypatch.setattr(worker.time, "monotonic", lambda: now)
    job = worker._Map(plan(), 0, 1, 1.0)
    assert job.due and job.news(1)[3] == job.sweep.runs
    now = 101.5
    assert not job.due and job.news(1) is None
    job.want(1.0)
    told: dict = {}
    while job.due:
        job.advance()
        now += 0.01
        if news := job.news(1):
            assert not told.keys() & news[1].keys()  # each is said once
            told |= news[1]
        if now > 102.4:
            job.want(1.0)
    assert job.sweep.finished and told == job.sweep.outcomes and not job.owes


def test_a_look_is_good_for_a_while(monkeypatch):
    now = 100.0
    monkeypatch.setattr(maps.time, "monotonic", lambda: now)
    part = maps.Part(plan(), 0, 2, lambda *_: None)
    assert not part.due and part.look() and part.due and not part.look()
    now += 0.6 * maps.LEASE
    assert part.look()
    now += 1.1 * maps.LEASE
    assert not part.due
    part.receive("map", {}, True, 5, 0.0)
    assert part.finished and not part.look()


class Workers:
    """A hall with so many processes."""

    def __init__(self, processes):
        self.processes = processes


@pytest.mark.parametrize(("processes", "kind"), [(0, Sweep), (1, Sweep), (2, SharedMap)])
def test_where_a_map_is_computed(processes, kind):
    opening = Plan.of(read_choices(PLAN_CHOICES, OPENING)[0])
    try:
        compute_with(Workers(processes))
        assert isinstance(maps._map(plan(seed=processes)), kind)
        assert isinstance(maps._map(opening), StoredMap)
    finally:
        compute_with(None)
    assert isinstance(maps._map(plan()), Sweep)
