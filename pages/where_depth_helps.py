"""Where depth helps and where it hurts: a map of its speed-up over two quantities, filled while it
is computed."""

import time

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from overparam.choices.kinds import ChoiceError, Structured
from overparam.choices.map import AXES, PLAN_CHOICES, SHAPE, Plan
from overparam.figures.map import cell_curves, cell_tuning, speed_up_map
from overparam.serving.sweep import SWEEPS, CellRuns, Sweep, SweepError, cell_runs
from overparam.story.map_words import (
    axis_of,
    cell_name,
    cell_words,
    censored,
    deep_name,
    hover_words,
    summary,
)
from overparam.ui.components.plot import plot
from overparam.ui.shell.frame import through_app
from overparam.ui.shell.notes import notes
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState
from overparam.words import show

PREVIEW_SECONDS, FRAME_SECONDS = 0.4, 0.3
SLIDERS = {"depth": 1, "p": 0.5}


def read_cell(text: str) -> tuple[int, int] | None:
    """Column and row, as 6.4 in the URL; "" is none."""
    if not text:
        return None
    parts = text.split(".")
    if len(parts) != 2 or not all(part.isdecimal() and len(part) < 3 for part in parts):
        raise ChoiceError(
            f"The chosen cell must be a column and a row, such as 6.4, not {show(text)}; choosing"
            " none instead."
        )
    return int(parts[0]), int(parts[1])


CHOICES = (
    *PLAN_CHOICES,
    Structured(
        "cell", "Cell", None, read_cell, lambda cell: "" if cell is None else f"{cell[0]}.{cell[1]}"
    ),
)

through_app()
state = PageState("map", CHOICES)


def sidebar() -> None:
    """What the map is of."""
    with st.sidebar:
        problem = state.select("problem")
        label = AXES | {"shape": SHAPE[problem]}
        x, y = (state.select(name, format_func=label.get) for name in ("x", "y"))
        kind = state.segmented(
            "kind", format_func={"network": "network", "rule": "rule, real N"}.get, width="stretch"
        )
        free = [name for name in ("depth", "p", "shape", "scale") if name not in (x, y)]
        for name in free:
            if name == "shape":
                state.log_slider(
                    "ratio" if problem == "two" else "condition",
                    1,
                    100 if problem == "two" else 1e4,
                )
            elif name == "scale":
                state.log_slider("scale", 1e-4, 10)
            else:
                state.slider(
                    name,
                    step=0.25 if (name, kind) == ("depth", "rule") else SLIDERS[name],
                    format="%g",
                )
        state.log_slider(
            "loss" if problem == "two" else "gap", 1e-8 if problem == "two" else 1e-6, 0.9
        )
        with st.expander("Step sizes, horizon, detail, start"):
            state.log_slider("horizon", 10, 20_000)
            if "step" not in (x, y):
                state.slider("grid", step=1)
            state.segmented("detail", width="stretch")
            state.segmented("start", width="stretch")
            state.number("seed", step=1)


def moving() -> dict:
    """Whether this viewer has the map computed, and which one."""
    return st.session_state.setdefault("map__moving", {"plan": None, "playing": False})


def toggle() -> None:
    moving()["playing"] = not moving()["playing"]


def choose(event: dict) -> None:
    """A click in the map: that cell's runs."""
    plan = Plan.of(state.values())
    column, row = event["x"], event["y"]
    if column is None or row is None:
        return
    column, row = round(column), round(row)
    if 0 <= column < len(plan.values("x")) and 0 <= row < len(plan.values("y")):
        state.set(cell=(column, row))


def transport(sweep: Sweep) -> None:
    """Compute or pause, and how far the map is."""
    with role("words", "transport", horizontal=True, vertical_alignment="center", gap="medium"):
        st.subheader("Where depth helps", anchor=False, width="content")
        playing = moving()["playing"] and not sweep.finished
        label, icon = (
            ("Pause", ":material/pause:")
            if playing
            else ("Compute the map", ":material/play_arrow:")
        )
        st.button(
            label,
            icon=icon,
            type="primary",
            on_click=toggle,
            disabled=sweep.finished,
            key="map_run",
            shortcut="Space",
        )
        st.caption(progress_words(sweep))
        notes("map", label="", type="tertiary")


def caption(plan: Plan) -> str:
    """What the colours mean."""
    goal = f"L ≤ {plan.loss:g}" if plan.problem == "two" else f"g ≤ {plan.gap:g}"
    loss = "Loss $\\frac1p(w_1-y_1)^p+\\frac1p(w_2-y_2)^p$. " if plan.problem == "two" else ""
    words = (
        f"{loss}How many times fewer iterations {deep_name(plan)} needs than depth 1 until {goal}, "
    )
    if "step" not in (plan.x, plan.y):
        return words + "each with its own best step size."
    return (
        words + "both with one step size, in leaps from 0 to the target: no fair race, as depth"
        " multiplies it by N‖W‖^(2−2/N)."
    )


def progress_words(sweep: Sweep) -> str:
    if sweep.finished:
        return f"Complete: {sweep.runs:,} runs of up to {sweep.plan.horizon:,} iterations."
    words = f"{sweep.decided:.0%} of {sweep.runs:,} runs decided"
    left = sweep.seconds_left()
    return words + (f", at most {left:.0f} s left" if moving()["playing"] and left > 2 else "")


def draw_map(plan: Plan, sweep: Sweep, cell: tuple[int, int] | None) -> None:
    view = sweep.view()
    plot(
        speed_up_map(
            axis_of(plan, "x"),
            axis_of(plan, "y"),
            view.log2_speed_up,
            censored(view),
            hover_words(plan, view),
            cell,
            deep_name(plan),
        ),
        key="map_map",
        alt=(
            "A map of how many times faster or slower a deep network reaches the goal than a single"
            " layer."
        ),
        on_click=choose,
    )
    st.markdown(summary(plan, view) + claim(plan))


def claim(plan: Plan) -> str:
    """What the paper says about a map, where it does."""
    if plan.problem != "two" or "step" in (plan.x, plan.y):
        return ""
    return (
        " **The paper** (Section 5): for p > 2 the steep coordinate forces a step so small that the"
        " other one crawls, and depth couples them; at p = 2 one step suits both."
    )


@st.cache_data(max_entries=64, ttl=3600, show_spinner="Running this cell …")
def runs_of(plan: Plan, column: int, row: int) -> CellRuns:
    """The runs of a cell."""
    return cell_runs(plan, plan.cell(column, row))


def draw_cell(plan: Plan, at: tuple[int, int] | None) -> None:
    if at is None:
        st.info(
            "Click a cell of the map to see its runs, with every step size.",
            icon=":material/touch_app:",
        )
        return
    cell, runs = plan.cell(*at), runs_of(plan, *at)
    st.markdown(f"**{cell_name(plan, cell)}** — {cell_words(plan, cell, runs)}")
    depths = (cell.depth, 1)
    goal, title = (plan.loss, "loss L") if plan.problem == "two" else (plan.gap, "gap g")
    plot(
        cell_curves(
            depths,
            runs.times,
            (runs.losses - runs.least) * goal / (runs.goal - runs.least),
            goal,
            title,
        ),
        key="map_curves",
        alt="The loss of both depths, each at its best step size, against the iteration.",
    )
    if len(runs.steps) > 1:
        plot(
            cell_tuning(depths, runs.steps / runs.unit, runs.reached, runs.best, runs.until),
            key="map_arrivals",
            alt="The number of iterations that both depths need, against the step size.",
        )


def keep_going(sweep: Sweep, seconds: float, heartbeat: DeltaGenerator) -> None:
    """Compute for a while; a click ends it at the next slice."""
    stop = time.perf_counter() + seconds
    try:
        while not sweep.finished and time.perf_counter() < stop:
            sweep.advance()
            heartbeat.empty()  # where Streamlit takes up a click
    except SweepError as error:
        moving()["playing"] = False
        heartbeat.error(str(error), icon=":material/memory:")


sidebar()
values = state.publish()
try:
    plan = Plan.of(values)
except ChoiceError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()
sweep, watched, heartbeat = SWEEPS.get(plan), moving(), st.empty()
if (
    watched["plan"] != plan
):  # a new choice: a first look at it, and no more unless the last one was being computed
    watched["plan"] = plan
    if not watched["playing"]:
        keep_going(sweep, PREVIEW_SECONDS, heartbeat)
at = values["cell"]
if at is not None and not (at[0] < len(plan.values("x")) and at[1] < len(plan.values("y"))):
    at = None
transport(sweep)
with role("words", "caption"):
    st.caption(caption(plan))
left, right = st.columns([1.5, 1], gap="medium")
with left:
    draw_map(plan, sweep, at)
with right:
    draw_cell(plan, at)
if watched["playing"]:
    keep_going(sweep, FRAME_SECONDS, heartbeat)
    if watched["playing"]:  # nothing went wrong
        if sweep.finished:
            watched["playing"] = False
        st.rerun()
