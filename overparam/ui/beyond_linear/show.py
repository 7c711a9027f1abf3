"""Follow a study: what was stored first, then, once asked for, the runs as they are computed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import streamlit as st

from overparam.choices.beyond_linear import EVERY, GRID_VIEWS, Study
from overparam.data import DataError
from overparam.serving.stored import stored
from overparam.serving.training import TRAININGS, Curves, Training, TrainingError
from overparam.ui.beyond_linear.pictures import Draw
from overparam.ui.beyond_linear.take_home import take_home
from overparam.ui.beyond_linear.transport import MOST_PINS, pins, transport
from overparam.ui.race.pace import FRAME_SECONDS, Pace
from overparam.ui.shell.roles import role

PREVIEW, PREVIEW_SECONDS = 50, 0.4  # iterations shown where nothing is stored, and how long for
FIRST_SECONDS = 1.5  # for the first of them, before which there is no curve
FRAMES = 60  # of a run that is known already


def follow(study: Study | None) -> dict[str, Any]:
    """The viewer's place, taken to the study that is chosen now."""
    moving = transport()
    if moving["study"] != study:  # a new choice begins at its start, and goes on if that one went
        going = moving["playing"] and study is not None and not study.only_stored
        moving.update(study=study, position=0, playing=going, live=going)
    return moving


def seen(moving: dict[str, Any]) -> Curves | None:
    """The curves as the viewer has them on screen."""
    study = moving["study"]
    if study is None:
        return None
    if not moving["live"] and (kept := stored(study)) is not None:
        return kept
    return TRAININGS.get(study).view(moving["position"])


def show(moving: dict[str, Any], mount: Callable[[], Draw], beside: Callable[[], object]) -> None:
    """Mount the picture and draw until the end, a pause, or the next change; `beside` draws what
    stands beside the line about the run."""
    training, draw = TRAININGS.get(moving["study"]), mount()
    with st.container(horizontal=True, vertical_alignment="center"):
        status = role("words", "beyond_status", width="stretch").empty()
        beside()
    try:
        _go(training, moving, draw, status)
    except (DataError, TrainingError) as error:
        moving["playing"] = False
        status.error(str(error), icon=":material/error:")


def _go(training: Training, moving: dict[str, Any], draw: Draw, status: Any) -> None:
    study, limit = training.study, training.study.horizon
    kept = None if moving["live"] else stored(study)
    if kept is not None:
        run = "" if study.only_stored else " Press **Run** to compute them here."
        status.caption(f"Stored curves, all {limit} iterations.{run}")
        draw(study, kept)
        return
    if study.only_stored:
        status.caption("This grid is shown as stored; it is not stored in this installation.")
        return
    if not moving["live"]:
        _advance(training, EVERY, FIRST_SECONDS)
        _advance(training, min(PREVIEW, limit), PREVIEW_SECONDS)
        moving["position"] = max(0, min(training.computed, PREVIEW))
    elif not moving["playing"]:
        moving["position"] = min(moving["position"], limit)
        while training.computed < moving["position"]:
            training.advance(moving["position"])
    if moving["playing"]:
        _play(training, moving, draw, status)
    else:
        _draw(training, moving, draw, status)


def prepare(moving: dict[str, Any]) -> None:
    """Compute the first stretch of a study shown as stored, so that Run has a curve at once.

    Call last on the page, where nothing waits for it. What goes wrong is told once Run is pressed.
    """
    study = moving["study"]
    if study is not None and not study.only_stored and not moving["live"]:
        with suppress(DataError, TrainingError):
            _advance(TRAININGS.get(study), EVERY, PREVIEW_SECONDS)


def _advance(training: Training, until: int, seconds: float) -> None:
    stop = time.perf_counter() + seconds
    while training.computed < until and (time.perf_counter() < stop or training.computed < 0):
        training.advance(until)


def _play(training: Training, moving: dict[str, Any], draw: Draw, status: Any) -> None:
    limit = training.study.horizon
    _advance(training, EVERY, PREVIEW_SECONDS)  # the first picture is a curve
    with Pace() as pace:
        while moving["playing"]:
            if not pace.due():
                training.advance(limit)
                time.sleep(FRAME_SECONDS / 10 if training.finished else 0)
                continue
            ahead = moving["position"] + max(10, limit // FRAMES)
            moving["position"] = min(max(0, training.computed), ahead)
            moving["playing"] = moving["position"] < limit
            with pace.picture():
                _draw(training, moving, draw, status)
    st.rerun()


def _draw(training: Training, moving: dict[str, Any], draw: Draw, status: Any) -> None:
    curves = training.view(moving["position"])
    study, rows = training.study, len(training.study.recipes) * training.study.seeds
    words = f"iteration {moving['position']:,} of {study.horizon:,} · {rows} runs"
    if moving["playing"] and training.seconds_left() > 3:
        words += f" · about {training.seconds_left():.0f} s left"
    status.caption(words + (f" · {training.device_note}" if training.device_note else ""))
    if curves is not None and len(curves.times):
        draw(study, curves)


def pin(view: str, moving: dict[str, Any]) -> None:
    """Keep these curves as something to compare with; the same again lets them go (a callback)."""
    curves, study = seen(moving), moving["study"]
    if curves is None:
        return
    kind = "grid" if view in GRID_VIEWS else view
    others = [each for each in pins() if each[:2] != (kind, study)]
    added = [] if len(others) < len(pins()) else [(kind, study, curves)]
    st.session_state["beyond__pins"] = [*others, *added][-MOST_PINS:]


def home(moving: dict[str, Any]) -> None:
    """What can be taken home of what is on screen."""
    curves = seen(moving)
    if curves is None:
        st.caption("There is nothing to take home yet: press Run.")
    else:
        take_home(moving["study"], curves)
