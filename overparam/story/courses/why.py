"""The long course: what depth does to a step, on two weights, on data, on a map; and that no
regularizer does it."""

from __future__ import annotations

from dataclasses import replace

from overparam.choices.race import OPENING
from overparam.story.courses.step import (
    BEYOND,
    GRADIENT,
    MAP,
    RACE,
    REGULARIZER,
    TRANSPORT,
    Course,
    Step,
    Try,
)

_PATHS = {"view": "paths", "paths": "1~2~3"}
COARSE_GRID = {  # so coarse that depth seems to win at p = 2
    "problem": "synthetic",
    "p": "2",
    "methods": "1_gd~2_gd",
    "scale": "0.04",
    "seed": "1",
    "iterations": "1000",
    "horizon": "200",
    "grid": "2",
}
_STALL = {"scale": "0.1", "iterations": "3000", "horizon": "3000"}

_P2 = Step(
    claim="With p\u00a0=\u00a02, depth buys nothing",
    page=GRADIENT,
    query=_PATHS | {"p": "2"},
    watch=(
        "The loss is ${\\frac12(w_1-10)^2}+{\\frac12(w_2-1)^2}$, least at ★. Every depth $N$ starts"
        " near 0 (◆), with the step size that is best for it. Press **▶\u00a0Play**."
    ),
    question="Which depth arrives first? Why that one?",
    answer=(
        "Depth 1. The slope is the distance to go, in both coordinates, so one step size suits"
        " both: nothing is left to accelerate. A deep network must first get away from 0: its steps"
        " are multiplied by $\\|W\\|^{2-2/N}$, with $W=(w_1,w_2)$, and that is small there."
    ),
)
_P4 = Step(
    claim="With p\u00a0=\u00a04, plain gradient descent crawls",
    page=GRADIENT,
    query=_PATHS | {"p": "4"},
    watch=(
        "Only the exponent is new: ${\\frac14(w_1-10)^4}+{\\frac14(w_2-1)^4}$. Press"
        " **▶\u00a0Play** and watch the corner that depth 1 turns."
    ),
    question="Why does depth 1 turn, and crawl from there on?",
    answer=(
        "A slope is the distance cubed: 1000 along $w_1$ (100 times the distance), 1 along $w_2$"
        " (the distance itself). A step size safe for $w_1$ is a hundred times too small for $w_2$."
        " Depth multiplies *both* steps by a factor that is large once $w_1$ is, and by $N$ times"
        " that along $W$."
    ),
)
ELLIPSE = Step(
    claim="Depth: a step size that grows, and a stretch along W",
    page=GRADIENT,
    query={"view": "one", "N": "1", "w": "1.6", "angle": "20", "gangle": "100"},
    watch=(
        "Red: the weights $W.$ Blue: a gradient $G.$ Orange: what depth makes of it, $P(G),$ and of"
        " the unit circle. Move **Depth N** up from 1, then **Size of W** below 1."
    ),
    question="What becomes of a gradient along $W$, and of one across? What if $W$ is small?",
    answer=(
        "Along $W$ it is multiplied by $N\\|W\\|^{2-2/N}$, across by $\\|W\\|^{2-2/N}$ (Claim 2 of"
        " the paper). Beyond $\\|W\\|=1$ even a coordinate that is still 0 takes longer steps;"
        " below, steps across shrink, and so do those along once $\\|W\\|<N^{-N/(2N-2)}$: the slow"
        " start."
    ),
    needs=("N", "w"),
)
RACES = Step(
    claim="On data: depth wins at p\u00a0=\u00a04, not at p\u00a0=\u00a02",
    page=RACE,
    query=OPENING,
    watch=(
        "29 measurements of 569 cell samples predict a thirtieth. Each depth has the best step size"
        " of a grid. *Gap*: the share that is left of the loss above its minimum. Try other $p$."
    ),
    question="How much sooner is depth 2 at a gap of 0.01? From the first step on?",
    answer=(
        "About 3 times: see the bracket. Not from the first step: to a gap of 0.2 it needs twice"
        " as many iterations, as its steps are small while the weights are. With $p = 2$ the"
        " curvature is the same everywhere, and only the slow start is left."
    ),
    needs=TRANSPORT,
    tries=(
        Try("p = 4", OPENING),
        Try("p = 2", OPENING | {"p": "2"}),
        Try("p = 6", OPENING | {"p": "6"}),
    ),
)
_GUESSED = replace(
    RACES,
    query=OPENING | {"guess": "1"},
    watch=(
        "29 measurements of 569 cell samples predict a thirtieth, each depth at its best step size."
        " *Gap*: the share that is left of the loss above its minimum. **Draw** depth 2 into the"
        " plot, then press **Show**."
    ),
    needs=(*TRANSPORT, "guess_switch"),
    tries=tuple(Try(each.label, {**each.query, "guess": "1"}) for each in RACES.tries),
)
WHERE = Step(
    claim="Where depth helps, and where it hurts",
    page=MAP,
    query={"detail": "quick", "depth": "3"},
    watch=(
        "Each cell is a race to the minimum $(y_1,y_2)$ of two weights: depth 3 against depth 1,"
        " both at their best step sizes. Press **Compute the map**; then click a cell to see its"
        " runs."
    ),
    question="Where does blue end and yellow begin? Why there?",
    answer=(
        "Yellow at $p = 2$ (bottom row) and ${y_1 = y_2}$ (left column): one step size suits both"
        " coordinates, so depth only costs. Elsewhere it gains: within a column the more, the"
        " larger $p$ is, up to cells where only depth arrives. Hatched: neither arrived within"
        " 4,000 iterations. Along a row lucky step sizes blur the picture."
    ),
    needs=("run",),
)
THEOREM = Step(
    claim="No regularizer does this",
    page=REGULARIZER,
    query={"N": "3"},
    watch=(
        "Arrows: $F$; a network of depth $N$ moves along $-F$. Were $F$ the gradient of any"
        " function, such as a loss plus a regularizer, its integral around the closed curve, the"
        " *total*, would be 0. Try depths."
    ),
    question="At which depths does the total vanish?",
    answer=(
        "At $N = 1$ and, with this linear loss, at $N = 2$. For every $N > 2$ it is not 0, so $F$"
        " is the gradient of no function: Theorem 2. The theorem does not speak about $N = 2$, nor"
        " about gradients in other geometries."
    ),
    tries=tuple(Try(f"N = {n}", {"N": n}) for n in ("1", "2", "3", "8")),
)

_FIGURE = {"view": "apart"}
_BEYOND = (
    Step(
        claim="The paper's last figure, taken apart",
        page=BEYOND,
        query=_FIGURE,
        watch=(
            "A nonlinear network on digits, with weight decay. *Two (paper)*: each dense layer is"
            " two matrices, the decay on their product. The plotted loss is fit plus penalty."
        ),
        question="The loss falls further with two matrices. Does the network fit better?",
        answer=(
            "Hardly: see *fit*. Two fresh matrices begin with a larger penalty, which shrinks"
            " faster at the same step. Without decay two do fit sooner here, at one step size,"
            " tuned for neither: compare step sizes next."
        ),
        needs=("curves", "run"),
        tries=(
            Try("plotted", _FIGURE),
            Try("penalty", _FIGURE | {"curves": "penalty"}),
            Try("fit", _FIGURE | {"curves": "fit"}),
        ),
    ),
    Step(
        claim="Factors are a larger step",
        page=BEYOND,
        query={"view": "steps"},
        watch=(
            "No decay now, and every number of factors $N$ begins at the same function. Left:"
            " iterations to the goal, against the step size. Right: the loss. Compare *the same"
            " step* with *own best steps*."
        ),
        question="How do the left curves differ? What becomes of the advantage?",
        answer=(
            "They have one shape, shifted: factors multiply gradients where weights are large, so a"
            " step is larger, and its limit comes earlier. At one small step size three factors are"
            " several times faster; with each at its own best step the advantage is gone."
        ),
        needs=("compare", "rate", "goal", "run"),
        tries=(
            Try("same step", {"view": "steps"}),
            Try("own best", {"view": "steps", "compare": "own"}),
        ),
    ),
)

_STEPS = (
    _P2,
    _P4,
    ELLIPSE,
    Step(
        claim="The step grows while the curvature falls",
        page=GRADIENT,
        query={"view": "run", "panel": "edge", "p": "4", "N": "2", "t": "100"},
        watch=(
            "Diabetes data, $p=4$: the effective step $\\eta\\|W\\|^{2-2/N}$, the curvature of the"
            " loss, and below the product of both, stretch included: above 2 a step overshoots"
            " further each time. Move over the picture for numbers; press to keep a place."
        ),
        question="What does the product of depth 1 do along the run, and that of depth 2?",
        answer=(
            "The curvature falls on the way. Depth 1 keeps its step, so its product starts above 2,"
            " for one step, and ends below 1: the step could be larger by now. Depth 2's step has"
            " grown with $\\|W\\|$, and its product rises well above depth 1's. The same growth can"
            " make a run diverge late."
        ),
    ),
    Step(
        claim="It is the growing step that does the work",
        page=GRADIENT,
        query={
            "view": "run",
            "panel": "ablation",
            "problem": "synthetic",
            "p": "4",
            "N": "3",
            "t": "100",
        },
        watch=(
            "Synthetic data, $p=4$, $N=3$. *Scale only* is the factor $\\|W\\|^{2-2/N}$ without the"
            " stretch, *stretch only* the stretch without that factor, each at its best step size."
            " *Gap*: the share that is left of the loss above its minimum."
        ),
        question="Which half comes close to the full rule?",
        answer=(
            "The scale; here it is even quicker than the full rule, while the stretch alone is no"
            " quicker than depth 1. This depends on the data: on the paper's own the full rule is"
            " quicker than either half."
        ),
    ),
    Step(
        claim="The rule is what the network does",
        page=GRADIENT,
        query={"view": "run", "panel": "network", "p": "4", "N": "3", "t": "100"},
        watch=(
            "Diabetes data. *Distance*: how far a network of three layers, trained by gradient"
            " descent, is from the rule $W\\leftarrow W-\\eta P(G)$ for the product $W$ of its"
            " layers (Theorem 1). Choose another **step size**."
        ),
        question="When do the two agree?",
        answer=(
            "When the layers start balanced, $W_{j+1}^\\top W_{j+1}=W_jW_j^\\top$, and the steps"
            " are small: the smaller they are, the smaller the largest distance. From an"
            " unbalanced start they need not agree at any step size."
        ),
        needs=("part",),
    ),
    _GUESSED,
    Step(
        claim="A coarse grid of step sizes can fool you",
        page=RACE,
        query=COARSE_GRID,
        watch=(
            "$p = 2$, where depth should buy nothing. Step sizes were tuned on a grid of **two a"
            " decade**. Press **Run**; then try the fine grid."
        ),
        question="Depth 2 is 1.7 times faster. Do you believe it?",
        answer=(
            "With 24 a decade the advantage is gone. Depth 1's best step size lies between two of"
            " the coarse grid, depth 2's happens to lie on it. A grid must be finer than the"
            " difference that is claimed."
        ),
        needs=TRANSPORT,
        tries=(Try("2 a decade", COARSE_GRID), Try("24 a decade", COARSE_GRID | {"grid": "24"})),
    ),
    WHERE,
    Step(
        claim="Started near zero, deep networks stall",
        page=RACE,
        query=_STALL
        | {"methods": "1_gd~4_gd_inear-zero~4_gd_iidentity~8_gd_inear-zero~8_gd_iidentity"},
        watch=(
            "Depth 4 and 8 on the diabetes data, with small random layers and with layers near the"
            " identity. Press **Run**."
        ),
        question="Why do the near-zero ones wait?",
        answer=(
            "The gradient of a layer is multiplied by all other layers: seven small numbers at"
            " depth 8. Depth 4 leaves its plateau after about 140 iterations, and overtakes depth"
            " 1 near 1,000; depth 8 does neither within 3,000. Near the identity both move"
            " earlier; here neither beats depth 1."
        ),
        needs=TRANSPORT,
    ),
    THEOREM,
    Step(
        claim="How close can a regularizer come?",
        page=REGULARIZER,
        query={"view": "closest", "loss": "lp", "R": "2"},
        watch=(
            "Left: $F$, and in colour the function $\\varphi^*$ whose gradient is nearest to it."
            " Middle: the rest, which no regularizer supplies. Right: its share, against depth."
            " Below: descents to the minimum ★."
        ),
        question="The rest is about 1 %. Is a regularizer then as good?",
        answer=(
            "No: see the descents below. Along $F$ the loss falls quickly. The gradient of the"
            " nearest function leads elsewhere, to its own minimum, and never arrives. A small rest"
            " can decide where descent ends."
        ),
    ),
    Step(
        claim="One run proves nothing",
        page=REGULARIZER,
        query={"view": "estimate", "panel": "trap", "N": "4"},
        watch=(
            "To the updates of $M$ runs two things are fitted: a **potential**, whose gradient they"
            " would be (a regularizer), and **any smooth field**. Dotted: what is left of these"
            " runs; solid: of others."
        ),
        question="From one run, is depth 4 a regularizer? And from 32?",
        answer=(
            "One run is fitted to rounding, as any vectors at distinct points are by some"
            " potential: worth nothing. With 32 runs a field predicts new ones well, the best"
            " potential much worse: that is the test. Where neither predicts: *too few runs*."
        ),
        tries=tuple(
            Try(f"N = {n}", {"view": "estimate", "panel": "trap", "N": n})
            for n in ("1", "2", "4", "8")
        ),
    ),
    *_BEYOND,
)

WHY = Course("why", "Why depth accelerates", 40, _STEPS)
