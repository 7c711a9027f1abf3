"""Atlases on the map page: opening one, its picture, and what it is of."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from overparam.choices.kinds import ChoiceError, Structured
from overparam.choices.map import MOST_HORIZON, Plan
from overparam.figures.atlas import atlas_map, frame_cell
from overparam.figures.map import MOST_CELLS_NUMBERED, speed_up_map
from overparam.serving.maps.atlas_file import Atlas, AtlasError, read
from overparam.serving.maps.atlas_shelf import atlas, atlases
from overparam.story.map_words import (
    atlas_kinds,
    atlas_side,
    axis_of,
    cell_hover,
    censored,
    deep_name,
    hover_words,
)
from overparam.ui.components.plot import plot
from overparam.ui.shell.state import PageState
from overparam.words import show

ALT = (
    "A map of how many times faster or slower a deep network reaches the goal than a single layer."
)


def read_name(text: str) -> str:
    """The name of an atlas, as in the URL; "" is none."""
    if not re.fullmatch(r"[\w .+-]{0,80}", text):
        raise ChoiceError(
            f"An atlas is named by letters, digits, points and hyphens, not {show(text)}; opening"
            " none instead."
        )
    return text


CHOICE = Structured("atlas", "Map", "", read_name, str)


@dataclass(frozen=True)
class Opened:
    """An atlas on the page, and a name that no other has."""

    name: str
    atlas: Atlas

    @property
    def live(self) -> Plan:
        """What a cell's runs are computed with while somebody waits."""
        plan = self.atlas.plan
        return replace(plan, horizon=min(plan.horizon, MOST_HORIZON))


def atlas_control(state: PageState) -> Opened | None:
    """Which map is seen: one computed here, or an atlas of this server or of a file."""
    name = state.standing("atlas")
    options = list(dict.fromkeys(["", *atlases(), name]))
    st.selectbox(
        CHOICE.label,
        options,
        index=options.index(name),
        key=state.key("atlas"),
        format_func=lambda name: f"atlas {name}" if name else "computed here",
    )
    return _uploaded(state) or _named(st.session_state[state.key("atlas")])


def _named(name: str) -> Opened | None:
    if not name:
        return None
    try:
        return Opened(name, atlas(name))
    except AtlasError as error:
        st.error(str(error), icon=":material/map:")
        return None


def _uploaded(state: PageState) -> Opened | None:
    with st.expander("Open an atlas file"):
        file = st.file_uploader(
            "Atlas, .npz",
            key=state.key("atlas_file"),
            help="Written by `python -m overparam.atlas`, which computes maps of up to 250,000"
            " cells.",
        )
        if file is None:
            return None
        try:
            raw = file.getvalue()
            return Opened(hashlib.sha256(raw).hexdigest(), _read(raw))
        except AtlasError as error:
            st.error(str(error), icon=":material/map:")
            return None


@st.cache_resource(max_entries=8, show_spinner=False)
def _read(raw: bytes) -> Atlas:
    return read(io.BytesIO(raw))


def draw_atlas(opened: Opened, at: tuple[int, int], choose: Callable[[int, int], None]) -> None:
    """The picture of an atlas; a small one looks as if it had been computed here.

    Args: choose: called with the column and the row of a click.
    """
    plan, view = opened.atlas.plan, opened.atlas.view
    if view.deep.size <= MOST_CELLS_NUMBERED:
        figure = speed_up_map(
            axis_of(plan, "x"),
            axis_of(plan, "y"),
            view.log2_speed_up,
            censored(view),
            hover_words(plan, view),
            at,
            deep_name(plan),
        )
        plot(figure, key="map_map", alt=ALT, on_click=lambda event: _choose_place(event, choose))
        return
    x, y = atlas_side(plan, "x"), atlas_side(plan, "y")
    figure = atlas_map(
        x,
        y,
        view.log2_speed_up,
        (view.deep, view.plain),
        atlas_kinds(view),
        deep_name(plan),
        plan.horizon,
        opened.name,
    )
    frame_cell(figure, x, y, at)

    def clicked(event: dict[str, Any]) -> None:
        if event["x"] is not None and event["y"] is not None:
            choose(x.place(event["x"]), y.place(event["y"]))

    plot(figure, key="map_picture", alt=ALT, on_click=clicked, zoom=True)


def _choose_place(event: dict[str, Any], choose: Callable[[int, int], None]) -> None:
    if event["x"] is not None and event["y"] is not None:
        choose(round(event["x"]), round(event["y"]))


def stored_words(opened: Opened, at: tuple[int, int]) -> str:
    """What the atlas itself says of a cell."""
    _, *lines = cell_hover(opened.atlas.plan, opened.atlas.view, at[1], at[0]).split("<br>")
    return f"In the atlas: {'; '.join(lines)}." if lines else "Not known in this atlas yet."
