"""Lessons as data: courses of steps, each a page with its choices, a claim, something to watch, a
question and its answer.

A step is named "why-3" (course, number) in the URL; `?lesson=why-3` opens its page with every
choice set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from overparam.choices.kinds import ChoiceError
from overparam.choices.race import OPENING
from overparam.words import show

HOME, RACE, MAP = "pages/home.py", "pages/convergence.py", "pages/where_depth_helps.py"
GRADIENT, REGULARIZER = "pages/preconditioner.py", "pages/no_regularizer.py"
PLATEAUS = "pages/plateaus.py"
BEYOND = "pages/beyond_linear.py"
TRANSPORT = ("run", "step_1", "step_10", "step_100", "reset", "axis")


@dataclass(frozen=True)
class Try:
    """A variation that one click brings: a label and the choices, complete like a step's."""

    label: str
    query: Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """One step of a course.

    claim: one sentence, the heading. page: the file that is shown. query: its choices as URL
    parameters, never empty; what is not named takes its default. watch: what to do and to look at.
    question: to be thought about first. answer: revealed on demand. needs: names of the controls
    that the step needs; the page's others are hidden. tries: variations. All texts are Markdown.
    """

    claim: str
    page: str
    query: Mapping[str, str]
    watch: str
    question: str
    answer: str
    needs: tuple[str, ...] = ()
    tries: tuple[Try, ...] = ()


@dataclass(frozen=True)
class Course:
    """An ordered list of steps; `minutes` that it takes."""

    name: str
    title: str
    minutes: int
    steps: tuple[Step, ...]


def find(text: str) -> tuple[Course, int]:
    """Course and place (from 0) of a step's name, "why-3". Raises ChoiceError, in one sentence."""
    name, _, number = text.rpartition("-")
    course = COURSES.get(name)
    if course and number.isdecimal() and 1 <= int(number) <= len(course.steps):
        return course, int(number) - 1
    known = ", ".join(f"{c.name}-1 to {c.name}-{len(c.steps)}" for c in COURSES.values())
    raise ChoiceError(f"There is no lesson step {show(text)}: there are {known}.")


def name_of(course: Course, place: int) -> str:
    """The name of a step, as `find` reads it."""
    return f"{course.name}-{place + 1}"


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
_RIVALS = OPENING | {"methods": "1_gd~2_gd~3_gd~1_momentum~1_adagrad~1_adam"}
_STALL = {"scale": "0.1", "iterations": "3000", "horizon": "3000"}

_P2 = Step(
    claim="With p = 2, depth buys nothing",
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
    claim="With p = 4, plain gradient descent crawls",
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
_ELLIPSE = Step(
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
_RACES = Step(
    claim="On data: depth wins at p = 4, not at p = 2",
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
    _RACES,
    query=OPENING | {"guess": "1"},
    watch=(
        "29 measurements of 569 cell samples predict a thirtieth, each depth at its best step size."
        " *Gap*: the share that is left of the loss above its minimum. **Draw** depth 2 into the"
        " plot, then press **Show**."
    ),
    needs=(*TRANSPORT, "guess_switch"),
    tries=tuple(Try(each.label, {**each.query, "guess": "1"}) for each in _RACES.tries),
)
_MAP = Step(
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
_THEOREM = Step(
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

_WHY = (
    _P2,
    _P4,
    _ELLIPSE,
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
    _MAP,
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
    _THEOREM,
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

_DEMO = (
    Step(
        claim="Depth can speed up gradient descent",
        page=HOME,
        query={"p": "4"},
        watch=(
            "Loss ${\\frac14(w_1-10)^4}+{\\frac14(w_2-1)^4}$, from near 0 (◆) to its minimum (★)."
            " Depth 1 is plain gradient descent; depth 3 makes the weights a product of three"
            " layers. Each has its best step size."
        ),
        question="Both can express the same. Why is depth 3 faster?",
        answer=(
            "A slope is the distance cubed: 1000 along $w_1$ (100 times the distance), 1 along"
            " $w_2$ (the distance itself). A step size safe for $w_1$ is a hundred times too small"
            " for $w_2$, which crawls. Depth multiplies both steps by a factor that grows with the"
            " weights: once $w_1$ is large, $w_2$ moves, too."
        ),
        needs=("p",),
    ),
    Step(
        claim="And it can slow it down",
        page=HOME,
        query={"p": "2"},
        watch=(
            "The same at $p = 2$, ordinary least squares:"
            " ${\\frac12(w_1-10)^2}+{\\frac12(w_2-1)^2}$."
        ),
        question="What has become of the advantage?",
        answer=(
            "The slope is the distance to go, in both coordinates. So one step size suits both, and"
            " gradient descent heads straight for ★. Depth has nothing to repair. It pays for its"
            " slow start near 0, and its stretch along $w$ spoils the one step that suited both."
        ),
        needs=("p",),
    ),
    _ELLIPSE,
    _RACES,
    Step(
        claim="Against momentum and Adam",
        page=RACE,
        query=_RIVALS,
        watch=(
            "The same data, more optimizers; each has its own best step size. Press **Run**, then"
            " try $p = 6$."
        ),
        question="Is depth the best optimizer, then?",
        answer=(
            "No. At $p = 4$ momentum and Adam need fewer iterations to a gap of 0.01 than any"
            " depth. At $p = 6$ depth 3 alone gets to 0.001 within 500. Depth is no optimizer at"
            " all, only another way to write the same model; that it accelerates is the surprise."
        ),
        needs=TRANSPORT,
        tries=(Try("p = 4", _RIVALS), Try("p = 6", _RIVALS | {"p": "6"})),
    ),
    _MAP,
    _THEOREM,
)

_SMALL = {"N": "5", "seeds": "2"}
_WAIT = (
    Step(
        claim="Small layers make a net wait",
        page=PLATEAUS,
        query={"N": "4", "small": "1234"},
        watch=(
            "Four layers with tanh between them, all multiplied by $\\varepsilon$ at the start."
            " Left: the loss against the logarithm of time, a curve for each net. Right: the time"
            " $\\tau$ at which it leaves its plateau."
        ),
        question="Layers ten times smaller: how much longer does the net wait?",
        answer=(
            "A hundred times. Each layer's gradient is a product of the other three, so a small"
            " scale $a$ grows like $\\dot a\\propto a^3$, which takes a time of the order of"
            " $a^{-2}$."
        ),
    ),
    Step(
        claim="Five layers, only three of them small",
        page=PLATEAUS,
        query=_SMALL | {"small": "135"},
        watch=(
            "Layers 1, 3 and 5 start at scale $\\varepsilon$, the others at their usual size. Then"
            " try other places."
        ),
        question="Guess the slope on the right, with both axes logarithmic: depth is 5.",
        answer=(
            "Near −1. What counts is not depth but the number $r$ of small layers:"
            " $\\tau\\propto\\varepsilon^{-(r-2)}$. Where they sit does not matter either. The law"
            " is that of small $\\varepsilon$; near 0.1 it is several per cent off."
        ),
        tries=tuple(
            Try(label, _SMALL | {"small": small})
            for label, small in (("1, 3, 5", "135"), ("First three", "123"), ("Last three", "345"))
        ),
    ),
    Step(
        claim="Two small layers hardly wait at all",
        page=PLATEAUS,
        query={"N": "2", "small": "12"},
        watch="Right: $\\tau$ has a linear axis now, $\\varepsilon$ still a logarithmic one.",
        question="What does a straight line mean here?",
        answer=(
            "$\\tau$ grows like $\\ln(1/\\varepsilon)$: a scale that grows in proportion to itself,"
            " $\\dot a\\propto a$, loses only a logarithm. With one small layer there is no saddle"
            " to leave."
        ),
    ),
    Step(
        claim="Adam has no plateau",
        page=PLATEAUS,
        query={"view": "optimizers", "N": "3", "small": "123", "least": "0.01", "most": "0.3"},
        watch=(
            "The same kind of nets, in iterations, by three optimizers. The dashed line is the time"
            " of gradient flow over the step size."
        ),
        question="Why does Adam not wait?",
        answer=(
            "It divides each gradient by its own size, so a step is as long on the plateau as off"
            " it. Gradient descent waits as long as the flow; momentum 0.9 takes steps ten times"
            " longer, and waits a tenth of that."
        ),
    ),
    Step(
        claim="Weight decay can make a plateau last for ever",
        page=PLATEAUS,
        query={
            "N": "3",
            "small": "123",
            "start": "symmetric",
            "decay": "0.05",
            "least": "0.01",
            "most": "1",
        },
        watch="Three small layers, $\\lambda=0.05$. Some nets never leave. Move **Weight decay**.",
        question="Which ones stay, and why just these?",
        answer=(
            "Growth is $a^2$ here, decay $\\lambda a$: below $a=\\lambda$ decay wins, and the"
            " layers shrink to 0. The dotted line is that threshold."
        ),
        needs=("decay",),
    ),
    Step(
        claim="Why layers of a linear network line up",
        page=GRADIENT,
        query={"view": "align", "top": "2"},
        watch=(
            "Two layers started near zero. Left: how the singular vectors of one meet those of the"
            " other. Right, above: how well the top two agree; below: the layers' imbalance and"
            " their spectral gap. Click in the picture."
        ),
        question="What happens where the two lower curves cross?",
        answer=(
            "From there on alignment is certain: the imbalance hardly moves, as a step changes it"
            " only by $\\eta^2$, while the spectral gap grows with the singular values. Directions"
            " that differed would need a larger imbalance (Davis and Kahan)."
        ),
    ),
)

COURSES = {
    course.name: course
    for course in (
        Course("why", "Why depth accelerates", 40, _WHY),
        Course("demo", "A ten-minute demo", 10, _DEMO),
        Course("wait", "Why deep nets wait", 15, _WAIT),
    )
}
