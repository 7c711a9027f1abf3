"""The page that follows a lecturer, and its stream: looking without steering."""

import base64
import hashlib
import http.client
import json
import re

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from overparam.choices.kinds import read_choices
from overparam.choices.race import CHOICES, Experiment
from overparam.serving.workers.stream import FINISHED, HEAD
from overparam.ui.shell.follow import routes
from overparam.ui.shell.sockets import NOT_ALLOWED, UNKNOWN
from tests.asgi import hall_behind, wait_until

EXPERIMENT = Experiment.of(
    read_choices(CHOICES, {"methods": "1_gd~2_gd", "horizon": "100", "iterations": "1000"})[0]
)


@pytest.fixture(scope="module")
def server():
    with hall_behind(routes) as hall_and_port:
        yield hall_and_port


def stream(port, code, **how):
    return connect(f"ws://127.0.0.1:{port}/depth/follow/{code}/stream", open_timeout=60, **how)


def room(hall, code, **about):
    hall.show(
        code,
        EXPERIMENT,
        None,
        about.get("position", 0),
        about.get("playing", False),
        about.get("link", ""),
    )
    return code


def test_the_page_stands_alone_and_runs_no_script_but_its_own(server):
    connection = http.client.HTTPConnection("127.0.0.1", server[1], timeout=60)
    connection.request("GET", "/depth/follow/ANY")
    answer = connection.getresponse()
    text, policy = answer.read().decode(), answer.headers["content-security-policy"]
    connection.close()
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    assert (
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" in policy
    )
    assert "default-src 'none'" in policy and "http" not in re.sub(
        r"http://www\.w3\.org/2000/svg", "", text.replace('"http"', "")
    )
    assert len(text) < 12_000


def test_a_follower_is_told_what_is_shown_and_gets_its_curves(server):
    hall, port = server
    with stream(port, room(hall, "PLAYS", playing=True, link="convergence?p=4")) as socket:
        said, frames = json.loads(socket.recv(timeout=60)), []
        while not frames or not HEAD.unpack_from(frames[-1])[1] & FINISHED:
            frames.append(socket.recv(timeout=60))
    assert (
        said["link"] == "../convergence?p=4" and said["limit"] == 1000 and said["playing"] is True
    )
    assert [curve["name"] for curve in said["curves"]] == [
        entry.label() for entry in EXPERIMENT.methods
    ]
    curves, _, number, samples, iteration, _ = HEAD.unpack_from(frames[-1])
    assert (curves, number, iteration) == (2, said["run"], 1000)
    with stream(port, "PLAYS") as late:  # all in one frame
        late.recv(timeout=60)
        whole = late.recv(timeout=60)
    values = np.frombuffer(whole, "<f4", offset=HEAD.size + 8).reshape(2, -1)
    assert (
        values.shape[1] == samples
        and values[0, 0] == pytest.approx(1, abs=0.1)
        and values[0, -1] < 0.1
    )


def test_a_change_of_what_is_shown_reaches_those_who_follow(server):
    hall, port = server
    with stream(port, room(hall, "CHANGES", position=10)) as socket:
        assert json.loads(socket.recv(timeout=60))["position"] == 10
        room(hall, "CHANGES", position=20)
        texts = iter(lambda: socket.recv(timeout=60), None)
        assert next(json.loads(text) for text in texts if isinstance(text, str))["position"] == 20


def test_nobody_follows_a_code_that_does_not_exist(server):
    with stream(server[1], "NOBODY") as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(timeout=60)
    assert closed.value.rcvd.code == UNKNOWN


def test_followers_do_not_steer(server):
    hall, port = server
    with stream(port, room(hall, "LOOKS")) as socket:
        socket.send('{"playing": true}')
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                socket.recv(timeout=60)
    assert closed.value.rcvd.code == NOT_ALLOWED
    assert not hall.rooms["LOOKS"].playing


def test_a_page_of_another_site_gets_no_stream(server):
    hall, port = server
    with pytest.raises(InvalidStatus, match="403"):
        stream(port, room(hall, "ORIGIN"), origin="http://evil.example")


def test_whoever_leaves_is_counted_no_longer(server):
    hall, port = server
    with stream(port, room(hall, "LEAVES")) as socket:
        socket.recv(timeout=60)
        assert hall.rooms["LEAVES"].viewers == 1
    wait_until(lambda: hall.rooms["LEAVES"].viewers == 0)
