"""Where depth helps and where it hurts: a map of its speed-up over two quantities, filled while it
is computed."""

import streamlit as st

from overparam.choices.kinds import ChoiceError, Structured
from overparam.choices.map import OPENING, PLAN_CHOICES, STARTS, Plan
from overparam.ui.map.atlas import CHOICE as ATLAS
from overparam.ui.map.cell import read_cell
from overparam.ui.map.controls import sidebar
from overparam.ui.map.show import show_atlas, show_map
from overparam.ui.shell.frame import through_app
from overparam.ui.shell.state import PageState

CELL = Structured(
    "cell", "Cell", None, read_cell, lambda cell: "" if cell is None else f"{cell[0]}.{cell[1]}"
)
CHOICES = (*PLAN_CHOICES, STARTS, CELL, ATLAS)

through_app()
state = PageState("map", CHOICES, OPENING)
opened = sidebar(state)
values = state.publish()
if opened is not None:
    show_atlas(state, opened, values["cell"])
    st.stop()
try:
    plan = Plan.of(values)
except ChoiceError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()
show_map(state, plan, int(values["starts"]), values["cell"])
