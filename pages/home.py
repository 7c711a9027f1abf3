"""The claim in one moving picture: the two-coordinate problem, where depth helps and where it hurts; and doors to the rest."""

import numpy as np
import streamlit as st

from overparam.choices import Option
from overparam.figures.style import depth_colour, depth_dash
from overparam.figures.trajectories import Path, trajectories
from overparam.illustration import Tuned, tuned_run
from overparam.ui.frame import through_app
from overparam.ui.lessons import menu
from overparam.ui.notes import notes
from overparam.ui.plot import plot
from overparam.ui.state import PageState

GOAL, TARGET = 1e-4, (10.0, 1.0)
DEPTHS = (1, 3)
POINTS_A_DECADE = 24
CHOICES = (Option("p", "Loss", "4", {"4": "p = 4: depth helps", "2": "p = 2: depth hurts"}),)

DOORS = (
    ("convergence", "The race", ":material/show_chart:", "Depths against momentum, AdaGrad, Adam; your own data, too."),
    ("where_depth_helps", "Where depth helps", ":material/grid_on:", "A map of thousands of races, and where depth hurts."),
    ("preconditioner", "What depth does to a gradient", ":material/explore:", "Theorem 1: a step size that grows, and a stretch."),
    ("no_regularizer", "Why no regularizer can do it", ":material/cycle:", "Theorem 2: walk around a closed curve."),
)
WHY = {
    "4": "The slopes of the two coordinates differ a thousandfold. The step size must suit the steep one, so with depth 1 the "
    "other crawls. Depth multiplies the steps of *both* by one factor, which grows with the weights: it couples them.",
    "2": "Both coordinates are equally steep, so one step size suits both, and plain gradient descent needs hardly any steps. "
    "Depth has nothing to couple, and starts slowly, as its steps are small while the weights are.",
}


@st.cache_data(show_spinner=False, max_entries=4)
def tuned_runs(p: float) -> list[Tuned]:
    """The tuned run of each depth."""
    return [tuned_run(depth, p, TARGET, goal=GOAL) for depth in DEPTHS]


def path(run: Tuned) -> Path:
    """A run as the picture draws it, thinned evenly in the logarithm of the iteration."""
    last = len(run.loss) - 1
    lattice = np.rint(10 ** (np.arange(0, POINTS_A_DECADE * np.log10(last + 1)) / POINTS_A_DECADE)).astype(int) - 1
    at = np.unique([*lattice[lattice < last], last])
    name = f"depth {run.depth}: {run.iterations:,} iteration{'' if run.iterations == 1 else 's'}"
    return Path(name, depth_colour(run.depth), depth_dash(run.depth), at, run.weights[at], run.loss[at])


def window(paths: list[Path]) -> tuple[tuple[float, float], tuple[float, float]]:
    """A window that holds the paths."""
    ways = np.concatenate([each.weights for each in paths] + [np.array([TARGET, (0, 0)])])
    margin = 0.08 * np.ptp(ways, axis=0)
    low, high = ways.min(axis=0) - margin, ways.max(axis=0) + margin
    return (low[0], high[0]), (low[1], high[1])


def compared(plain: Tuned, deep: Tuned) -> str:
    """The two counts as a sentence."""
    if plain.iterations > deep.iterations:
        return f"Depth 3 arrives after **{plain.iterations / deep.iterations:,.2g} times fewer** iterations than depth 1."
    return f"Depth 3 needs **{deep.iterations / plain.iterations:,.2g} times more** iterations than depth 1."


through_app()
st.html("<style>.st-key-home_text h1 { padding-top: 0 }</style>")
state = PageState("home", CHOICES)
with st.container(key="home_text", gap="small"):
    st.title("Depth can speed up optimisation", anchor=False)
    st.markdown(
        "Write the weights of a linear regression as a product of layers, $W_N\\cdots W_2W_1$. The model can express nothing new, "
        "and no regularizer is added. Yet gradient descent takes another path, as if it had momentum and a step size that grows. "
        "Whether that helps depends on the loss, here $\\frac1p|\\text{error}|^p$ summed over two weights:"
    )
picture, doors = st.columns([2.6, 1], gap="medium")
with picture:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        p = state.segmented("p", label_visibility="collapsed", width="content")
        plain, deep = tuned_runs(float(p))
        st.markdown(compared(plain, deep), width="content")
        notes("home", label="", type="tertiary")
    paths = [path(plain), path(deep)]
    plot(
        trajectories(paths, window(paths), float(p), np.array(TARGET), GOAL, height=300),
        key="home_picture",
        alt=f"Two weights descend to the minimum of the loss with p = {p}, beside the loss against the iteration: "
        f"{paths[0].name}, {paths[1].name}.",
        autoplay=70,
    )
    with st.container(key="home_why"):
        st.markdown(WHY[p])
with doors, st.container(key="home_doors", gap="small"):
    for page, label, icon, words in DOORS:
        with st.container(gap="xxsmall"):
            st.page_link(f"pages/{page}.py", label=f"**{label}**", icon=icon)
            st.caption(words)
    st.caption("**Guided**")
    menu()
with st.container(key="home_small_print"):
    st.caption(
        "Picture: $\\frac1p[(w_1-10)^p+(w_2-1)^p]$ from near zero; depth 3 by the paper's end-to-end update rule; step sizes best "
        "over six starts (from one start, a lucky leap can do far better). The server computes, on its CPU or, for large steps, "
        "its NVIDIA GPU; the browser draws. S. Arora, N. Cohen, E. Hazan, *On the Optimization of Deep Networks: Implicit "
        "Acceleration by Overparameterization*, ICML 2018, [arXiv:1802.06509](https://arxiv.org/abs/1802.06509)."
    )
state.publish()
