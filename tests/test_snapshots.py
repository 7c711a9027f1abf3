"""What a snapshot of the streaming chart holds, read back the way the browser reads it."""

import base64
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from streamlit.testing.v1 import AppTest

from overparam.ui.components.live_chart import MOST_POINTS, Curve, LiveChart, Mark, snapshot


class Slot:
    """In the place of st.empty(): keeps what it was told to show."""

    def html(self, body) -> None:
        self.body = body._repr_html_()


def drawn(curves, marks=(), x_log=True):
    """The snapshot that `draw` sends: its attributes, its head and the points of each curve."""
    chart = LiveChart(Slot(), {"frame": None}, "key", mounted=1.0)
    chart.draw(snapshot("run", curves, marks, x_log=x_log))
    return read(chart.slot.body)


def read(body):
    attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', body))
    head = json.loads(base64.b64decode(attributes["data-head"]))
    values, at, points = np.frombuffer(base64.b64decode(attributes["data-points"]), "<f4"), 0, []
    for curve in head["curves"]:
        n = curve["points"]
        points.append((values[at : at + n], values[at + n : at + 2 * n]))
        at += 2 * n
    assert at == len(values)
    return attributes, head, points


vectors = arrays.arrays(
    np.float64, st.integers(0, 50), elements=st.floats(allow_nan=True, allow_infinity=True)
)


@given(st.lists(st.tuples(st.text(), vectors), max_size=4), st.text())
def test_short_curves_arrive_whole_whatever_their_names(named, text):
    curves = [Curve(name, np.arange(len(y)), y, "#123456", note=text) for name, y in named]
    _, head, points = drawn(curves, [Mark(3, text)])
    assert [(c["name"], c["note"]) for c in head["curves"]] == [(name, text) for name, _ in named]
    assert head["marks"] == [{"x": 3.0, "text": text}]
    for (_, y), (x_read, y_read) in zip(named, points, strict=True):
        np.testing.assert_array_equal(x_read, np.arange(len(y)))
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(y_read, y.astype(np.float32))


@pytest.mark.parametrize("x_log", [True, False])
@pytest.mark.parametrize("n", [MOST_POINTS + 1, 10_000, 1_000_000])
def test_long_curves_are_thinned_and_keep_their_ends(n, x_log):
    x = np.arange(1.0, n + 1)
    _, _, [(x_read, y_read)] = drawn([Curve("long", x, 1 / x, "#123456")], x_log=x_log)
    assert len(x_read) <= MOST_POINTS and (x_read[0], x_read[-1]) == (1, n)
    assert np.all(np.diff(x_read) > 0)
    np.testing.assert_allclose(y_read, 1 / x_read, rtol=1e-6)
    # no gap wider than the spacing that was asked for, rounded to whole indices
    steps = np.diff(np.log(x_read)) if x_log else np.diff(x_read)
    widest = np.log(n) / (MOST_POINTS - 1) if x_log else (n - 1) / (MOST_POINTS - 1)
    assert np.all(
        steps
        <= np.maximum(widest * 1.01, np.log1p(1 / x_read[:-1])) + (1 / x_read[:-1] if x_log else 1)
    )


def test_curves_of_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="curve 'bad'"):
        drawn([Curve("bad", np.arange(3), np.arange(4), "#123456")])


def script():
    import numpy as np
    import streamlit as st

    from overparam.ui.components.live_chart import Curve, live_chart, snapshot

    chart = live_chart("chart")
    if st.checkbox("draw"):
        chart.draw(snapshot("first", [Curve("a", np.arange(3), np.arange(3), "#123456")]))


def test_a_rerun_repeats_the_last_snapshot_which_changes_nothing_where_it_is_on_the_screen():
    app = AppTest.from_function(script).run()
    assert not app.get("html")
    app.checkbox[0].check().run()
    app.checkbox[0].uncheck().run()
    first = app.get("html")[0].proto.body
    app.run()
    second = app.get("html")[0].proto.body
    assert not app.exception
    assert second == first and read(first)[1]["run"] == "first"
