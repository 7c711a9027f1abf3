"""A code under which a hall follows the race on its own screens: shown in projector mode, and kept
up to date from then on."""

from __future__ import annotations

import io
from urllib.parse import urlencode, urlsplit

import segno
import streamlit as st

from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.ui.shell.frame import when_open
from overparam.ui.shell.running import hall

CODE = "race__follow_code"


def follow_popover() -> None:
    """In projector mode: a popover with the address and its picture; opening it begins to show the
    race under the code."""
    if not st.session_state.get("app_projector") or st.context.is_embedded:
        return
    words = "Let a hall follow on its own screens"
    popover = st.popover(
        "Follow", icon=":material/qr_code_2:", key="race_follow", help=words, on_change="rerun"
    )
    when_open(popover, _invitation)


def _invitation() -> None:
    rooms = hall()
    if rooms is None:
        st.info(
            "Nobody can follow on this server: start the app with `streamlit run app.py`.",
            icon=":material/cast:",
        )
        return
    code = st.session_state.setdefault(CODE, rooms.new_code())
    address = f"{(st.context.url or '').rsplit('/', 1)[0]}/follow/{code}"
    picture = io.BytesIO()
    segno.make(address, error="m").save(picture, kind="png", scale=8, border=3)
    st.image(picture.getvalue(), caption=address)
    if urlsplit(address).hostname in ("localhost", "127.0.0.1", "::1"):
        st.caption(
            "This address leads to this computer only. Open the app under the name by which others"
            " reach it."
        )


def show_followers(
    experiment: Experiment, upload: Data | None, position: int, playing: bool
) -> None:
    """Tell those who follow what is shown now, if there is a code."""
    if CODE in st.session_state and (rooms := hall()) is not None:
        choices = {
            name: text
            for name, text in st.query_params.to_dict().items()
            if name not in ("projector", "lesson")
        }
        page = f"convergence?{urlencode(choices)}"
        rooms.show(st.session_state[CODE], experiment, upload, position, playing, page)
