"""The stream behind the race: a key from a script opens it, and nothing else does."""

import json

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from overparam.choices.kinds import read_choices
from overparam.choices.race import CHOICES, Experiment
from overparam.serving.run import Run
from overparam.serving.workers.stream import FINISHED, HEAD, HOLD
from overparam.ui.shell.sockets import NOT_ALLOWED, REPLACED, TOO_LARGE, UNKNOWN
from overparam.ui.shell.watch import ADDRESS, MOST_A_SECOND, MOST_BYTES, read, routes
from tests.asgi import hall_behind, wait_until


def experiment(**query):
    small = {"methods": "1_gd~2_gd", "steps": "shared", "step": "0.003", "iterations": "1000"}
    return Experiment.of(read_choices(CHOICES, small | query)[0])


@pytest.fixture(scope="module")
def server():
    with hall_behind(routes) as hall_and_port:
        yield hall_and_port


def stream(port, **how):
    return connect(f"ws://127.0.0.1:{port}/depth/{ADDRESS}", open_timeout=60, **how)


def say(socket, **what):
    socket.send(json.dumps(what))


def closed(socket) -> int:
    """Why the server closes it."""
    with pytest.raises(ConnectionClosed) as end:
        while True:
            socket.recv(timeout=60)
    return end.value.rcvd.code


def test_a_viewer_gets_the_curves_of_a_key_as_far_as_they_want(server):
    hall, port = server
    key, number = hall.offer("A", experiment(), None)
    with stream(port) as socket:
        say(socket, key=key, until=50)
        frames = [socket.recv(timeout=60)]
        while HEAD.unpack_from(frames[-1])[4] < 50:
            frames.append(socket.recv(timeout=60))
        assert HEAD.unpack_from(frames[-1])[2:5:2] == (number, 50)
        say(socket, until=1000)
        while not HEAD.unpack_from(frames[-1])[1] & FINISHED:
            frames.append(socket.recv(timeout=60))
    alone = Run(experiment())
    while not alone.finished:
        alone.advance(1000, 1)
    tips = np.frombuffer(frames[-1], "<f4", 2, HEAD.size)
    np.testing.assert_array_equal(tips, alone.view(1000).gaps[-1].astype("<f4"))


def wanting(hall):
    return sum(viewer.wants > HOLD for viewer in hall.viewers.values())


def test_a_script_hears_which_iteration_a_browser_shows(server):
    hall, port = server
    key, _ = hall.offer("P", experiment(), None)
    assert hall.place("P", "order 1") is None  # nobody is there
    with stream(port) as socket:
        say(socket, key=key, until=HOLD)
        say(socket, order="order 1", at=120)
        wait_until(lambda: hall.place("P", "order 1") == 120)
        assert hall.place("P", "order 2") is None  # not heard of yet
        assert hall.place("Q", "order 1") is None
        say(socket, order="order 2", at=0)
        wait_until(lambda: hall.place("P", "order 2") == 0)
        assert hall.place("P", "order 1") is None
    wait_until(lambda: hall.place("P", "order 2") is None)


def test_a_run_holds_where_nobody_wants_it_to_go_on(server):
    hall, port = server
    endless = experiment(iterations="1000000", seed="1", precision="float32")
    live = hall._live(endless, None)
    with stream(port) as one, stream(port) as other:
        for name, socket in (("B", one), ("C", other)):
            say(socket, key=hall.offer(name, endless, None)[0], until=1_000_000)
        wait_until(lambda: live.iteration > 0 and wanting(hall) == 2)
        say(one, until=HOLD)
        wait_until(lambda: wanting(hall) == 1)
        assert live.until == 1_000_000  # the other plays on
        say(other, until=HOLD)
        wait_until(lambda: live.until == HOLD)
        say(other, until=1_000_000)
        wait_until(lambda: live.until == 1_000_000)
    wait_until(lambda: live.until == HOLD and not live.watchers)


@pytest.mark.parametrize("key", ["", "0" * 32, "x" * 1000])
def test_no_key_of_ours_opens_nothing(server, key):
    hall, port = server
    hall.offer("D", experiment(), None)
    with stream(port) as socket:
        say(socket, key=key, until=10)
        assert closed(socket) == UNKNOWN


def test_a_key_is_one_sessions_and_one_of_its_two_latest(server):
    hall, port = server
    (old, _), (other, _) = (hall.offer(name, experiment(), None) for name in "EF")
    assert old != other and hall.offer("E", experiment(), None)[0] == old
    before, new = (hall.offer("E", experiment(seed=seed), None)[0] for seed in "89")
    with stream(port) as socket:
        say(socket, key=before, until=HOLD)
        say(socket, key=new, until=HOLD)
        wait_until(lambda: "E" in hall.viewers and hall.viewers["E"].live.experiment.seed == 9)
    with stream(port) as socket:
        say(socket, key=old, until=10)
        assert closed(socket) == UNKNOWN
    with stream(port) as socket:
        say(socket, key=new, until=HOLD)
        say(socket, key=other, until=10)  # somebody else's
        assert closed(socket) == UNKNOWN


def test_a_session_has_one_stream(server):
    hall, port = server
    key, _ = hall.offer("G", experiment(), None)
    with stream(port) as first, stream(port) as second:
        say(first, key=key, until=HOLD)
        wait_until(lambda: "G" in hall.viewers)
        say(second, key=key, until=HOLD)
        assert closed(first) == REPLACED
        assert hall.viewers["G"].live is not None
    wait_until(lambda: "G" not in hall.viewers)


def test_why_a_run_cannot_be_is_said(server):
    hall, port = server
    key, _ = hall.offer("H", experiment(problem="csv"), None)
    with stream(port) as socket:
        say(socket, key=key, until=10)
        assert "upload the CSV file" in json.loads(socket.recv(timeout=60))["error"]


def test_whoever_says_too_much_is_heard_no_longer(server):
    hall, port = server
    key, _ = hall.offer("I", experiment(), None)
    with stream(port) as socket:
        socket.send("x" * (MOST_BYTES + 1))
        assert closed(socket) == TOO_LARGE
    with stream(port) as socket, pytest.raises(ConnectionClosed) as end:
        say(socket, key=key, until=HOLD)
        for _ in range(100 * MOST_A_SECOND):
            say(socket, until=HOLD)
    assert end.value.rcvd.code == NOT_ALLOWED


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "[]", "1", "null", "[" * 4000, '{"until": 1.5}', '{"until": true}', "{}"),
        *('{"until": -2}', '{"until": 1000001}', '{"until": 1, "csv": "x"}'),
        *('{"until": 1, "key": 3}', '{"key": "k"}', '{"order": "o"}', '{"at": 1}'),
        *('{"order": 1, "at": 1}', '{"order": "o", "at": 0.5}', '{"order": "o", "at": 1000001}'),
        '{"key": "k", "until": 1, "order": "o", "at": 1}',
        *('{"glance": "p"}', '{"glance": {"p": 4}}', '{"glance": {"p": "4"}, "until": 1}'),
    ],
)
def test_what_is_no_message_is_none(text):
    assert read(text) is None


def test_a_message_that_is_none_ends_the_stream(server):
    with stream(server[1]) as socket:
        socket.send(b"\x00\x01")
        assert closed(socket) == NOT_ALLOWED


def test_a_page_of_another_site_gets_no_stream(server):
    with pytest.raises(InvalidStatus, match="403"):
        stream(server[1], origin="http://evil.example")


def ended(socket, number):
    """The last frame of the first run that ends and is not that of this number."""
    while True:
        frame = socket.recv(timeout=60)
        _, flags, run, _, iteration, _ = HEAD.unpack_from(frame)
        if run != number and flags & FINISHED:
            return frame, iteration


def test_a_hand_that_moves_a_control_sees_short_runs_which_are_then_forgotten(server):
    hall, port = server
    chosen = experiment(iterations="100000", seed="7")
    key, number = hall.offer("H", chosen, None)
    with stream(port) as socket:
        say(socket, key=key, until=0)
        say(socket, glance={"step": "0.002"})
        frame, iteration = ended(socket, number)
        short = chosen.glance({"step": "0.002"})
        assert iteration == short.iterations < chosen.iterations
        alone = Run(short)
        while not alone.finished:
            alone.advance(short.iterations, 1)
        tips = np.frombuffer(frame, "<f4", 2, HEAD.size)
        np.testing.assert_array_equal(tips, alone.view(iteration).gaps[-1].astype("<f4"))
        wait_until(lambda: hall.find(short) is not None)
        say(socket, glance={"step": "nonsense"})  # none of ours: nothing happens
        say(socket, glance={"iterations": "1000000"})  # not a hand's to say
        say(socket, key=key, until=0)
        wait_until(lambda: hall.find(short) is None)
        assert hall.find(chosen) is not None
