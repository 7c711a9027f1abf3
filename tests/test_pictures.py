"""Pictures that follow a hand: what the route draws is what the page draws, and it draws nothing
else."""

import http.client
import json
from pathlib import Path
from urllib.parse import urlencode

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from overparam.ui.shell.pictures import MOST_BYTES
from overparam.ui.shell.server import routes
from tests.asgi import listening

APP = str(Path(__file__).parents[1] / "app.py")
ONE, FIELD = "preconditioner", "no_regularizer"


@pytest.fixture(scope="module")
def port():
    with listening(routes()) as port:
        yield port


def charts(monkeypatch, page: str, query: dict[str, str]) -> dict[str, dict]:
    """What the browser gets of a page's charts, by their keys."""
    shown: dict[str, dict] = {}
    monkeypatch.setattr(
        "overparam.ui.components.plot.chart", lambda key, data, **_: shown.update({key: data})
    )
    app = AppTest.from_file(APP, default_timeout=120)
    app.switch_page(f"pages/{page}.py")
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception, app.exception
    return shown


def asked(port: int, address: str, query: dict[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"/{address}?{urlencode(query)}")
    answer = connection.getresponse()
    status, text = answer.status, answer.read().decode()
    connection.close()
    return status, text


@pytest.mark.parametrize(
    ("page", "query", "followed"),
    [
        (ONE, {"N": "4.2", "w": "1.3", "gangle": "-40"}, {"pre_one_plot": "N w angle g gangle"}),
        (
            ONE,
            {"view": "matrix", "inputs": "2", "s": "6", "s1": "0.7"},
            {"pre_table": "N s1 s2", "pre_w_plot": "s1 s2"},
        ),
        (ONE, {"view": "matrix", "outputs": "1", "dense": "1"}, {"pre_dense_plot": "N s1"}),
        (
            FIELD,
            {"N": "5", "loss": "lp", "R": "1.5"},
            dict.fromkeys(("reg_around_field", "reg_around_pieces"), "N r R p y1 y2"),
        ),
        (FIELD, {"loss": "diabetes", "r": "2"}, {"reg_around_field": "N r R p"}),
        (FIELD, {"view": "proof", "step": "4"}, {"reg_proof_field": "N r R c"}),
        (
            FIELD,
            {"view": "shrink", "loss": "lp"},
            {"reg_shrink_outer": "N r R p y1", "reg_shrink_inner": "N R p y2"},
        ),
        (
            FIELD,
            {"view": "closest", "c": "1"},
            dict.fromkeys(("reg_closest_potential", "reg_closest_rest"), "N R c"),
        ),
        (FIELD, {"view": "closest", "loss": "lp", "R": "2"}, {"reg_closest_share": "N R p y1 y2"}),
        (FIELD, {"view": "beat", "x": "1"}, {"reg_beat_field": "N R x y a b tilt c"}),
    ],
)
def test_a_picture_that_follows_is_the_one_of_the_page(monkeypatch, port, page, query, followed):
    monkeypatch.setattr("overparam.ui.shell.pictures.has_streams", lambda: True)
    for key, data in charts(monkeypatch, page, query).items():
        follow = data["follow"]
        sliders = [] if follow is None else [slider["says"] for slider in follow["sliders"]]
        assert set(sliders) >= set(followed.get(key, "").split())
        if follow is not None:
            assert asked(port, follow["address"], follow["query"]) == (200, data["figure"])
            go.Figure(json.loads(data["figure"]))  # plotly knows what it is not asked to check


def test_nothing_is_asked_where_the_server_has_no_routes_of_ours(monkeypatch):
    assert all(data["follow"] is None for data in charts(monkeypatch, ONE, {}).values())


@pytest.mark.parametrize(
    ("picture", "query", "words"),
    [
        ("pre_map", {}, "No page shows a picture of this name."),
        ("reg_around_pieces", {"N": "deep"}, "Depth N must be a number from 1 to 10, not 'deep'."),
        ("reg_around_pieces", {"r": "1.5"}, "r"),
        ("reg_shrink_inner", {"c": "0"}, "G(0) = 0: there is no leading term"),
        ("reg_around_pieces", {"loss": "csv"}, "The data of this picture are not here."),
        ("reg_around_pieces", {"N": "1" * MOST_BYTES}, "Ask for a picture in at most 4,096 bytes."),
    ],
)
def test_what_cannot_be_drawn_is_answered_with_one_sentence(
    monkeypatch, port, picture, query, words
):
    for view in ("around", "shrink"):
        charts(monkeypatch, FIELD, {"view": view})
    status, sentence = asked(port, f"picture/{picture}", query)
    assert status == 400 and words in sentence and sentence.endswith(".")
