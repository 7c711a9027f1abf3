"""What a person can choose on a page: one table of names, defaults and bounds, shared by widgets,
URL and error messages.

A page declares a tuple of choices. `read_choices` turns URL text into values and says in one
sentence what was wrong with each value it could not take; `write_choices` turns values back into
the shortest URL text. Values from outside are checked here only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from overparam.words import show


class ChoiceError(ValueError):
    """A value from outside that cannot be taken; the message is one sentence for the person who
    sent it."""


@dataclass(frozen=True)
class Number:
    """A number within [low, high]; `low_open` excludes `low` itself (a step size is > 0)."""

    name: str
    label: str
    default: float
    low: float
    high: float
    integer: bool = False
    low_open: bool = False
    help: str = ""

    def check(self, value: Any) -> float:
        """The value as int or float. Raises ChoiceError, naming the choice and its range."""
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not math.isfinite(value)
        ):
            raise ChoiceError(
                f"{self.label} must be a number {self.range}, not {show(value)}; using"
                f" {self.default:g} instead."
            )
        below = value <= self.low if self.low_open else value < self.low
        if below or value > self.high:
            raise ChoiceError(
                f"{self.label} must be {self.range}, not {value:g}; using {self.default:g} instead."
            )
        if self.integer and value != int(value):
            raise ChoiceError(
                f"{self.label} must be a whole number {self.range}, not {value:g}; using"
                f" {self.default:g} instead."
            )
        return int(value) if self.integer else float(value)

    @property
    def range(self) -> str:
        return (
            f"above {self.low:g} and at most {self.high:g}"
            if self.low_open
            else f"from {self.low:g} to {self.high:g}"
        )

    def read(self, text: str) -> float:
        """URL text -> value. Raises ChoiceError."""
        value: float | str = text
        with suppress(ValueError):
            value = float(text)
        return self.check(value)

    def write(self, value: float) -> str:
        """Value -> the shortest URL text that reads back to the same value."""
        return (
            str(int(value))
            if float(value).is_integer() and abs(value) < 1e15
            else repr(float(value))
        )


@dataclass(frozen=True)
class Option:
    """One of a few named options: `options` maps the URL's word to the label shown."""

    name: str
    label: str
    default: str
    options: Mapping[str, str]
    help: str = ""

    def check(self, value: Any) -> str:
        """The value, if it is one of the options. Raises ChoiceError, listing them."""
        if value not in self.options:
            raise ChoiceError(
                f"{self.label} must be one of {', '.join(self.options)}, not {show(value)}; using"
                f" {self.default} instead."
            )
        return value

    read = check

    def write(self, value: str) -> str:
        return value

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True)
class Variant(Option):
    """One of a few alternatives, some of which bring choices of their own, which mean nothing
    elsewhere.

    own: for each option the choices that belong to it; a choice may belong to several.
    """

    own: Mapping[str, tuple[Choice, ...]] = field(default_factory=dict)

    __hash__ = Option.__hash__

    def choices(self) -> tuple[Choice, ...]:
        """Every choice that belongs to some option, each once."""
        return tuple(dict.fromkeys(choice for own in self.own.values() for choice in own))

    def idle(self, value: str) -> tuple[Choice, ...]:
        """The choices that mean nothing while this option is taken."""
        return tuple(choice for choice in self.choices() if choice not in self.own.get(value, ()))


@dataclass(frozen=True)
class Flag:
    """Yes or no; 1 or 0 in the URL."""

    name: str
    label: str
    default: bool = False

    def check(self, value: Any) -> bool:
        """The value, if it is True or False. Raises ChoiceError."""
        if not isinstance(value, bool):
            raise ChoiceError(
                f"{self.label} must be 1 or 0, not {show(value)}; using {int(self.default)}"
                " instead."
            )
        return value

    def read(self, text: str) -> bool:
        """URL text -> value. Raises ChoiceError."""
        return self.check({"1": True, "0": False}.get(text, text))

    def write(self, value: bool) -> str:
        return str(int(value))


@dataclass(frozen=True)
class Structured:
    """A choice with a text form of its own (a list of methods, say).

    `parse(text)` gives the value or raises ChoiceError; `format(value)` gives the text back.
    """

    name: str
    label: str
    default: Any
    parse: Callable[[str], Any]
    format: Callable[[Any], str]

    def check(self, value: Any) -> Any:
        """The value, if its own text form reads back. Raises ChoiceError."""
        return self.parse(self.format(value))

    def read(self, text: str) -> Any:
        return self.parse(text)

    def write(self, value: Any) -> str:
        return self.format(value)


Choice = Number | Option | Flag | Structured


def read_choices(
    table: Sequence[Choice], query: Mapping[str, str]
) -> tuple[dict[str, Any], list[str]]:
    """Values for every choice of the table, and one sentence for each piece of the query that could
    not be taken.

    Names that are not in the table are left alone: they belong to the frame or to another page.
    """
    values, sentences = {}, []
    for choice in table:
        values[choice.name] = choice.default
        if choice.name in query:
            try:
                values[choice.name] = choice.read(query[choice.name])
            except ChoiceError as error:
                sentences.append(str(error))
    return values, sentences


def write_choices(table: Sequence[Choice], values: Mapping[str, Any]) -> dict[str, str]:
    """The shortest query that `read_choices` turns back into these values: defaults are left
    out."""
    return {c.name: c.write(values[c.name]) for c in table if values[c.name] != c.default}
