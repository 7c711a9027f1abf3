"""Lessons as data: courses of steps, each a page with its choices, a claim, something to watch, a
question and its answer.

A step is named "why-3" (course, number) in the URL; `?lesson=why-3` opens its page with every
choice set.
"""

from __future__ import annotations

from overparam.choices.kinds import ChoiceError
from overparam.story.courses.demo import DEMO
from overparam.story.courses.step import Course
from overparam.story.courses.wait import WAIT
from overparam.story.courses.why import WHY
from overparam.words import show

COURSES = {course.name: course for course in (WHY, DEMO, WAIT)}


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
