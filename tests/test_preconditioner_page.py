"""The page on what depth does to a gradient, without a browser: pictures against oracles,
degenerate input, URL, presets."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from overparam.choices.kinds import Flag, Number, Option, write_choices
from overparam.figures.style import depth_colour, depth_dash
from overparam.measure.illustration import tuned_run
from tests.oracles import claim_1_matrix, theorem_1

APP = str(Path(__file__).parents[1] / "app.py")
SMALL = {"view": "run", "iterations": "100", "problem": "two"}


class Page:
    """The page as a person has it: its script, and the figures that it last showed."""

    def __init__(self, monkeypatch, **query: str):
        self.figures: dict[str, dict] = {}
        monkeypatch.setattr("overparam.ui.components.plot.chart", self._show)
        self.app = AppTest.from_file(APP, default_timeout=120)
        self.app.switch_page("pages/preconditioner.py")
        for name, value in query.items():
            self.app.query_params[name] = value
        self.run()

    def _show(self, key: str, data: dict, **_):
        self.figures[key.removeprefix("pre_")] = json.loads(data["figure"])
        self.cursor = data["cursor"]

    def run(self) -> None:
        self.figures.clear()
        self.app.run()
        assert not self.app.exception, self.app.exception

    @property
    def text(self) -> str:
        kinds = (
            self.app.markdown,
            self.app.caption,
            self.app.info,
            self.app.warning,
            self.app.error,
        )
        return (
            "\n".join(e.value for kind in kinds for e in kind)
            + "\n"
            + "\n".join(e.value for e in self.app.get("html"))
        )

    @property
    def url(self) -> dict[str, str]:
        return {
            name: value if isinstance(value, str) else value[0]
            for name, value in self.app.query_params.items()
        }

    def trace(self, figure: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        data = next(t for t in self.figures[figure]["data"] if t.get("name") == name)
        return numbers(data["x"]), numbers(data["y"])


def numbers(value) -> np.ndarray:
    """A list, or plotly's base64 arrays."""
    if isinstance(value, dict):
        flat = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
        return (
            flat.reshape([int(n) for n in str(value["shape"]).split(",")])
            if "shape" in value
            else flat
        )
    return np.array(value, dtype=float)


@pytest.fixture
def page(monkeypatch):
    return lambda **query: Page(monkeypatch, **query)


# One step, one output


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_the_arrow_and_the_ellipse_are_those_of_theorem_1(page, depth):
    shown = page(N=str(depth), w="1.3", angle="-40", g="0.7", gangle="100")
    assert not shown.app.warning and not shown.app.error
    direction = lambda degrees: np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])  # noqa: E731
    w, grad = 1.3 * direction(-40), 0.7 * direction(100)
    tip = shown.trace("one_plot", "G = P(G)" if depth == 1 else "P(G)")
    np.testing.assert_allclose(np.ravel(tip), theorem_1(w[None], grad[None], depth)[0], rtol=1e-9)
    matrix = claim_1_matrix(w[None], depth)
    image = np.stack(shown.trace("one_plot", "its image under P"))
    np.testing.assert_allclose(np.linalg.norm(np.linalg.solve(matrix, image), axis=0), 1, rtol=1e-9)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"w": "0"}, "does not move"),
        ({"w": "0", "N": "1"}, "Depth 1"),
        ({"g": "0"}, "zero"),
        ({"g": "0", "w": "0"}, "does not move"),
        ({"N": "1"}, "Depth 1"),
        ({"angle": "20", "gangle": "20"}, "along $W$"),
        ({"angle": "20", "gangle": "-160"}, "along $W$"),
        ({"angle": "20", "gangle": "110"}, "right angles"),
        ({"N": "10", "w": "3"}, "turns by"),
    ],
)
def test_degenerate_steps_are_drawn_and_named(page, query, words):
    shown = page(**query)
    assert words in shown.text
    assert np.isfinite(np.concatenate(shown.trace("one_plot", "its image under P"))).all()
    assert not shown.app.warning and not shown.app.error


def test_at_zero_the_ellipse_is_a_point_and_at_depth_one_the_circle(page):
    assert not np.any(shown_ellipse(page(w="0")))
    np.testing.assert_allclose(
        np.linalg.norm(shown_ellipse(page(w="0", N="1")), axis=0), 1, rtol=1e-12
    )


def shown_ellipse(shown: Page) -> np.ndarray:
    return np.stack(shown.trace("one_plot", "its image under P"))


# One step, matrices


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize(("k", "d"), [(3, 5), (4, 2), (1, 4), (3, 1), (1, 1)])
def test_the_map_is_the_spectrum_of_the_kronecker_sum_for_the_matrix_shown(page, k, d, depth):
    shown = page(view="matrix", N=str(depth), outputs=str(k), inputs=str(d), s2="1.5")
    table, w = (numbers(shown.figures[name]["data"][0]["z"]) for name in ("table", "w_plot"))
    assert table.shape == w.shape == (k, d)
    np.testing.assert_allclose(
        np.sort(table.ravel()), np.linalg.eigvalsh(claim_1_matrix(w, depth)), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("cell", [(1, 1), (2, 1), (3, 5)])
def test_the_chosen_cell_has_its_eigenvector(page, cell):
    shown = page(view="matrix", N="3", r=str(cell[0]), s=str(cell[1]))
    table, w, vector = (
        numbers(shown.figures[name]["data"][0]["z"]) for name in ("table", "w_plot", "vector")
    )
    np.testing.assert_allclose(
        theorem_1(w, vector, 3), table[cell[0] - 1, cell[1] - 1] * vector, atol=1e-9
    )
    assert rf"\lambda({cell[0]}, {cell[1]})" in "".join(e.value for e in shown.app.latex)


def test_p_written_out_is_the_kronecker_sum_and_its_check_is_at_rounding(page):
    plain, written = (page(view="matrix", N="4", dense=flag) for flag in ("0", "1"))
    w, matrix = (
        numbers(plain.figures["w_plot"]["data"][0]["z"]),
        numbers(written.figures["dense_plot"]["data"][0]["z"]),
    )
    np.testing.assert_allclose(matrix, claim_1_matrix(w, 4), atol=1e-9)
    assert float(re.search(r"differ by at most (\S+?)\.\s", written.text + " ").group(1)) < 1e-12


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"outputs": "1"}, "Claim 2"),
        ({"inputs": "1"}, "Claim 2"),
        ({"s1": "0", "s2": "0", "s3": "0"}, "every eigenvalue is 0"),
        ({"s2": "1.5"}, "Equal singular values"),
        ({"s3": "0"}, "A singular value is 0"),
        ({"N": "1"}, "the identity"),
        ({"N": "1", "s1": "0", "s2": "0", "s3": "0"}, "the identity"),
    ],
)
def test_special_matrices_are_drawn_and_named(page, query, words):
    shown = page(view="matrix", **query)
    assert words in shown.text
    assert np.isfinite(numbers(shown.figures["table"]["data"][0]["z"])).all()


def test_a_chosen_cell_outside_a_smaller_table_is_its_last(page):
    shown = page(view="matrix", outputs="2", inputs="2", r="4", s="6")
    assert r"\lambda(2, 2)" in "".join(e.value for e in shown.app.latex)


# Trajectories


def test_presets_show_depth_helping_at_p_4_and_hurting_at_p_2(page):
    shown = page(view="paths")
    assert "depth helps" in shown.text
    shown.app.button(key="pre_p2").click()
    shown.run()
    assert shown.url["p"] == "2" and "depth hurts" in shown.text
    shown.app.button(key="pre_p4").click()
    shown.run()
    assert "p" not in shown.url and "depth helps" in shown.text


@pytest.mark.parametrize("p", [2, 4])
def test_the_paths_have_the_counts_of_the_home_page(page, p):
    shown = page(view="paths", p=str(p))
    for depth in (1, 2, 3):
        run = tuned_run(depth, p)
        plural = "" if run.iterations == 1 else "s"
        assert (
            f"**N = {depth}:** {run.iterations:,} iteration{plural} (step size {run.step_size:.2g})"
            in shown.text
        )


def test_a_start_from_which_the_step_size_is_lucky_is_named(page):
    shown = page(view="paths", x="4", y="0.5", paths="2")
    count, most = re.search(
        r"N = 2:\*\* (\d+) iterations \(step size \S+; up to (\d+) from starts nearby\)", shown.text
    ).groups()
    assert int(most) > 2 * int(count)


def test_an_arrival_that_the_starts_nearby_do_not_share_is_luck(page):
    text = page(view="paths", p="6", ratio="31.62").text
    assert re.search(r"N = 2:\*\* 2 iterations \(step size \S+; by luck: not from all starts", text)
    assert "No step size tried brings N = 1, N = 2, N = 3 to the goal" in text
    assert "arrives; the quickest" not in text


def test_where_no_step_size_serves_all_starts_the_one_that_comes_nearest_is_shown(page):
    shown = page(view="paths", p="9.5", ratio="31.62", x="27.333", y="1.967")
    text = shown.text
    assert "No step size tried brings N = 1, N = 2, N = 3 to the goal from all six starts" in text
    for depth in (1, 2, 3):
        assert f"**N = {depth}:** not there after 4,000" in text
        _, y = shown.trace("map", f"N = {depth}")
        assert np.isfinite(y).all()
    assert "Measured here" not in text


def test_paths_begin_at_the_start_and_end_at_the_minimum(page):
    shown = page(view="paths", x="2", y="-0.5", paths="1~2~adam")
    for name in ("N = 1", "N = 2", "Adam"):
        x, y = shown.trace("map", name)
        np.testing.assert_allclose([x[0], y[0]], [2, -0.5], rtol=1e-6)
        assert abs(x[-1] - 10) < 0.2 and abs(y[-1] - 1) < 0.2
    frames = shown.figures["map"]["frames"]
    assert [int(f["name"]) for f in frames] == sorted({int(f["name"]) for f in frames})
    assert frames[0]["name"] == "0" and len(numbers(frames[0]["data"][0]["x"])) == 1


def test_a_start_at_zero_holds_deep_paths_and_says_so(page):
    shown = page(view="paths", x="0", y="0")
    assert "stationary point" in shown.text and "not there after" in shown.text
    x, y = shown.trace("map", "N = 2")
    assert not np.any(x) and not np.any(y)


def test_no_path_and_unknown_paths(page):
    assert "at least one path" in page(view="paths", paths="").text
    assert "A path must be one of" in page(view="paths", paths="1~nonsense").text


# Along a run


@pytest.mark.parametrize(
    ("panel", "figure", "words"),
    [
        ("edge", "edge", "Best step sizes"),
        ("ablation", "ablation", "scale only"),
        ("momentum", "momentum", "add up to"),
        ("network", "network", "balanced start"),
    ],
)
def test_readings_of_one_output(page, panel, figure, words):
    shown = page(panel=panel, **SMALL)
    assert not shown.app.error and not shown.app.warning
    assert words in shown.text and shown.figures[figure]["data"]


@pytest.mark.parametrize("depth", ["1", "2.5"])
@pytest.mark.parametrize("panel", ["edge", "network", "singular"])
def test_readings_of_several_outputs(page, panel, depth):
    shown = page(
        panel=panel, N=depth, **SMALL | {"problem": "synthetic", "k": "3", "d": "5", "m": "20"}
    )
    assert not shown.app.error and not shown.app.warning and shown.figures


@pytest.mark.parametrize("panel", ["ablation", "momentum"])
def test_a_reading_for_one_output_says_so_where_there_are_several(page, panel):
    shown = page(panel=panel, **SMALL | {"problem": "synthetic", "k": "2", "d": "5", "m": "20"})
    assert (
        "Choose a problem with one output" in shown.text
        or "choose a problem with one" in shown.text
    )
    assert not shown.app.error


def test_one_output_has_no_singular_values_to_tell_apart_so_there_are_three(page):
    shown = page(panel="singular", **SMALL)
    assert "one singular value" in shown.text and "synthetic problem with 3 outputs" in shown.text
    values = [
        t
        for t in shown.figures["sigma"]["data"]
        if t["name"] == "depth 3" and "law" not in t["hovertemplate"]
    ]
    assert (
        len(values) == 3 and shown.url["problem"] == "two"
    )  # the person's own choice stays for the other readings


def test_depth_is_no_choice_where_the_reading_is_of_depth_2(page):
    two, six = (page(panel="momentum", N=depth, **SMALL) for depth in ("2", "6"))
    assert two.figures == six.figures and "Depth 2" in two.text
    assert "pre_N" not in {slider.key for slider in two.app.slider}
    assert "pre_N" in {slider.key for slider in page(panel="network", **SMALL).app.slider}


@pytest.mark.parametrize("depth", [2, 3, 5, 8])
def test_the_full_rule_looks_like_its_depth_and_its_halves_like_no_depth(page, depth):
    data = page(panel="ablation", N=str(depth), **SMALL).figures["ablation"]["data"]
    looks = {t["name"]: (t["line"]["color"], t["line"]["dash"]) for t in data}
    depths = {n: (depth_colour(n), depth_dash(n)) for n in range(1, 9)}
    assert looks.pop("depth 1") == depths[1] and looks.pop(f"N = {depth}, full") == depths[depth]
    assert len(set(looks.values())) == 2 and not set(looks.values()) & set(depths.values())
    assert not {colour for colour, _ in looks.values()} & {depths[1][0], depths[depth][0]}


@pytest.mark.parametrize("panel", ["ablation", "momentum", "network"])
def test_the_cursor_is_the_same_in_every_reading_and_stays_within_the_run(page, panel):
    for cursor, at in (("0", 0), ("30", 30), ("9999", 100)):
        figure = page(panel=panel, t=cursor, **SMALL).figures[panel]
        line = next(s for s in figure["layout"]["shapes"] if s["yref"] == "paper")
        assert line["x0"] == line["x1"] == max(at, 0.7)


@pytest.mark.parametrize("depth", ["1", "2.5"])
@pytest.mark.parametrize("outputs", [{}, {"problem": "synthetic", "k": "2", "m": "20", "d": "5"}])
def test_why_now_says_at_every_time_what_its_curves_show(page, depth, outputs):
    cursor = page(t="9999", N=depth, **SMALL | outputs).cursor
    count = 1 if depth == "1" else 2
    assert cursor["at"] == cursor["times"][-1] == 100 and len(cursor["marks"]) == 4 * count
    gaps, products = cursor["marks"][:count], cursor["marks"][-count:]
    for place, (t, words) in enumerate(zip(cursor["times"], cursor["words"], strict=True)):
        assert words.startswith(f"At iteration {t:,} ")
        for gap, product in zip(gaps, products, strict=True):
            assert f"{gap['name']}'s gap, {gap['values'][place]:.2g}," in words.replace(
                "Dep", "dep"
            )
            assert f"{product['values'][place]:.2g}" in words
    for ellipse in cursor["ellipses"]:
        pairs = zip(ellipse["along"], ellipse["across"], strict=True)
        assert all(0 < short <= long for long, short in pairs)


@pytest.mark.parametrize("panel", ["edge", "ablation", "momentum", "network", "singular"])
@pytest.mark.parametrize(
    "query",
    [
        {"N": "1"},
        {"N": "10", "scale": "10", "p": "16"},
        {"N": "10", "scale": "10", "p": "16", "part": "best", "ratio": "1000"},
        {"p": "2", "ratio": "1", "t": "0"},
        {"problem": "synthetic", "k": "2", "d": "1", "m": "2", "noise": "0"},
    ],
)
def test_extreme_choices_give_a_picture_or_a_sentence(page, panel, query):
    shown = page(panel=panel, **SMALL | query)
    assert shown.figures or shown.app.info or shown.app.error
    assert not re.search(r"\b(nan|inf)\b", shown.text)


def test_missing_data_are_asked_for_not_invented(page, tmp_path, monkeypatch):
    monkeypatch.setenv("OVERPARAM_DATA", str(tmp_path))
    assert "not here yet" in page(**SMALL | {"problem": "ethanol"}).text
    assert "not here" in page(**SMALL | {"problem": "csv"}).text


# The URL


def choice_values(choice):
    if isinstance(choice, Number):
        if choice.integer:
            return st.integers(int(choice.low), int(choice.high))
        return st.floats(choice.low, choice.high, exclude_min=choice.low_open).map(
            lambda v: round(v, 6)
        )
    if isinstance(choice, Option):
        return st.sampled_from(list(choice.options))
    return st.booleans() if isinstance(choice, Flag) else st.just(choice.default)


def test_a_link_restores_every_choice_and_is_published_again(monkeypatch):
    from overparam.ui.preconditioner import matrices, one_output

    view = Option("view", "", "one", {"one": "", "matrix": ""})
    table = (Number("N", "", 3, 1, 10), view, *one_output.CHOICES, *matrices.CHOICES)

    @given(values=st.fixed_dictionaries({c.name: choice_values(c) for c in table}))
    @settings(max_examples=15, deadline=None, derandomize=True)
    def check(values):
        query = write_choices(table, values)
        shown = Page(monkeypatch, **query)
        assert not shown.app.warning and not shown.app.error
        assert shown.url == query

    check()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"N": "0"}, "Depth N must be from 1 to 10"),
        ({"N": "nan"}, "Depth N must be"),
        ({"w": "-1"}, "Size of W must be"),
        ({"view": "nonsense"}, "View must be one of"),
        ({"outputs": "2.5"}, "whole number"),
    ],
)
def test_a_bad_value_in_a_link_is_named_and_the_default_used(page, query, words):
    shown = page(**query)
    assert sum(words in warning.value for warning in shown.app.warning) == 1
    assert shown.figures
