"""The page on Theorem 2, without a browser: verdicts, pictures against closed forms, examples, and
one sentence per bad choice."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from overparam.choices.theorem import EXAMPLES, VIEWS
from overparam.data import Upload
from overparam.data.ethanol import ethanol_path
from overparam.figures.style import PIECES
from overparam.serving.registry import Registry
from overparam.theory.field import closed_form
from overparam.ui.shell import upload
from overparam.ui.shell.upload import Shelf

APP = str(Path(__file__).parents[1] / "app.py")


class Page:
    """The page as a person has it: its script, and the figures that it last showed."""

    def __init__(self, monkeypatch, session=None, **query: str):
        self.figures: dict[str, dict] = {}
        monkeypatch.setattr("overparam.ui.components.plot.chart", self._show)
        self.app = AppTest.from_file(APP, default_timeout=120)
        self.app.switch_page("pages/no_regularizer.py")
        for name, value in (session or {}).items():
            self.app.session_state[name] = value
        for name, value in query.items():
            self.app.query_params[name] = value
        self.run()

    def _show(self, key: str, data: dict, **_):
        self.figures[key.removeprefix("reg_")] = json.loads(data["figure"])

    def run(self) -> None:
        self.figures.clear()
        self.app.run()
        assert not self.app.exception, self.app.exception

    def set(self, name: str, value) -> None:
        self.app.session_state[f"reg_{name}"] = value
        self.run()

    @property
    def verdict(self) -> str:
        return next(
            e.value
            for kind in (self.app.success, self.app.info)
            for e in kind
            if "circulation" in e.value
        )

    @property
    def bad(self) -> list[str]:
        return [
            e.value
            for kind in (self.app.error, self.app.warning, self.app.info)
            for e in kind
            if "circulation" not in e.value
        ]

    @property
    def text(self) -> str:
        return "\n".join(e.value for kind in (self.app.markdown, self.app.caption) for e in kind)


def numbers(value) -> np.ndarray:
    """A list, or plotly's base64 arrays."""
    if isinstance(value, dict):
        return np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
    return np.array(value, dtype=float)


def pieces_drawn(figure: dict) -> list[dict]:
    return [
        t for t in figure["data"] if t.get("mode") == "lines" and t["line"].get("width", 0) >= 3
    ]


def test_the_page_opens_with_the_theorem_at_work(monkeypatch):
    page = Page(monkeypatch)
    assert page.bad == []
    assert "Not a gradient" in page.verdict and "0.72548\u00a0±" in page.verdict
    bars = numbers(page.figures["around_pieces"]["data"][0]["y"])
    exact = closed_form(3, 1.3, 0.2, 1.0)
    np.testing.assert_allclose(bars, [*exact, exact.sum()], atol=1e-9)
    assert page.text.count(":material/check:") == 3 and "**no** function" in page.text
    assert dict(page.app.query_params) == {}


def test_the_curve_is_drawn_in_the_colours_of_its_pieces_with_arrows_the_way_round(monkeypatch):
    data = Page(monkeypatch).figures["around_field"]["data"]
    lines = pieces_drawn({"data": data})
    assert [t["line"]["color"] for t in lines] == list(PIECES)
    (angles,) = [t["marker"]["angle"] for t in data if t.get("marker", {}).get("symbol") == "arrow"]
    # degrees clockwise from up: along e, over the small arc along e, along e, back over the large
    # arc
    np.testing.assert_allclose(angles, [90, 90, 90, -90], atol=1)
    ends = [np.stack((numbers(t["x"]), numbers(t["y"])), axis=1)[[0, -1]] for t in lines]
    np.testing.assert_allclose(ends[0], [[-1, 0], [-0.2, 0]], atol=1e-12)
    np.testing.assert_allclose(ends[3], [[1, 0], [-1, 0]], atol=1e-12)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.label)
def test_every_example_in_every_part(monkeypatch, example, view):
    page = Page(monkeypatch)
    page.app.button(key=f"reg_example_{example.name}").click()
    page.run()
    page.set("view", view)
    assert not page.app.error
    again = Page(monkeypatch, **dict(page.app.query_params))  # the URL tells the whole state
    assert again.text == page.text and again.figures == page.figures


@pytest.mark.parametrize(
    ("name", "verdict", "words"),
    [
        ("one", "No contradiction on this curve", "that of $L(W)$"),
        ("two-linear", "No contradiction on this curve", r"that of $\|W\|\langle W, G(0)\rangle$"),
        ("two-bowl", "Not a gradient", "did not cancel"),
        ("bowl-at-0", "No contradiction on this curve", r"that of $0.9\,\|W\|^{3.333}$"),
        ("cone", "No contradiction on this curve", r"that of $1.671\,\|W\|^{2.333}$"),
        ("data", "Not a gradient", "10-dimensional"),
    ],
)
def test_examples_show_what_they_say(monkeypatch, name, verdict, words):
    page = Page(monkeypatch)
    page.app.button(key=f"reg_example_{name}").click()
    page.run()
    assert verdict in page.verdict and words in page.text


@pytest.mark.parametrize(
    ("label", "there"),
    [
        ("The gradient", {"view": "around", "N": 2, "loss": "linear"}),
        ("The bowl", {"view": "beat", "N": 2, "loss": "quadratic", "h1": 2, "h2": 0.5}),
        (
            "A bowl around 0",
            {"view": "around", "N": 3, "loss": "quadratic", "c": 0, "h1": 1, "h2": 1},
        ),
        ("A cone", {"view": "around", "N": 3, "loss": "cone"}),
        ("The closest one", {"view": "closest", "N": 3, "loss": "lp", "R": 2}),
    ],
)
def test_a_limit_leads_to_the_example_that_shows_it(monkeypatch, label, there):
    page = Page(monkeypatch, view="limits")
    next(button for button in page.app.button if button.label == label).click()
    page.run()
    values = page.app.session_state["reg__memory"].values
    assert {name: values[name] for name in there} == there and not page.app.error


def test_switching_a_hypothesis_off_crosses_it(monkeypatch):
    page = Page(monkeypatch)
    page.set("N", 2.0)
    assert ":red[:material/close:] N > 2" in page.text and "No contradiction" in page.verdict
    page.set("N", 3.0)
    page.set("loss", "cone")
    assert (
        ":red[:material/close:] G is continuous near 0" in page.text
        and "No contradiction" in page.verdict
    )
    page.set("loss", "quadratic")
    page.set("c", 0.0)
    assert ":red[:material/close:] G(0) ≠ 0" in page.text


@pytest.mark.parametrize("view", ["around", "shrink", "beat", "closest", "proof"])
@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            {"r": "1", "R": "1"},
            "r must be smaller than R, but r = 1 and R = 1: lower r or raise R.",
        ),
        (
            {"r": "1.5", "R": "1"},
            "r must be smaller than R, but r = 1.5 and R = 1: lower r or raise R.",
        ),
        (
            {"r": "0"},
            (
                "r must be above 0, or the curve would run through the origin: choose a small"
                " positive r."
            ),
        ),
        (
            {"c": "0"},
            "G(0) = 0: Theorem 2 does not apply, and its curve has no direction e; it is drawn",
        ),
        ({"loss": "lp", "y1": "0", "y2": "0"}, "G(0) = 0: Theorem 2 does not apply"),
        ({"N": "0.5"}, "Depth N must be from 1 to 10, not 0.5; using 3 instead."),
        ({"N": "nan"}, "Depth N must be a number from 1 to 10, not 'nan'; using 3 instead."),
        (
            {"curve": "circle", "x": "0.3", "y": "0.4", "a": "0.5"},
            "The curve passes through the origin, where F is not smooth",
        ),
        (
            {"curve": "polygon", "corners": "-1,-1; 2,2; 0,3"},
            "The curve passes through the origin, where F is not smooth",
        ),
        (
            {"curve": "polygon", "corners": "1,1; 2,2"},
            "A polygon needs at least three corners, but 2 were given.",
        ),
        (
            {"curve": "polygon", "corners": "1,1; 1,1; 2,3"},
            "Two neighbouring corners of the polygon coincide",
        ),
        (
            {"curve": "polygon", "corners": "here; there"},
            "Corners are written like 0.5,0.2; 1,0.9; 0.1,0.8, which 'here' is not.",
        ),
    ],
    ids=lambda v: "&".join(f"{k}={x}" for k, x in v.items()) if isinstance(v, dict) else None,
)
def test_one_sentence_for_each_degenerate_choice(monkeypatch, view, query, sentence):
    page = Page(monkeypatch, view=view, **query)
    about_own_curve, about_gamma = "curve" in query, "r" in query
    shown = [words for words in page.bad if words.startswith(sentence)]
    misread = "corners" in query and "here" in query["corners"]
    if (about_own_curve and not misread and view != "beat") or (
        about_gamma and view in ("beat", "closest")
    ):
        assert shown == []  # this part does not use that curve
    else:
        assert len(shown) == 1


def test_a_polygon_mistyped_in_the_box_is_told_there(monkeypatch):
    page = Page(monkeypatch, view="beat", curve="polygon")
    page.app.text_input(key="reg_corners").set_value("1,1; 2")
    page.run()
    assert [e.value for e in page.app.error] == [
        "Corners are written like 0.5,0.2; 1,0.9; 0.1,0.8, which ' 2' is not."
    ]
    page.app.text_input(key="reg_corners").set_value("1,1; 2,1; 2,2")
    page.run()
    assert page.bad == [] and "Not a gradient" in page.verdict


def test_the_bead_gathers_what_the_verdict_says_and_nothing_at_depth_one(monkeypatch):
    corners = "0.2,0.1; 1,0.4; 0.6,1"
    page = Page(monkeypatch, view="beat", curve="polygon", corners=corners, loss="lp")
    way = page.figures["beat_field"]["layout"]["meta"]["way"]
    circulation = float(page.verdict.split("circulation ")[1].split("\u00a0")[0])
    assert way["work"][-1] == pytest.approx(circulation, rel=1e-5) and circulation > 0.1
    page.set("N", 1.0)
    still = page.figures["beat_field"]["layout"]["meta"]["way"]
    assert (still["x"], still["y"]) == (way["x"], way["y"])
    assert abs(still["work"][-1]) < 1e-9 and max(map(abs, still["work"])) > 0.1
    page.set("corners", "1,1; 2,2")
    assert "way" not in page.figures["beat_field"]["layout"].get("meta", {})


def test_the_share_that_no_regularizer_supplies(monkeypatch):
    page = Page(monkeypatch, view="closest", N="4")
    assert "**0.900 %**" in page.text  # 0.90 % is the limit under refinement
    page.set("N", 1.0)
    assert "$F$ is a gradient" in page.text
    page.set("loss", "lp")
    assert "raise R above 1.52 to see the descents." in page.bad[0]
    page.set("R", 2.0)
    assert page.bad == [] and "iterations to a gap of" in page.text
    page.set("start", 3.0)
    assert page.bad == ["The start lies outside the square: raise R, or start nearer to 0."]


def test_on_log_axes_the_remainder_has_its_order(monkeypatch):
    page = Page(monkeypatch, view="shrink", loss="lp", N="4")
    assert "of order $R^{4.50}$" in page.text
    around, _, rest = (numbers(t["y"]) for t in page.figures["shrink_outer"]["data"])
    assert rest[0] < 1e-4 * around[0]
    page.set("loss", "linear")
    assert "0 to rounding" in page.text


def test_the_proof_highlights_the_piece_it_speaks_of(monkeypatch):
    page = Page(monkeypatch, view="proof", step="4")
    widths = [t["line"]["width"] for t in pieces_drawn(page.figures["proof_field"])]
    assert widths == [3, 5, 3, 5]
    page.set("step", 5)
    assert "the sum is **0.72548**" in page.text and "Riemannian" in page.text


def test_own_data(monkeypatch):
    rng = np.random.default_rng(2)

    def page(digest: str, columns: int) -> Page:
        raw = "\n".join(
            ",".join(map(repr, row)) for row in rng.normal(size=(50, columns)).tolist()
        ).encode()
        monkeypatch.setattr(upload, "FILES", Registry(most=1, make=Upload))
        upload.FILES.get(digest, raw)
        return Page(
            monkeypatch, {"uploads": Shelf(names={digest: "mine.csv"})}, loss="csv", csv=digest
        )

    wide, narrow = page("0123456789abcdef", 4), page("fedcba9876543210", 2)
    assert wide.bad == [] and "3-dimensional" in wide.text
    assert any(words.startswith("The data have one input only") for words in narrow.bad)


def test_data_that_are_not_here_yet(monkeypatch, tmp_path):
    monkeypatch.setenv("OVERPARAM_DATA", str(tmp_path))
    for loss in ("ethanol", "csv"):
        page = Page(monkeypatch, loss=loss)
        assert any("not here yet" in words for words in page.bad) and not page.figures


def test_a_kept_file_that_is_not_the_data_is_refused_and_nothing_downloaded_in_its_place(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("OVERPARAM_DATA", str(tmp_path))
    monkeypatch.setattr("requests.get", lambda *_, **__: pytest.fail("a download without a click"))
    ethanol_path().write_bytes(b"not an archive")
    page = Page(monkeypatch, loss="ethanol")
    (sentence,) = page.bad
    assert "was refused" in sentence and "Download the Ethanol data anew" in sentence
    page.run()
    assert any("not here yet" in words for words in page.bad)


@pytest.mark.parametrize(
    ("view", "read"),
    [
        ("around", "NrR"),
        ("shrink", "NrR"),
        ("beat", "NR"),
        ("closest", "NR"),
        ("proof", "NrR"),
        ("limits", ""),
    ],
)
def test_a_part_has_the_sliders_that_it_reads(monkeypatch, view, read):
    page = Page(monkeypatch, view=view, r="0.1", R="1.5", N="4")
    shown = {slider.key.removeprefix("reg_") for slider in page.app.slider}
    assert shown & {"N", "r", "R"} == set(read)
    page.set("view", "around")  # and what is out of sight keeps its value
    values = {slider.key.removeprefix("reg_"): slider.value for slider in page.app.sidebar.slider}
    assert (values["N"], values["r"], values["R"]) == (4, 0.1, 1.5)
