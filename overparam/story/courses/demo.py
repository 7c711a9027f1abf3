"""Ten minutes in front of people: the opening picture, then steps of the long course."""

from __future__ import annotations

from overparam.choices.race import OPENING
from overparam.story.courses.step import HOME, RACE, TRANSPORT, Course, Step, Try
from overparam.story.courses.why import ELLIPSE, RACES, THEOREM, WHERE

_RIVALS = OPENING | {"methods": "1_gd~2_gd~3_gd~1_momentum~1_adagrad~1_adam"}

_STEPS = (
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
    ELLIPSE,
    RACES,
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
    WHERE,
    THEOREM,
)

DEMO = Course("demo", "A ten-minute demo", 10, _STEPS)
