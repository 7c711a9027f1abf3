"""The claim in one picture: the two-coordinate problem, where depth helps and where it hurts."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from overparam.figures.style import NEUTRAL, axis, base_layout, depth_colour, depth_dash
from overparam.illustration import Tuned, tuned_run

GOAL = 1e-4
DEPTHS = (1, 3)


@st.cache_data(show_spinner=False, max_entries=4)
def tuned_runs(p: float) -> list[Tuned]:
    """The tuned run of each depth."""
    return [tuned_run(depth, p, goal=GOAL) for depth in DEPTHS]


def loss_figure(runs: list[Tuned]) -> go.Figure:
    """Loss against iteration of tuned runs."""
    figure = go.Figure()
    for run in runs:
        # a run can land exactly on the optimum, which a logarithmic axis cannot show: it ends on the floor of the axis
        loss = np.maximum(run.loss, GOAL / 10)
        label = f"depth {run.depth}: {run.iterations} iteration{'' if run.iterations == 1 else 's'}"
        line = {"color": depth_colour(run.depth), "dash": depth_dash(run.depth), "width": 3}
        figure.add_scatter(x=np.arange(len(loss)), y=loss, name=label, mode="lines", line=line)
    figure.add_hline(y=GOAL, line={"color": NEUTRAL, "width": 1, "dash": "dot"})
    longest = max(run.iterations for run in runs)
    return figure.update_layout(
        **base_layout(
            height=250,
            xaxis=axis("iteration", range=[-0.02 * longest, 1.03 * longest]),
            yaxis=axis("loss", log=True, range=[np.log10(GOAL / 20), 4], dtick=2),
        )
    )


def times(count: float) -> str:
    return f"{count:.2g} times"


quartic, quadratic = tuned_runs(4), tuned_runs(2)

st.title("Depth can speed up optimisation")
st.markdown(
    "Replace the weights of a linear regression by a product of matrices, $W_N \\cdots W_2 W_1$: the model can express "
    "nothing new. Yet gradient descent now takes another path, as if it had momentum and a step size that adapts. "
    f"With the loss $\\ell_4$ below, depth 3 needs {times(quartic[0].iterations / quartic[1].iterations)} fewer "
    f"iterations than depth 1; with $\\ell_2$ it needs {times(quadratic[1].iterations / quadratic[0].iterations)} more."
)

left, right = st.columns(2)
with left, st.container(border=True, gap="small"):
    st.markdown(
        "**$p = 4$: depth helps.** The step must suit the steep coordinate, so the other crawls; depth couples them."
    )
    st.plotly_chart(loss_figure(quartic), key="home_p4", config={"displayModeBar": False})
with right, st.container(border=True, gap="small"):
    st.markdown(
        "**$p = 2$: depth hurts.** Both coordinates are equally steep: one step suits both, and depth starts slowly."
    )
    st.plotly_chart(loss_figure(quadratic), key="home_p2", config={"displayModeBar": False})

DOORS = (
    (
        "pages/convergence.py",
        "The race",
        ":material/show_chart:",
        "Depth against momentum, AdaGrad, AdaDelta and Adam.",
    ),
    (
        "pages/preconditioner.py",
        "What depth does to a gradient",
        ":material/explore:",
        "Theorem 1 and its claims, seen.",
    ),
    (
        "pages/no_regularizer.py",
        "Why no regularizer can do it",
        ":material/cycle:",
        "Theorem 2: walk around a closed curve.",
    ),
)
for column, (page, label, icon, words) in zip(st.columns(3), DOORS, strict=True):
    with column, st.container(gap="xxsmall"):
        st.page_link(page, label=f"**{label}**", icon=icon)
        st.caption(words)

st.caption(
    "Loss $\\frac1p[(w_1-10)^p + (w_2-1)^p]$, weights started near zero. The step size of each depth is the one of a "
    f"fine grid that reaches a loss of $10^{{{np.log10(GOAL):.0f}}}$ first from the slowest of six starts; depth 3 is "
    "the end-to-end update rule of the paper. After S. Arora, N. Cohen, E. Hazan, *On the Optimization of Deep "
    "Networks: Implicit Acceleration by Overparameterization*, ICML 2018, "
    "[arXiv:1802.06509](https://arxiv.org/abs/1802.06509)."
)
