"""In any dimension: the share of F that no regularizer supplies in a ball, and why a ball is a poor
test in many."""

from __future__ import annotations

import numpy as np
import streamlit as st

from overparam.figures.any_regularizer import dimension_figure
from overparam.story.estimate_words import share_words
from overparam.theory.ball import ball_share, shell_share
from overparam.ui.components.plot import plot
from overparam.ui.shell.state import PageState

DEPTHS = np.linspace(1, 10, 73)
INNER = 0.01


def show(state: PageState) -> None:
    """Draw the panel."""
    values = state.values()
    depth, d = values["N"], values["dim"]
    dimensions = sorted({2, 10, 128} | {d})
    left, right = st.columns([1.25, 1], gap="medium")
    with left:
        plot(
            dimension_figure(
                DEPTHS,
                {n: np.array([ball_share(x, n) for x in DEPTHS]) for n in dimensions},
                {n: np.array([shell_share(x, n, INNER) for x in DEPTHS]) for n in dimensions},
                depth,
            ),
            key=state.key("dimension"),
            alt=(
                "The share of F that no regularizer supplies, against depth, in balls of several "
                "dimensions."
            ),
        )
    ball, alike = ball_share(depth, d), shell_share(depth, d, INNER)
    inside = 0.5 ** (1 / d)
    with right:
        st.markdown(
            "For a constant gradient $G$ (a linear loss) the nearest gradient to $F$ in a ball "
            "around 0 of "
            "$\\mathbb R^d$ has the potential $f(\\|W\\|)\\,\\langle W,G\\rangle/\\|W\\|$, and "
            "the share that it leaves has a closed form."
        )
        st.markdown(
            f"At depth {depth:g} in {d} dimensions no regularizer supplies "
            f"**{share_words(ball)}** of $\\int\\|F\\|^2$ over a "
            f"ball, **{share_words(alike)}** where all radii from {INNER:g} to 1 count alike."
        )
        st.markdown(
            "**A ball in high dimension is a shell.** Half of this ball lies between "
            f"{inside:.3g} and 1 of its radius, and "
            "on a single sphere a gradient matches this $F$ exactly. A test needs a range of "
            "radii, not "
            "many directions."
        )
        st.caption(
            "$N=1$ and, for a constant $G$, $N=2$ are gradients; in between $F$ is none either. A "
            "small share is no "
            "regularizer: what is left can still decide where descent ends (see *Come close*). An "
            "addition to the paper."
        )
