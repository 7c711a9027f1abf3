"""The argument of the home page after its first picture: doubt, mechanism, fairness, theorem,
limits, each with a figure of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from overparam.choices.kinds import read_choices
from overparam.choices.methods import Entry
from overparam.choices.race import CHOICES, OPENING, Experiment
from overparam.figures.network import network_figure
from overparam.figures.race import method_styles
from overparam.figures.style import BLUE, NEUTRAL, ZERO_AT, axis, base_layout
from overparam.figures.tuning import Tuning, tuning_figure
from overparam.measure.illustration import balanced_layers, layers_step, product
from overparam.serving.course import Tuned
from overparam.serving.run import RUNS, RunError
from overparam.story.race_claim import claim
from overparam.theory.field import leading_term
from overparam.ui.components.live_chart import live_chart
from overparam.ui.components.plot import Prepared, plot, prepared
from overparam.ui.race.answer import AXES, picture
from overparam.ui.shell.roles import role

HEIGHT = 300
RIVALS = OPENING | {"methods": "1_gd~2_gd~3_gd~1_momentum~1_adam~1_adagrad"}
NETWORK_DEPTHS = (1, 2, 3, 4, 5)
AT, TARGET, ETA = np.array([6.0, 0.4]), np.array([10.0, 1.0]), 0.0005


def argument() -> None:
    """The five sections."""
    with role("aside", "argument", gap="medium"):
        doubt()
        mechanism()
        fairness()
        theorem()
        limits()


def doubt() -> None:
    """On data, at p = 4 and at p = 2."""
    st.header("The doubt: on data, and at p = 2", anchor=False)
    st.markdown(
        "Two weights are a toy. So: 29 measurements of 569 cell samples predict a thirtieth, by a"
        " linear model and by products of two and three layers. *Avoidable* is the loss above its"
        " least value; the *gap* $g$ is the share of it that is left."
    )
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Loss with $p = 4$**")
        race(OPENING, "home_p4")
    with right:
        st.markdown("**Ordinary least squares, $p = 2$**")
        race(OPENING | {"p": "2"}, "home_p2")
    st.page_link("pages/convergence.py", label="Race them yourself", icon=":material/show_chart:")


def race(query: dict[str, str], key: str) -> None:
    """A finished race, its sentence and its curves, the same as the race page shows."""
    experiment = Experiment.of(read_choices(CHOICES, query)[0])
    run, words = RUNS.get(experiment), st.empty()
    chart = live_chart(
        key,
        height=HEIGHT,
        x_range=(ZERO_AT, float(experiment.iterations)),
        x_zero=ZERO_AT,
        alt="The gap of every method against the iteration.",
        **AXES,
    )
    try:
        while not run.finished:
            run.advance(experiment.iterations)
    except RunError as error:
        words.error(str(error), icon=":material/error:")
        return
    view = run.view(experiment.iterations)
    assert view is not None
    words.markdown(claim(experiment, view))
    chart.draw(picture(experiment, view))


def mechanism() -> None:
    """One step of a matrix and of a network with the same product."""
    st.header("The mechanism: the same function, another step", anchor=False)
    words, picture = st.columns([1, 2.2], gap="medium")
    with words:
        depth = st.segmented_control(
            "Layers N", NETWORK_DEPTHS, default=3, required=True, key="home_layers"
        )
        stepped = st.toggle("One step of gradient descent", key="home_step")
    plain, _, after = _one_step(depth)
    with words:
        st.markdown(_step_words(depth, plain - AT, product(after) - AT))
    with picture:
        plot(
            _network(depth, stepped),
            key="home_network",
            alt=(
                f"A linear model drawn as one matrix and as {depth} matrices with the same product;"
                " thickness is the size of a weight."
            ),
        )


def _one_step(depth: int) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """The matrix after a step, and the layers before and after it."""
    before, gradient = balanced_layers(AT, depth), (AT - TARGET) ** 3
    return AT - ETA * gradient, before, layers_step(before, gradient, ETA)


@st.cache_data(show_spinner=False, max_entries=2 * len(NETWORK_DEPTHS))
def _network(depth: int, stepped: bool) -> Prepared:
    plain, before, after = _one_step(depth)
    names = "one matrix", f"{depth} layer{'' if depth == 1 else 's'}, the same product"
    return prepared(
        network_figure(plain if stepped else AT, after if stepped else before, names, HEIGHT)
    )


def _step_words(depth: int, plain: np.ndarray, deep: np.ndarray) -> str:
    """How far both weights move in the step, and why."""
    words = (
        f"Here $W = ({AT[0]:g},\\ {AT[1]:g})$, on its way to $({TARGET[0]:g},\\ {TARGET[1]:g})$ at"
        f" $p = 4$. With the same step size one matrix moves $w_2$ by {plain[1]:.2g}"
    )
    if depth == 1:
        return words + ": one layer is plain gradient descent."
    return words + (
        f", {depth} layers by {deep[1]:.2g}, **{deep[1] / plain[1]:,.3g} times as far**. Each"
        " layer's gradient is multiplied by all the other layers, and these have grown with $w_1$:"
        " a step size that grows with the weights, and more along $W$ (Claim 2). For small steps"
        " from *balanced* layers, here all of one size, this is all that depth does (Theorem 1)."
    )


def fairness() -> None:
    """Every step size of the grid."""
    st.header("Fairness: each depth at its own best step size", anchor=False)
    run = RUNS.get(Experiment.of(read_choices(CHOICES, OPENING)[0]))
    found = run.comparison()
    if found is None:  # the race above could not be run, and says why
        return
    st.markdown(
        f"The race at $p = 4$ again, all {len(found.grid.methods)} runs of it: one for each depth"
        f" and step size, compared at iteration {found.iteration:,}. ★ is a depth's best step size;"
        " beyond ✕ it diverges. A race at one shared step size would say more about that step size"
        " than about depth."
    )
    plot(
        _step_sizes(run.experiment.methods, found),
        key="home_tuning",
        alt="The gap of every depth against its step size, with the best step of each.",
    )


@st.cache_data(show_spinner=False, max_entries=1)  # of the opening race, the same for everybody
def _step_sizes(_methods: Sequence[Entry], _found: Tuned) -> Prepared:
    looks, rows = method_styles(_methods), []
    for i, entry in enumerate(_methods):
        mine = np.flatnonzero(_found.grid.owner == i)
        gaps = np.where(_found.diverged_at[mine] >= 0, np.nan, _found.gaps[mine])
        chosen = _found.chosen[i] - int(mine[0])
        rows.append(Tuning(entry.label(), *looks[i], _found.grid.steps[mine], gaps, chosen))
    return prepared(tuning_figure(rows, f"gap at iteration {_found.iteration:,}", HEIGHT))


def theorem() -> None:
    """The circulation of Theorem 2 against depth, in closed form."""
    st.header("The theorem: no regularizer does this", anchor=False)
    st.markdown(
        "Add any penalty (a *regularizer*) to the loss, and gradient descent still follows a"
        " gradient, whose line integral around a closed curve, its *work*, is 0. That of what depth"
        " makes of a gradient is not, once $N > 2$ (Theorem 2). Here for a linear loss and the"
        " curve of the proof, from radius 0 to 1, in closed form: $2(N-1)(N-2)/(3N-2)$."
    )
    plot(
        _circulation(),
        key="home_theorem",
        alt="The work around a closed curve against depth: 0 at one and two layers, then growing.",
    )
    st.page_link("pages/no_regularizer.py", label="Walk the curve", icon=":material/cycle:")


@st.cache_data(show_spinner=False, max_entries=1)
def _circulation() -> Prepared:
    depths = np.linspace(1, 8, 141)
    totals = np.array([leading_term(depth, 1.0, 0.0, 1.0) for depth in depths])
    figure = go.Figure()
    figure.add_scatter(
        x=depths,
        y=totals,
        mode="lines",
        line={"color": BLUE, "width": 2.5},
        hovertemplate="N = %{x:.2f}: %{y:.3f}<extra></extra>",
    )
    whole = np.arange(1, 9)
    figure.add_scatter(
        x=whole,
        y=[leading_term(float(depth), 1.0, 0.0, 1.0) for depth in whole],
        mode="markers",
        marker={"color": BLUE, "size": 10},
        hovertemplate="N = %{x}: %{y:.3f}<extra></extra>",
    )
    figure.update_layout(
        **base_layout(
            height=HEIGHT,
            showlegend=False,
            xaxis=axis("depth N", dtick=1),
            yaxis=axis("work around the curve"),
            shapes=[
                {
                    "type": "line",
                    "xref": "paper",
                    "x0": 0,
                    "x1": 1,
                    "y0": 0,
                    "y1": 0,
                    "line": {"color": NEUTRAL, "width": 1.5},
                }
            ],
        )
    )
    return prepared(figure)


def limits() -> None:
    """The same race with rivals."""
    st.header("The limits: depth is not the best optimizer", anchor=False)
    st.markdown(
        "The same race at $p = 4$ with momentum, Adam and AdaGrad. Depth is another way to write"
        " the same model, and that it accelerates is the surprise; as an optimizer it is beaten."
        " These data were chosen because plain gradient descent crawls on them; where it does not,"
        " depth costs. And all of this is about linear models."
    )
    race(RIVALS, "home_rivals")
    st.page_link(
        "pages/beyond_linear.py", label="Beyond linear: what remains", icon=":material/hub:"
    )
