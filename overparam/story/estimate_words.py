"""What an estimate says, in words: the verdict, the estimate itself, and what must not be read into
it."""

from __future__ import annotations

import numpy as np

from overparam.measure.estimate import FAMILIES, Answer, Estimate, Verdict
from overparam.measure.updates import DEEP, WAYS, Way
from overparam.theory.known import momentum_limit

TITLES = {
    "nothing": "No force",
    "found": "Found",
    "other": "A gradient, but not of this family",
    "not": "Not a gradient",
    "past": "It depends on the past",
    "undecided": "Undecided",
}
QUESTION = {
    "update": (
        "**Asked:** an update is $-\\eta u$. Is $f=u-G$, at points that runs visit, the gradient of"
        " a regularizer $R$?"
    ),
    "endpoint": (
        "**Asked:** runs that differ in their targets end at $W_T$. Is $f=-G(W_T)$ the gradient of"
        " a regularizer $R$, as if every end minimised $L+R$?"
    ),
    "depth": (
        "**Asked:** an update is $-\\eta u$. Is $f=u$, at points that runs visit, $c\\,G$ (a mere"
        " change of the time scale) plus the gradient of a regularizer $R$?"
    ),
}
# What is known of each way of training, and what it does not say.
KNOWN = {
    "decay": "Known: $R=\\frac\\lambda2\\|W\\|^2$, exactly.",
    "stop": (
        "Known at $p=2$, started at 0: the ends obey $-G=Q_tW$ with one symmetric matrix for all"
        " targets ([Ali et al. 2019](https://arxiv.org/abs/1810.10082)). *Early stopping is an ℓ2"
        " penalty* holds as this matrix; $1/(\\eta t)$ is the ceiling of its spectrum, and a single"
        " ridge leaves much of the force. Every update, asked by itself, is $-\\eta G$: no"
        " regularizer at all."
    ),
    "dropout": (
        "Known: at $p=2$ a diagonal quadratic, the same ridge $q/(1-q)$ for all coordinates only"
        " where inputs are standardised; at $p=4$ a function that is not quadratic."
    ),
    "noise": (
        "Known: nothing at $p=2$; at $p=4$ $R=3\\sigma^2L_2$, with the least-squares loss $L_2$."
    ),
    "batch": "Known: drawn with replacement, a minibatch's gradient is $G$ on average: no force.",
    "momentum": (
        "Against plain steps of $\\eta/(1-\\mu)$. Known to leading order, while overdamped: "
        "$R=\\frac{\\mu\\eta}{2(1-\\mu)^2}\\|G\\|^2$; at $p=2$ exactly a quadratic about the "
        "solution. Beyond its limit the "
        "update is no function of $W$."
    ),
    "step": (
        "Against the gradient flow over the time $\\eta$. Known to leading order:"
        " $R=\\frac\\eta4\\|G\\|^2$; at $p=2$ exactly a quadratic about the solution."
    ),
    "rule": (
        "A family that fits badly proves nothing; the loops of *Two roads* do, at any number of"
        " weights."
    ),
    "network": (
        "A family that fits badly proves nothing; the loops of *Two roads* do, at any number of"
        " weights."
    ),
}


def verdict_words(verdict: Verdict, found: Estimate, family: str, way: Way, steep: float) -> str:
    """The verdict in one or two sentences of Markdown.

    Args:
        verdict: of `measure.estimate.judge`.
        found, family, way: as there.
        steep: eta s_max of the runs.
    """
    answer, name = found.answers[family], FAMILIES[family]
    here, there = share_words(answer.here.value), share_words(answer.there.value)
    if verdict.kind == "nothing":
        words = (
            "every update is $-\\eta G$ to rounding."
            if found.empty
            else f"the draws agree no more than noise does (probability {found.chance:.2g})."
        )
    elif verdict.kind == "found":
        words = (
            f"an $R$ of the family *{name}* leaves {here} of the force on these runs and {there} on"
            " others"
        )
        words += ", no more than noise leaves." if way.noisy else ", which is rounding."
        if (
            way.kind in DEEP
            and found.scale is not None
            and not np.any(np.abs(answer.centre) > 1e-9)
        ):
            words = f"$f = c\\,G$ with $c$ = {found.scale:.6g}: no regularizer is needed."
    elif verdict.kind == "other":
        words = (
            f"the known $R$ explains the force; *{name}* leaves {here} of it on these runs, "
            f"{there} on others."
        )
    elif verdict.kind == "not":
        words = (
            "around closed loops of two real runs the work is not 0, clear of its error: no $R$ "
            "gives these updates. "
            "What keeps them from being a gradient lies, at each $W$, in one plane."
        )
    elif verdict.kind == "past":
        words = (
            f"$\\eta s_{{\\max}}$ = {steep:.3g} is beyond $(1-\\sqrt\\mu)^2$ = "
            f"{momentum_limit(way.strength):.3g}, so an update "
            "depends on how the run came to $W$. No function of $W$ gives it, a regularizer or not."
        )
    else:
        words = {
            "one draw": "one draw of a noisy force has no error bar. Raise the repeats S.",
            "noise": (
                f"*{name}* leaves no more than noise does, but noise alone could leave "
                f"{share_words(max(answer.here.band, answer.there.band))}. Raise the repeats S."
            ),
            "few runs": (
                f"*{name}* leaves {here} of the force on these runs and {there} on others: it is"
                " free enough to fit runs that it has seen, whatever they did. Raise the runs M."
            ),
            "family": (
                f"*{name}* leaves {here} of the force on these runs and {there} on others. A large"
                " share left is no proof that there is no $R$, a small one is none that there is."
            ),
            "loops": "no closed loop's work is clear of its error.",
        }[verdict.reason]
    return f"**{TITLES[verdict.kind]}:** {words}"


def estimate_words(answer: Answer, family: str, repeats: int) -> str:
    """The parameters in words: the one there is with its error and the truth, or how many are
    negative."""
    if answer.centre.size == 0:
        return ""
    if answer.centre.size == 1:
        centre, half = float(answer.centre[0]), float(answer.half[0])
        words = f"$\\theta$ = **{centre:.4g}**"
        if half == 0 and answer.exact is not None:
            words = f"$\\theta$ = **{centre:.10f}**"
        if half > 0:
            words += (
                f" ± {half:.2g} (95 %, {repeats} draws)"
                if np.isfinite(half)
                else " (one draw: no error bar)"
            )
        if answer.exact is not None:
            exact = float(answer.exact[0])
            words += f"; exact: {exact:.10g}"
            if half == 0 and exact:
                words += f", relative error {share_words(abs(centre / exact - 1))}"
        return words.replace("-", "−") + "."
    negative = int(answer.negative.sum())
    what = "eigenvalues" if family in ("symmetric", "quadratic") else "parameters"
    words = f"{answer.centre.size} {what}"
    if negative and family != "radial":
        words += f", **{negative} of them negative** (red): as it stands, this is no penalty"
    return words + "."


def share_words(share: float) -> str:
    """A share in words: per cent, a power of ten where it is tiny, a multiple where it is more than
    all."""
    if share >= 2:
        return f"{share:.3g} times all"
    if abs(share) >= 1e-5:
        return f"{100 * share:.3g}\u00a0%".replace("-", "−")
    return f"{share:.0e}".replace("e-0", "e−").replace("e-", "e−") if abs(share) > 1e-300 else "0"


def way_words(way: Way) -> str:
    """What happened, in a few words."""
    return WAYS[way.kind]
