"""Which loss of the residual is minimised: one record a loss, with everything that the rest of the
house asks of it.

To add a loss: write it in `engine.losses` and `plain`, and its record here; the app, links, runs
and the script to take home follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from overparam import plain
from overparam.choices.kinds import Choice, Number, Variant
from overparam.engine.losses import P_HIGH, P_LOW, Loss, huber, log_cosh, lp


@dataclass(frozen=True)
class LossRecord:
    """A loss that can be chosen.

    label: its name in a list. short(choices): its name in a sentence. build(choices): the engine's
    loss. plain, call(choices): the function of `plain` that makes it, and its arguments as a script
    writes them. own: the choices that only it has.
    """

    label: str
    short: Callable[[Any], str]
    build: Callable[[Any], Loss]
    plain: Callable[..., Any]
    call: Callable[[Any], str]
    own: tuple[Choice, ...] = ()


LOSSES: dict[str, LossRecord] = {
    "lp": LossRecord(
        label="|r|ᵖ / p",
        short=lambda choices: f"p = {choices.p:g}",
        build=lambda choices: lp(choices.p),
        plain=plain.power,
        call=lambda choices: f"{choices.p!r}",
        own=(
            Number(
                "p",
                "Loss exponent p",
                4.0,
                P_LOW,
                P_HIGH,
                help="The loss is (1/p) |W x − y|^p, averaged over the samples.",
            ),
        ),
    ),
    "huber": LossRecord(
        label="Huber: straight beyond δ",
        short=lambda choices: f"Huber, δ = {choices.delta:g}",
        build=lambda choices: huber(choices.delta),
        plain=plain.huber,
        call=lambda choices: f"{choices.delta!r}",
        own=(
            Number(
                "delta",
                "Huber's δ",
                1.0,
                0.01,
                100,
                help="r²/2 for residuals up to δ, then δ (|r| − δ/2).",
            ),
        ),
    ),
    "log-cosh": LossRecord(
        label="log cosh r",
        short=lambda choices: "log-cosh",
        build=lambda choices: log_cosh(),
        plain=plain.log_cosh,
        call=lambda choices: "",
    ),
}

LOSS = Variant(
    "loss",
    "Loss",
    "lp",
    {name: record.label for name, record in LOSSES.items()},
    "Of each residual r = W x − y, averaged over the samples. The paper's theory of speed is about"
    " l_p; the others grow like |r| far away.",
    {name: record.own for name, record in LOSSES.items()},
)
