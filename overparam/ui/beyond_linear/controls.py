"""The sidebar of the page beyond linear: only what the chosen picture reads."""

from __future__ import annotations

import streamlit as st

from overparam.choices.beyond_linear import GRID_VIEWS, grid_steps
from overparam.data.images import SOURCES, images_are_cached, load_images
from overparam.ui.shell.problem import download_button
from overparam.ui.shell.state import PageState


def sidebar(state: PageState) -> None:
    """The choices of the picture that is shown."""
    with st.sidebar:
        now = state.values()
        grid, conv = now["view"] in GRID_VIEWS, now["net"] == "conv"
        state.segmented("net", width="stretch")
        data = state.select("data")
        if data != "digits":
            _images(data)
        if conv and grid:
            st.caption(
                "A grid of convolutional networks takes minutes, so one is stored: cross entropy, "
                "momentum, same function from He, 2 seeds, 300 iterations."
            )
            return
        if now["view"] != "apart":
            state.select("start")
        if now["view"] == "apart" or now["start"] == "gaussian":
            state.log_slider("scale", 0.001, 2)
        state.segmented("loss", width="stretch")
        if now["view"] in ("steps", "tuned"):
            state.select("penalty")
        if now["view"] == "penalty":
            state.log_slider("strong", 1e-5, 1)
        elif not grid or (now["penalty"] != "none" and now["view"] != "loss"):
            state.log_slider("decay", 1e-5, 1)
        state.select("optimizer")
        if not grid:
            state.log_slider("step", 1e-5, 10)
        if now["view"] != "apart":
            state.slider("factors", label="Factors N" if not grid else "Factors N, up to")
        with st.expander("Width, batch, iterations, seeds"):
            if not conv:
                state.slider("hidden", step=8)
            state.segmented("batch")
            state.slider("its" if grid else "long", step=100)
            state.slider("seeds")
            if grid:
                state.slider("rates")
                steps = grid_steps(now)
                st.caption(f"η from {steps[0]:.2g} to {steps[-1]:.2g}, four a decade")


def images_are_here(data: str) -> bool:
    """Whether the images that are chosen are on this machine."""
    return data == "digits" or images_are_cached(data)


def _images(data: str) -> None:
    """Download of a data set by a click, or where it is from once it is here."""
    source = SOURCES[data]
    if images_are_cached(data):
        st.caption(source.citation)
        return
    st.info(f"{source.name} is not bundled. One click fetches it.", icon=":material/download:")
    download_button(source.name, lambda progress: load_images(data, progress))
