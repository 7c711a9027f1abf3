"""What a person does on a page that another server has shown: the one before a restart, or another
one behind the same address.

A browser that comes back says nothing by itself. So a session may begin with a press of a button,
or a slider that was moved, before it has made any widget; Streamlit then calls no callback, and
what the link chooses goes over the slider. What was done is kept until the page is there, and said
again.
"""

from __future__ import annotations

import streamlit as st
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData

_FIRST, _RUNS = "shell__first_word", "shell__first_word_runs"  # what, and how many until it is over


def listen() -> None:
    """Call before any widget is made."""
    context, first = get_script_run_ctx(), st.session_state.get(_FIRST)
    if context is not None and first != []:
        now = context.session_state.get_widget_states()
        if first:  # this run comes before it could be said again: what was chosen since stands
            since = {each.id: each for each in now if not _is_press(each)}
            now = [since.get(each.id, each) for each in first]
        st.session_state[_FIRST] = now
    st.session_state[_RUNS] = max(0, st.session_state.get(_RUNS, 0) - 1)


def is_again() -> bool:
    """Whether this run hears the first word once more: the browser's controls have been set to the
    link's choices meanwhile, and are to be told of it."""
    return st.session_state.get(_RUNS) == 1


def say_again() -> None:
    """Call when the page is complete."""
    context, said = get_script_run_ctx(), st.session_state.get(_FIRST)
    if not said or context is None or context.script_requests is None:
        return
    # of controls that this run has put away nothing: a file box may have asked for its file anew
    here = context.shared.widget_ids_this_run.snapshot()
    st.session_state.update({_FIRST: [], _RUNS: 2})
    context.script_requests.request_rerun(
        RerunData(
            query_string=context.query_string,
            page_script_hash=context.page_script_hash,
            widget_states=WidgetStates(widgets=[each for each in said if each.id in here]),
            cached_message_hashes=context.cached_message_hashes,
            context_info=context.context_info,
        )
    )


def _is_press(state: WidgetState) -> bool:
    return (state.WhichOneof("value") or "").endswith("trigger_value")
