"""The race page without a browser: first paint, transport, what stands in the URL, and bad
input."""

import re
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from overparam.choices.kinds import read_choices
from overparam.choices.race import CHOICES, Experiment
from overparam.serving.run import RUNS, Run
from overparam.ui.preconditioner.along_run import CHOICES as ALONG
from overparam.ui.race.tuning import is_tuned, tuned_twin
from overparam.ui.race.why_now import query_of
from tests.app_pages import race, transport

SMALL = {
    "problem": "two",
    "steps": "shared",
    "step": "0.003",
    "iterations": "200",
    "methods": "1_gd~2_gd",
}


def url(app: AppTest) -> dict[str, str]:
    """The URL's parameters; AppTest gives a list where the test set one and a string where the page
    did."""
    return {
        name: value if isinstance(value, str) else value[0]
        for name, value in app.query_params.items()
    }


def messages(app: AppTest) -> list[str]:
    assert not app.exception, app.exception
    return [e.value for e in (*app.warning, *app.error, *app.info)]


def press(app: AppTest, key: str) -> AppTest:
    return app.button(key=key).click().run()


def opened(app: AppTest, drawer: str) -> AppTest:
    """The page with a popover or an expander open: what is in it is built only then."""
    app.session_state[drawer] = True
    return app.run()


def test_the_first_paint_shows_curves_before_anybody_asks_for_a_run():
    app = race(**SMALL | {"iterations": "900"})
    assert messages(app) == []
    assert 0 < transport(app)["position"] <= 100 and not transport(app)["playing"]
    assert app.session_state["race__live_chart"]["frame"] is not None


def test_before_there_are_curves_the_place_is_their_first(monkeypatch):
    places, advance = [], Run.advance

    def slowly(run, *about):
        places.append(st.session_state["race__transport"]["position"])
        if len(places) > 3:
            advance(run, *about)

    monkeypatch.setattr(Run, "advance", slowly)
    assert messages(race(**SMALL | {"iterations": "900", "step": "0.0029"})) == []
    assert places[:4] == [0, 0, 0, 0]


def test_run_goes_to_the_end_and_stops():
    app = race(**SMALL)
    app.session_state["race_numbers"] = True
    app = press(app, "race_run")
    assert (
        messages(app) == [] and transport(app)["position"] == 200 and not transport(app)["playing"]
    )
    table = next(
        block.value
        for block in app.get("html")
        if "race-table" in block.value and "<td>" in block.value
    )
    assert "depth 2" in table and "at iteration 200" in table


def test_step_moves_by_so_many_iterations_from_where_the_person_stands():
    app = press(race(**SMALL), "race_reset")
    assert transport(app)["position"] == 0
    for key, position in [
        ("race_step_1", 1),
        ("race_step_10", 11),
        ("race_step_100", 111),
        ("race_step_100", 200),
    ]:
        assert transport(press(app, key))["position"] == position


def test_reset_keeps_the_choices_and_the_start():
    app = press(press(race(**SMALL), "race_run"), "race_reset")
    assert transport(app)["position"] == 0 and url(app)["step"] == "0.003"


def test_a_changed_choice_is_another_run_from_its_start():
    app = press(race(**SMALL), "race_run")
    app.slider(key="race_p").set_value(2.0).run()
    assert transport(app)["experiment"].p == 2.0 and not transport(app)["playing"]
    assert url(app)["p"] == "2"


def test_the_url_restores_every_choice():
    query = SMALL | {
        "p": "3.5",
        "start": "identity",
        "scale": "0.2",
        "seed": "7",
        "precision": "float32",
        "ratio": "30",
    }
    app = race(**query)
    assert transport(app)["experiment"] == Experiment.of(read_choices(CHOICES, query)[0])
    assert url(app) == query


def test_another_page_loses_nothing():
    app = press(race(**SMALL), "race_run")
    chosen = transport(app)["experiment"]
    app.switch_page("pages/home.py").run()
    app.query_params.clear()
    app.switch_page("pages/convergence.py").run()
    assert transport(app)["experiment"] == chosen and transport(app)["position"] == 200


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"p": "1.5"}, "Loss exponent p must be from 2 to 16, not 1.5"),
        ({"p": "cubic"}, "Loss exponent p must be a number from 2 to 16, not 'cubic'"),
        ({"methods": "0_gd"}, "Depth must be from 1 to 16, not 0"),
        ({"methods": "99_gd"}, "Depth must be from 1 to 16, not 99"),
        ({"step": "0"}, "Step size must be above 0"),
        ({"step": "-3"}, "Step size must be above 0"),
        ({"step": "nan"}, "Step size must be a number above 0"),
        ({"problem": "<img src=x>"}, "Problem must be one of"),
        ({"problem": "synthetic", "m": "5", "d": "20"}, "at least as many samples as inputs"),
        ({"problem": "synthetic", "k": "3", "methods": "2_gd_scale"}, "defined for one output"),
        ({"problem": "synthetic", "k": "3", "methods": "2_gd_h1"}, "hidden width"),
        (
            {
                "methods": "~".join(["16_gd_h256"] * 12),
                "steps": "tuned",
                "grid": "24",
                "problem": "diabetes",
            },
            "too much memory|take too much memory",
        ),
        ({"problem": "csv", "csv": "0123456789abcdef"}, "upload it again"),
        ({"problem": "csv", "csv": "../../etc/passwd"}, "not one of ours"),
    ],
)
def test_bad_input_is_one_clear_sentence_and_the_page_goes_on(query, says):
    app = race(**SMALL | query)
    told = messages(app)
    assert any(re.search(says, message) for message in told), told
    assert len(told) <= 2
    if query.get("problem") == "csv":  # there is nothing to run
        assert app.button(key="race_run").disabled
        return
    press(app, "race_run")
    assert not app.exception


def test_a_link_about_a_file_does_not_spoil_it_for_those_who_have_the_file():
    """Whoever opens the link without the file, in the view of the tuning, must not leave a run
    without data to the others."""
    raw = ("a,b,y\n" + "\n".join(f"{i},{(7 * i) % 5},{(3 * i) % 7}" for i in range(30))).encode()
    there = race(**SMALL | {"problem": "csv", "steps": "tuned"})
    there.file_uploader[0].set_value(("numbers.csv", raw, "text/csv")).run()
    link = url(there)
    elsewhere = race(**link | {"axis": "tuning", "p": "5"})
    assert elsewhere.button(key="race_run").disabled
    there.slider(key="race_p").set_value(5.0).run()
    assert messages(press(there, "race_run")) == [] and not there.exception


def test_asking_whether_steps_are_compared_makes_no_run():
    values = read_choices(CHOICES, {"seed": "4321", "iterations": "37"})[0]
    assert (
        not is_tuned(SimpleNamespace(values=lambda: values))
        and RUNS.find(tuned_twin(values)) is None
    )


def test_every_method_diverging_is_told_in_the_table():
    app = race(**SMALL | {"step": "1000"})
    app.session_state["race_numbers"] = True
    app = press(app, "race_run")
    assert messages(app) == []
    table = next(block.value for block in app.get("html") if "<td>" in block.value)
    assert table.count("diverged at iteration") == 2 and "looks for one that lasts" in table


def test_a_script_run_that_has_been_replaced_moves_nobody():
    app = race(**SMALL)
    replaced = transport(
        app
    )  # a thread that is still computing holds this, and writes to it once more
    app = press(app, "race_reset")
    replaced.update(position=50, playing=True)
    assert transport(app.run())["position"] == 0 and not transport(app)["playing"]


@pytest.mark.parametrize(
    "query",
    [{}, {"problem": "two", "ratio": "3"}, {"problem": "synthetic", "p": "6", "scale": "0.1"}],
    ids=str,
)
def test_why_now_is_asked_of_the_races_own_problem_and_deepest_network(query):
    race_ = read_choices(CHOICES, query | {"methods": "1_gd~4_gd~1_adam", "seed": "7"})[0]
    experiment = Experiment.of(race_)
    asked = query_of(experiment)
    there, refused = read_choices(ALONG, asked)
    assert refused == [] and (asked["view"], asked["N"]) == ("run", "4")
    for name in ("problem", "seed", "condition", "spectrum", "scale", "iterations"):
        assert there[name] == getattr(experiment, name), name
    assert asked.get("ratio", "10") == f"{experiment.ratio:g}"


@pytest.mark.parametrize("query", [{"loss": "huber"}, {"methods": "1_gd~1_adam"}], ids=str)
def test_there_is_no_why_now_for_another_loss_or_without_depth(query):
    assert query_of(Experiment.of(read_choices(CHOICES, query)[0])) is None
