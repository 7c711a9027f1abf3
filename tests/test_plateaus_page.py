"""The page on plateaus, without a browser: verdicts, examples, pictures, degenerate choices,
downloads."""

import base64
import json
from unittest.mock import Mock

import numpy as np
import pytest

from overparam.choices.kinds import ChoiceError
from overparam.choices.plateaus import DEFAULTS, EXAMPLES, VIEWS, Family, scales
from overparam.export.plateaus import curves_csv, times_csv
from overparam.serving.plateaus import FAMILIES
from overparam.ui.plateaus.escape import take_apart
from tests.app_pages import visit

PAGE = "pages/plateaus.py"
SMALL = {"width": "4", "seeds": "2", "least": "0.01"}  # quick families


class Page:
    """The page as a person has it, and the figures that it last showed."""

    def __init__(self, monkeypatch, **query: str):
        self.figures: dict[str, dict] = {}
        monkeypatch.setattr("overparam.ui.components.plot.chart", self._show)
        self.app = visit(PAGE, **query)
        assert not self.app.exception, self.app.exception

    def _show(self, key: str, data: dict, **_):
        self.figures[key.removeprefix("plateaus_")] = json.loads(data["figure"])

    @property
    def text(self) -> str:
        return "\n".join(e.value for kind in (self.app.markdown, self.app.caption) for e in kind)

    @property
    def bad(self) -> list[str]:
        return [e.value for kind in (self.app.error, self.app.warning, self.app.info) for e in kind]


def numbers(value) -> np.ndarray:
    if isinstance(value, dict):
        return np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
    return np.array(value, dtype=float)


def test_the_page_opens_with_the_law(monkeypatch):
    page = Page(monkeypatch)
    assert page.bad == [] and "**All 28 nets escaped.**" in page.text
    assert "**−1.99" in page.text and "law says −(r − 2) = −2" in page.text
    dots, law = page.figures["times"]["data"]
    assert len(numbers(dots["x"])) == 28 and law["name"] == "law"
    slope = np.polyfit(np.log(numbers(law["x"])), np.log(numbers(law["y"])), 1)[0]
    assert slope == pytest.approx(-2)
    lines = page.figures["curves"]["data"]
    assert [line["name"] for line in lines].count("scalar equation") == 1 and len(lines) == 8
    places = numbers(lines[3]["customdata"]).reshape(-1, 2)
    assert np.isnan(places).any(1).sum() == 3  # between the four starts of one scale
    assert set(places[np.isfinite(places).all(1), 1]) == {0, 1, 2, 3}
    assert dict(page.app.query_params) == {}


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.name)
def test_every_example_is_one_click_and_its_link_is_the_same_page(monkeypatch, example):
    page = Page(monkeypatch)
    page.app.button(key=f"plateaus_example_{example.name}").click().run()
    assert not page.app.exception and not page.app.error
    assert (example.name == "law") or f"**{example.label}.**" in page.text
    again = Page(monkeypatch, **dict(page.app.query_params))
    assert again.text == page.text


def test_weight_decay_pins(monkeypatch):
    link = {
        "N": "3",
        "small": "123",
        "start": "symmetric",
        "decay": "0.05",
        "least": "0.01",
        "most": "1",
    }
    page = Page(monkeypatch, act="linear", **link)
    assert "**6 of 9 nets escaped;**" in page.text and "= **0.05**" in page.text


def test_adam_is_flat_where_descent_waits(monkeypatch):
    page = Page(monkeypatch, view="optimizers", N="3", small="123", most="0.1", **SMALL)
    rows = [line for line in page.text.split("\n") if line.startswith("| ") and "(0." in line]
    found = {
        row.split("|")[1].strip(): [int(c.replace(",", "")) for c in row.split("|")[2:4]]
        for row in rows
    }
    slow, flat = found["gradient descent (0.05)"], found["Adam (0.01)"]
    assert slow[1] > 6 * slow[0] and flat[1] < 1.6 * flat[0]


def test_modes_keep_their_order_but_not_one_over_s(monkeypatch):
    page = Page(monkeypatch, view="modes", act="linear", N="2", small="12", alone="0.01")
    ratios = next(line for line in page.text.split("\n") if line.startswith("| over the first"))
    _, second, third = (float(c.strip(" *")) for c in ratios.split("|")[2:5])
    assert 1 < second < third and abs(third - 4) > 0.1


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"N": "1", "small": "1"}, "One small layer makes no saddle"),
        ({"small": "none", "N": "2"}, "No layer is small, so ε plays no part"),
        ({"small": "2", "N": "3"}, "there is no plateau"),
        ({"least": "0", "N": "3", "small": "123"}, "ε = 0 stands exactly on the saddle"),
        ({"least": "0.1", "N": "3", "small": "123"}, "One scale has no slope"),
        ({"N": "2", "small": "12"}, "logarithmic, as the law says for r = 2"),
        ({"data": "two", "N": "3", "small": "123"}, "the law says −(r − 2) = −1"),
    ],
    ids=str,
)
def test_degenerate_choices_draw_something_true_and_say_what_it_is(monkeypatch, query, words):
    page = Page(monkeypatch, **(SMALL | query))
    assert page.bad == [] and words in page.text
    assert page.figures["curves"]["data"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            {"least": "0.5"},
            "The smallest ε, 0.5, is above the largest, 0.1: raise one or lower the other.",
        ),
        (
            {"act": "sigmoid", "data": "digits"},
            "sigmoid is not 0 at 0, and such nets are followed as a chain",
        ),
        (
            {"act": "softplus", "view": "modes"},
            "softplus is not 0 at 0, and such nets are followed as a",
        ),
        (
            {"small": "117"},
            "Small layers are written like 135, each at most once, which '117' is not",
        ),
        ({"act": "cube"}, "Activation must be one of linear, relu"),
    ],
    ids=str,
)
def test_one_sentence_for_what_cannot_be(monkeypatch, query, sentence):
    page = Page(monkeypatch, **(SMALL | {"N": "2"} | query))
    assert len([words for words in page.bad if words.startswith(sentence)]) == 1


def test_imbalance_lies_on_its_integral(monkeypatch):
    page = Page(monkeypatch, view="balance", N="3", small="123", **SMALL)
    *layers, integral = page.figures["imbalance"]["data"]
    measured = np.concatenate([[*numbers(line["y"]), np.nan] for line in layers])[:-1]
    there = numbers(integral["y"])
    assert np.nanmax(np.abs(measured - there)) < 5e-3 * np.nanmax(np.abs(measured))
    assert "tanh** is odd: Δ grows like a⁴; measured slope **4.0" in page.text.replace("3.9", "4.0")
    names = {line["name"] for line in page.figures["drift"]["data"]}
    assert {"tanh", "GELU", "sigmoid"} <= names


def test_layers_beyond_the_depth_are_not_small():
    family = Family.of(DEFAULTS | {"N": 2})
    assert family.small == (0, 1) and family.r == 2
    assert Family.of(DEFAULTS | {"N": 6}).r == 4


def test_scales_are_four_a_decade_and_zero_is_one_of_its_own():
    assert scales(0.01, 0.1) == pytest.approx([0.1 * 10 ** (-k / 4) for k in range(5)])
    assert scales(0, 0.1)[-1] == 0 and len(scales(0.1, 0.1)) == 1
    assert len(scales(1e-300, 1)) == 17
    with pytest.raises(ChoiceError):
        scales(0.2, 0.1)


def test_the_numbers_taken_home_are_those_on_screen():
    family = Family.of(DEFAULTS | {"N": 2, "seeds": 2, "width": 4, "least": 0.01})
    run = FAMILIES.get(family)
    assert run is FAMILIES.get(
        Family.of(DEFAULTS | {"N": 2, "seeds": 2, "width": 4, "least": 0.01})
    )  # shared
    while not (view := run.advance(1.0)).finished:
        pass
    lines = times_csv(family, view).splitlines()
    assert lines[1] == "eps,start,escape_time" and len(lines) == 2 + view.times.size
    assert float(lines[-1].split(",")[2]) == view.times[-1, -1]
    curves = curves_csv(family, view).splitlines()
    assert len(curves) == 2 + sum(len(c.times) for c in view.curves)
    assert curves[1].startswith(
        "eps,start,time,loss,squared_norm_1,squared_norm_2,imbalance_1,integral_1"
    )


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_its_controls_and_its_picture(monkeypatch, view):
    page = Page(monkeypatch, view=view, N="2", small="12", **SMALL)
    assert not page.bad and page.figures


def test_a_click_on_a_run_takes_its_layers_apart(monkeypatch):
    state = Mock()
    take_apart(state, {"custom": None})
    state.set.assert_not_called()
    take_apart(state, {"custom": [1.0, 1.0]})
    state.set.assert_called_once_with(view="balance", pick=1, draw=1)
    page = Page(monkeypatch, view="balance", pick="1", draw="1", **SMALL)
    assert page.bad == [] and "start 1.**" in page.text
