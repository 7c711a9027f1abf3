"""The claim in one picture."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from overparam.figures.style import axis, base_layout, depth_colour, depth_dash
from overparam.illustration import Tuned, tuned_run

GOAL = 1e-4
DEPTHS = (1, 3)


@st.cache_data(show_spinner=False, max_entries=4)
def tuned_runs(p: float) -> list[Tuned]:
    return [tuned_run(depth, p, goal=GOAL) for depth in DEPTHS]


def loss_figure(runs: list[Tuned]) -> go.Figure:
    """Loss against iteration of tuned runs, each named at its end."""
    figure = go.Figure()
    for run in runs:
        colour = depth_colour(run.depth)
        # a run can land exactly on the optimum, which a logarithmic axis cannot show: it ends at the axis' floor
        loss = np.maximum(run.loss, GOAL / 10)
        label = f"depth {run.depth}: {run.iterations} iteration" + ("s" if run.iterations != 1 else "")
        figure.add_scatter(
            x=np.arange(len(loss)),
            y=loss,
            name=label,
            line={"color": colour, "dash": depth_dash(run.depth), "width": 3},
        )
    figure.add_hline(y=GOAL, line={"color": "gray", "width": 1, "dash": "dot"})
    longest = max(len(run.loss) for run in runs)
    return figure.update_layout(
        **base_layout(
            height=300,
            showlegend=True,
            xaxis=axis("iteration", range=[-0.02 * longest, 1.03 * longest], exponentformat="none"),
            yaxis=axis("loss", log=True, range=[np.log10(GOAL / 20), 4], dtick=2),
        )
    )


def ratio(runs: list[Tuned]) -> float:
    return runs[0].iterations / runs[1].iterations


quartic, quadratic = tuned_runs(4), tuned_runs(2)

st.title("Depth can speed up optimisation")
st.markdown(
    "Replace the weights of a linear regression by a product of matrices, $W_N \\cdots W_2 W_1$. The model can express "
    "nothing new, yet gradient descent takes another path, as if it had momentum and a step size that adapts. "
    f"With the loss $\\ell_4$ below, depth 3 arrives {ratio(quartic):.1f} times sooner than depth 1; with $\\ell_2$ depth "
    "only costs time."
)

left, right = st.columns(2, gap="medium")
with left, st.container(border=True):
    st.markdown("**$p = 4$: depth helps**")
    st.plotly_chart(loss_figure(quartic), key="home_p4", config={"displayModeBar": False})
with right, st.container(border=True):
    st.markdown("**$p = 2$: depth hurts**")
    st.plotly_chart(loss_figure(quadratic), key="home_p2", config={"displayModeBar": False})
st.caption(
    "Loss $\\frac1p[(w_1-10)^p + (w_2-1)^p]$. The step size of each depth is the one of a fine grid that reaches a loss of "
    "$10^{-4}$ first from the slowest of six starts; the depth-3 curve is the end-to-end update rule of the paper. The step "
    "must suit the steep coordinate 1: at $p = 4$ coordinate 2 then crawls, and depth couples the two. At $p = 2$ both are "
    "equally steep, and there is nothing to gain."
)

doors = st.columns(3)
with doors[0]:
    st.page_link("pages/convergence.py", label="**The race**", icon=":material/show_chart:")
    st.caption("Depth against momentum, AdaGrad, AdaDelta and Adam, on real data, with your step sizes.")
with doors[1]:
    st.page_link("pages/preconditioner.py", label="**What depth does to a gradient**", icon=":material/explore:")
    st.caption("Theorem 1 and its two claims as a picture: stretched along what was learnt, scaled by its size.")
with doors[2]:
    st.page_link("pages/no_regularizer.py", label="**Why no regularizer can do it**", icon=":material/cycle:")
    st.caption("Theorem 2: walk around a closed curve and come back with more than you left with.")

st.caption(
    "After S. Arora, N. Cohen, E. Hazan, *On the Optimization of Deep Networks: Implicit Acceleration by "
    "Overparameterization*, ICML 2018, [arXiv:1802.06509](https://arxiv.org/abs/1802.06509)."
)
