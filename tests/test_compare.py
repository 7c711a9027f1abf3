"""The race over time: pinned runs, step sizes changed on the way, and the session's history;
without a browser."""

import base64
import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from tests.test_race_page import SMALL, messages, opened, press, race, transport, url


def snapshot(app: AppTest) -> tuple[dict, list[np.ndarray]]:
    """What the chart shows: its head, and the y values of each curve."""
    body = next(block.value for block in app.get("html") if "data-live-chart" in block.value)
    found = dict(re.findall(r'(data-[\w-]+)="([^"]*)"', body))
    head = json.loads(base64.b64decode(found["data-head"]))
    values, at, ys = np.frombuffer(base64.b64decode(found["data-points"]), "<f4"), 0, []
    for curve in head["curves"]:
        ys.append(values[at + curve["points"] : at + 2 * curve["points"]])
        at += 2 * curve["points"]
    return head, ys


def ghosts(app: AppTest) -> list[str]:
    return [curve["name"] for curve in snapshot(app)[0]["curves"] if curve["ghost"]]


def test_a_pinned_run_stays_as_faint_curves_beside_the_next():
    app = press(press(race(**SMALL), "race_run"), "race_pin")
    before = snapshot(app)[1][-2:]
    app.slider(key="race_p").set_value(3.0).run()
    press(app, "race_run")
    head, ys = snapshot(app)
    assert (
        ghosts(app) == ["depth 1 (pinned 1)", "depth 2 (pinned 1)"]
        and "p = 4" in head["curves"][0]["note"]
    )
    for ghost, was in zip(ys[:2], before, strict=True):
        np.testing.assert_array_equal(ghost, was)
    press(opened(app, "race_history"), "race_unpin")
    assert ghosts(app) == [] and messages(app) == []


def test_of_a_search_the_lowest_gap_of_each_method_is_pinned():
    search = {"steps": "tuned", "horizon": "1000", "iterations": "2000"}
    app = press(race(**SMALL | search), "race_pin")
    assert any("one of the step sizes" in name for name in ghosts(app))
    pinned = [name for name in ghosts(app) if "pinned" in name]
    assert pinned == ["depth 1 (pinned 1)", "depth 2 (pinned 1)"]


def test_at_most_three_runs_are_pinned_and_none_twice():
    app = race(**SMALL)
    for p in (4.0, 3.0, 3.0, 2.5, 2.0):
        app.slider(key="race_p").set_value(p).run()
        press(app, "race_pin")
    assert len(ghosts(app)) == 3 * 2


def test_a_step_size_changed_on_the_way_is_marked_and_keeps_the_curve_up_to_there():
    app = press(press(race(**SMALL), "race_run"), "race_reset")
    for key in ("race_step_10", "race_step_10", "race_halve"):
        press(app, key)
    assert messages(app) == [] and transport(app)["position"] == 20
    assert url(app)["changes"] == "20x0.5" and url(app)["steps"] == "each"
    head, ys = snapshot(app)
    assert head["marks"] == [{"x": 20.0, "text": "steps × 0.5"}] and len(ghosts(app)) == 2
    np.testing.assert_array_equal(ys[2], ys[0][: len(ys[2])])  # so far the run is what it was
    press(app, "race_step_10")
    _, ys = snapshot(app)
    at_21 = 21
    assert ys[2][at_21] > ys[0][at_21]  # half the step descends less
    press(app, "race_double")
    assert url(app)["changes"] == "20x0.5~30x2.0" or url(app)["changes"] == "20x0.5~30x2"


def test_after_the_last_iteration_no_step_size_changes_and_it_is_said():
    app = press(race(**SMALL), "race_run")
    _, before = snapshot(app)
    choices = url(app)
    press(app, "race_halve")
    assert messages(app) == [
        "The run has ended: go back or raise Iterations, then change the step sizes."
    ]
    assert url(app) == choices and ghosts(app) == []
    for was, now in zip(before, snapshot(app)[1], strict=True):
        np.testing.assert_array_equal(now, was)


def test_a_change_at_the_start_is_another_step_size():
    app = press(press(race(**SMALL), "race_reset"), "race_double")
    assert "changes" not in url(app) and url(app)["methods"] == "1_gd_s0.006~2_gd_s0.006"


def test_tuned_step_sizes_become_own_ones_when_they_are_changed():
    app = press(race(**SMALL | {"steps": "tuned", "horizon": "50"}), "race_run")
    tuned = snapshot(app)[1]
    press(press(app, "race_reset"), "race_step_100")
    press(app, "race_halve")
    assert messages(app) == [] and url(app)["changes"] == "100x0.5"
    _, ys = snapshot(app)
    for now, was in zip(ys[2:], tuned, strict=True):
        np.testing.assert_allclose(now, was[: len(now)], rtol=1e-4)


def test_too_many_changes_are_refused_in_a_sentence_and_nothing_is_lost():
    changes = "~".join(f"{t}x0.99" for t in range(1, 21))
    app = press(race(**SMALL | {"changes": changes}), "race_step_100")
    press(app, "race_halve")
    assert len(messages(app)) == 1 and "left as they were" in messages(app)[0]
    assert url(app)["changes"] == changes and transport(app)["position"] == 100
    app.run()
    assert messages(app) == []


def test_a_run_of_the_session_is_brought_back_with_all_its_choices():
    app = press(race(**SMALL), "race_step_100")
    chosen, query = transport(app)["experiment"], url(app)
    app.slider(key="race_p").set_value(2.0).run()
    press(app, "race_run")
    opened(app, "race_history")
    labels = [
        button.label
        for button in app.button
        if button.key and button.key.startswith("race_history_")
    ]
    assert len(labels) == 2 and "p = 2" in labels[0] and "p = 4" in labels[1]
    press(app, "race_history_1")
    assert transport(app)["experiment"] == chosen and url(app) == query
    assert transport(app)["position"] == 100 and not transport(app)["playing"]
    press(app, "race_history_1")  # and the other one again
    assert transport(app)["experiment"].p == 2.0 and transport(app)["position"] == 200


def test_looking_at_choices_without_running_leaves_no_history():
    app = race(**SMALL)
    app.slider(key="race_p").set_value(2.0).run()
    opened(app, "race_history")
    assert [b for b in app.button if b.key and b.key.startswith("race_history_")] == []


@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "race_step_1",
                "race_step_100",
                "race_halve",
                "race_double",
                "race_reset",
                "race_pin",
                "race_run",
            ]
        ),
        min_size=3,
        max_size=6,
    )
)
def test_any_order_of_buttons_leaves_the_page_standing(keys):
    app = race(**SMALL)
    for key in keys:
        press(app, key)
        assert not app.exception
        head, _ = snapshot(app)
        assert len(head["curves"]) <= 2 + 3 * 2 and 0 <= transport(app)["position"] <= 200


@pytest.mark.parametrize("name", ["run.csv", "run.json", "run.py", "run.ipynb", "run.html"])
def test_everything_is_offered_to_take_home(name):
    app = opened(press(race(**SMALL), "race_run"), "race_home")
    assert [d for d in app.get("download_button") if d.proto.id.endswith(f"race_save_{name}")]
    code = [block.value for block in app.get("code")]
    assert any("<iframe" in text and "embed=true" in text for text in code)
