"""The claim in one moving picture: the two-coordinate problem, where depth helps and where it
hurts; and doors to the rest."""

import numpy as np
import streamlit as st

from overparam.choices.kinds import Option
from overparam.figures.paths import Path, trajectories
from overparam.figures.style import depth_colour, depth_dash
from overparam.measure.illustration import TunedRun, tuned_run
from overparam.ui.components.plot import Prepared, plot, prepared
from overparam.ui.shell.frame import through_app
from overparam.ui.shell.lesson_card import menu
from overparam.ui.shell.notes import notes
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState

GOAL, TARGET = 1e-4, (10.0, 1.0)
DEPTHS = (1, 3)
POINTS_A_DECADE = 24
CHOICES = (Option("p", "Loss", "4", {"4": "p = 4: depth helps", "2": "p = 2: depth hurts"}),)

DOORS = (
    (
        "convergence",
        "The race",
        ":material/show_chart:",
        "A regression, other optimizers, your own data.",
    ),
    (
        "where_depth_helps",
        "Where depth helps",
        ":material/grid_on:",
        "A map of thousands of races, and where depth hurts.",
    ),
    (
        "preconditioner",
        "The preconditioner",
        ":material/explore:",
        "What depth makes of a gradient, and of a run.",
    ),
    (
        "no_regularizer",
        "No regularizer",
        ":material/cycle:",
        "Theorem 2: none can do this. Walk a closed curve.",
    ),
)
WHY = {
    "4": (
        "**A slope is the distance to go, cubed**: 1000 along $w_1$, 1 along $w_2$; divided by the"
        " distance, 100 and 1. A step size safe for $w_1$ is a hundred times too small for $w_2,$"
        " which crawls. Depth multiplies *both* steps by a factor that grows with the weights: once"
        " $w_1$ is large, $w_2$ takes longer steps."
    ),
    "2": (
        "**A slope is the distance to go**: 10 along $w_1$, 1 along $w_2$. So one step size suits"
        " both, and gradient descent heads straight for ★, here in one step. Depth has nothing to"
        " repair; it starts more slowly, as its steps are small while the weights are, and its"
        " stretch along $w$ spoils the one step that suited both."
    ),
}


@st.cache_data(show_spinner=False, max_entries=4)
def tuned_runs(p: float) -> list[TunedRun]:
    """The tuned run of each depth."""
    return [tuned_run(depth, p, TARGET, goal=GOAL) for depth in DEPTHS]


def path(run: TunedRun) -> Path:
    """A run as the picture draws it, thinned evenly in the logarithm of the iteration."""
    last = len(run.loss) - 1
    lattice = (
        np.rint(
            10 ** (np.arange(0, POINTS_A_DECADE * np.log10(last + 1)) / POINTS_A_DECADE)
        ).astype(int)
        - 1
    )
    at = np.unique([*lattice[lattice < last], last])
    name = f"depth {run.depth}: {run.iterations:,} iteration{'' if run.iterations == 1 else 's'}"
    return Path(
        name, depth_colour(run.depth), depth_dash(run.depth), at, run.weights[at], run.loss[at]
    )


def window(paths: list[Path]) -> tuple[tuple[float, float], tuple[float, float]]:
    """A window that holds the paths."""
    ways = np.concatenate([each.weights for each in paths] + [np.array([TARGET, (0, 0)])])
    margin = 0.08 * np.ptp(ways, axis=0)
    low, high = ways.min(axis=0) - margin, ways.max(axis=0) + margin
    return (low[0], high[0]), (low[1], high[1])


def compared(plain: TunedRun, deep: TunedRun) -> str:
    """The two counts as a sentence."""
    assert plain.iterations and deep.iterations  # at this goal every depth arrives
    faster = plain.iterations > deep.iterations
    factor = plain.iterations / deep.iterations if faster else deep.iterations / plain.iterations
    times = f"**{factor:,.2g} times {'fewer' if faster else 'more'}** iterations"
    return f"Depth 3 reaches a loss of {GOAL} in {times} than depth 1."


@st.cache_data(show_spinner=False, max_entries=8)
def picture_of(p: str, height: int) -> tuple[list[str], Prepared]:
    """The names of the paths, and the moving picture, made once for all visitors."""
    paths = [path(run) for run in tuned_runs(float(p))]
    figure = trajectories(paths, window(paths), float(p), np.array(TARGET), GOAL, height=height)
    return [each.name for each in paths], prepared(figure)


through_app()
st.html(
    "<style>.stMain h1 { padding-top: 0 }@media (max-width: 640px) { .st-key-home_bar { gap: 0.5rem"
    " } .st-key-home_bar > :nth-child(2) { order: 1 } }</style>"
)
state = PageState("home", CHOICES)
st.title("Depth can speed up optimisation", anchor=False)
with role("aside", "intro"):
    st.markdown(
        "Write the weights of a linear regression as a product of layers, $W_N\\cdots W_2W_1$. The"
        " model can express nothing new, and no regularizer is added. Yet gradient descent takes"
        " another path, with steps that grow with the weights. Whether that helps"
        " depends on the loss. Here: $\\frac1p(w_1-10)^p+\\frac1p(w_2-1)^p$, from near 0 (◆) to its"
        " minimum (★)."
    )
picture, doors = st.columns([2.6, 1], gap="medium")
with picture:
    with st.container(horizontal=True, vertical_alignment="center", gap="medium", key="home_bar"):
        p = state.segmented("p", label_visibility="collapsed", width="content")
        plain, deep = tuned_runs(float(p))
        st.markdown(compared(plain, deep), width="content")
        notes("home", label="", type="tertiary")
    height = 296 if st.session_state.get("app_projector") else 340
    height = 420 if "lesson" in st.query_params else height
    names, moving_picture = picture_of(p, height)
    plot(
        moving_picture,
        key="home_picture",
        alt=(
            f"Two weights descend to the minimum of the loss with p = {p}, beside the loss against"
            f" the iteration: {names[0]}, {names[1]}."
        ),
        autoplay=70,
    )
    with role("aside", "why"):
        st.markdown(WHY[p])
with doors, role("aside", "doors", gap="small"):
    for page, label, icon, words in DOORS:
        with st.container(gap="xxsmall"):
            st.page_link(f"pages/{page}.py", label=f"**{label}**", icon=icon)
            st.caption(words)
    st.caption("**Guided**")
    menu()
with role("aside", "small_print"):
    st.caption(
        "Picture: depth 3 by the paper's end-to-end update rule; step sizes best over six starts"
        " (from one start, a lucky leap can do far better); dotted line: the loss that counts as"
        " arrived. The server computes, on its CPU or, for large steps, its NVIDIA GPU; the browser"
        " draws. S. Arora, N. Cohen, E. Hazan, *On the Optimization of Deep Networks: Implicit"
        " Acceleration by Overparameterization*, ICML 2018,"
        " [arXiv:1802.06509](https://arxiv.org/abs/1802.06509)."
    )
state.publish()
if "lesson" not in st.query_params and not st.session_state.get("app_projector"):
    from overparam.ui.home.sections import argument  # heavy imports: after the first picture

    argument()
