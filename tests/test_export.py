"""What is taken home: numbers that read back, and a script that computes them again with nothing
but torch and numpy."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
import pytest

from overparam import plain
from overparam.choices.kinds import read_choices
from overparam.choices.methods import Entry
from overparam.choices.problems import DATA_FILE
from overparam.choices.race import CHOICES, Experiment
from overparam.data import Data, load_ethanol, read_csv, standardise
from overparam.data.synthetic import SPECTRA, synthetic
from overparam.engine.optimizers import OPTIMIZERS
from overparam.export import script as export
from overparam.serving.run import Run

# Run the script as a person would, then look at what it has imported.
ALONE = """
import runpy, sys
runpy.run_path("run.py", run_name="__main__")
roots = {name.split(".")[0] for name in sys.modules}
assert not roots & {"overparam", "streamlit", "plotly", "scipy", "sklearn", "pandas"}, roots
"""


def experiment(**values):
    return Experiment.of(
        read_choices(CHOICES, {})[0] | {"iterations": 300, "steps": "each"} | values
    )


def finished(chosen, upload=None):
    run = Run(chosen, upload)
    while not run.finished:
        run.advance(10**9, seconds=0.1)
    return run.view(10**9)


def columns(text):
    """Names, and numbers (K, 1 + M), of a CSV with comments."""
    names, *rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    return names, np.array(rows, dtype=float)


# Three methods at steps within the limit of stability, so that rounding does not grow.
TWO = experiment(
    problem="two",
    ratio=3.0,
    scale=0.3,
    methods=(Entry(1, step=0.02), Entry(2, step=0.003), Entry(3, "adam", step=0.02)),
)
DIABETES = experiment(
    scale=0.1,
    methods=(
        Entry(1, step=0.02),
        Entry(3, "gd", "rule", step=0.02),
        Entry(2, "momentum", step=0.002),
    ),
)
EVERY_OPTIMIZER = experiment(
    problem="synthetic",
    m=40,
    d=5,
    scale=0.3,
    iterations=60,
    decay=0.01,
    changes=((20, 0.5), (41, 3.0)),
    methods=tuple(
        Entry(depth, optimizer, step=0.01)
        for optimizer in OPTIMIZERS
        for depth in ((1, 2) if optimizer == "gd" else (2,))
    ),
)
EVERY_KIND = experiment(
    problem="synthetic",
    m=40,
    d=5,
    scale=0.3,
    iterations=60,
    spectrum="two levels",
    methods=(
        Entry(2.5, kind="rule", step=0.05),
        Entry(2.5, kind="scale", step=0.05),
        Entry(2.5, kind="stretch", step=0.05),
        Entry(3, start="near-zero", width=4, step=0.05),
        Entry(3, start="identity", width=2, step=0.005),
        Entry(1, start="near-zero", step=0.05),
        Entry(1, step=1e6),
    ),
)
MATRICES = experiment(
    problem="synthetic",
    m=40,
    d=5,
    k=3,
    scale=0.3,
    iterations=60,
    decay=0.02,
    methods=(
        Entry(3, step=0.05),
        Entry(3, step=0.05),
        Entry(2.5, "gd", "rule", step=0.05),
        Entry(2, width=6, step=0.05),
    ),
)
TUNED = experiment(steps="tuned", horizon=50, iterations=120, methods=(Entry(1), Entry(2)))


@pytest.mark.parametrize(
    "chosen",
    [TWO, DIABETES, EVERY_OPTIMIZER, EVERY_KIND, MATRICES, TUNED],
    ids=["two coordinates", "diabetes", "every optimizer", "every kind", "matrices", "tuned"],
)
def test_the_script_alone_reproduces_the_exported_numbers(chosen, tmp_path):
    view = finished(chosen)
    (tmp_path / "run.py").write_text(export.script(chosen, view), encoding="utf-8")
    names, wanted = columns(export.as_csv(chosen, view))
    done = subprocess.run(
        [sys.executable, "-c", ALONE], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    again, found = columns((tmp_path / "losses.csv").read_text(encoding="utf-8"))
    assert again == names and len(names) == 1 + len(chosen.methods) == len(set(names))
    np.testing.assert_array_equal(found[:, 0], wanted[:, 0])
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=0)
    assert wanted[-1, 0] == chosen.iterations


def test_the_script_of_an_uploaded_file_reads_its_numbers(tmp_path):
    rng = np.random.default_rng(3)
    data = Data(
        "mine",
        rng.normal(size=(30, 3)),
        rng.normal(size=(30, 2)),
        ("a", 'b, "c"', "Índice Ж"),
        ("y\nz", "t"),
    )
    data, chosen = (
        standardise(data),
        experiment(problem="csv", csv="0" * 16, methods=(Entry(1, step=0.01), Entry(2, step=0.01))),
    )
    view = finished(chosen, data)
    (tmp_path / "run.py").write_text(export.script(chosen, view, data), encoding="utf-8")
    (tmp_path / DATA_FILE).write_text(export.data_csv(data), encoding="utf-8")
    plain_ascii = os.environ | {
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }  # as files are read on old machines
    subprocess.run(
        [sys.executable, "run.py"], cwd=tmp_path, check=True, capture_output=True, env=plain_ascii
    )
    _, found = columns((tmp_path / "losses.csv").read_text(encoding="utf-8"))
    np.testing.assert_allclose(found, columns(export.as_csv(chosen, view))[1], rtol=1e-9, atol=0)


def test_the_scripts_reader_of_the_papers_archive(tmp_path, published, monkeypatch):
    path = tmp_path / "gas_sensor_array_drift.zip"
    path.write_bytes(published)
    data = load_ethanol(cache=tmp_path)
    x, y = plain.ethanol(path)
    np.testing.assert_allclose(x, data.inputs, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(y, data.targets, rtol=1e-12, atol=1e-13)
    monkeypatch.setenv("OVERPARAM_DATA", str(tmp_path))
    chosen = experiment(problem="ethanol", methods=(Entry(1, step=0.001),))
    text = export.script(chosen, finished(chosen))
    assert "270/gas+sensor+array" in text and "CC BY" not in text and "10.24432/C5MK6M" in text
    compile(text, "run.py", "exec")


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_the_scripts_synthetic_data_are_the_engines(spectrum):
    choice = (30, 5, 2, 50.0, spectrum, 0.2, 7)
    for ours, theirs in zip(plain.synthetic(*choice), synthetic(*choice), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_run_seen_in_part_is_exported_up_to_there():
    run = Run(TWO)
    while not run.finished:
        run.advance(10**9, seconds=0.1)
    view = run.view(123)
    _, numbers = columns(export.as_csv(TWO, view))
    assert numbers[-1, 0] == view.times[-1] <= 123
    np.testing.assert_array_equal(numbers[:, 0], plain.recorded(int(view.times[-1])))


def test_json_holds_choices_numbers_and_versions():
    chosen = experiment(problem="two", methods=(Entry(1, step=0.003), Entry(1, step=1e6)), seed=5)
    view = finished(chosen)
    document = json.loads(export.as_json(chosen, view))
    link = dict(parse_qsl(document["link"].removeprefix("?")))
    assert Experiment.of(read_choices(CHOICES, link)[0]) == chosen
    assert document["choices"]["seed"] == 5 and set(document["versions"]) == {
        "python",
        "numpy",
        "torch",
    }
    good, bad = document["methods"]
    assert (good["step"], bad["step"]) == (0.003, 1e6) and bad["loss"][-1] is None
    np.testing.assert_allclose(good["loss"], columns(export.as_csv(chosen, view))[1][:, 1])
    first, least = document["loss at W = 0"], document["least loss"]
    np.testing.assert_allclose(
        (np.array(good["loss"]) - least) / (first - least), good["gap"], rtol=1e-12
    )


def test_the_link_in_the_csv_brings_the_choices_back():
    text = export.as_csv(TWO, finished(TWO))
    link = next(line for line in text.splitlines() if line.startswith("# link"))
    query = dict(parse_qsl(link.split("?", 1)[1]))
    assert Experiment.of(read_choices(CHOICES, query)[0]) == TWO


def test_names_with_quotation_marks_are_written_so_that_others_read_them():
    names = ('2" pipe', "b, c", 'say "x"', "#5", "t")
    numbers = np.random.default_rng(0).normal(size=(9, 5))
    data = standardise(Data("mine", numbers[:, :4], numbers[:, 4:], names[:4], names[4:]))
    text = export.data_csv(data)
    assert tuple(pd.read_csv(io.StringIO(text)).columns) == names
    again = read_csv(text.encode())
    assert (*again.feature_names, *again.target_names) == names
    np.testing.assert_allclose(again.inputs, data.inputs, rtol=0, atol=1e-12)


def test_the_numbers_say_how_they_are_read_and_this_app_reads_them_too():
    view = finished(DIABETES)
    text = export.as_csv(DIABETES, view)
    assert 'pandas.read_csv("run.csv", comment="#")' in text.splitlines()[0]
    table = pd.read_csv(io.StringIO(text), comment="#")
    assert list(table.columns) == ["iteration", *export.names(DIABETES)]
    np.testing.assert_array_equal(table.iloc[:, 1:], export.losses(view))
    own = read_csv(text.encode())
    assert (*own.feature_names, *own.target_names) == tuple(table.columns)
    assert "lines beginning with # left out" in own.notes[0]
