"""What is on screen, taken home: numbers, the figure, a script, a notebook, and links."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from urllib.parse import urlencode

import plotly.graph_objects as go
import streamlit as st

from overparam.choices.problems import DATA_FILE
from overparam.data import Data
from overparam.export import script as export
from overparam.export.notebook import notebook
from overparam.serving.course import View
from overparam.serving.run import Watched


def take_home(
    run: Watched,
    position: Callable[[], int],
    upload: Data | None,
    figure: Callable[[View], go.Figure],
) -> None:
    """Downloads of the run as it stands when the button is pressed, and links to this page.

    Args: position: the iteration shown; figure: the picture of a view.
    """
    experiment = run.experiment

    def button(
        label: str, name: str, make: Callable[[View], str], mime: str, icon: str, words: str
    ) -> None:
        def data() -> str:
            view = run.view(position())
            return make(view) if view is not None else ""

        st.download_button(
            label,
            data,
            name,
            mime,
            key=f"race_save_{name}",
            on_click="ignore",
            icon=icon,
            help=words,
            width="stretch",
        )

    left, right = st.columns(2, gap="small")
    with left:
        button(
            "Numbers, CSV",
            "run.csv",
            lambda v: export.as_csv(experiment, v),
            "text/csv",
            ":material/table:",
            "The loss of every method at the iterations drawn, with choices, seed and versions in"
            ' lines that begin with #: pandas reads it with comment="#".',
        )
        button(
            "Numbers, JSON",
            "run.json",
            lambda v: export.as_json(experiment, v),
            "application/json",
            ":material/data_object:",
            "The same with every choice, the step sizes and the gaps.",
        )
        button(
            "Figure, HTML",
            "run.html",
            lambda v: figure(v).to_html(include_plotlyjs=True),
            "text/html",
            ":material/show_chart:",
            "One file that works offline, with zoom and exact values (5 MB).",
        )
    with right:
        button(
            "Script, Python",
            "run.py",
            lambda v: export.script(experiment, v, upload),
            "text/x-python",
            ":material/code:",
            "Plain torch and numpy, nothing else: computes exactly this run again and writes its"
            " numbers.",
        )
        button(
            "Notebook, Jupyter",
            "run.ipynb",
            lambda v: notebook(experiment, v, upload),
            "application/x-ipynb+json",
            ":material/menu_book:",
            "The script in cells, with its picture: opens in Jupyter, VS Code or Colab.",
        )
        if upload is not None and experiment.problem == "csv":
            button(
                "Data for the script",
                DATA_FILE,
                lambda _: export.data_csv(upload),
                "text/csv",
                ":material/database:",
                "Your numbers, standardised: put the file beside the script or the notebook.",
            )
    st.caption("PNG and SVG: the two left buttons that appear at the top right of the chart.")
    links(experiment.problem == "csv")


def links(needs_file: bool = False) -> None:
    """A link to this page with every choice, and the same as a frame for another page; each with a
    button that copies it."""
    address = st.context.url or ""
    parameters = {name: st.query_params[name] for name in st.query_params}
    link = address + ("?" + urlencode(parameters) if parameters else "")
    frame = address + "?" + urlencode(parameters | {"embed": "true"})
    st.caption(
        "**Link** to exactly this"
        + (" (whoever opens it uploads the same file)" if needs_file else "")
    )
    st.code(link, language=None, height=68, wrap_lines=True)
    st.caption("**Frame** for a web page")
    st.code(
        f'<iframe src="{escape(frame)}" width="100%" height="640"></iframe>',
        language=None,
        height=68,
        wrap_lines=True,
    )
