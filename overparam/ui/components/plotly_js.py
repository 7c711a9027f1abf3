"""The drawing library for components of our own: where the browser finds it, and how it loads it
once per page.

It comes from the installed plotly, through the server itself: so it works offline and on a
read-only file system, and the browser's version is always Python's.
"""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import plotly
import streamlit.components.v1 as components_v1

_FOLDER = Path(plotly.__file__).parent / "package_data"
FILE = _FOLDER / "plotly.min.js"
ROUTE = f"assets/plotly-{plotly.__version__}.min.js"
"""Address of our own route to plotly.min.js, relative to the address of the app."""

ASKED = f'<script async src="./{ROUTE}" onerror="this.remove()"></script>'
"""The head of a document asks for it, long before the first picture is there to be drawn; what has
failed goes, so that the picture asks anew."""

_served = False


def serve_by_route() -> None:
    """From here on browsers are sent to ROUTE, where the file is compressed once and may be kept
    for ever.

    The component's folder, which serves where the app has no routes of its own, compresses it anew
    for each visitor: 0.1 s.
    """
    global _served
    _served = True


def served_by_route() -> bool:
    """Whether the app has routes of its own."""
    return _served


def plotly_url() -> str:
    """Address of plotly.min.js, relative to the address of the app."""
    return (
        ROUTE if _served else f"component/{_component_name()}/plotly.min.js?v={plotly.__version__}"
    )


@cache
def _component_name() -> str:
    # Declaring a component is the documented way to have a folder of an installed package served;
    # outside a script it would warn whoever starts the server.
    return components_v1.declare_component("plotly_js", path=str(_FOLDER)).name


def plain() -> bytes:
    """plotly.min.js, to be compiled while it arrives.

    A browser that reads a script beside the page's own work compiles what is called at once: it
    knows a function in parentheses for such. The file's one function stands without, and would be
    read a second time when it is called, which holds the page up for 0.2 s.
    """
    text = FILE.read_bytes()
    before, start, rest = text.partition(b"this, () => {")
    body, end, after = rest.rpartition(b"\n}));")
    return before + b"this, (() => {" + body + b"\n})));" + after if start and end else text


@cache
def compressed() -> bytes:
    """The same, by gzip."""
    return gzip.compress(plain(), 9, mtime=0)
