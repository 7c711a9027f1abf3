"""The home page as an essay: six sections, each with a figure, that say what the race says."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from overparam.choices.kinds import read_choices
from overparam.choices.race import CHOICES, OPENING, Experiment
from overparam.serving.run import RUNS
from overparam.ui.home.sections import HEIGHT
from tests.app_pages import APP, race


@pytest.fixture(scope="module")
def home() -> AppTest:
    app = AppTest.from_file(APP, default_timeout=120).run()
    assert not app.exception and not app.error
    return app


def words(app: AppTest) -> list[str]:
    return [block.value for block in app.markdown]


def test_the_argument_has_its_parts_in_order(home):
    parts = [re.split(r":", header.value)[0] for header in home.header]
    assert parts == ["The doubt", "The mechanism", "Fairness", "The theorem", "The limits"]
    assert HEIGHT >= 300


def test_home_and_race_say_the_same_of_the_same_experiment(home):
    said = [text for text in words(race()) if "avoidable loss is gone" in text]
    assert len(said) == 1 and said[0] in words(home)
    run = RUNS.find(Experiment.of(read_choices(CHOICES, OPENING)[0]))
    assert run is not None and run.finished  # one run for both pages


def test_at_p_2_the_home_page_says_that_depth_delays(home):
    assert sum(text.startswith("**Depth only delays here**") for text in words(home)) == 1


def test_the_network_steps_further_than_the_matrix(home):
    told = next(text for text in words(home) if "times as far" in text)
    plain, deep, ratio = (
        float(re.search(pattern, told)[1])
        for pattern in (
            r"moves \$w_2\$ by ([\d.e-]+)",
            r"layers by ([\d.e-]+)",
            r"\*\*([\d.]+) times",
        )
    )
    assert deep / plain == pytest.approx(ratio, rel=0.06)


@pytest.mark.parametrize("query", [{"lesson": "demo-1"}, {"projector": "1"}])
def test_a_lesson_and_a_lecture_have_the_first_picture_alone(query):
    app = AppTest.from_file(APP, default_timeout=60)
    for name, value in query.items():
        app.query_params[name] = value
    assert not app.run().header
