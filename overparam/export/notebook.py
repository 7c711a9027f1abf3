"""A run as a Jupyter notebook: the script of `export.script` in cells, with words between and its
picture at the end."""

from __future__ import annotations

import inspect
import json

from overparam import plain
from overparam.choices.problems import PROBLEMS
from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.export.script import REFERENCE, facts, parts
from overparam.serving.course import View

_PICTURE = """\
from html import escape

from IPython.display import SVG


{picture}

SVG(picture(times, columns, list(METHODS)))
"""


def notebook(experiment: Experiment, view: View, upload: Data | None = None) -> str:
    """A notebook (nbformat 4.5, as JSON) of torch and numpy alone that computes the view's losses
    again.

    It ends with the losses in losses.csv, as `script.as_csv` writes them, and with a picture of
    them drawn here in SVG.

    Args:
        experiment: what was chosen.
        view: the run as far as it is shown.
        upload: the person's file, where the problem is "csv"; the notebook reads it from
            `problems.DATA_FILE`.

    Returns:
        The text of an .ipynb file.
    """
    made = parts(experiment, view, upload)
    source = PROBLEMS[experiment.problem].note
    listed = "\n".join(f"- {word}: `{value}`" for word, value in facts(experiment, view).items())
    cells = [
        _markdown(
            f"# Depth as acceleration: one run, computed again\n\n{listed}\n\n{source}After"
            f" {REFERENCE}."
        ),
        _code(made.imports),
        _markdown(
            "## The pieces\n\nData, starts, what depth does to a gradient, update rules, and the"
            " run itself."
        ),
        _code(made.functions),
        _markdown("## What was chosen"),
        _code(made.settings),
        _code(made.data),
        _markdown("## The run\n\nThe losses go to `losses.csv`."),
        _code(made.run),
        _markdown("## The picture\n\nLoss over iterations, both axes logarithmic."),
        _code(_PICTURE.format(picture=inspect.getsource(plain.picture))),
    ]
    for i, cell in enumerate(cells):
        cell["id"] = f"cell-{i}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _markdown(text: str) -> dict[str, object]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(text: str) -> dict[str, object]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": text.strip("\n"),
    }
