"""The map of the choices while it is computed, an atlas in its place, and the cell that is looked
at."""

from __future__ import annotations

import time
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from overparam.choices.map import Plan
from overparam.figures.map import speed_up_map
from overparam.serving.maps.medians import Medians, Spread
from overparam.serving.maps.sweep import SweepError
from overparam.story.map_words import (
    atlas_words,
    axis_of,
    censored,
    deep_name,
    spread_hover,
    spread_summary,
    spread_words,
    summary,
)
from overparam.ui.components.plot import plot
from overparam.ui.map.atlas import ALT, Opened, draw_atlas, stored_words
from overparam.ui.map.cell import draw_cell, within
from overparam.ui.shell.notes import notes
from overparam.ui.shell.roles import role
from overparam.ui.shell.running import hall
from overparam.ui.shell.state import PageState

PREVIEW_SECONDS, FRAME_SECONDS = 0.4, 0.3


def moving() -> dict:
    """Whether this viewer has the map computed, and which one."""
    return st.session_state.setdefault("map__moving", {"plan": None, "playing": False})


def toggle() -> None:
    moving()["playing"] = not moving()["playing"]


def choose(state: PageState, plan: Plan, event: dict) -> None:
    """A click in the map: that cell's runs."""
    column, row = event["x"], event["y"]
    if column is None or row is None:
        return
    column, row = round(column), round(row)
    if 0 <= column < len(plan.values("x")) and 0 <= row < len(plan.values("y")):
        state.set(cell=(column, row))


def transport(medians: Medians) -> None:
    """Compute or pause, and how far the map is."""
    with role("words", "transport", horizontal=True, vertical_alignment="center", gap="medium"):
        st.subheader("Where depth helps", anchor=False, width="content")
        playing = moving()["playing"] and not medians.finished
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
            disabled=medians.finished,
            key="map_run",
            shortcut="Space",
        )
        st.caption(progress_words(medians))
        notes("map", label="", type="tertiary")


def caption(plan: Plan) -> str:
    """What the colours mean."""
    goal = f"L ≤ {plan.loss:g}" if plan.problem == "two" else f"g ≤ {plan.gap:g}"
    two = "Loss $\\frac1p(w_1-y_1)^p+\\frac1p(w_2-y_2)^p$. "
    on = two if plan.problem == "two" else "Synthetic regression. "
    words = f"{on}How many times fewer iterations {deep_name(plan)} needs than depth 1 to {goal}, "
    if "step" not in (plan.x, plan.y):
        return words + "each at its own best step size. Click a cell to see its runs."
    return (
        words + "both at one step size, where 1 leaps from 0 to the target: no fair race, as depth"
        " multiplies it by N‖W‖^(2−2/N) along W. Click a cell to see its runs."
    )


def progress_words(medians: Medians) -> str:
    start, sweep = medians.now()
    starts = len(medians.plans)
    if medians.finished:
        words = f"{starts} starts, " if starts > 1 else ""
        how = "Computed beforehand" if medians.stored else "Complete"
        return f"{how}: {words}{medians.runs:,} runs of up to {sweep.plan.horizon:,} iterations."
    which = f"start {start + 1} of {starts}: " if starts > 1 else ""
    words = f"{which}{100 * sweep.decided:.0f} % of {sweep.runs:,} runs decided"
    left = sweep.seconds_left()
    return words + (f", at most {left:.0f} s left" if moving()["playing"] and left > 2 else "")


def draw_map(state: PageState, plan: Plan, spread: Spread, cell: tuple[int, int]) -> None:
    plot(
        speed_up_map(
            axis_of(plan, "x"),
            axis_of(plan, "y"),
            spread.view.log2_speed_up,
            censored(spread.view),
            spread_hover(plan, spread),
            cell,
            deep_name(plan),
            spread.disagree,
        ),
        key="map_map",
        alt=ALT,
        on_click=partial(choose, state, plan),
    )
    st.markdown(spread_summary(plan, spread) + claim(plan))


def claim(plan: Plan) -> str:
    """What the paper says about a map, where it does."""
    if plan.problem != "two" or "step" in (plan.x, plan.y):
        return ""
    return (
        " **The paper** (Section 5): for p > 2 the steep coordinate forces a step so small that the"
        " other one crawls, and depth couples them; at p = 2 one step suits both."
    )


def keep_going(medians: Medians, seconds: float, heartbeat: DeltaGenerator) -> None:
    """Compute for a while, and until there is something to see; a click ends it at the next
    slice."""
    stop = time.perf_counter() + seconds
    try:
        while not medians.finished and (time.perf_counter() < stop or not medians.now()[1].decided):
            medians.advance()
            heartbeat.empty()  # where Streamlit takes up a click
    except SweepError as error:
        moving()["playing"] = False
        heartbeat.error(str(error), icon=":material/memory:")


def show_atlas(state: PageState, opened: Opened, cell: tuple[int, int] | None) -> None:
    """An atlas in the place of the map that is computed here."""
    plan, at = opened.atlas.plan, within(opened.atlas.plan, cell)
    with role("words", "transport", horizontal=True, vertical_alignment="center", gap="medium"):
        st.subheader("Where depth helps", anchor=False, width="content")
        notes("map", label="", type="tertiary")
    with role("words", "caption"):
        st.caption(f"{caption(plan)} {atlas_words(opened.atlas)}")
    left, right = st.columns([1.5, 1], gap="medium")
    with left:
        draw_atlas(opened, at, lambda column, row: state.set(cell=(column, row)))
        st.markdown(summary(plan, opened.atlas.view, "In this atlas") + claim(plan))
    with right:
        draw_cell(opened.live, at)
        st.caption(stored_words(opened, at))


def show_map(state: PageState, plan: Plan, starts: int, cell: tuple[int, int] | None) -> None:
    """The map of the choices, and more of it at every run of the script while it is computed."""
    hall()  # workers come up in the background; this server's first map is computed here
    medians, watched, heartbeat = Medians(plan, starts), moving(), st.empty()
    # a new choice: a first look at it, and no more unless the last one was being computed
    if watched["plan"] != plan:
        watched["plan"] = plan
        if not watched["playing"]:
            keep_going(medians, PREVIEW_SECONDS, heartbeat)
    at = within(plan, cell)
    transport(medians)
    with role("words", "caption"):
        st.caption(caption(plan))
    left, right = st.columns([1.5, 1], gap="medium")
    spread = medians.spread()
    with left:
        draw_map(state, plan, spread, at)
    with right:
        # while starts come in, the first: the panel stands still
        shown = int(spread.start[at[::-1]]) if medians.finished else 0
        draw_cell(medians.plans[shown], at, starts_words(plan, spread, at, shown))
    if watched["playing"]:
        keep_going(medians, FRAME_SECONDS, heartbeat)
        if watched["playing"]:  # nothing went wrong
            if medians.finished:
                watched["playing"] = False
            st.rerun()


def starts_words(plan: Plan, spread: Spread, at: tuple[int, int], shown: int) -> str:
    """What other starts say of the cell whose runs are shown for one of them."""
    words = spread_words(plan, spread, at[1], at[0])
    return f"Shown: start {shown + 1}. **{words}.**" if words else ""
