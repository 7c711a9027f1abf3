"""The claim in one moving picture: the two-coordinate problem, where depth helps and where it
hurts; and doors to the rest."""

import streamlit as st

from overparam.ui.home.picture import CHOICES, picture
from overparam.ui.shell.frame import through_app
from overparam.ui.shell.lesson_card import menu
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState

DOORS = (
    (
        "convergence",
        "The race",
        ":material/show_chart:",
        "Real data, other optimizers, your own file.",
    ),
    (
        "preconditioner",
        "The preconditioner",
        ":material/explore:",
        "What depth does to a gradient, and why that is fast.",
    ),
    (
        "no_regularizer",
        "No regularizer",
        ":material/cycle:",
        "Theorem 2: no penalty on the weights does the same.",
    ),
    (
        "where_depth_helps",
        "Where depth helps",
        ":material/grid_on:",
        "A map of thousands of races, and where depth hurts.",
    ),
    (
        "plateaus",
        "Plateaus",
        ":material/hourglass_bottom:",
        "Why a deep net that starts small waits.",
    ),
    (
        "beyond_linear",
        "Beyond linear",
        ":material/hub:",
        "Networks with nonlinearities: mostly a larger step.",
    ),
)


def loss_of(values: dict) -> str:
    """The loss of the picture, in TeX."""
    away = [f"w_{i}{-values[f'y{i}']:+g}" if values[f"y{i}"] else f"w_{i}" for i in (1, 2)]
    return f"$\\frac1p({away[0]})^p+\\frac1p({away[1]})^p$"


through_app()
st.html(
    "<style>.stMain h1 { padding-top: 0 }@media (max-width: 640px) { .st-key-home_bar { gap: 0.5rem"
    " } .st-key-home_bar > :nth-child(2) { order: 1 } }</style>"
)
state = PageState("home", CHOICES)
st.title("Depth can speed up optimisation", anchor=False)
with role("aside", "intro"):
    st.markdown(
        "Write the weights of a linear regression as a product of $N$ layers, $W_N\\cdots W_1$:"
        " *depth* $N$. The model can express nothing new, and nothing is added to the loss. Yet"
        " gradient descent takes another path, with steps that grow with the weights. Whether that"
        f" helps depends on the loss, here {loss_of(state.values())}, from ◆ to its minimum ★."
    )
left, doors = st.columns([2.6, 1], gap="medium")
with left:
    picture(state)
with doors, role("aside", "doors", gap="xxsmall"):
    for page, label, icon, words in DOORS:
        with st.container(gap=None):
            st.page_link(f"pages/{page}.py", label=f"**{label}**", icon=icon)
            st.caption(words)
    st.caption("**Guided**")
    menu()
with role("aside", "small_print"):
    st.caption(
        "After S. Arora, N. Cohen, E. Hazan, *On the Optimization of Deep Networks: Implicit"
        " Acceleration by Overparameterization*, ICML 2018,"
        " [arXiv:1802.06509](https://arxiv.org/abs/1802.06509), “the paper”. In the picture depth"
        " follows its end-to-end update rule, which a network obeys for small steps; step sizes are"
        " best over six starts, ◆ and five near it (from one start, a lucky leap can do far"
        " better); dotted line: the loss that counts as arrived. While you drag, your browser"
        " computes the same; all else the server does."
    )
state.publish()
if "lesson" not in st.query_params and not st.session_state.get("app_projector"):
    from overparam.ui.home.sections import argument  # heavy imports: after the first picture

    argument()
