"""A run taken home as a notebook: valid, drawn, and computing again what was exported."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from overparam import plain
from overparam.choices.methods import Entry
from overparam.choices.problems import DATA_FILE
from overparam.data import Data, standardise
from overparam.export import script
from overparam.export.notebook import notebook
from tests.test_export import (
    DIABETES,
    EVERY_KIND,
    EVERY_OPTIMIZER,
    MATRICES,
    TUNED,
    TWO,
    columns,
    experiment,
    finished,
)

NOTHING_ELSE = """
import sys
roots = {name.split(".")[0] for name in sys.modules}
unwanted = {"overparam", "streamlit", "plotly", "scipy", "sklearn", "pandas", "matplotlib"}
assert not roots & unwanted, roots
"""


def execute(document: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """In a kernel of its own, started in the folder."""
    return NotebookClient(
        document, timeout=120, resources={"metadata": {"path": str(folder)}}
    ).execute()


@pytest.mark.parametrize("chosen", [TWO, DIABETES, EVERY_OPTIMIZER, EVERY_KIND, MATRICES, TUNED])
def test_it_is_a_valid_notebook_whose_code_is_the_scripts(chosen):
    view = finished(chosen)
    document = nbformat.reads(notebook(chosen, view), as_version=4)
    nbformat.validate(document)
    assert (document.nbformat, document.nbformat_minor) == (4, 5)
    code = [cell.source for cell in document.cells if cell.cell_type == "code"]
    text = script.script(chosen, view)
    for source in code[:-1]:
        assert source in text
        compile(source, "cell", "exec")


@pytest.mark.slow
@pytest.mark.parametrize(
    "chosen", [TWO, DIABETES, EVERY_KIND], ids=["two coordinates", "diabetes", "every kind"]
)
def test_executed_it_writes_the_exported_numbers_and_draws_them(chosen, tmp_path):
    view = finished(chosen)
    document = nbformat.reads(notebook(chosen, view), as_version=4)
    document.cells.append(nbformat.v4.new_code_cell(NOTHING_ELSE))
    done = execute(document, tmp_path)
    names, wanted = columns(script.as_csv(chosen, view))
    again, found = columns((tmp_path / "losses.csv").read_text(encoding="utf-8"))
    assert again == names
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=0)
    (picture,) = [
        output.data for cell in done.cells for output in cell.get("outputs", ()) if "data" in output
    ]
    assert "image/svg+xml" in picture


@pytest.mark.slow
def test_the_script_runs_when_it_is_pasted_into_a_cell(tmp_path):
    view = finished(TWO)
    execute(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(script.script(TWO, view))]),
        tmp_path,
    )
    assert [path.name for path in tmp_path.iterdir()] == ["losses.csv"]
    _, found = columns((tmp_path / "losses.csv").read_text(encoding="utf-8"))
    np.testing.assert_allclose(found, columns(script.as_csv(TWO, view))[1], rtol=1e-9, atol=0)


def drawn(*arguments) -> tuple[list[str], list[np.ndarray]]:
    root = ElementTree.fromstring(plain.picture(*arguments))
    texts = [node.text or "" for node in root if node.tag.endswith("text")]
    thick = [node.get("points", "") for node in root if node.get("stroke-width")]
    return texts, [
        np.array([pair.split(",") for pair in line.split()], dtype=float) for line in thick
    ]


def test_the_picture_is_straight_for_a_power_law_and_ends_where_a_method_diverged():
    times = [0, 1, 10, 100]
    texts, (falling, ended) = drawn(
        times, [[1, 1, 0.1, 0.01], [1, 1, math.nan, math.nan]], ["a < b", "c"]
    )
    assert falling.shape == (3, 2) and ended.shape == (1, 2)
    np.testing.assert_allclose(np.diff(falling, axis=0), [[280, 160], [280, 160]])
    assert texts == ["1e0", "1e1", "1e2", "1e-2", "1e-1", "1e0", "a < b", "c"]


def test_a_picture_of_nothing_is_empty():
    _, (line,) = drawn([0], [[math.nan]], ["a"])
    assert line.size == 0


def test_an_uploaded_files_notebook_reads_the_file_beside_it():
    data = standardise(
        Data(
            "mine", np.arange(12.0).reshape(6, 2) ** 2, np.arange(6.0)[:, None], ("a", "b"), ("y",)
        )
    )
    chosen = experiment(problem="csv", csv="0" * 16, iterations=3, methods=(Entry(1, step=0.01),))
    document = json.loads(notebook(chosen, finished(chosen, data), data))
    assert any(f"csv_file({DATA_FILE!r}, 1)" in cell["source"] for cell in document["cells"])
    assert DATA_FILE in document["cells"][0]["source"]
