"""The controls for choosing a problem: which data, their own settings, download or upload."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from overparam.data import ETHANOL_CITATION, DataError, ethanol_is_cached, load_ethanol
from overparam.data.download import Progress
from overparam.ui.shell.state import PageState
from overparam.ui.shell.upload import upload_control, uploaded

_SIZES: dict[str, Callable[[PageState], object]] = {
    "two": lambda state: state.log_slider("ratio", 1, 1000),
    "synthetic": lambda state: _synthetic(state),
}


def problem_controls(state: PageState) -> None:
    """Widgets for the choices problem, ratio, m, d, k, condition, spectrum, noise and csv of the
    table of experiments, and for its loss where a page offers others than l_p."""
    state.select("problem")
    chosen = st.session_state[state.key("problem")]
    if chosen in _SIZES:
        _SIZES[chosen](state)
    elif chosen == "csv":
        upload_control(state)
    elif chosen == "ethanol":
        ethanol_control()
    if "loss" in state.table:
        state.select("loss")


def problem_is_here(state: PageState) -> bool:
    """Whether the data of the chosen problem are at hand; the controls say what to do where they
    are not."""
    chosen = st.session_state[state.key("problem")]
    return (chosen != "ethanol" or ethanol_is_cached()) and (
        chosen != "csv" or uploaded(state) is not None
    )


def _synthetic(state: PageState) -> None:
    with st.expander("Synthetic data"):
        left, right = st.columns(2)
        with left:
            for name in ("m", "d", "k"):
                state.number(name)
        with right:
            state.number("condition")
            state.number("noise")
            state.select("spectrum")


def ethanol_control() -> None:
    """Download of the paper's data by a click, or where they are from once they are here."""
    if not ethanol_is_cached():
        st.info(
            "The paper's data are not bundled. One click fetches them from the UCI repository.",
            icon=":material/download:",
        )
        download_button("Ethanol", load_ethanol)
    else:
        st.caption(ETHANOL_CITATION)


def download_button(name: str, load: Callable[[Progress], object]) -> None:
    """A button that fetches a data set, with a bar that tells how far it is; then the script runs
    again."""
    if not st.button(f"Download {name}", key=f"download_{name.lower()}", width="stretch"):
        return
    bar = st.progress(0.0, text="Downloading …")

    def progress(done: int, total: int) -> None:
        share = min(done / total, 1.0) if total else 0.0
        bar.progress(
            share,
            text=f"Downloading: {done / 1e6:.1f} MB"
            + (f" of {total / 1e6:.1f} MB" if total else ""),
        )

    try:
        load(progress)
    except DataError as error:
        bar.empty()
        st.error(str(error), icon=":material/cloud_off:")
        return
    st.rerun()
