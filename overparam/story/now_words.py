"""What is seen at one iteration of a run: how far depth steps there, how near to the limit of
stability, how fast its gap falls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from overparam.measure.curvature import STABILITY_LIMIT


@dataclass(frozen=True)
class Moment:
    """One method at one iteration, nan where it has diverged: N, its gap, the share by which that
    falls per iteration, the half axes of its step, and its product of step and curvature."""

    depth: float
    gap: float
    falls: float
    longest: float
    shortest: float
    product: float

    @property
    def name(self) -> str:
        return f"depth {self.depth:g}"


def now(iteration: int, moments: Sequence[Moment], one_output: bool) -> str:
    """One iteration in words, plain gradient descent first of the moments, then the deeper one if
    there is one."""
    plain, deep = moments[0], moments[-1]
    parts = [f"At iteration {iteration:,} {_step(plain, deep, one_output)}"]
    if deep is not plain and _there(deep) and _there(plain):
        parts.append(
            f"Its product is {_number(deep.product)}, {_side(deep.product)};"
            f" {plain.name}'s is {_number(plain.product)}."
        )
    parts.append(_falls(moments))
    return " ".join(filter(None, parts))


def _there(moment: Moment) -> bool:
    return moment.product == moment.product


def _step(plain: Moment, deep: Moment, one_output: bool) -> str:
    gone = list(dict.fromkeys(each.name for each in (plain, deep) if not _there(each)))
    if gone:
        return f"{' and '.join(gone)} {'has' if len(gone) == 1 else 'have'} diverged."
    if deep is plain:
        return f"the product of {plain.name} is {_number(plain.product)}, {_side(plain.product)}."
    along = _number(deep.longest / plain.longest)
    if one_output:
        across = _number(deep.shortest / plain.shortest)
        return (
            f"{deep.name} steps {across} times as far as {plain.name} across W, {along} along it."
        )
    return f"{deep.name} steps up to {along} times as far as {plain.name}."


def _side(product: float) -> str:
    return f"{'above' if product > STABILITY_LIMIT else 'below'} {STABILITY_LIMIT:g}"


def _falls(moments: Sequence[Moment]) -> str:
    """How fast the gaps change, the deeper method's first."""
    told = [
        f"{moment.name}'s gap, {_number(moment.gap)}, {'falls' if moment.falls >= 0 else 'rises'}"
        f" by {_number(100 * abs(moment.falls))} % a step"
        for moment in reversed(moments)
        if moment.falls == moment.falls
    ]
    words = "; ".join(told)
    return f"{words[0].upper()}{words[1:]}." if told else ""


def _number(value: float) -> str:
    """Two digits, or a whole number."""
    return f"{value:.2g}" if abs(value) < 99.5 else f"{value:,.0f}"
