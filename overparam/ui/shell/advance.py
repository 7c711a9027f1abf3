"""A shared computation, looked at: a picture first, then more computing, then the next picture."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import streamlit as st

from overparam.serving.work import FIRST_SECONDS

LATER = 0.4  # seconds of computing between two pictures


class View(Protocol):
    """What a computation shows of itself."""

    @property
    def finished(self) -> bool: ...


Seen = TypeVar("Seen", bound=View, covariant=True)


class Shared(Protocol[Seen]):
    """A computation that advances when it is asked to."""

    def advance(self, seconds: float) -> Seen: ...


def look(run: Shared[Seen]) -> Seen:
    """A shared run as it stands; `again` goes on with it where it is not finished."""
    going: list[Any] = st.session_state.setdefault("advance__going", [])
    seen = run.advance(0.0 if any(each is run for each in going) else FIRST_SECONDS)
    st.session_state["advance__going"] = [each for each in going if each is not run]
    if not seen.finished:
        st.session_state.setdefault("advance__open", []).append(run)
    return seen


def again() -> None:
    """Last on the page, when all is drawn: compute on, and run the script again.

    Nothing on the screen is out of date meanwhile, so nothing fades.
    """
    going = st.session_state.pop("advance__open", [])
    st.session_state["advance__going"] = going
    if going:
        for run in going:
            run.advance(LATER / len(going))
        st.rerun()
