"""What an atlas is of: a map of where depth helps, with more cells than the page computes while one
waits.

Its link is the map page's own, with wider bounds and two words more: `columns` and `rows`, the
number of values along each axis, from the same first to the same last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np

from overparam.choices.kinds import Choice, ChoiceError, Number, read_choices, write_choices
from overparam.choices.map import AXES, PLAN_CHOICES, Plan, ends
from overparam.words import show

MOST_VALUES, MOST_CELLS = 1000, 250_000
_WIDER = {"horizon": 1_000_000, "grid": 96}  # than on the page, which does not compute it

ATLAS_CHOICES: tuple[Choice, ...] = (
    *(
        replace(choice, high=_WIDER[choice.name])
        if isinstance(choice, Number) and choice.name in _WIDER
        else choice
        for choice in PLAN_CHOICES
    ),
    *(
        Number(name, label, 0, 0, MOST_VALUES, integer=True, help="0: as many as the detail says.")
        for name, label in (("columns", "Columns"), ("rows", "Rows"))
    ),
)
_ELSEWHERE = {"cell", "lesson", "projector", "atlas"}  # in links of the page, and no matter here


@dataclass(frozen=True)
class AtlasPlan(Plan):
    """A map of so many columns and rows; 0: as many as its detail says."""

    columns: int
    rows: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> AtlasPlan:
        """From checked values, as `Plan.of`.

        Raises: ChoiceError where the choices do not fit together, or make too many cells.
        """
        plan = super().of(values)
        assert isinstance(plan, AtlasPlan)
        for axis, count in (("x", plan.columns), ("y", plan.rows)):
            name, few = AXES[getattr(plan, axis)], len(_whole_depths())
            if count == 1:
                raise ChoiceError(f"An axis needs two values or more: ask for more of the {name}.")
            if getattr(plan, axis) == "depth" and plan.kind == "network" and count > few:
                raise ChoiceError(
                    f"A network's depth is a whole number, from 2 to 10: ask for {few} values of it"
                    " or fewer, or for the end-to-end rule."
                )
        cells = len(plan.values("x")) * len(plan.values("y"))
        if cells > MOST_CELLS:
            raise ChoiceError(
                f"This atlas would have {cells:,} cells, and {MOST_CELLS:,} is the most: ask for"
                " fewer columns or rows."
            )
        return plan

    @classmethod
    def of_link(cls, link: str) -> AtlasPlan:
        """From a link of the map's page: whole, or what stands behind its question mark.

        Raises: ChoiceError, in one sentence for each thing that cannot be taken.
        """
        query = urlsplit(link).query if "?" in link or "//" in link else link
        pairs = dict(parse_qsl(query, keep_blank_values=True))
        known = {choice.name for choice in ATLAS_CHOICES} | _ELSEWHERE
        if unknown := sorted(set(pairs) - known):
            raise ChoiceError(
                f"A map has no choice called {', '.join(map(show, unknown))}: copy a link from the"
                " page Where depth helps."
            )
        values, sentences = read_choices(ATLAS_CHOICES, pairs)
        if sentences:  # nothing is replaced by a default here: hours may hang on it
            raise ChoiceError(" ".join(f"{text.split('; using')[0]}." for text in sentences))
        return cls.of(values)

    @property
    def link(self) -> str:
        """The shortest text that reads back as this plan, as it stands behind a question mark."""
        chosen = {choice.name: getattr(self, choice.name) for choice in ATLAS_CHOICES}
        return "&".join(f"{k}={v}" for k, v in write_choices(ATLAS_CHOICES, chosen).items())

    def values(self, axis: str) -> np.ndarray:
        """The values along an axis, "x" or "y"."""
        count, quantity = (self.columns if axis == "x" else self.rows), getattr(self, axis)
        if not count:
            return super().values(axis)
        if quantity == "depth" and self.kind == "network":
            return _whole_depths()[:count]
        spaced = np.linspace if quantity == "p" else np.geomspace
        return spaced(*ends(quantity, self.problem), count)


def _whole_depths() -> np.ndarray:
    return np.arange(2.0, 11.0)
