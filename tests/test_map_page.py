"""The page with the map of where depth helps, without a browser."""

import re

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from overparam.choices.kinds import read_choices
from overparam.choices.map import PLAN_CHOICES, Plan
from overparam.figures.map import (
    CENSORED,
    MOST,
    NEITHER,
    ONLY_DEEP,
    ONLY_PLAIN,
    Axis,
    _letters,
    cell_curves,
    cell_tuning,
    factor,
    speed_up_map,
)
from overparam.serving.maps.block import NEVER, UNKNOWN, step_sizes
from overparam.serving.maps.cell_runs import cell_runs
from overparam.serving.maps.shared import MAPS
from overparam.serving.maps.sweep import MOST_RUNS, Sweep, SweepError, View
from overparam.story.map_words import cell_words, censored, hover_words, number, summary
from tests.app_pages import visit

SMALL = {"detail": "quick", "horizon": "200", "grid": "4"}


def page(**query: str) -> AppTest:
    return visit("pages/where_depth_helps.py", **query)


def plan(**query: str) -> Plan:
    return Plan.of(read_choices(PLAN_CHOICES, query)[0])


def messages(app: AppTest) -> list[str]:
    assert not app.exception, app.exception
    return [e.value for e in (*app.warning, *app.error)]


def texts(app: AppTest) -> str:
    return "\n".join(e.value for e in (*app.markdown, *app.caption, *app.info))


def test_the_first_look_shows_some_cells_and_computes_no_further():
    query = SMALL | {
        "p": "4.25",
        "x": "scale",
        "y": "shape",
        "detail": "fine",
        "horizon": "20000",
        "grid": "8",
    }
    app = page(**query)
    sweep = MAPS.get(plan(**query))
    assert messages(app) == [] and 0 < sweep.decided < 1
    share = sweep.decided
    app.run()
    assert sweep.decided == share and "Depth 2 needs" in texts(app)  # of the cell in the middle


def test_compute_goes_to_the_end_and_the_map_is_there_on_coming_back():
    app = page(**SMALL)
    if not MAPS.get(plan(**SMALL)).finished:
        app.button(key="map_run").click().run()
    assert messages(app) == [] and MAPS.get(plan(**SMALL)).finished
    assert "Complete" in texts(app) and "not known yet" not in texts(app)
    app.switch_page("pages/home.py").run()
    app.query_params.clear()
    app.switch_page("pages/where_depth_helps.py").run()
    assert "Complete" in texts(app) and app.session_state["map__moving"]["plan"] == plan(**SMALL)


def test_a_cell_of_the_url_shows_its_runs():
    app = page(**SMALL, cell="2.1")
    assert "ratio y₁ / y₂ = 4.64, loss exponent p = 3" in texts(app) and "Depth 2 needs" in texts(
        app
    )


def test_axes_take_the_place_of_their_sliders():
    app = page(**SMALL, x="depth", y="scale", kind="rule")
    shown = {widget.key for widget in (*app.slider, *app.select_slider)}
    assert {"map_p", "map_ratio", "map_loss"} <= shown and not {
        "map_depth",
        "map_scale",
        "map_condition",
    } & shown
    app.selectbox(key="map_problem").select("synthetic").run()
    shown = {widget.key for widget in (*app.slider, *app.select_slider)}
    assert (
        messages(app) == [] and {"map_condition", "map_gap"} <= shown and "map_ratio" not in shown
    )


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"x": "p"}, "Both axes of the map are the loss exponent p"),
        ({"x": "time"}, "Across must be one of"),
        ({"depth": "2.5"}, "whole number, not 2.5"),
        ({"depth": "0"}, "Depth N must be from 1 to 10, not 0"),
        ({"p": "1"}, "Loss exponent p must be from 2 to 8, not 1"),
        ({"horizon": "1e9"}, "Give up after must be from 10 to 20000"),
        ({"grid": "8.5"}, "Step sizes a decade must be a whole number"),
        ({"loss": "0"}, "Goal: loss L ≤ must be above 0"),
        ({"cell": "first"}, "chosen cell must be a column and a row"),
        ({"cell": "1.2.3"}, "chosen cell must be a column and a row"),
        ({"kind": "<b>"}, "What moves must be one of network, rule"),
    ],
)
def test_bad_input_is_one_clear_sentence(query, says):
    app = page(**SMALL | query)
    told = messages(app)
    assert len(told) == 1 and re.search(says, told[0]), told


def test_a_map_that_is_too_large_says_how_many_runs_it_would_take():
    query = SMALL | {"detail": "fine", "grid": "24", "x": "scale", "y": "shape"}
    large = plan(**query)
    cells = [large.cell(x, y) for x in range(25) for y in range(25)]
    runs = sum(len(step_sizes(large, each)) for cell in cells for each in (cell, cell.plain))
    (told,) = messages(page(**query))
    assert runs > MOST_RUNS and f"take {runs:,} runs: choose less detail" in told


def test_no_memory_is_told_and_ends_the_computation(monkeypatch):
    def fail(self, seconds=0.0):
        raise SweepError("No memory is left for this map: choose less detail.")

    app = page(**SMALL | {"p": "3.25", "y": "depth", "detail": "fine", "horizon": "20000"})
    monkeypatch.setattr(Sweep, "advance", fail)
    app.button(key="map_run").click().run()
    assert messages(app) == ["No memory is left for this map: choose less detail."]
    assert not app.session_state["map__moving"]["playing"]


@pytest.mark.parametrize("query", [{}, {"cell": "40.2"}])
def test_the_middle_cell_is_shown_where_none_of_the_map_is_chosen(query):
    assert "ratio y₁ / y₂ = 10, loss exponent p = 4" in texts(page(**SMALL, **query))


def test_the_bare_address_opens_the_synthetic_map_over_seven_starts():
    app = page()
    assert "Computed beforehand: 7 starts" in texts(app) and app.button(key="map_run").disabled
    assert dict(app.query_params) == {} and app.session_state["map_problem"] == "synthetic"
    assert app.session_state["map__moving"]["plan"].problem == "synthetic"


def test_seven_starts_fill_the_map_one_after_the_other_and_stay_in_the_link():
    app = page(**SMALL, starts="7")
    if not (run := app.button(key="map_run")).disabled:  # the first look may have finished it
        run.click().run()
    plans = plan(**SMALL).over(7)
    assert messages(app) == [] and all(MAPS.get(each).finished for each in plans)
    said = texts(app)
    assert "Complete: 7 starts" in said and "medians of 7 starts" in said and "7 starts: " in said
    assert dict(app.query_params) == SMALL | {"starts": "7"}


def view(deep, plain):
    deep, plain = np.array(deep), np.array(plain)
    deep_step, plain_step = (np.where(count >= 0, 0.1, np.nan) for count in (deep, plain))
    return View(
        deep, plain, deep_step, plain_step, np.zeros(deep.shape, bool), np.zeros(deep.shape, bool)
    )


def test_a_map_in_words():
    chosen = plan(detail="quick")
    deep, plain = np.full((5, 7), UNKNOWN), np.full((5, 7), UNKNOWN)
    deep[0], plain[0] = [10, 40, 7, NEVER, 5, NEVER, UNKNOWN], [40, 10, 7, 9, NEVER, NEVER, 3]
    seen = view(deep, plain)
    assert censored(seen)[0] == [None, None, None, ONLY_PLAIN, ONLY_DEEP, NEITHER, None]
    np.testing.assert_array_equal(seen.log2_speed_up[0], [2, -2, 0, *[np.nan] * 4])
    assert (
        summary(chosen, seen)
        == "**Measured here, 35 cells:** depth 2 is faster in 1, slower in 1, equally fast in 1;"
        " only depth 2 arrived in 1; only depth 1 arrived in 1; neither arrived in 1; 29 not known"
        " yet."
    )
    deep[1], plain[1] = (
        [10, 10, NEVER, NEVER, *[UNKNOWN] * 3],
        [
            40,
            40,
            NEVER,
            NEVER,
            *[UNKNOWN] * 3,
        ],
    )
    assert (
        summary(plan(detail="quick", depth=3), view(deep[1:], plain[1:]))
        == "**Measured here, 28 cells:** depth 3 is faster in 2; neither arrived in 2; 24 not known"
        " yet."
    )
    nothing = np.full((5, 7), UNKNOWN)
    assert (
        summary(chosen, view(nothing, nothing)) == "**Measured here, 35 cells:** 35 not known yet."
    )
    words = hover_words(chosen, seen)
    assert words[0][0].split("<br>") == [
        "ratio y₁ / y₂ = 1, loss exponent p = 2",
        "depth 2: 10 iterations, step size 0.1",
        "depth 1: 40 iterations, step size 0.1",
    ]
    assert words[0][6].split("<br>")[1:] == [
        "depth 2: still on its way",
        "depth 1: 3 iterations, step size 0.1",
    ]
    assert words[1][0] == ""
    assert "depth 1: not there after 4,000" in words[0][4]


def test_a_cell_in_words_says_how_much_and_what_was_lucky():
    chosen = plan()
    faster = chosen.cell(6, 4)
    said = cell_words(chosen, faster, cell_runs(chosen, faster))
    assert re.fullmatch(
        r"Depth 2 needs 4\d\d iterations \(.*\), depth 1 needs 1,9\d\d .*: \*\*4\.\d times"
        r" faster\*\*\.",
        said,
    )
    slower = chosen.cell(12, 0)
    assert "times slower" in cell_words(chosen, slower, cell_runs(chosen, slower))
    never = chosen.cell(12, 7)
    assert (
        cell_words(chosen, never, cell_runs(chosen, never)).count("has not arrived after 4,000")
        == 2
    )
    lucky = chosen.cell(5, 3)  # 29 times faster, by one step size of the grid
    assert "**lucky** one" in cell_words(chosen, lucky, cell_runs(chosen, lucky))


@pytest.mark.parametrize(
    ("log2", "text"),
    [
        (0, "1"),
        (0.04, "1"),
        (1, "2"),
        (1.5, "2.8"),
        (5, "32"),
        (10, "1000"),
        (-1, "1/2"),
        (-3.3, "1/9.8"),
        (np.nan, ""),
    ],
)
def test_a_speed_up_in_two_digits(log2, text):
    assert factor(log2) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "2"),
        (21.544, "21.5"),
        (4641.6, "4,640"),
        (0.464, "0.46"),
        (0.01, "0.01"),
        (4.6e-3, "4.6e-3"),
        (1e-4, "1e-4"),
    ],
)
def test_values_along_an_axis(value, text):
    assert number(value) == text


def test_the_map_shows_every_kind_of_cell():
    log2 = np.array([[0.5, np.nan, -12.0], [np.nan, np.nan, np.nan]])
    marks = [[None, ONLY_DEEP, None], [ONLY_PLAIN, NEITHER, None]]
    words = [["a", "b", "c"], ["d", "e", ""]]
    figure = speed_up_map(
        Axis("x", "123"),
        Axis("y", "12"),
        log2,
        marks,
        words,
        selected=(2, 1),
        deep="depth 3",
        unsure=np.array([[False, False, True], [False] * 3]),
    )
    heatmaps = [trace for trace in figure.data if trace.type == "heatmap"]
    numbers = [trace for trace in heatmaps if trace.coloraxis]
    maps = [np.array(trace.z) for trace in numbers]
    cells = {at: z[at] for z in maps for at in np.ndindex(2, 3) if np.isfinite(z[at])}
    assert cells == {(0, 0): 0.5, (0, 2): -MOST}
    for trace in numbers:  # no number where the other part's cells are
        np.testing.assert_array_equal(np.array(trace.text) != "", np.isfinite(np.array(trace.z)))
    filled = {
        (r, c): text
        for trace in heatmaps
        if trace not in numbers
        for (r, c), text in np.ndenumerate(np.array(trace.text))
        if np.isfinite(np.array(trace.z)[r, c])
    }
    assert filled == {(0, 1): "only", (1, 0): "only", (1, 1): ""}
    named = [trace.name for trace in figure.data if trace.type == "scatter"]
    assert named == ["only depth 3", "only depth 1", "neither", "starts disagree"]
    *_, hatch, dot = (trace for trace in figure.data if trace.type == "scatter")
    assert (dot.x, dot.y) == ((2.36,), (0.36,))
    lines = np.array([hatch.x, hatch.y], dtype=float)
    assert (np.nanmax(np.abs(lines - 1), axis=1) < 0.5).all()  # within its cell
    assert len(set(CENSORED.values())) == 3
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].y1) == (1.5, 1.5)


def test_cells_too_narrow_for_a_number_have_none():
    def drawn(columns):
        cells = np.ones((2, columns))
        nothing = [[None] * columns] * 2
        figure = speed_up_map(
            Axis("x", ["1"] * columns), Axis("y", "12"), cells, nothing, [[""] * columns] * 2
        )
        return figure, figure.layout.meta["narrow"]

    figure, narrow = drawn(13)
    changed = narrow["figure"]["data"]  # the first so many traces
    shown = [trace.type == "heatmap" and bool(trace.texttemplate) for trace in figure.data]
    assert shown == ["texttemplate" in change for change in changed] and any(shown)
    assert not any(change.get("texttemplate") for change in changed)
    assert (
        330 < narrow["below"] < 600
    )  # a phone's map has no room for 13 numbers beside one another, that of a laptop has
    assert drawn(7)[1]["below"] < 330  # for 7 a phone has


def test_numbers_on_the_cells_can_be_read():
    assert [_letters(value) for value in (-10, 0, 10)] == ["#ffffff", "#14181f", "#ffffff"]


def test_the_runs_of_a_cell_are_drawn_and_what_never_arrived_is_left_out():
    times, losses = np.array([0, 1, 10]), np.array([[4.0, 4.0], [1.0, 2.0], [1e-5, np.nan]])
    figure = cell_curves((2.5, 1), times, losses, 1e-4, "loss L")
    assert [trace.name for trace in figure.data] == ["depth 2.5", "depth 1"]
    for depth in (2.5, 1.25, 9):
        deep, plain = cell_curves((depth, 1), times, losses, 1e-4, "loss L").data
        assert deep.line.color != plain.line.color
    steps = cell_tuning(
        (2, 1), np.array([0.1, 1.0, 10]), np.array([[5, 3, -1], [-1, 9, -1]]), (1, 1), 100
    )
    np.testing.assert_array_equal(steps.data[1].y, [np.nan, 9, np.nan])
    assert [list(trace.marker.symbol) for trace in steps.data] == [["circle", "star", "circle"]] * 2
    assert [trace.name for trace in steps.data] == [
        "depth 2",
        "depth 1",
    ] and steps.layout.showlegend is None
    np.testing.assert_allclose(
        steps.layout.xaxis.range, [-1.5, 0.5]
    )  # half a decade around 0.1 and 1, where anything arrived
    none = cell_tuning((2, 1), np.array([0.1, 1.0, 10]), np.full((2, 3), -1), (0, 0), 100)
    np.testing.assert_allclose(none.layout.xaxis.range, [-1.5, 1.5])
