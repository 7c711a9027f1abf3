"""Lessons: each step is a link that opens its page with every choice set, and leads to the next
one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from overparam.choices.kinds import ChoiceError, read_choices
from overparam.story.courses.step import RACE
from overparam.story.lessons import COURSES, find, name_of
from overparam.ui.shell.lesson_card import _PREFIX, _leave

ROOT = Path(__file__).parents[1]
STEPS = [(course, place) for course in COURSES.values() for place in range(len(course.steps))]
NAMES = [name_of(course, place) for course, place in STEPS]


def app(page: str | None = None, **query: str) -> AppTest:
    opened = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for name, value in query.items():
        opened.query_params[name] = value
    return (opened.switch_page(page) if page else opened).run()


def lesson(opened: AppTest) -> str | None:
    value = opened.query_params.get("lesson")
    return value[0] if isinstance(value, list) else value


def chosen(opened: AppTest, page: str) -> dict:
    return opened.session_state[f"{_PREFIX[page]}__memory"].values


def card(opened: AppTest) -> str:
    assert [f"{e.message}\n{e.stack_trace}" for e in opened.exception] == []
    assert not opened.error and not opened.warning, [
        e.value for e in (*opened.error, *opened.warning)
    ]
    return "\n".join(element.value for element in (*opened.markdown, *opened.caption))


def again(opened: AppTest) -> AppTest:
    """Run once more, through app.py: AppTest by itself would run the page's file alone, as for a
    cold link."""
    if "in_frame" in opened.session_state:
        del opened.session_state["in_frame"]
    return opened.run()


def press(opened: AppTest, key: str) -> AppTest:
    opened.button(key=key if key.startswith("app_") else f"lesson_{key}").click()
    return again(opened)


def test_the_two_courses():
    assert list(COURSES)[:2] == ["why", "demo"]
    assert 10 <= len(COURSES["why"].steps) <= 16 and COURSES["demo"].minutes == 10
    for course, place in STEPS:
        step = course.steps[place]
        assert step.query, "a step without choices could not set any"
        texts = (step.claim, step.watch, step.question, step.answer)
        assert all(texts) and len(step.watch.split()) <= 45 and len(step.answer.split()) <= 60
        assert all(each.query for each in step.tries)


@pytest.mark.parametrize("name", ["why-2", "demo-1"])
def test_the_notes_of_a_step_hold_all_that_is_said_there_and_lead_on(name):
    course, place = find(name)
    window = app(lesson=name, notes="0123abcd")
    said = card(window)
    for text in (
        course.steps[place].watch,
        course.steps[place].question,
        course.steps[place].answer,
    ):
        assert text in said
    assert f"{place + 1} of {len(course.steps)}" in said
    next(button for button in window.button if button.label == "Next").click()
    again(window)
    assert lesson(window) == name_of(course, place + 1)
    assert course.steps[place + 1].claim in card(window)
    assert "notes" in window.query_params


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"lesson": "why-2", "notes": "<b>"}, "'?b?' names no lecture: open the notes by their"),
        ({"lesson": "why-99", "notes": "0123abcd"}, "There is no lesson step 'why-99'"),
        ({"notes": "0123abcd"}, "There is no lesson step ''"),
    ],
)
def test_notes_without_a_lesson_are_one_sentence(query, sentence):
    window = app(**query)
    assert not window.exception and len(window.warning) == 1
    assert window.warning[0].value.startswith(sentence)


def test_the_card_leads_to_the_notes_of_its_step():
    opened = app(lesson="why-2")
    (link,) = opened.get("link_button")
    code = opened.session_state["lesson__code"]
    assert link.proto.url == f"?lesson=why-2&notes={code}"


def test_a_name_reads_back_and_any_other_is_refused_in_a_sentence():
    for (course, place), name in zip(STEPS, NAMES, strict=True):
        assert find(name) == (course, place)
    for bad in (
        "",
        "why",
        "why-0",
        "why-99",
        "why-x",
        "nope-1",
        "-1",
        "why--1",
        "why-1.5",
        "<b>-1",
    ):
        with pytest.raises(ChoiceError, match=r"^There is no lesson step '.*': there are .*\.$"):
            find(bad)


@pytest.mark.parametrize(("course", "place"), STEPS, ids=NAMES)
def test_a_step_opens_by_its_link_with_every_choice_set(course, place):
    step = course.steps[place]
    opened = app(lesson=name_of(course, place))
    text = card(opened)
    assert step.claim in text and step.question in text and step.answer not in text
    table = _table(opened, step.page)
    values, sentences = read_choices(table, step.query)
    assert sentences == [] and step.query.keys() <= values.keys()
    assert chosen(opened, step.page) == values
    for i, each in enumerate(step.tries):
        press(opened, f"try_{i}")
        card(opened)
        assert chosen(opened, step.page) == read_choices(table, each.query)[0] and lesson(
            opened
        ) == name_of(course, place)
    assert step.answer in card(press(opened, "answer"))


def _table(opened: AppTest, page: str) -> tuple:
    """The page's table of choices, caught as it is handed over."""
    from overparam.ui.shell.state import PageState

    tables, init = {}, PageState.__init__

    def watched(self, prefix, table, *opening):
        tables[prefix] = tuple(table)
        init(self, prefix, table, *opening)

    PageState.__init__ = watched
    try:
        again(opened)
    finally:
        PageState.__init__ = init
    return tables[_PREFIX[page]]


@pytest.mark.parametrize("course", COURSES.values(), ids=COURSES)
def test_next_and_back_walk_through_the_course(course):
    opened = app(lesson=f"{course.name}-1")
    for place, step in enumerate(course.steps):
        assert step.claim in card(opened) and lesson(opened) == name_of(course, place)
        assert opened.button(key="lesson_back").disabled == (place == 0)
        if place < len(course.steps) - 1:
            press(opened, "next")
    press(opened, "back")
    assert lesson(opened) == name_of(course, len(course.steps) - 2)


def test_what_a_person_changes_stays_until_the_next_step_and_comes_back_fresh():
    opened = app(lesson="why-7")
    opened.slider(key="race_p").set_value(3.0)
    card(again(opened))
    assert chosen(opened, RACE)["p"] == 3.0
    press(press(opened, "next"), "back")
    card(opened)
    assert chosen(opened, RACE)["p"] == 4.0


def test_a_link_with_choices_of_its_own_keeps_them():
    opened = app(RACE, lesson="why-7", p="3")  # somebody changed p and reloads the page
    card(opened)
    assert chosen(opened, RACE)["p"] == 3.0 and lesson(opened) == "why-7"


def test_leaving_keeps_the_page_and_its_choices():
    opened = press(app(lesson="why-7"), "leave")
    assert COURSES["why"].steps[6].claim not in card(opened)
    assert lesson(opened) is None and chosen(opened, RACE)["problem"] == "cancer"


def test_another_page_ends_the_lesson():
    opened = app(lesson="why-7")
    opened.query_params.clear()  # as the navigation does
    opened.switch_page("pages/home.py").run()
    card(opened)
    assert not [b for b in opened.button if b.key == "lesson_next"]


def test_a_lesson_that_is_none_is_said_and_the_page_goes_on():
    opened = app(lesson="why-99")
    assert (
        not opened.exception
        and len(opened.warning) == 1
        and "There is no lesson step 'why-99'" in opened.warning[0].value
    )
    assert opened.title[0].value == "Depth can speed up optimisation"


def test_hidden_controls_come_back_with_one_click():
    opened = app(lesson="why-7")
    styles = "".join(block.value for block in opened.get("html") if "<style>" in block.value)
    assert '[data-testid="stSidebar"]' in styles and ":not(.st-key-race_run)" in styles
    opened.toggle(key="lesson_all").set_value(True)
    again(opened)
    styles = "".join(block.value for block in opened.get("html") if "<style>" in block.value)
    assert '[data-testid="stSidebar"]' not in styles


def test_projector_mode_stands_in_the_url_on_every_page_and_step():
    opened = app(lesson="demo-1")
    press(opened, "app_projector_switch")
    for _ in range(3):
        card(opened)
        assert opened.query_params["projector"] in ("1", ["1"])
        press(opened, "next")
    press(opened, "app_projector_switch")
    assert "projector" not in opened.query_params
    assert any("font-size: max(20px" in block.value for block in app(projector="1").get("html"))


def test_leaving_a_lesson_twice_is_leaving_it_once(monkeypatch):
    opened = app(lesson="why-7")
    monkeypatch.setattr(
        "overparam.ui.shell.lesson_card.st", SimpleNamespace(query_params={"p": "4"})
    )  # the browser went back
    _leave()
    monkeypatch.undo()
    press(opened, "leave")
    assert lesson(opened) is None


def test_a_variation_is_marked_and_runs():
    opened = app(lesson="why-7")

    def marked() -> list[str]:
        return [
            b.label
            for b in opened.button
            if str(b.key).startswith("lesson_try") and b.proto.type == "primary"
        ]

    assert marked() == ["p = 4"]
    press(opened, "try_1")
    assert marked() == ["p = 2"]
    moving = opened.session_state["race__transport"]
    assert (
        not moving["preview"]
        and moving["position"] == opened.session_state["race__memory"].values["iterations"]
    )
    again(opened)  # the URL leaves defaults out by now
    assert marked() == ["p = 2"]
    press(opened, "try_0")
    again(opened)
    assert marked() == ["p = 4"]
