"""Why networks of many small layers wait before they learn, and what ends the wait."""

from __future__ import annotations

from overparam.story.courses.step import GRADIENT, PLATEAUS, Course, Step, Try

_SMALL = {"N": "5", "seeds": "2"}
_STEPS = (
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

WAIT = Course("wait", "Why deep nets wait", 15, _STEPS)
