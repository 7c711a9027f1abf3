"""A page's choices between table, widgets and URL."""

from streamlit.testing.v1 import AppTest


def page():
    import streamlit as st

    from overparam.choices.kinds import Flag, Number, Option
    from overparam.ui.shell.state import PageState

    table = (
        Number("step", "Step size", 0.5, 0, 10, low_open=True),
        Number("depth", "Depth", 2, 1, 8, integer=True),
        Option("start", "Start", "a", {"a": "A", "b": "B"}),
        Flag("log", "Logarithmic", True),
    )
    state = PageState("page", table)
    state.number("step")
    state.slider("depth")
    state.segmented("start")
    state.toggle("log")
    st.button("preset", on_click=lambda: state.set(depth=5, start="b"))
    st.session_state["values"] = state.values()
    state.publish()


def opened(**query: str) -> AppTest:
    app = AppTest.from_function(page)
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def url(app: AppTest) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else value[0]
        for name, value in app.query_params.items()
    }


def test_a_link_sets_every_widget():
    app = opened(step="0.25", depth="7", start="b", log="0")
    assert app.session_state["values"] == {"step": 0.25, "depth": 7, "start": "b", "log": False}
    assert not app.warning


def test_what_is_changed_stands_in_the_url_and_defaults_do_not():
    app = opened()
    assert url(app) == {}
    app.slider[0].set_value(6).run()
    assert url(app) == {"depth": "6"}
    app.slider[0].set_value(2).run()
    assert url(app) == {}


def test_a_preset_changes_widgets_and_url():
    app = opened(depth="3").button[0].click().run()
    assert app.session_state["values"]["depth"] == 5 and url(app) == {"depth": "5", "start": "b"}


def test_parameters_of_others_are_left_alone():
    app = opened(lesson="why-3", depth="3")
    app.slider[0].set_value(4).run()
    assert url(app) == {"lesson": "why-3", "depth": "4"}


def test_the_links_mistakes_are_told_until_the_person_moves_on():
    app = opened(depth="99", start="c")
    assert len(app.warning) == 2
    app.slider[0].set_value(4).run()
    app.run()
    assert not app.warning


def test_what_a_box_lets_through_but_the_choice_refuses_is_told_and_the_last_good_value_stays():
    app = opened(step="0.25")
    app.number_input[0].set_value(0.0).run()
    assert [w.value for w in app.warning] == [
        "Step size must be above 0 and at most 10, not 0; staying at 0.25."
    ]
    assert app.session_state["values"]["step"] == 0.25 and not app.exception


def test_a_link_opened_in_the_same_session_replaces_the_choices():
    app = opened(depth="3")
    app.query_params["depth"] = "8"
    assert app.run().session_state["values"]["depth"] == 8


def test_a_control_that_moves_faster_than_the_browsers_url_keeps_its_value():
    app = opened(depth="3")
    app.slider[0].set_value(4).run()
    app.query_params["depth"] = "3"  # the browser had not yet been told of 4
    app.slider[0].set_value(5).run()
    assert app.session_state["values"]["depth"] == 5 and url(app) == {"depth": "5"}
    app.query_params["depth"] = "4"  # nor, when a button was pressed, of 5
    app.run()
    assert app.session_state["values"]["depth"] == 5 and url(app) == {"depth": "5"}


def test_the_way_back_is_followed_once_the_browser_has_caught_up(monkeypatch):
    app = opened(depth="3")
    app.slider[0].set_value(4).run()
    monkeypatch.setattr("overparam.ui.shell.state.ECHO_SECONDS", 0)
    app.query_params["depth"] = "3"
    assert app.run().session_state["values"]["depth"] == 3
