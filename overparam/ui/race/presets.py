"""The menu of presets of the race, and what a preset says beside its curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import streamlit as st

from overparam.choices.problems import PROBLEMS
from overparam.choices.race import Experiment
from overparam.data import ethanol_is_cached
from overparam.serving.course import View
from overparam.serving.run import Watched
from overparam.story.presets import (
    ALWAYS_HERE,
    COUNTEREXAMPLES,
    FIGURES,
    LONGEST_HORIZON,
    PAPER_DATA,
    Preset,
    matching,
)
from overparam.ui.shell.frame import when_open
from overparam.ui.shell.state import PageState

STYLE = """<style>
.preset {
  display: grid; grid-template-columns: max-content 1fr; gap: 0.1rem 0.8rem; font-size: 0.85rem;
  line-height: 1.3; padding: 0.1rem 0 0.1rem 0.6rem; margin-bottom: 0.4rem;
  border-left: 3px solid rgba(127, 135, 148, 0.6);
}
.preset b { font-weight: 600; white-space: nowrap; }
[class*="st-key-"][class*="_presets_"] button { min-height: 0; padding: 0.22rem 0; }
@media (max-width: 640px) { .preset { grid-template-columns: 1fr; } }
</style>"""


def preset_menu(state: PageState, run_curves: Callable[[], None]) -> None:
    """The presets, each a click that sets every choice and runs.

    Args: run_curves: makes the page run the choices as they stand then, from the start.
    """
    words = "Figures and counter-examples"
    menu = st.popover(
        words,
        icon=":material/auto_stories:",
        width="stretch",
        key=_menu_key(state),
        on_change="rerun",
    )
    when_open(menu, lambda: _presets(state, run_curves))


def _menu_key(state: PageState) -> str:
    return f"{state.prefix}_presets"


def _presets(state: PageState, run_curves: Callable[[], None]) -> None:
    here = ethanol_is_cached()
    data = PAPER_DATA if here else ALWAYS_HERE
    where = (
        "on its own data, Ethanol"
        if here
        else f"on {PROBLEMS[data].short.lower()}: choose Ethanol under Problem to fetch its own"
        f" data"
    )
    _group(state, f"**The paper's figures** {where}", FIGURES, data, run_curves)
    _group(state, "**Counter-examples**", COUNTEREXAMPLES, data, run_curves)


def _group(
    state: PageState,
    title: str,
    presets: Sequence[Preset],
    data: str,
    run_curves: Callable[[], None],
) -> None:
    st.markdown(title)
    with st.container(gap=None, key=f"{state.prefix}_presets_{presets[0].name}"):
        for preset in presets:
            st.button(
                preset.title,
                key=f"{state.prefix}_preset_{preset.name}",
                on_click=_choose,
                args=(state, preset, data, False, run_curves),
                help=preset.about,
                type="tertiary",
            )


def _choose(
    state: PageState, preset: Preset, data: str, long: bool, run_curves: Callable[[], None]
) -> None:
    state.set(**preset.values(data, long))
    st.session_state[_menu_key(state)] = False  # it would cover the curves
    run_curves()


def preset_switch(state: PageState, experiment: Experiment, run_curves: Callable[[], None]) -> bool:
    """Where the choices are those of a preset: what it is, and the switch to its full length.
    Returns whether they are."""
    preset = matching(experiment)
    if preset is None:
        return False
    where = "" if preset.fixed else f" · {PROBLEMS[experiment.problem].label}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(
            f"**{preset.title}**{where}", help=f"{preset.about}\n\n**Watch:** {preset.watch}"
        )
        if preset.full is not None:
            long = experiment.iterations == preset.full
            label = "Short again" if long else f"Full length: {preset.full:,} iterations"
            st.button(
                label,
                key=f"{state.prefix}_full",
                icon=":material/speed:" if long else ":material/hourglass:",
                on_click=_choose,
                args=(state, preset, experiment.problem, not long, run_curves),
                type="tertiary",
            )
    return True


def preset_lines(run: Watched, view: View) -> str:
    """The paper, the replication and this run, told apart, as HTML; "" where the choices are of no
    preset."""
    preset = matching(run.experiment)
    if preset is None:
        return ""
    on = "" if preset.fixed or run.experiment.problem == PAPER_DATA else " (on Ethanol)"
    lines = {
        f"Paper{on}": preset.paper,
        f"Replication{on}": preset.replication,
        "Measured here": preset.measure(run.experiment, view, run.comparison()),
        "Watch": _tuned_for_less(run.experiment) or preset.watch,
    }
    cells = (f"<b>{label}</b><span>{escape(text)}</span>" for label, text in lines.items() if text)
    return f'<div class="preset">{"".join(cells)}</div>'


def _tuned_for_less(experiment: Experiment) -> str:
    """What to watch in a long run whose step sizes were compared over a part of it; "" for
    others."""
    if experiment.tuning_horizon < LONGEST_HORIZON or experiment.iterations <= LONGEST_HORIZON:
        return ""
    return (
        f"Step sizes are compared until iteration {experiment.tuning_horizon:,}: the best one until"
        " then may diverge later."
    )
