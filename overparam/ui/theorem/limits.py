"""What Theorem 2 does not say, each point with an example to go to."""

from __future__ import annotations

import streamlit as st

from overparam.choices.theorem import EXAMPLE
from overparam.ui.shell.state import PageState
from overparam.ui.theorem.controls import choose

# Heading, words, and the examples (label of the button, name) that show it.
POINTS = (
    (
        "Nothing at N = 2",
        (
            "The theorem needs $N > 2$. With a linear loss and $N = 2$, $F$ **is** a gradient: of"
            " $\\|W\\|\\langle W, G\\rangle$. With a quadratic loss of unequal curvatures it is"
            " none at $N = 2$ either: its curl is minus that of $\\|W\\|\\,AW.$"
        ),
        (("The gradient", "two-linear"), ("The bowl", "two-bowl")),
    ),
    (
        "Nothing without its hypotheses",
        (
            "If $G(0) = 0$, or $G$ jumps at 0, there are losses whose $F$ is a gradient at every"
            " depth."
        ),
        (("A bowl around 0", "bowl-at-0"), ("A cone", "cone")),
    ),
    (
        "Not that a regularizer is far off",
        (
            "For a constant $G$ on a square around 0, a regularizer supplies 95 % of"
            " $\\int\\|F\\|^2$ or more at every depth up to 50, and never all of it. What is"
            " missing can still decide where descent ends."
        ),
        (("The closest one", "closest"),),
    ),
    (
        "One output, no decay, balanced layers",
        (
            "$F$ is the flow of a balanced network with ${k = 1}$ output and $\\lambda = 0$: no"
            " large steps, no unbalanced layers."
        ),
        (),
    ),
    (
        "Only Euclidean gradients",
        (
            "With lengths measured by $P_W^{-1}$ the end-to-end flow is the gradient flow of $L$: a"
            " *Riemannian* gradient flow ([arXiv 1910.05505](https://arxiv.org/abs/1910.05505))."
            " Depth changes the geometry, not the loss."
        ),
        (),
    ),
    (
        "Not that depth is faster",
        (
            "Not being a regularizer is no advantage in itself. The pages *The race* and *Where"
            " depth helps* show where it helps and where it hurts."
        ),
        (),
    ),
)


def show(state: PageState) -> None:
    """Write the part."""
    columns = st.columns(3, gap="small")
    for i, (heading, words, examples) in enumerate(POINTS):
        with columns[i % 3], st.container(border=True, gap="xsmall"):
            st.markdown(f"**{heading}**  \n{words}")
            if examples:
                with st.container(horizontal=True):
                    for label, name in examples:
                        st.button(
                            label,
                            key=state.key(f"limits_{name}"),
                            on_click=choose,
                            args=(state, EXAMPLE[name]),
                            icon=":material/arrow_forward:",
                        )
