"""The view that estimates a regularizer, without a browser: verdicts, pictures, and one sentence
per bad choice."""

import numpy as np
import pytest
from test_no_regularizer_page import Page, numbers

from overparam.choices.estimate import PANELS, PRESETS
from overparam.data import Upload
from overparam.serving.registry import Registry
from overparam.ui.shell import upload
from overparam.ui.shell.upload import Shelf


def boxes(page: Page) -> list[str]:
    return [e.value for kind in (page.app.success, page.app.info, page.app.warning) for e in kind]


def estimate(monkeypatch, session=None, **query: str) -> Page:
    return Page(monkeypatch, session, view="estimate", **query)


def test_it_opens_with_weight_decay_recovered(monkeypatch):
    page = estimate(monkeypatch)
    (words,) = boxes(page)
    assert words.startswith("**Found:**") and "which is rounding" in words
    assert "0.0100000000" in page.text and "exact: 0.01" in page.text
    assert set(page.figures) == {"estimate_fit", "estimate_shares"}
    points = page.figures["estimate_fit"]["data"][0]
    np.testing.assert_allclose(numbers(points["y"]), 0.01, rtol=1e-6)
    assert not page.app.error and dict(page.app.query_params) == {"view": "estimate"}


@pytest.mark.parametrize(
    ("preset", "title", "words"),
    [
        ("decay", "Found", "exact: 0.01"),
        ("stop", "A gradient, but not of this family", "of the ceiling and leaves"),
        ("dropout", "Found", "exact: 0.25"),
        ("depth", "Not a gradient", "at any number of weights"),
    ],
)
def test_one_click_to_each_case(monkeypatch, preset, title, words):
    page = estimate(monkeypatch, what="batch", family="diagonal", runs="3")
    page.app.button(key=f"reg_preset_{preset}").click()
    page.run()
    assert boxes(page)[0].startswith(f"**{title}:**") and words in page.text
    assert {p.name for p in PRESETS} >= {preset}


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_is_told_by_its_url(monkeypatch, panel):
    page = estimate(monkeypatch, panel=panel, N="4", q="4", seed="1")
    again = Page(monkeypatch, **dict(page.app.query_params))
    assert again.text == page.text and again.figures == page.figures and page.figures


def test_two_roads_beside_each_reading(monkeypatch):
    page = estimate(monkeypatch, panel="roads")
    assert boxes(page)[0].startswith("**Not a gradient:** around 5 of 5 loops")
    one, other, difference = numbers(page.figures["roads_works"]["data"][0]["y"])
    assert difference == pytest.approx(one - other) and one < 0
    page.set("side", "loops")
    force, null = (numbers(t["customdata"]) for t in page.figures["roads_loops"]["data"])
    assert (force > 1e-3).sum() >= 4 and (null < 1e-14).all()
    page.set("side", "skew")
    assert (numbers(page.figures["roads_skew"]["data"][0]["y"]) > 0).all()
    page.set("N", 1.0)
    assert boxes(page)[0].startswith("**No contradiction:**")
    page.set("N", 3.0)
    page.set("by", "network")
    assert "one step of a real network" in boxes(page)[0]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"what": "network", "N": "2.5"}, "A network's depth is a whole number, not 2.5"),
        ({"panel": "roads", "by": "network", "N": "2.5"}, "A network's depth is a whole number"),
        (
            {"what": "dropout", "repeats": "1"},
            "**Undecided:** one draw of a noisy force has no error",
        ),
        ({"what": "stop"}, "**No force:** every update is"),
        ({"lam": "0"}, "**No force:** every update is"),
        ({"what": "momentum", "pace": "3"}, "**It depends on the past:**"),
        ({"family": "free"}, "A free potential can be fitted in two dimensions only"),
        ({"what": "chance"}, "What happened must be one of decay, stop"),
        ({"runs": "33"}, "Runs M must be from 1 to 32, not 33; using 1 instead."),
        ({"data": "csv"}, "The data are not here yet"),
    ],
    ids=lambda v: "&".join(f"{k}={x}" for k, x in v.items()) if isinstance(v, dict) else "",
)
def test_one_sentence_for_each_degenerate_choice(monkeypatch, query, sentence):
    page = estimate(monkeypatch, **query)
    shown = boxes(page) + [e.value for e in page.app.error]
    assert [words for words in shown if words.startswith(sentence)], shown


def test_own_data_and_one_input(monkeypatch):
    rng = np.random.default_rng(2)

    def page(digest: str, columns: int, **query: str) -> Page:
        rows = rng.normal(size=(50, columns)).tolist()
        raw = "\n".join(",".join(map(repr, row)) for row in rows).encode()
        monkeypatch.setattr(upload, "FILES", Registry(most=1, make=Upload))
        upload.FILES.get(digest, raw)
        session = {"uploads": Shelf(names={digest: "mine.csv"})}
        return estimate(monkeypatch, session, data="csv", csv=digest, **query)

    assert boxes(page("0123456789abcdef", 4))[0].startswith("**Found:**")
    thin = page("fedcba9876543210", 2)
    assert boxes(thin)[0].startswith("**Found:**")
    thin.set("panel", "roads")
    (sentence,) = (e.value for e in thin.app.error)
    assert sentence.startswith("The data have one input only")


def test_the_plane_where_the_field_turns_is_a_second_direction(monkeypatch):
    page = Page(monkeypatch, loss="diabetes", across="guilty")
    assert page.bad == [] and "Not a gradient" in page.verdict
    first = page.verdict
    page.set("N", 4.0)
    assert page.verdict != first
    page = Page(monkeypatch, loss="diabetes", across="guilty", N="1")
    assert "No contradiction" in page.verdict
