"""The trap: whatever happened, one run can be fitted by some potential."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from overparam.figures.any_regularizer import trap_figure
from overparam.measure.trap import Trap, trap
from overparam.story.estimate_words import share_words
from overparam.ui.components.plot import plot
from overparam.ui.shell.state import PageState


def show(state: PageState, computed: Callable[..., Any]) -> None:
    """Draw the panel."""
    values = state.values()
    depth, seed = values["N"], values["seed"]
    found: Trap = computed(
        ("trap", depth, seed), lambda: trap(depth, seed), "Fitting potentials to more and more runs"
    )
    left, right = st.columns([1.25, 1], gap="medium")
    with left:
        plot(
            trap_figure(found.counts, found.potential, found.anything),
            key=state.key("trap"),
            alt=(
                "The share left against the number of runs fitted, for a free potential and for "
                "any smooth field."
            ),
        )
    (here, there), anything = found.potential, found.anything[1]
    with right:
        st.markdown(
            f"Runs of depth {depth:g} on the two-coordinate loss ($p=4$), 12 points each. To the "
            "updates $F$ of the first "
            "$M$ runs a **free potential** is fitted (every field it can make is a gradient), and "
            "**any smooth field**."
        )
        st.markdown(
            f"**One run**: the potential leaves {share_words(here[0])} of it. Perfect, and"
            f" worthless: it leaves {share_words(there[0])} of the next runs' force. Distinct"
            " points and any vectors at them can always be interpolated by a gradient."
        )
        st.markdown(_at_the_end(int(found.counts[-1]), float(there[-1]), float(anything[-1])))
        st.caption(
            "The rule: a potential is refuted only where an unconstrained field of the same "
            "smoothness predicts other runs "
            "and the potential does not. In more "
            "dimensions the prior decides: a potential may predict best although F is no gradient. "
            "*Two roads* needs no prior."
        )


def _at_the_end(count: int, potential: float, anything: float) -> str:
    shares = (
        f"on runs that neither has seen, the potential leaves {share_words(potential)}, "
        f"any field {share_words(anything)}"
    )
    if max(potential, anything) <= 1e-6:
        verdict = "**both predict**: nothing speaks against a gradient here."
    elif anything > 0.05:
        verdict = "**neither predicts**: too few runs."
    elif potential > 3 * anything:
        verdict = (
            "the field predicts what the potential cannot: **no potential** of this smoothness."
        )
    else:
        verdict = "neither is clearly better: **undecided**."
    return f"**{count} runs**: {shares}: {verdict}"
