"""The load script's own sums, and that it keeps to this machine."""

import math

import numpy as np
import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from overparam.ui.components.live_chart import Curve, LiveChart, snapshot
from tests.load import hall
from tests.load.client import exception, frame, loopback
from tests.load.report import jain, percentile
from tests.load.sessions import main
from tests.test_snapshots import Slot


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8501", "http://localhost:8501/", "http://127.3.2.1", "http://[::1]:80"],
)
def test_this_machine_is_taken(url):
    assert loopback(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1:8501",
        "http://0.0.0.0:8501",
        "http://192.0.2.7",
        "https://127.0.0.1",
        "127.0.0.1:8501",
        "x",
    ],
)
def test_any_other_address_is_refused(url, capsys):
    with pytest.raises(ValueError, match="not"):
        loopback(url)
    with pytest.raises(SystemExit) as stop:
        main(["--url", url, "--same"])
    assert stop.value.code == 2


@pytest.mark.parametrize(
    "extra",
    [["--sessions", "0"], ["--sessions", "1001"], ["--seconds", "601"], ["--seconds", "nan"]],
)
def test_load_is_bounded(extra, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--url", "http://127.0.0.1:9", "--same", *extra])
    assert stop.value.code == 2


@pytest.mark.parametrize("extra", [["--followers", "0"], ["--followers", "2001"]])
def test_a_hall_is_bounded(extra, capsys):
    with pytest.raises(SystemExit) as stop:
        hall.main(["--url", "http://127.0.0.1:9", *extra])
    assert stop.value.code == 2


def test_fairness_between_all_and_one():
    assert jain([3.0] * 7) == pytest.approx(1)
    assert jain([5.0, 0.0, 0.0, 0.0]) == pytest.approx(1 / 4)
    assert jain([1.0, 2.0, 3.0]) == pytest.approx(36 / 42)
    assert math.isnan(jain([0.0, 0.0]))


def test_percentile_is_a_value_that_enough_do_not_exceed():
    values = [float(i) for i in range(1, 21)]
    assert percentile(values[::-1], 0.5) == 10
    assert percentile(values, 0.95) == 19
    assert percentile([4.0], 0.95) == 4
    assert math.isnan(percentile([], 0.5))


def test_only_frames_of_a_chart_are_counted():
    curves = [
        Curve("a", np.arange(1.0, 8), np.ones(7), "#000000"),
        Curve("b", np.arange(1.0, 4), 9 * np.ones(3), "#000000"),
    ]
    message, slot = ForwardMsg(), Slot()
    LiveChart(slot, {}, "race", mounted=1.0).draw(snapshot("r7", curves))
    message.delta.new_element.html.body = slot.body
    shown = frame(message)
    assert (shown.run, shown.reached) == ("r7", 7.0)
    message.delta.new_element.html.body = '<i data-x="1"></i>'
    assert frame(message) is None
    assert exception(message) is None


def test_an_exception_on_the_page_is_seen():
    message = ForwardMsg()
    message.delta.new_element.exception.type = "ValueError"
    message.delta.new_element.exception.message = "no"
    assert exception(message) == "ValueError: no"
