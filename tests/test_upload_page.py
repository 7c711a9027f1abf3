"""The life of a person's file on the pages: chosen, read otherwise, gone back to, refused, let go
of."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from overparam.ui.shell.upload import FILES
from tests.app_pages import race, transport

SMALL = {
    "problem": "csv",
    "steps": "shared",
    "step": "0.003",
    "iterations": "50",
    "methods": "1_gd~2_gd",
}
GOOD = (
    "good.csv",
    ("a,b,y\n" + "\n".join(f"{i},{i * i % 7},{2 * i + i % 3}" for i in range(30))).encode(),
    "text/csv",
)
OTHER = (
    "other.csv",
    ("u,v\n" + "\n".join(f"{i * i % 11},{i}" for i in range(20))).encode(),
    "text/csv",
)
FAULTY = ("faulty.csv", b"a,kind,y\n1.5,x,2\n2,y,NA\n4,z,1\n7,x,3\n5,y,9\n", "text/csv")


@pytest.fixture(autouse=True)
def no_echo(monkeypatch):
    """What comes back from the browser is Back here, however quickly, and no late answer."""
    monkeypatch.setattr("overparam.ui.shell.state.ECHO_SECONDS", -1.0)


def url(app: AppTest) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else value[0]
        for name, value in app.query_params.items()
    }


def choose(app: AppTest, file: tuple[str, bytes, str] | None) -> AppTest:
    app.file_uploader[0].set_value(file).run()
    assert not app.exception, app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception, app.exception
    return app


def told(app: AppTest) -> str:
    return "\n".join(e.value for e in (*app.error, *app.warning, *app.info))


def captions(app: AppTest) -> str:
    return "\n".join(caption.value for caption in app.caption)


def races(app: AppTest) -> bool:
    return not app.button(key="race_run").disabled


def test_a_file_is_raced_under_its_name_with_the_column_that_the_link_says():
    app = race(**SMALL)
    assert "Choose a CSV file" in told(app) and not races(app)
    choose(app, GOOD)
    assert told(app) == "" and races(app) and transport(app)["position"] > 0
    assert "`good.csv`: 30 rows, 2 inputs, standardised." in captions(app)
    assert app.selectbox(key="race_target").value == "y"
    digest = url(app)["csv"]
    assert len(digest) == 16
    app.selectbox(key="race_target").set_value("b").run()
    assert url(app)["csv"] == f"{digest}_2" and races(app)
    app.query_params["csv"] = digest  # as Back does
    assert app.run().selectbox(key="race_target").value == "y" and url(app)["csv"] == digest
    elsewhere = race(**SMALL | {"csv": f"{digest}_2"})
    assert "upload it again" in told(elsewhere) and not races(
        elsewhere
    )  # others do not get the file by its link
    choose(elsewhere, GOOD)
    assert told(elsewhere) == "" and elsewhere.selectbox(key="race_target").value == "b"
    assert url(elsewhere)["csv"] == f"{digest}_2"


def test_the_runs_of_a_session_bring_file_and_column_back():
    app = choose(race(**SMALL), GOOD)
    app.button(key="race_run").click().run()
    app.selectbox(key="race_target").set_value("b").run()
    app.button(key="race_run").click().run()
    choose(app, OTHER)
    app.button(key="race_run").click().run()
    app.session_state["race_history"] = True
    app.run()
    lines = {
        button.label.split(" · ")[0]: button
        for button in app.button
        if button.label.startswith("`")
    }
    assert [line.split(", p")[0] for line in lines] == [
        "`other.csv`, `v`",
        "`good.csv`, `b`",
        "`good.csv`, `y`",
    ]
    line = next(name for name in lines if name.startswith("`good.csv`, `b`"))
    lines[line].click().run()
    assert not app.exception and races(app) and app.selectbox(key="race_target").value == "b"
    assert "`good.csv`: 30 rows" in captions(app)


def test_a_refused_file_does_not_leave_another_one_racing_under_its_name():
    app = choose(race(**SMALL), GOOD)
    link = url(app)["csv"]
    choose(app, ("bad.csv", b"\x1f\x8b\x08\x00", "text/csv"))
    assert not races(
        app
    ) and "`bad.csv` was not taken. The file is compressed; unpack it first." in told(app)
    assert "csv" not in url(app)
    press(app, "Use `good.csv` again")
    assert races(app) and url(app)["csv"] == link and told(app) == ""


def test_a_file_that_another_one_replaces_can_be_gone_back_to():
    """A browser empties the file box before it puts another file there."""
    app = choose(race(**SMALL), GOOD)
    choose(app, None)
    choose(app, ("bad.csv", b"\x1f\x8b\x08\x00", "text/csv"))
    assert not races(app) and "`bad.csv` was not taken" in told(app)
    press(app, "Use `good.csv` again")
    assert races(app) and told(app) == ""


def test_all_faults_stand_beside_the_file_and_a_click_meets_each():
    app = choose(race(**SMALL), FAULTY)
    assert not races(app)
    assert "Column 2 (`kind`) holds text" in told(
        app
    ) and "Line 3, column 3 (`y`) has no value (`NA`)." in told(app)
    press(app, "Leave out the text column")
    assert not races(app) and "text" not in told(app)
    assert app.multiselect(key="race_leave_out").value == ["kind"]
    box = app.checkbox(key="race_skip")
    assert box.label == "Leave out 1 line with a cell that is no number"
    box.check().run()
    assert races(app) and told(app) == "" and url(app)["csv"].endswith("_x2_skip")
    assert (
        "Left out: column 2 (`kind`). 1 line with a cell that is no number left out."
        in captions(app)
    )
    assert "`faulty.csv`: 4 rows, 1 input, standardised." in captions(app)
    app.multiselect(key="race_categories").set_value(["kind"]).run()
    assert (
        races(app)
        and url(app)["csv"].endswith("_k2_skip")
        and app.multiselect(key="race_leave_out").value == []
    )
    assert "`faulty.csv`: 4 rows, 3 inputs, standardised." in captions(app)
    app.multiselect(key="race_leave_out").set_value(["y"]).run()
    assert races(app) and app.selectbox(key="race_target").options == ["a"]


def test_what_line_1_holds_can_be_said_where_it_is_a_guess():
    app = choose(race(**SMALL), ("odd.csv", b"<0.5,2\n3,4\n1,1\n5,2\n", "text/csv"))
    assert not races(app) and "Line 1 holds the number `2` and the text `<0.5`" in told(app)
    control = next(group for group in app.get("button_group") if group.key == "race_first")
    control.set_value("names").run()
    assert not app.exception and races(app) and url(app)["csv"].endswith("_names")
    assert app.selectbox(key="race_target").options == ["<0.5", "2"]


def test_another_page_keeps_the_file_its_name_and_its_column():
    app = choose(race(**SMALL), GOOD)
    app.selectbox(key="race_target").set_value("a").run()
    query = url(app)
    app.switch_page("pages/home.py").run()
    app.query_params.clear()
    app.switch_page("pages/convergence.py").run()
    assert url(app) == query and races(app)
    assert app.selectbox(key="race_target").value == "a" and "`good.csv`: 30 rows" in captions(app)
    press(app, "Let go of `good.csv`")
    assert not races(app) and "csv" not in url(app) and "Choose a CSV file" in told(app)
    app.query_params["csv"] = query["csv"]
    assert "upload it again" in told(app.run())


def test_taking_the_file_out_of_the_box_lets_go_of_it():
    app = choose(race(**SMALL), GOOD)
    choose(app, OTHER)
    choose(app, None)
    assert not races(app) and "csv" not in url(app)
    assert [b.label for b in app.button if b.label.startswith("Use ")] == ["Use `good.csv` again"]


def test_a_file_in_use_again_is_not_the_next_to_go():
    app = race(**SMALL)
    raw = (
        "a,b,c,d,e\n"
        + "\n".join(f"{i},{i * i % 7},{i % 3},{i % 5},{i * i % 11}" for i in range(20))
    ).encode()
    choose(app, ("numbers.csv", raw, "text/csv"))
    for column in "edcbeab":
        app.selectbox(key="race_target").set_value(column).run()
        assert told(app) == "" and races(app)


def test_files_are_kept_in_a_bounded_number_and_one_that_is_gone_is_told(monkeypatch):
    app = choose(race(**SMALL), GOOD)
    monkeypatch.setattr(
        FILES, "_kept", type(FILES._kept)()
    )  # as when many others have uploaded since
    assert "upload it again" in told(app.run()) and not races(app)


@pytest.mark.parametrize("csv", ["zz", "0123456789abcdef_1_2", "../../etc/passwd"])
def test_a_link_with_another_word_for_a_file_is_told(csv):
    app = race(**SMALL | {"csv": csv})
    assert not app.exception and "is not one of ours; upload the file again" in told(app)


def test_a_session_keeps_four_files_and_the_server_one_for_each_of_a_class(monkeypatch):
    app = race(**SMALL)
    for i in range(5):
        choose(app, (f"{i}.csv", GOOD[1] + f"\n{i},2,3".encode(), "text/csv"))
    assert list(app.session_state["uploads"].names.values()) == [f"{i}.csv" for i in range(1, 5)]
    monkeypatch.setattr(FILES, "_kept", type(FILES._kept)())
    keys = [f"{i:016x}" for i in range(200)]
    for key in keys:
        FILES.get(key, GOOD[1])
    assert all(FILES.find(key) for key in keys[-30:]) and len(FILES) <= 40  # of 10 MB at most
