"""A person's own CSV file: choosing it, saying how it is read, going back to it, and letting go of
it.

The choice `csv` of a page's table says all: which file, and how it is read (`data.Reading`). Links,
Back and the history of runs set it, and the widgets here show what it says; what a person changes
in them is written into it. The files themselves are kept once for all sessions, a bounded number of
them; a session only finds those that were chosen in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from overparam.choices.race import Experiment
from overparam.data import Data, DataError, Reading, Upload, cite
from overparam.data.table.sheet import Sheet
from overparam.data.table.upload import digest
from overparam.serving.registry import Registry
from overparam.ui.shell.state import PageState

FILES: Registry[Upload] = Registry(most=32, make=Upload)
REPLACED_SECONDS = 60.0  # the browser empties the file box before it puts another file there
MOST_FILES = 4  # of a session that can be gone back to


@dataclass
class Shelf:
    """What a session knows of its files, the same on all pages.

    names: of each file that was chosen in it, by its digest. refused: the name of the file chosen
    last and why it was not taken.
    leaving: digest and name of the file taken out of a file box, and when: another one may be about
    to take its place.
    """

    names: dict[str, str] = field(default_factory=dict)
    refused: tuple[str, str] | None = None
    leaving: tuple[str, str, float] | None = None


@dataclass
class _Box:
    """The file box of one page: how often it was emptied from here, the file that it shows, and
    whether a file was lost."""

    emptied: int = 0
    holds: str = ""
    lost: bool = False


def uploaded(state: PageState) -> Data | None:
    """The data that the choice `csv` speaks of, if this session has the file and it can be read
    so."""
    reading = _reading(state)
    upload = _find(reading)
    try:
        return upload.data(reading) if upload else None
    except DataError:
        return None


def described(experiment: Experiment) -> str:
    """An experiment in a few words, with the file and the predicted column where it is about one of
    this session."""
    reading = Reading.parse(experiment.csv)
    upload, words = _find(reading), experiment.summary()
    if experiment.problem != "csv" or upload is None:
        return words
    try:
        target = upload.data(reading).target_names[0]
    except DataError:
        return words
    return f"{cite(_shelf().names[reading.contents])}, {cite(target)}, {words.partition(', ')[2]}"


def upload_control(state: PageState) -> None:
    """The file box, and what belongs to the file in use: what is at fault, predicted, left out,
    taken otherwise."""
    _file_box(state)
    reading = _reading(state)
    upload = _find(reading)
    if upload is None:
        _no_file(state)
        return
    name = cite(_shelf().names[upload.contents])
    try:
        sheet = upload.sheet(reading.first)
    except DataError as error:  # with line 1 taken for what it is not
        st.error(f"{name}: {error}", icon=":material/table:")
        _first_line(state, reading.first)
        return
    notes: tuple[str, ...] = ()
    try:
        data = upload.data(reading)
    except DataError as error:
        st.error(f"{name}: {error}", icon=":material/table:")
        _ways_out(state, sheet, reading)
        _other_files(state, but=upload.contents)
    else:
        (m, d), notes = data.inputs.shape, data.notes
        st.caption(f"{name}: {m:,} rows, {d} input{'s' if d > 1 else ''}, standardised.")
    if sheet.first_asked:
        _first_line(state, sheet.first)
    _bad_lines(state, sheet, reading)
    _columns(state, sheet, reading)
    if notes:
        st.caption(" ".join(notes))
    if _box(state).holds != upload.contents:  # after another page the file box is empty
        st.button(
            f"Let go of {name}",
            icon=":material/close:",
            key=state.key("let_go"),
            on_click=_let_go,
            args=(state, upload.contents),
            width="stretch",
        )


def _reading(state: PageState) -> Reading:
    return Reading.parse(st.session_state[state.key("csv")])


def _find(reading: Reading) -> Upload | None:
    return FILES.find(reading.contents) if reading.contents in _shelf().names else None


def _shelf() -> Shelf:
    return st.session_state.setdefault("uploads", Shelf())


def _box(state: PageState) -> _Box:
    return st.session_state.setdefault(state.key("_box"), _Box())


def _file_box(state: PageState) -> None:
    box = _box(state)
    key = f"{state.key('file')}_{box.emptied}"
    words = (
        "Numbers, one column of which is predicted: separated by commas, semicolons, tabs or"
        " blanks, with or without names."
    )
    file = st.file_uploader("CSV file", key=key, help=words, on_change=_take, args=(state, key))
    if file is None:
        if (
            st.session_state[key] is not None
        ):  # shown by the browser, unknown to a session that began after a long break
            box.emptied += 1
            box.lost = True
            st.rerun()
        box.holds = ""
    if box.lost:
        st.warning(
            "The connection was away for so long that the server has let go of your file: choose it"
            " once more.",
            icon=":material/cloud_off:",
        )


def _take(state: PageState, key: str) -> None:
    """A file was chosen, or taken away (a callback)."""
    file, shelf, box = st.session_state[key], _shelf(), _box(state)
    shelf.refused, box.lost = None, False
    if file is None:
        if name := shelf.names.get(box.holds):
            shelf.leaving = box.holds, name, time.monotonic()
        _let_go(state, box.holds)
        return
    if shelf.leaving and time.monotonic() < shelf.leaving[2] + REPLACED_SECONDS:
        shelf.names.setdefault(
            *shelf.leaving[:2]
        )  # it made room for this one: it can be gone back to
    shelf.leaving, raw = None, file.getvalue()
    contents = box.holds = digest(raw)
    upload = FILES.get(contents, raw)
    try:
        reading = upload.linked(st.session_state[state.key("csv")])
    except DataError as error:
        shelf.refused = (file.name, str(error))
        state.set(csv="")  # no other file must race under this one's name
        return
    shelf.names.pop(contents, None)
    shelf.names[contents] = file.name
    while len(shelf.names) > MOST_FILES:
        shelf.names.pop(next(iter(shelf.names)))
    state.set(csv=reading.format())


def _let_go(state: PageState, contents: str) -> None:
    """Forget a file of this session (a callback)."""
    _shelf().names.pop(contents, None)
    if _reading(state).contents == contents:
        state.set(csv="")


def _no_file(state: PageState) -> None:
    """What to do where there is none: why the last one was refused, what the link is about, and the
    other files of the session."""
    shelf = _shelf()
    if st.session_state[state.key("csv")]:
        st.info(
            "This link is about an uploaded file that is not here: upload it again.",
            icon=":material/upload_file:",
        )
    elif shelf.refused:
        name, why = shelf.refused
        st.error(f"{cite(name)} was not taken. {why}", icon=":material/table:")
    elif not shelf.names:
        st.info("Choose a CSV file to begin.", icon=":material/upload_file:")
    _other_files(state)


def _other_files(state: PageState, but: str = "") -> None:
    """The files of this session, each a click away."""
    for contents, name in reversed(_shelf().names.items()):
        if contents != but and FILES.find(contents):
            st.button(
                f"Use {cite(name)} again",
                icon=":material/history:",
                key=state.key(f"use_{contents}"),
                on_click=_change,
                args=(state, Reading(contents)),
                width="stretch",
            )


def _change(state: PageState, reading: Reading) -> None:
    """Read a file in another way (a callback)."""
    _shelf().refused = None
    state.set(csv=reading.format())


def _first_line(state: PageState, first: str) -> None:
    key = state.key("first")
    st.session_state[key] = first or None
    st.segmented_control(
        "Line 1 holds",
        ["names", "sample"],
        key=key,
        format_func={"names": "names", "sample": "a sample"}.__getitem__,
        on_change=_update(
            state, key, lambda reading, value: replace(reading, first=value or reading.first)
        ),
        width="stretch",
    )


def _update(
    state: PageState, key: str, change: Callable[[Reading, Any], Reading]
) -> Callable[[], None]:
    def callback() -> None:
        _change(state, change(_reading(state), st.session_state[key]))

    return callback


def _columns(state: PageState, sheet: Sheet, reading: Reading) -> None:
    """What is predicted, left out, and taken as categories."""
    able = {column.name: column.place for column in sheet.predictable(reading)}
    if able:
        key, shown = state.key("target"), {place: name for name, place in able.items()}
        st.session_state[key] = shown.get(reading.target or 0, shown[max(shown)])
        st.selectbox(
            "Predict",
            list(able),
            key=key,
            help="All other columns are the inputs.",
            on_change=_update(
                state, key, lambda reading, name: replace(reading, target=able[name])
            ),
        )
    for field_name, label, columns in (
        ("leave_out", "Leave out", sheet.columns),
        ("categories", "As categories", sheet.texts()),
    ):
        if columns:
            key, places = state.key(field_name), {column.name: column.place for column in columns}
            chosen = getattr(reading, field_name)
            st.session_state[key] = [name for name, place in places.items() if place in chosen]
            st.multiselect(
                label,
                list(places),
                key=key,
                placeholder="no column",
                on_change=_choose,
                args=(state, key, field_name, places),
            )


def _bad_lines(state: PageState, sheet: Sheet, reading: Reading) -> None:
    if bad := sheet.bad_lines(reading):
        key = state.key("skip")
        st.session_state[key] = reading.skip
        st.checkbox(
            f"Leave out {bad:,} line{'s' if bad > 1 else ''} with a cell that is no number",
            key=key,
            on_change=_update(state, key, lambda reading, skip: replace(reading, skip=skip)),
        )


def _choose(state: PageState, key: str, field_name: str, places: dict[str, int]) -> None:
    _change(
        state, _with(_reading(state), field_name, [places[name] for name in st.session_state[key]])
    )


def _with(reading: Reading, name: str, places: list[int]) -> Reading:
    """The reading with other columns left out or taken as categories; no column is both, and none
    of them is the one to predict."""
    other = "categories" if name == "leave_out" else "leave_out"
    rest = tuple(place for place in getattr(reading, other) if place not in places)
    target = None if reading.target in places else reading.target
    columns: dict[str, Any] = {name: tuple(sorted(places)), other: rest}
    return replace(reading, target=target, **columns)


def _ways_out(state: PageState, sheet: Sheet, reading: Reading) -> None:
    """A click for what the faults can be met with at once."""
    undecided = tuple(
        column.place
        for column in sheet.texts()
        if column.place not in (*reading.leave_out, *reading.categories)
    )
    if not undecided:
        return
    what = "the text columns" if len(undecided) > 1 else "the text column"
    ways = {
        f"Leave out {what}": _with(reading, "leave_out", [*reading.leave_out, *undecided]),
        f"Take {what} as categories": _with(
            reading, "categories", [*reading.categories, *undecided]
        ),
    }
    for i, (words, way) in enumerate(ways.items()):
        st.button(
            words, key=state.key(f"way_{i}"), on_click=_change, args=(state, way), width="stretch"
        )
