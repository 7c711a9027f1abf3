"""The race: loss curves of depths and optimizers on one problem, streamed while they are
computed."""

import math
import time

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from overparam.choices.kinds import ChoiceError, Flag, Option
from overparam.choices.race import CHOICES, OPENING, Experiment
from overparam.data import DataError
from overparam.figures.race import race_figure
from overparam.figures.style import ZERO_AT
from overparam.serving.course import View
from overparam.serving.run import RUNS, Run, RunError
from overparam.story.race_claim import claim
from overparam.ui.components.live_chart import Curve, LiveChart, live_chart
from overparam.ui.components.window import icon_only
from overparam.ui.race import compare
from overparam.ui.race.answer import AXES, arrivals, gap_curves, to_guess
from overparam.ui.race.follow import follow_popover, show_followers
from overparam.ui.race.methods import methods_editor
from overparam.ui.race.pace import FRAME_SECONDS, Pace
from overparam.ui.race.presets import STYLE as PRESET_STYLE
from overparam.ui.race.presets import preset_lines, preset_menu, preset_switch
from overparam.ui.race.rivals import depth_chips, rival_chips
from overparam.ui.race.step_size import step_control
from overparam.ui.race.table import STYLE as TABLE_STYLE
from overparam.ui.race.table import table_html
from overparam.ui.race.take_home import take_home
from overparam.ui.race.tuning import go_on, is_tuned, tuning_view
from overparam.ui.shell.frame import through_app, when_open
from overparam.ui.shell.notes import notes
from overparam.ui.shell.problem import problem_controls, problem_is_here
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState
from overparam.ui.shell.transport import transport
from overparam.ui.shell.trio import trio
from overparam.ui.shell.upload import uploaded

PREVIEW = 100  # iterations shown before anybody presses Run
PREVIEW_SECONDS = 0.4
SHORT = 500  # a race of no more iterations is shown whole at once
TABLE_SECONDS = 0.4
ICONS = (
    "race_reset",
    "race_guess_switch",
    "race_pin",
    "race_history",
    "race_follow",
    "race_home",
)  # buttons too many for their words

through_app()
AXIS = Option("axis", "View", "log", {"log": "log", "linear": "linear", "tuning": "tuning"})
GUESS = Flag("guess", "Guess first")
state = PageState("race", (*CHOICES, AXIS, GUESS), OPENING)


def sidebar() -> None:
    """Every choice but the methods, the exponent and the step size."""
    with st.sidebar:
        preset_menu(state, run_curves)
        problem_controls(state)
        state.segmented("steps", width="stretch")
        steps = st.session_state[state.key("steps")]
        if steps == "tuned":
            state.log_slider("horizon", 10, 100_000)
            state.slider("grid", step=1)
            state.select("aim")
        state.log_slider("iterations", 10, 1_000_000)
        when_open(
            st.expander("Start, decay, precision, seed", key="race_rest", on_change="rerun"),
            rest_of_sidebar,
        )
        notes("race", width="stretch")


def rest_of_sidebar() -> None:
    state.select("start")
    state.log_slider("scale", 1e-4, 10)
    state.number("decay", step=0.001)
    state.segmented("precision", width="stretch")
    state.number("seed", step=1)


def rivals() -> None:
    """The other optimizers, and in a lecture how far the run is."""
    rival_chips(state)
    if projector:
        beside["status"] = role("words", "status", width="stretch").empty()


def guess_switch() -> None:
    """Whether the curves wait until somebody has drawn a guess."""
    guessing = state.values()["guess"]
    st.button(
        "Guess first",
        icon=":material/draw:",
        type="primary" if guessing else "secondary",
        on_click=lambda: state.set(guess=not guessing),
        key="race_guess_switch",
        shortcut="G",
        help="Guess first: draw one curve by hand before you see it (key G)",
    )


def play() -> None:
    moving = transport()
    if state.values()["axis"] == "tuning" and is_tuned(state):
        state.set(axis="log")  # all step sizes are compared: what is left to run are the curves
    if moving["position"] >= state.values()["iterations"]:
        moving["position"] = 0  # at the end: from the start again
    moving.update(playing=not moving["playing"], preview=False)


def step(count: int) -> None:
    moving = transport()
    shown = -1 if moving["preview"] else moving["position"]
    moving.update(playing=False, preview=False, position=max(0, shown) + count)


def reset() -> None:
    transport().update(playing=False, preview=False, position=0)


def run_curves() -> None:
    """Show the curves of the choices as they stand now, from the start."""
    state.set(axis="log")
    transport().update(playing=True, preview=False, position=0)


def buttons(moving: dict, run: Run | None) -> None:
    """Run or pause, steps, reset, methods, comparing, taking home: one row."""
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key="race_transport"
    ):
        label, icon = (
            ("Pause", ":material/pause:") if moving["playing"] else ("Run", ":material/play_arrow:")
        )
        st.button(
            label,
            icon=icon,
            type="primary",
            on_click=play,
            shortcut="Space",
            key="race_run",
            disabled=run is None,
        )
        for key, count in (("1", 1), ("2", 10), ("3", 100)):
            words = f"{count} iteration{'s' if count > 1 else ''} more (key {key})"
            st.button(
                f"+{count}",
                on_click=step,
                args=(count,),
                key=f"race_step_{count}",
                shortcut=key,
                help=words,
            )
        words = "Back to iteration 0, from the same start (key 0)"
        st.button(
            "Back to iteration 0",
            icon=":material/restart_alt:",
            on_click=reset,
            key="race_reset",
            shortcut="0",
            help=words,
        )
        own = st.session_state[state.key("steps")] == "each"
        when_open(
            st.popover(
                "Methods",
                icon=":material/list:",
                width="content",
                key="race_editor",
                on_change="rerun",
            ),
            lambda: methods_editor(state, step_is_own=own),
        )
        state.segmented("axis", label_visibility="collapsed")
        if run is None:
            return
        guess_switch()
        st.button(
            "Pin",
            icon=":material/push_pin:",
            on_click=lambda: compare.pin(run, moving["position"]),
            key="race_pin",
            shortcut="P",
            help="Pin: keep these curves, faint, to compare the next run with (key P)",
        )
        for word, name, factor in (("η ÷ 2", "halve", 0.5), ("η × 2", "double", 2.0)):
            st.button(
                word,
                on_click=compare.change_steps,
                args=(state, run, factor),
                key=f"race_{name}",
                help=(
                    "Change every step size from the iteration shown on; the run as it was stays as"
                    " faint curves"
                ),
            )
        words = "Runs of this session, and what is pinned"
        when_open(
            st.popover(
                "History",
                icon=":material/history:",
                key="race_history",
                help=words,
                on_change="rerun",
            ),
            lambda: compare.history(state, moving["experiment"]),
        )
        follow_popover()
        words = "Take it home: numbers, figure, script, notebook, link"
        when_open(
            st.popover(
                "Take it home",
                icon=":material/download:",
                key="race_home",
                help=words,
                on_change="rerun",
            ),
            lambda: take_home(
                run,
                lambda: moving["position"],
                uploaded(state),
                lambda view: standalone(run.experiment, view),
            ),
        )


def standalone(experiment: Experiment, view: View) -> go.Figure:
    """The figure of a view for a file."""
    return race_figure(experiment.methods, view.times, view.gaps, experiment.summary())


def curves(experiment: Experiment, view: View) -> list[Curve]:
    """The gap of every method, along the axis that is chosen."""
    return gap_curves(experiment, view, st.session_state[state.key("axis")] == "log")


STYLE = """<style>
.st-key-race_transport .stElementContainer:not(.st-key-race_run) kbd { display: none; }
.st-key-race_transport button { padding-left: 0.6rem; padding-right: 0.6rem; }
.st-key-race_live_chart { margin-top: -0.75rem; } /* the chart's own margin holds the marks */
.stMain:has(.live-chart.guessing) :is(.st-key-role_answer_claim, .race-table, .preset) * {
  visibility: hidden; /* it would tell what is to be guessed */
}
</style>"""


def status(run: Run, moving: dict) -> str:
    """One line: how far, how long still, on which device."""
    if run.computed < 0:
        return "Loading the data …"
    done = min(moving["position"], run.computed)
    words = f"iteration {done:,} of {run.experiment.iterations:,}"
    if run.tuned is None:
        words += (
            f" · tuning: {run.rows} step sizes compared until iteration"
            f" {run.experiment.tuning_horizon:,}"
        )
    if moving["playing"] and run.seconds_left() > 3:
        words += f" · about {run.seconds_left():.0f} s left"
    return words + (f" · {run.device_note}" if run.device_note and not projector else "")


def draw(chart: LiveChart, run: Run, moving: dict, slots: dict, with_table: bool) -> None:
    view = run.view(moving["position"])
    slots["status"].caption(status(run, moving))
    if view is None:
        return
    lines = [*compare.ghosts(curves), *curves(run.experiment, view)]
    slots["claim"].markdown(claim(run.experiment, view))
    chart.draw(
        f"{hash(run.experiment):x}",
        lines,
        compare.marks(run.experiment, view.iteration),
        arrivals(run.experiment, view),
        to_guess(run.experiment, view),
    )
    if with_table:
        if told := preset_lines(run, view):
            slots["preset"].html(told)
        if "table" in slots:
            slots["table"].html(table_html(run.experiment, view))


def preview(run: Run, moving: dict, chart: LiveChart, slots: dict) -> None:
    """What is seen before anybody presses Run: the whole of a short race, the beginning of a long
    one."""
    short = run.experiment.iterations <= SHORT
    ahead = run.experiment.iterations if short else PREVIEW
    drawn = begun = time.perf_counter()
    while run.computed < ahead:
        now = time.perf_counter()
        if not short and now > begun + PREVIEW_SECONDS and run.computed >= 0:
            break
        run.advance(ahead)
        moving["position"] = run.computed
        if short and now > drawn + PREVIEW_SECONDS:  # also where Streamlit takes up a click
            draw(chart, run, moving, slots, with_table=False)
            drawn = now
    moving["position"] = min(run.computed, ahead)


def show(run: Run, moving: dict, chart: LiveChart, slots: dict) -> None:
    """Advance and draw until the end, a pause, or the next change; the position moves in even steps
    of log time."""
    limit = run.experiment.iterations
    if moving["preview"]:
        preview(run, moving, chart, slots)
    # up to where this viewer stands; a pause, a step or a changed step size may have brought them
    # ahead
    else:
        while run.computed < min(moving["position"], limit):
            run.advance(moving["position"])
        moving["position"] = min(moving["position"], limit)
    if not moving["playing"]:
        draw(chart, run, moving, slots, with_table=True)
        return
    with Pace() as pace:
        tabled, searching = -math.inf, run.tuned is None
        while moving["playing"]:
            if not pace.due():
                run.advance(limit)
                time.sleep(FRAME_SECONDS / 10 if run.finished else 0)
                continue
            position, now = moving["position"], time.perf_counter()
            if searching and run.tuned is not None:  # the search is over: now the race
                searching, position = False, 0
            moving["position"] = min(run.computed, max(position + 1, int(position * 1.5)))
            moving["playing"] = moving["position"] < limit
            with_table = not moving["playing"] or now - tabled > TABLE_SECONDS
            with pace.picture():
                draw(chart, run, moving, slots, with_table)
            tabled = now if with_table else tabled
    st.rerun()


sidebar()
moving = transport()
values = state.publish()
experiment = Experiment.of(values)
if moving["experiment"] != experiment:  # a new choice: its own run, from its start
    compare.leave(moving)
    moving.update(experiment=experiment, position=0, preview=not moving["playing"])
run = RUNS.get(experiment, uploaded(state)) if problem_is_here(state) else None
if run is not None and not moving["preview"]:
    compare.remember(experiment, values, moving["position"])
st.html(STYLE + TABLE_STYLE + PRESET_STYLE + f"<style>{icon_only(*ICONS)}</style>")
buttons(moving, run)
if run is not None:
    show_followers(
        experiment,
        uploaded(state),
        moving["position"] if not moving["preview"] else PREVIEW,
        moving["playing"],
    )
projector = bool(st.session_state.get("app_projector"))
beside: dict[str, DeltaGenerator] = {}
mark_best_steps = trio(
    state, lambda: depth_chips(state, not projector), lambda: step_control(state), rivals
)
# of the chart: a preset has three lines more to show
height = 265 if preset_switch(state, experiment, run_curves) else 318
if refused := moving.pop("refused", None):
    st.warning(refused, icon=":material/error:")


def race_view(run: Run) -> None:
    """The curves, streamed, and their table."""
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
        x_range=(ZERO_AT if log_axis else 0.0, float(experiment.iterations)),
        x_zero=ZERO_AT if log_axis else None,
        guessing=values["guess"],
        playing=moving["playing"],
        **AXES,
    )
    if projector:  # its room is the picture's
        slots["status"] = beside["status"]
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            slots["status"] = role("words", "status").empty()
            with_numbers = st.toggle("Numbers", key="race_numbers")
    slots["preset"] = st.empty()
    if not projector and with_numbers:
        slots["table"] = st.empty()
    try:
        show(run, moving, chart, slots)
        mark_best_steps()
    except (ChoiceError, DataError, RunError) as error:
        moving["playing"] = False
        slots["status"].error(str(error), icon=":material/error:")


def step_view() -> None:
    """Every step size of the grid, and the table of the best ones."""
    try:
        tuned = tuning_view(state, moving, uploaded(state), height, run_curves)
        view = tuned.view(tuned.computed)
        if view is not None:
            st.html(preset_lines(tuned, view) + table_html(tuned.experiment, view))
    except (ChoiceError, DataError, RunError) as error:
        moving["playing"] = False
        st.error(str(error), icon=":material/error:")
        return
    go_on(tuned, moving)


if run is None:
    st.caption("The race appears here as soon as its data are there: see *Problem* in the sidebar.")
elif values["axis"] == "tuning":
    step_view()
else:
    race_view(run)
