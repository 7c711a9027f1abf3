"""The page beyond linear without a browser: first paint, transport, links, pins, files, bad
input."""

from __future__ import annotations

import csv
import gzip
import http.server
import io
import json
import threading

import pytest
from streamlit.testing.v1 import AppTest

from overparam.choices.beyond_linear import EVERY, VIEWS
from overparam.data.images import images_are_cached
from overparam.export.beyond_linear import as_csv, as_json, script
from overparam.serving.training import TRAININGS
from overparam.story.beyond_words import honest_sentence, loss_ranges
from overparam.ui.beyond_linear import show
from overparam.ui.beyond_linear.show import seen
from tests.app_pages import visit

SMALL = {"seeds": "1", "hidden": "16", "its": "100", "long": "100", "rates": "9", "factors": "2"}


def beyond(**query: str) -> AppTest:
    return visit("pages/beyond_linear.py", **query)


def moving(app: AppTest) -> dict:
    return app.session_state["beyond__transport"]


def messages(app: AppTest) -> list[str]:
    assert not app.exception, app.exception
    return [e.value for e in (*app.warning, *app.error)]


def press(app: AppTest, key: str) -> AppTest:
    return app.button(key=f"beyond_{key}").click().run()


def texts(app: AppTest) -> str:
    blocks = (*app.markdown, *app.caption, *app.get("html"))
    return "\n".join(block.value for block in blocks)


@pytest.mark.parametrize("view", VIEWS)
def test_every_picture_opens_with_stored_curves_and_says_what_the_paper_says(view):
    app = beyond(view=view)
    assert messages(app) == [] and not moving(app)["live"]
    assert "Stored curves" in texts(app) and "**The paper" in texts(app)
    if view in ("steps", "apart"):
        assert "**Measured here**" in texts(app)


@pytest.mark.parametrize("view", VIEWS)
def test_other_choices_show_a_preview_and_run_to_the_end(view):
    app = beyond(view=view, **SMALL)
    assert messages(app) == [] and 0 <= moving(app)["position"] <= 50
    assert not moving(app)["playing"]
    app = press(app, "run")
    assert messages(app) == []
    assert moving(app)["position"] == 100 and not moving(app)["playing"] and moving(app)["live"]


def test_before_anybody_presses_run_the_first_stretch_is_known(monkeypatch):
    monkeypatch.setattr(show, "PREVIEW_SECONDS", 60.0)
    app = beyond(seeds="1", view="tuned")  # stored curves are shown for three seeds only
    for study in (moving(app)["study"], moving(beyond())["study"]):
        training = TRAININGS.get(study)
        assert training.computed >= EVERY and len(training.view(EVERY).times) == 2
    assert not moving(app)["live"]


def test_a_grid_of_convolutional_networks_is_never_computed_while_somebody_waits():
    app = press(beyond(**SMALL | {"long": "2000"}), "step_100")
    app.query_params["view"], app.query_params["net"] = "steps", "conv"
    app.run()
    place = moving(app)
    assert place["study"].only_stored and not place["live"] and not place["playing"]
    assert messages(app) == [] and "Stored curves, all 300 iterations." in texts(app)
    assert app.button(key="beyond_run").disabled and app.button(key="beyond_step_100").disabled
    assert "Press **Run**" not in texts(app) and TRAININGS.get(place["study"]).computed == -1


def test_steps_and_reset():
    app = press(beyond(**SMALL | {"long": "300"}), "step_100")
    assert moving(app)["position"] == 100 and not moving(app)["playing"]
    assert moving(press(app, "step_100"))["position"] == 200
    app = press(press(app, "step_100"), "reset")
    assert not moving(app)["live"] and moving(app)["position"] <= 50


def test_a_changed_choice_is_another_study_from_its_start():
    app = press(beyond(**SMALL), "run")
    before = moving(app)["study"]
    app.selectbox(key="beyond_optimizer").set_value("adam").run()
    assert moving(app)["study"] != before and not moving(app)["live"]
    assert messages(app) == [] and app.query_params["optimizer"] in ("adam", ["adam"])


def test_the_switches_of_a_picture_change_no_run():
    app = press(beyond(view="steps", **SMALL), "run")
    study = moving(app)["study"]
    for key, value in (("compare", "own"), ("goal", "0.5")):
        app.query_params[key] = value
        app.run()
        assert moving(app)["study"] == study and moving(app)["position"] == 100
    assert "to 0.5" in texts(app)


def test_pinned_curves_stay_and_go():
    app = press(press(beyond(**SMALL), "run"), "pin")
    assert len(app.session_state["beyond__pins"]) == 1
    app.selectbox(key="beyond_optimizer").set_value("gd").run()
    assert messages(app) == [] and len(app.session_state["beyond__pins"]) == 1
    app = press(app, "pin")
    assert len(app.session_state["beyond__pins"]) == 2
    assert len(press(app, "pin").session_state["beyond__pins"]) == 1


def test_taken_home_are_the_numbers_on_screen():
    app = press(beyond(**SMALL), "run")
    app.session_state["beyond_home"] = True
    assert messages(app.run()) == []
    place = moving(app)
    curves, study = seen(place), place["study"]
    rows = list(csv.DictReader(io.StringIO(as_csv(study, curves))))
    assert len(rows) == len(study.recipes) * study.seeds * len(curves.times)
    last = rows[-1]
    assert float(last["fit"]) == pytest.approx(curves.fit[-1, -1, -1], rel=1e-6)
    assert int(last["iteration"]) == 100 and int(last["depth"]) == study.recipes[-1].depth
    whole = json.loads(as_json(study, curves))
    assert whole["study"]["hidden"] == 16
    assert whole["fit"][-1][0] == pytest.approx(curves.fit[-1, 0].tolist())
    assert f"TIMES = {curves.times.tolist()}" in script(study, curves)
    labels = [each.proto.label for each in app.get("download_button")]
    assert labels == ["Numbers, CSV", "Numbers, JSON", "Figure, HTML", "Script, Python"]


def test_a_divergence_is_no_error():
    app = press(beyond(loss="l4", optimizer="gd", step="10", **SMALL), "run")
    assert messages(app) == [] and "diverged" in texts(app)


def test_a_loss_that_does_not_fall_is_no_error():
    app = beyond(scale="0.001", step="0.00002", decay="0", **SMALL)
    assert messages(app) == [] and "Measured here" in texts(app)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"hidden": "0"}, "Hidden width must be from 16 to 128, not 0"),
        ({"batch": "5000"}, "Images a step must be one of 32, 64, all"),
        ({"step": "0"}, "Step size η must be above 1e-05"),
        ({"view": "<b>"}, "Picture must be one of"),
        ({"factors": "1"}, "Factors N, up to must be from 2 to 4"),
        ({"goal": "nan"}, "Goal: a loss to arrive at must be a number"),
    ],
)
def test_bad_input_is_one_sentence_and_the_page_goes_on(query, says):
    app = beyond(**query)
    found = messages(app)
    assert len(found) == 1 and says in found[0] and "\n" not in found[0]
    assert moving(app)["study"] is not None


def test_images_that_are_not_here_are_offered_and_not_fetched(monkeypatch, tmp_path):
    monkeypatch.setenv("OVERPARAM_DATA", str(tmp_path))
    app = beyond(data="mnist")
    assert messages(app) == [] and moving(app)["study"] is None
    assert app.button(key="download_mnist").label == "Download MNIST"
    assert "as soon as its images are there" in texts(app)


class Broken(http.server.BaseHTTPRequestHandler):
    """Sends half of what it promises, or a page in the place of an idx file."""

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        body = gzip.compress(b"<html>moved</html>")
        cut = self.path.startswith("/cut")
        self.send_response(200)
        self.send_header("Content-Length", str(2 * len(body) if cut else len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.mark.parametrize(
    ("folder", "says"), [("cut", "broke off before the end"), ("wrong", "not an idx file of bytes")]
)
def test_a_download_that_is_cut_or_wrong_is_one_sentence(folder, says, monkeypatch, tmp_path):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OVERPARAM_DATA", str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/{folder}/"
        monkeypatch.setenv("OVERPARAM_MNIST_URL", address)
        app = beyond(data="mnist")
        app = app.button(key="download_mnist").click().run()
        server.shutdown()
    (message,) = messages(app)
    assert says in message and "choose the digits" in message and "\n" not in message
    assert moving(app)["study"] is None and not images_are_cached("mnist")


def test_the_sentence_and_the_ranges_are_computed_from_what_is_stored():
    sentence = honest_sentence()
    assert "because it is a larger step" in sentence and "nan" not in sentence
    for optimizer in ("gd", "momentum"):
        rows = {each.row for each in loss_ranges(optimizer)}
        assert len(rows) == 6
