"""What a course of lessons is made of, and the pages that its steps open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
