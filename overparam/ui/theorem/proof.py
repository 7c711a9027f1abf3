"""The proof of Theorem 2 in five steps, each beside the piece of the curve that it speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from overparam.choices.theorem import Case
from overparam.figures.style import PIECES
from overparam.figures.theorem import NUMBERS, short
from overparam.theory.field import closed_form, leading_term
from overparam.ui.components.plot import plot
from overparam.ui.shell.pictures import said
from overparam.ui.shell.state import PageState
from overparam.ui.theorem import around, compute

# Of each step: the pieces it speaks of, its heading, and its words.
STEPS = (
    (
        [0, 1, 2, 3],
        "Suppose F were a gradient",
        (
            "Let $F = \\nabla\\varphi$ near 0. Then its integral along any way is the difference of"
            " $\\varphi$ between the ends, and around the closed curve $\\Gamma_{r,R}$ it"
            " is\n\n$$\n\\oint_{\\Gamma_{r,R}} F\\cdot dW = 0\\quad\\text{for all } 0 < r < R.\n$$"
        ),
    ),
    (
        [0, 1, 2, 3],
        "Near 0 the gradient is almost constant",
        (
            "$G$ is continuous at 0, so $G(W) = c\\,e + o(1)$ with $e = G(0)/\\|G(0)\\|$, $c ="
            " \\|G(0)\\| > 0$. On a curve of length $O(R)$, with $\\|F\\|$ of order $R^{2-2/N}$,"
            " what is neglected is\n\n$$\no(R^a),\\qquad a = 3 - 2/N.\n$$\n\nFrom here on $G ="
            " c\\,e$."
        ),
    ),
    (
        [0, 2],
        "The straight pieces ① and ③",
        (
            "Here $W$ is parallel to $e$, so $\\mathrm{Pr}_W G = G$ and depth multiplies it by $N$."
            " Each gives\n\n$$\n\\int_r^R N\\,\\rho^{2-2/N}\\,c\\;d\\rho = \\frac{c\\,N}{a}\\,(R^a"
            " - r^a).\n$$"
        ),
    ),
    (
        [1, 3],
        "The arcs ② and ④",
        (
            "The tangent is at right angles to $W$, so the part along $W$ does no work and $N-1$"
            " drops out. $\\|W\\|$ is constant, and $c\\,e$ is integrated from end to end, $2r$"
            " apart one way and $2R$ the other:\n\n$$\n\\int_{②} = 2\\,c\\,r^a,\\qquad \\int_{④} ="
            " -2\\,c\\,R^a.\n$$"
        ),
    ),
    (
        [0, 1, 2, 3],
        "The sum is not 0",
        (
            "$$\n\\begin{aligned}\\oint &= 2c\\Bigl(\\frac Na - 1\\Bigr)(R^a - r^a)\\\\ &="
            " 2c\\,\\frac{(N-1)(N-2)}{3N-2}\\,(R^a - r^a)\\end{aligned}\n$$\n\nFor $N > 2$ this is"
            " positive and of order $R^a$ (take $r = R/2$), while what was neglected is smaller:"
            " for small $R$ the integral is not 0. **So no function has $F$ as its gradient.** ∎"
        ),
    ),
)
RIEMANN = (
    "*Remark.* Only a **Euclidean** gradient is excluded. With lengths measured by $P_W^{-1}$,"
    " where $P_W$ is the preconditioner of Claim 2, the same flow is the gradient flow of $L$"
    " itself: a Riemannian gradient flow ([arXiv 1910.05505](https://arxiv.org/abs/1910.05505))."
)


def show(state: PageState, case: Case) -> None:
    """Draw the part."""
    left, right = st.columns([1.15, 1], gap="medium")
    with right:
        st.segmented_control(
            "Step",
            range(1, len(STEPS) + 1),
            default=state.standing("step"),
            key=state.key("step"),
            required=True,
            format_func=lambda i: f"Step {i}",
            label_visibility="collapsed",
        )
        values = state.values()
        step = int(values["step"])
        _, heading, words = STEPS[step - 1]
        st.markdown(f"##### {step}. {heading}\n\n{words}")
        curve = around.gamma(state)
        with said("proof"):
            if curve and case.c > 0:
                st.markdown(_numbers(step, case.c, values["N"], values["r"], values["R"]))
            if curve and step == len(STEPS):
                found = compute.walk(compute.case_key(values), values["N"], curve, case)
                st.markdown(f"Measured on this curve: **{found.total}**.")
        if curve and step == len(STEPS):
            st.caption(RIEMANN)
    with left:
        plot(
            picture(values, case),
            key=state.key("proof_field"),
            alt=around.in_words(values, case),
            follow=around.followed(state, "proof_field", picture),
        )


def picture(values: Mapping[str, Any], case: Case) -> go.Figure:
    """The field, and the pieces of the curve that the step speaks of."""
    return around.field_picture(values, case, highlight=STEPS[int(values["step"]) - 1][0])


def _numbers(step: int, c: float, depth: float, r: float, big_r: float) -> str:
    """The step with the numbers of the current choice, in the colours of the pieces."""
    parts = closed_form(depth, c, r, big_r)
    coloured = [
        f":color[{n} {short(part)}]{{foreground='{c}'}}"
        for n, part, c in zip(NUMBERS, parts, PIECES, strict=True)
    ]
    if step == 2:
        return f"Here $N = {depth:g}$, $a = {3 - 2 / depth:.3g}$, $c = {c:.4g}$."
    if step == 3:
        return f"Here: {coloured[0]} and {coloured[2]}."
    if step == 4:
        return f"Here: {coloured[1]} and {coloured[3]}."
    if step == 5:
        return (
            f"Here: {', '.join(coloured)}; the sum is **{leading_term(depth, c, r, big_r):.6g}**."
        )
    return ""
