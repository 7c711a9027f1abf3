"""Pictures that follow a hand on a slider, which tells Streamlit its value only when it is let go:
the browser asks for the picture of the choices that the hand says, by a route of our own.

    GET /picture/pre_one_plot?N=4.2&w=1.3    the figure as plotly's JSON; what cannot be drawn is
                                             answered with status 400 and one sentence

An answer depends on the question alone, which is read by the tables that read links.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from streamlit.delta_generator import DeltaGenerator

from overparam.choices.kinds import Choice, read_choices, write_choices
from overparam.ui.components.chart import Slider
from overparam.ui.components.plot import Follow, prepared
from overparam.ui.shell.running import has_streams
from overparam.ui.shell.state import PageState

Draw = Callable[[Mapping[str, Any]], go.Figure]
ADDRESS = "picture"
MOST_BYTES = 4096  # of a question
AT_ONCE = 2  # more would only share the interpreter, and hold up everybody's scripts

_offered: dict[str, tuple[tuple[Choice, ...], Draw]] = {}  # by the keys of their charts


def follow(state: PageState, name: str, draw: Draw, moved_by: Sequence[str]) -> Follow | None:
    """How a chart of a page follows a hand; None where the server has no routes of our own.

    Args:
        name: of the chart, whose key is `state.key(name)`.
        draw: makes its figure of the values of a link, the same for everybody; may raise
            ValueError, one sentence, where there is none.
        moved_by: choices whose sliders it follows.
    """
    key, table = state.key(name), tuple(state.table.values())
    _offered[key] = table, draw
    if not has_streams():
        return None
    return Follow(
        f"{ADDRESS}/{key}",
        write_choices(table, state.values()),
        [slider(state, choice) for choice in moved_by],
    )


def slider(state: PageState, name: str) -> Slider:
    """The slider of a choice, as a chart follows it."""
    return Slider(f".st-key-{state.key(name)}", name)


def said(of: str) -> DeltaGenerator:
    """A container for what is said of a picture's numbers: dim while a hand is ahead of it."""
    return st.container(key=f"said_{of}")


def routes(base: str) -> list[BaseRoute]:
    """The pictures that pages have offered.

    Args: base: "" or "/path" of the app.
    """
    turns = asyncio.Semaphore(AT_ONCE)

    async def picture(request: Request) -> Response:
        if len(request.url.query) > MOST_BYTES:
            return _refused(f"Ask for a picture in at most {MOST_BYTES:,} bytes.")
        offered = _offered.get(request.path_params["key"])
        if offered is None:
            return _refused("No page shows a picture of this name.")
        try:
            async with turns:
                text = await asyncio.to_thread(_drawn, *offered, dict(request.query_params))
        except ValueError as error:
            return _refused(str(error))
        return Response(text, media_type="application/json")

    return [Route(f"{base}/{ADDRESS}/{{key}}", picture)]


def _drawn(table: tuple[Choice, ...], draw: Draw, query: Mapping[str, str]) -> str:
    values, sentences = read_choices(table, query)
    if sentences:
        raise ValueError(sentences[0].split("; using")[0] + ".")
    return prepared(draw(values)).figure


def _refused(sentence: str) -> Response:
    return Response(sentence, status_code=400, media_type="text/plain")
