"""Streams of runs: everybody gets what was computed, in as few bytes as they need; workers may
die."""

import asyncio
import io
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from overparam.choices.kinds import read_choices
from overparam.choices.race import CHOICES, Experiment
from overparam.engine.products import share_forms
from overparam.measure.history import RECORDED
from overparam.serving.run import Run, RunError
from overparam.serving.workers.distant import Distant
from overparam.serving.workers.hall import Hall
from overparam.serving.workers.pool import Workers, can_fork
from overparam.serving.workers.stream import FINISHED, HEAD, HOLD, Live
from overparam.serving.workers.worker import say, serve
from tests.asgi import play, wait_until

QUERY = {"methods": "1_gd~2_gd~1_adam", "horizon": "200", "iterations": "3000"}


def experiment(**query):
    return Experiment.of(read_choices(CHOICES, QUERY | query)[0])


class Viewer:
    """What a browser keeps of a run: the frames put together as `stream` describes them."""

    def __init__(self):
        self.samples, self.iteration, self.finished = 0, -1, False

    def receive(self, frame):
        curves, flags, _, self.samples, self.iteration, start = HEAD.unpack_from(frame)
        self.finished = bool(flags & FINISHED)
        self.tips = np.frombuffer(frame, "<f4", curves, HEAD.size)
        piece = np.frombuffer(frame, "<f4", offset=HEAD.size + 4 * curves).reshape(curves, -1)
        before = self.values[:, :start] if start else np.zeros((curves, 0), "<f4")
        self.values = np.hstack([before, piece])
        assert self.values.shape[1] == self.samples

    def curves(self):
        return self.values.T


def computed(chosen):
    """The same run in this process: the gaps on the lattice, as float32."""
    run = Run(chosen)
    while not run.finished:
        run.advance(chosen.iterations, 0.5)
    view = run.view(chosen.iterations)
    return view.gaps[np.isin(view.times, RECORDED)].astype(np.float32)


def test_a_latecomer_a_slow_viewer_and_one_in_step_see_the_same():
    run = Distant(experiment(), None, lambda until: None)
    rng, live = np.random.default_rng(0), Live("key", None, 1, run)
    in_step, slow = Viewer(), Viewer()
    whole, have = rng.normal(size=(3, 400)).astype("<f4"), 0
    for frame in range(1, 30):
        samples = 10 * frame
        start = 0 if frame == 10 else have  # where tuning ends the curves become others
        if start == 0:
            whole = rng.normal(size=(3, 400)).astype("<f4")
        piece, tips = whole[:, start:samples].tobytes(), whole[:, samples].tobytes()
        live.take(samples, samples, frame == 29, frame < 10, start, piece, tips)
        in_step.receive(live.delta(frame - 1))
        if frame in (1, 5, 29):
            slow.receive(live.delta({1: 0, 5: 1, 29: 5}[frame]))
        have = samples
    late = Viewer()
    late.receive(live.delta(0))
    for viewer in (in_step, slow, late):
        assert np.array_equal(viewer.curves(), whole[:, :290].T) and viewer.finished
    assert len(live.delta(28)) < len(live.delta(20)) < len(live.delta(0))
    assert live.delta(5) == live.delta(0)  # the curves known then are not those known now
    assert live.delta(28) is live.delta(28)  # encoded once for all who stand there


@asynccontextmanager
async def hall(workers):
    opened = Hall(Workers(workers))
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()
        share_forms(None)


async def followed(
    opened, code, until=lambda room: room.live.finished or room.live.error, seconds=240
):
    """What a follower of a room has received in the end."""
    room, viewer, frame = opened.rooms[code], Viewer(), 0
    opened.enter(room)
    async with asyncio.timeout(seconds):
        while True:
            if room.live.frame > frame:
                viewer.receive(room.live.delta(frame))
                frame = room.live.frame
            elif until(room):
                return viewer
            else:
                await room.news()


async def shown(opened, code, *about):
    opened.show(code, *about)
    while opened.rooms.get(code) is None or opened.rooms[code].live is None:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("workers", "forks"),
    [
        pytest.param(0, True, id="thread"),
        pytest.param(1, True, id="forked", marks=pytest.mark.slow),
        # as where there is a GPU, or no Linux
        pytest.param(1, False, id="started", marks=pytest.mark.slow),
    ],
)
def test_what_is_streamed_is_what_is_computed(workers, forks, monkeypatch):
    if not forks:
        monkeypatch.setattr("overparam.serving.workers.pool.can_fork", lambda: False)

    async def scenario():
        async with hall(workers) as opened:
            await shown(opened, "A", experiment(), None, 0, True)
            viewer = await followed(opened, "A")
            assert viewer.iteration == 3000
            return viewer.curves(), computed(experiment())

    streamed, expected = play(scenario())
    np.testing.assert_array_equal(streamed, expected)


def everything(run, position):
    """Of a view, and of the comparison of step sizes, what can be compared."""
    told = asdict(run.view(position)) | {"compared": asdict(run.comparison())}
    told["compared"].pop("grid")
    return told


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_script_sees_of_a_distant_run_what_it_sees_of_one_of_its_own(workers):
    chosen, mine = experiment(seed="3"), Run(experiment(seed="3"))

    def look(opened):
        run = opened.run(chosen, None)
        assert run is opened.run(experiment(seed="3"), None) is opened.find(chosen)
        for until in (60, 200, 900, 3000):  # two while step sizes are compared
            while run.computed < until:
                run.advance(until)
            while mine.computed < run.computed:
                mine.advance(run.computed, 1)
            np.testing.assert_equal(everything(run, until), everything(mine, until))
            assert run.computed == until and run.rows == mine.rows
        assert run.finished and run.stable_steps() == mine.stable_steps()

    async def scenario():
        async with hall(workers) as opened:
            await asyncio.to_thread(look, opened)

    play(scenario())


def test_a_script_is_told_why_its_run_cannot_be():
    def look(opened):
        run = opened.run(experiment(problem="csv"), None)
        with pytest.raises(RunError, match="upload the CSV file"):
            for _ in range(1000):
                run.advance(10)

    async def scenario():
        async with hall(0) as opened:
            for _ in range(2):  # and again, where it tries again
                await asyncio.to_thread(look, opened)

    play(scenario())


def test_a_run_goes_as_far_as_it_is_shown_and_holds_where_nobody_follows():
    async def scenario():
        async with hall(0) as opened:
            await shown(opened, "A", experiment(seed="1"), None, 150, False)
            room = opened.rooms["A"]
            assert room.until == HOLD
            await followed(opened, "A", lambda room: room.live.iteration >= 150)
            await asyncio.sleep(0.2)
            assert room.live.iteration == 150
            opened.leave(room)
            assert room.live.until == HOLD

    play(scenario())


def test_a_run_that_cannot_be_says_why():
    async def scenario():
        async with hall(0) as opened:
            await shown(opened, "A", experiment(problem="csv"), None, 0, True)
            await followed(opened, "A")
            return opened.rooms["A"].live.error

    assert "upload the CSV file" in play(scenario())


class Gone(io.BytesIO):
    """Whoever reads this is there for the first message."""

    def write(self, data):
        if self.getvalue():
            raise BrokenPipeError
        return super().write(data)


def test_a_worker_whose_server_is_gone_logs_no_run_that_failed(caplog):
    reading, writing = os.pipe()
    with open(reading, "rb") as inp, open(writing, "wb") as asking:
        say(asking, ("run", "A", experiment(), None, 1000, 0))
        with pytest.raises(BrokenPipeError):
            serve(inp, Gone())
    assert caplog.records == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
def test_a_worker_that_is_killed_is_replaced_and_its_run_comes_out_the_same():
    long = {"iterations": "60000", "seed": "2", "steps": "shared", "step": "0.01"}

    async def scenario():
        async with hall(1) as opened:
            await shown(opened, "A", experiment(**long), None, 0, True)
            worker = opened.workers.workers[0]
            watching = asyncio.create_task(followed(opened, "A"))
            room = opened.rooms["A"]
            while room.live.iteration < 500:
                await asyncio.sleep(0.01)
            killed, at = worker.pid, room.live.iteration
            os.kill(killed, signal.SIGKILL)
            viewer = await watching
            assert at < 60000 and worker.pid != killed and not room.live.error
            return viewer.curves(), computed(experiment(**long))

    streamed, expected = play(scenario())
    np.testing.assert_array_equal(streamed, expected)


KILLED = """
import asyncio
from overparam.serving.workers.pool import Workers

async def main():
    workers = Workers(1)
    workers.start()
    while not workers.processes:
        await asyncio.sleep(0.05)
    print(workers.folder, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(not can_fork(), reason="processes are not forked from a zygote here")
def test_a_server_that_is_killed_leaves_no_folder_behind():
    command = [sys.executable, "-c", KILLED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        folder = Path(server.stdout.readline().strip())
        assert folder.is_dir()
        server.kill()
    wait_until(lambda: not folder.exists())
