"""The controls for choosing a problem: which data, which loss, and the data's own settings, download or upload."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable

import streamlit as st

from overparam.data import ETHANOL_CITATION, Data, DataError, ethanol_is_cached, load_ethanol, read_csv
from overparam.ui.state import PageState

_SIZES: dict[str, Callable[[PageState], None]] = {
    "two": lambda state: state.log_slider("ratio", 1, 1000),
    "synthetic": lambda state: _synthetic(state),
}


def problem_controls(state: PageState) -> None:
    """Widgets for the choices problem, p, ratio, m, d, k, condition, spectrum, noise and csv of the table of experiments."""
    state.select("problem")
    chosen = st.session_state[state.key("problem")]
    if chosen in _SIZES:
        _SIZES[chosen](state)
    elif chosen == "csv":
        upload_control(state)
    elif chosen == "ethanol":
        ethanol_control()
    state.slider("p", step=0.5)


def problem_is_here(state: PageState) -> bool:
    """Whether the data of the chosen problem are at hand; the controls say what to do where they are not."""
    chosen = st.session_state[state.key("problem")]
    return (chosen != "ethanol" or ethanol_is_cached()) and (chosen != "csv" or uploaded(state) is not None)


def uploaded(state: PageState) -> Data | None:
    """The uploaded file that the choices speak of, if this session has it."""
    return _uploads().get(st.session_state[state.key("csv")])


def _uploads() -> OrderedDict[str, Data]:
    return st.session_state.setdefault("uploads", OrderedDict())


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


def upload_control(state: PageState) -> None:
    """Upload of a CSV file; the choice `csv` then speaks of it."""
    file = st.file_uploader("CSV file", type=["csv", "txt", "tsv"], help="Numbers only; the last column is what is predicted.")
    uploads = _uploads()
    if file is not None:
        raw = file.getvalue()
        digest = hashlib.sha256(raw).hexdigest()[:16]
        if digest not in uploads:
            try:
                uploads[digest] = read_csv(raw, name=file.name)
            except DataError as error:
                st.error(str(error), icon=":material/table:")
                return
            while len(uploads) > 4:
                uploads.popitem(last=False)
        state.set(csv=digest)
    data = uploaded(state)
    if data is not None:
        st.caption(f"{data.inputs.shape[0]:,} rows, {data.inputs.shape[1]} inputs, standardised.")
    elif st.session_state[state.key("csv")]:
        st.info("This link is about an uploaded file that is not here: upload it again.", icon=":material/upload_file:")
    else:
        st.info("Choose a CSV file to begin.", icon=":material/upload_file:")


def ethanol_control() -> None:
    """Download of the paper's data by a click, or where they are from once they are here."""
    if not ethanol_is_cached():
        st.info("The paper's data are not bundled. One click fetches them from the UCI repository.", icon=":material/download:")
        if st.button("Download Ethanol", key="download_ethanol", width="stretch"):
            bar = st.progress(0.0, text="Downloading …")

            def progress(done: int, total: int) -> None:
                share = min(done / total, 1.0) if total else 0.0
                bar.progress(share, text=f"Downloading: {done / 1e6:.1f} MB" + (f" of {total / 1e6:.1f} MB" if total else ""))

            try:
                load_ethanol(progress)
            except DataError as error:
                bar.empty()
                st.error(str(error), icon=":material/cloud_off:")
                return
            st.rerun()
    else:
        st.caption(ETHANOL_CITATION)
