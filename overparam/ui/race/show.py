"""The race on its page: curves that stream while they are computed, their sentence and table; or
the step sizes that are compared."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from overparam.choices.kinds import ChoiceError
from overparam.choices.race import Experiment
from overparam.data import Data, DataError
from overparam.figures.style import ZERO_AT
from overparam.serving.course import View
from overparam.serving.run import RunError, Watched
from overparam.story.race_claim import claim
from overparam.ui.components.live_chart import Curve, LiveChart, Transport, live_chart
from overparam.ui.race import compare
from overparam.ui.race.answer import AXES, gap_curves, picture, picture_at_rest
from overparam.ui.race.buttons import guess_switch, run_curves
from overparam.ui.race.pace import FRAME_SECONDS, Pace, further
from overparam.ui.race.presets import preset_lines
from overparam.ui.race.step_size import step_sizes
from overparam.ui.race.table import table_html
from overparam.ui.race.tuning import go_on, tuning_view
from overparam.ui.race.watching import beat_seconds, feed, streams
from overparam.ui.race.why_now import why_now
from overparam.ui.shell.pictures import slider
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState
from overparam.ui.shell.transport import place_in_browser, stream_is_open
from overparam.ui.shell.turns import TURNS
from overparam.ui.shell.upload import uploaded

PREVIEW = 100  # iterations shown before anybody presses Run
PREVIEW_SECONDS = 0.4
SHORT = 500  # a race of no more iterations is shown whole at once
TABLE_SECONDS = 0.4
PATIENCE = 5  # seconds, with a browser whose stream does not come through
# With one whose stream does: in a hall its word may take long. If it sleeps, its session may end 30
# s after its stream.
LONGER = 40
TRANSPORT = Transport(
    buttons=":is(.st-key-race_run, [class*='st-key-race_step_'], .st-key-race_reset) button",
    run=".st-key-race_run button",
    keys=" 0123",
)
_STYLE = """
.stMain:has(.live-chart.glancing) .st-key-role_answer_claim {
  opacity: 0.3; /* it is about the values before */
}
.st-key-race_live_chart { margin-top: -0.75rem; } /* the chart's own margin holds the marks */
html[data-guessing] :is(.st-key-role_answer_claim, .race-table, .preset) * {
  visibility: hidden; /* it would tell what is to be guessed; without :has(), see chart.css */
}
"""


def style(methods: int) -> str:
    """The page's style for so many methods: the sentence, which names them all at the end, has its
    room from the start, as lines that come later would push the chart down."""
    more = max(0, methods - 3)
    wide, narrow = 2 + math.ceil(more / 5), 5 + more // 2  # lines
    return f"""{_STYLE}
.st-key-role_answer_claim {{ min-height: {1.6 * wide:.1f}rem; }}
@media (max-width: 640px) {{
  .st-key-role_answer_claim {{ min-height: {1.6 * narrow:.1f}rem; }}
}}
"""


def race_view(
    state: PageState,
    values: Mapping[str, Any],
    run: Watched,
    moving: dict[str, Any],
    height: int,
    status: DeltaGenerator | None,
    arrived: Callable[[], None],
) -> None:
    """The curves, streamed, and their table.

    Args: values: as published. status: where the line about the run goes, if it has a place above
        the chart; then the picture has the room of the table, too. arrived: called when the curves
        stand still.
    """
    log_axis = values["axis"] == "log"
    slots = {"claim": role("answer", "claim").empty()}
    chart = live_chart(
        "race",
        height=height,
        x_log=log_axis,
        alt=(
            "The share of the avoidable loss that is left, against the iteration, one curve for"
            " each method."
        ),
        x_range=(ZERO_AT if log_axis else 0.0, float(run.experiment.iterations)),
        x_zero=ZERO_AT if log_axis else None,
        guessing=values["guess"],
        playing=moving["playing"],
        transport=TRANSPORT,
        sliders=(slider(state, "p"), step_sizes(state, values)),
        glance="A quick look while you drag: few iterations, few step sizes.",
        **AXES,
    )
    with_numbers = False
    if status is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            slots["status"] = role("words", "status").empty()
            why_now(run.experiment)
            guess_switch(state)
            with_numbers = st.toggle("Numbers", key="race_numbers")
    else:
        slots["status"] = status
    slots["preset"] = st.empty()
    if with_numbers:
        slots["table"] = st.empty()
    try:
        stage = _Stage(run, moving, chart, slots, log_axis, status is None, uploaded(state))
        stage.show()
        arrived()
    except (ChoiceError, DataError, RunError) as error:
        _fail(moving, slots, error)


def _fail(moving: dict[str, Any], slots: dict[str, DeltaGenerator], error: Exception) -> None:
    moving["playing"] = False
    slots["status"].error(str(error), icon=":material/error:")


def step_view(state: PageState, moving: dict[str, Any], height: int) -> None:
    """Every step size of the grid, and the table of the best ones."""
    try:
        tuned = tuning_view(state, moving, uploaded(state), height, partial(run_curves, state))
        view = tuned.view(tuned.computed)
        if view is not None:
            st.html(preset_lines(tuned, view) + table_html(tuned.experiment, view))
    except (ChoiceError, DataError, RunError) as error:
        moving["playing"] = False
        st.error(str(error), icon=":material/error:")
        return
    go_on(tuned, moving)


@dataclass(frozen=True)
class _Stage:
    """A race, how far a viewer has it shown, and where everything about it goes.

    log_axis: whether iterations stand on a logarithmic axis. device: whether the status says which
        one computes.
    """

    run: Watched
    moving: dict[str, Any]
    chart: LiveChart
    slots: dict[str, DeltaGenerator]
    log_axis: bool
    device: bool
    upload: Data | None

    def show(self) -> None:
        """Draw, and go on until the end, a pause, or the next change."""
        run, moving, limit = self.run, self.moving, self.run.experiment.iterations
        if moving["playing"]:
            TURNS.leave()
            if streams(moving):
                self._tell()
            if moving["playing"]:
                self._play_here()
            st.rerun()
        if moving["preview"]:
            self._preview()
        # up to where this viewer stands; a pause, a step or a changed step size may have brought
        # them ahead
        else:
            while run.computed < min(moving["position"], limit):
                run.advance(moving["position"])
            moving["position"] = min(moving["position"], limit)
        self._draw(with_table=True)

    def _play_here(self) -> None:
        """Advance and draw; the position moves evenly in log time."""
        run, moving, limit = self.run, self.moving, self.run.experiment.iterations
        while run.computed < min(moving["position"], limit):
            run.advance(moving["position"])
        with Pace() as pace:
            tabled, searching, moved = -math.inf, run.tuned is None, time.perf_counter()
            while moving["playing"]:
                if not pace.due():
                    run.advance(limit)
                    time.sleep(FRAME_SECONDS / 10 if run.finished else 0)
                    continue
                position, now = moving["position"], time.perf_counter()
                if searching and run.tuned is not None:  # the search is over: now the race
                    searching, position = False, 0
                moving["position"] = min(run.computed, further(position, now - moved))
                moved = now
                moving["playing"] = moving["position"] < limit
                with_table = not moving["playing"] or now - tabled > TABLE_SECONDS
                with pace.picture():
                    self._draw(with_table)
                tabled = now if with_table else tabled

    def _tell(self) -> None:
        """Words and numbers beside curves that the browser plays, until it has shown all, or its
        stream does not come through."""
        run, moving, limit = self.run, self.moving, self.run.experiment.iterations
        while run.computed < 0:
            self.slots["status"].caption(self._status())  # where Streamlit takes up a click
            run.advance(0)
        heard, patience = time.perf_counter(), PATIENCE
        with Pace(TABLE_SECONDS) as pace:
            while moving["playing"]:
                run.advance(limit, seconds=0)  # says so where it cannot go on
                shown = place_in_browser(moving)
                if shown is not None:
                    moving["position"], heard, patience = shown, time.perf_counter(), LONGER
                elif time.perf_counter() > heard + (LONGER if stream_is_open() else patience):
                    moving["unheard"] = True
                    return
                if moving["position"] >= limit:
                    moving.update(playing=False, placed=moving["placed"] + 1)
                if pace.due() or not moving["playing"]:
                    with TURNS.turn(), pace.picture():
                        self._draw(with_table=True)
                else:
                    self.slots["status"].caption(self._status())
                time.sleep(beat_seconds() if moving["playing"] else 0)

    def _preview(self) -> None:
        """What is seen before anybody presses Run: the whole of a short race, the beginning of a
        long one."""
        run, moving = self.run, self.moving
        short = run.experiment.iterations <= SHORT
        ahead = run.experiment.iterations if short else PREVIEW
        drawn = begun = time.perf_counter()
        while run.computed < ahead:
            now = time.perf_counter()
            if not short and now > begun + PREVIEW_SECONDS and run.computed >= 0:
                break
            run.advance(ahead)
            moving["position"] = max(0, run.computed)
            if short and now > drawn + PREVIEW_SECONDS:  # also where Streamlit takes up a click
                self._draw(with_table=False)
                drawn = now
        moving["position"] = min(run.computed, ahead)

    def _draw(self, with_table: bool) -> None:
        run, slots, experiment = self.run, self.slots, self.run.experiment
        view = run.view(self.moving["position"])
        slots["status"].caption(self._status())
        if view is None:
            return
        slots["claim"].markdown(claim(experiment, view))
        told, pinned = feed(experiment, self.upload, self.moving), compare.ghosts(self._curves)
        if pinned or self.moving["playing"]:
            streamed = told is not None and told.playing
            shown = picture(experiment, view, self.log_axis, pinned, streamed)
        else:
            shown = picture_at_rest(experiment, view, self.log_axis)
        self.chart.draw(shown, told)
        if with_table:
            if lines := preset_lines(run, view):
                slots["preset"].html(lines)
            if "table" in slots:
                slots["table"].html(table_html(experiment, view))

    def _curves(self, experiment: Experiment, view: View) -> list[Curve]:
        return gap_curves(experiment, view, self.log_axis)

    def _status(self) -> str:
        """One line: how far, how long still, on which device."""
        run = self.run
        if run.computed < 0:
            return "Loading the data …"
        done = min(self.moving["position"], run.computed)
        words = f"iteration {done:,} of {run.experiment.iterations:,}"
        if run.tuned is None:
            words += (
                f" · tuning: {run.rows} step sizes compared until iteration"
                f" {run.experiment.tuning_horizon:,}"
            )
        if self.moving["playing"] and run.seconds_left() > 3:
            words += f" · about {run.seconds_left():.0f} s left"
        return words + (f" · {run.device_note}" if run.device_note and self.device else "")
