"""The controls for choosing a problem: which data, which loss, and the data's own settings, download or upload."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable

import streamlit as st

from overparam.data import ETHANOL_CITATION, Data, DataError, ethanol_is_cached, load_ethanol, predicting, read_csv
from overparam.ui.shell.state import PageState

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
    """Upload of a CSV file, and which of its columns is predicted; the choice `csv` then speaks of both."""
    file = st.file_uploader("CSV file", type=["csv", "txt", "tsv"], help="Numbers only, one column of which is predicted.")
    if file is not None:
        try:
            _choose_target(state, file.getvalue(), file.name)
        except DataError as error:
            st.error(str(error), icon=":material/table:")
            return
    data = uploaded(state)
    if data is not None:
        st.caption(f"{data.inputs.shape[0]:,} rows, {data.inputs.shape[1]} inputs, standardised.")
    elif st.session_state[state.key("csv")]:
        st.info("This link is about an uploaded file that is not here: upload it again.", icon=":material/upload_file:")
    else:
        st.info("Choose a CSV file to begin.", icon=":material/upload_file:")


def _choose_target(state: PageState, raw: bytes, name: str) -> None:
    """The column to predict: the one that the link speaks of, where it speaks of this file, else the last one."""
    uploads, contents, key = _uploads(), hashlib.sha256(raw).hexdigest(), state.key("target")
    if contents not in uploads:
        uploads[contents] = read_csv(raw, name=name)
    whole = uploads[contents]
    columns = (*whole.feature_names, *whole.target_names)
    if st.session_state.get(key) not in columns:
        linked = st.session_state[state.key("csv")]
        st.session_state[key] = next((column for column in columns if _digest(contents, column) == linked), columns[-1])
    target = st.selectbox("Predict", columns, key=key, help="All other columns are the inputs.")
    digest = _digest(contents, target)
    if digest not in uploads:
        uploads[digest] = predicting(whole, target)
    for used in (contents, digest):
        uploads.move_to_end(used)
    while len(uploads) > 4:
        uploads.popitem(last=False)
    state.set(csv=digest)


def _digest(contents: str, target: str) -> str:
    return hashlib.sha256(f"{contents} {target}".encode()).hexdigest()[:16]


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
