"""A page's choices between three places: the table that declares them, the widgets, and the URL."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from overparam.choices.kinds import (
    Choice,
    ChoiceError,
    Flag,
    Number,
    Option,
    read_choices,
    write_choices,
)
from overparam.ui.shell.first_word import is_again

ECHO_SECONDS = 3.0  # for so long a query that was replaced may still come back from the browser


def follow_url(prefix: str) -> None:
    """What the URL says next is an order, even if it said the same a moment ago (for a callback
    that sets the URL)."""
    if memory := st.session_state.get(f"{prefix}__memory"):
        memory.replaced = []


def stands_at(prefix: str, query: Mapping[str, str], names: Collection[str]) -> bool:
    """Whether the URL says of these choices of a page what a query says, whichever defaults either
    leaves out."""
    memory, there = st.session_state.get(f"{prefix}__memory"), st.query_params.to_dict()
    if memory is None:  # the page has not been shown yet: the URL is still as it was written
        return all(there.get(name) == query.get(name) for name in names)
    named = {choice.name for choice in memory.table} & there.keys()
    here = there if named else memory.opening
    chosen, wanted = (read_choices(memory.table, each)[0] for each in (here, query))
    return all(chosen[name] == wanted[name] for name in names)


@dataclass
class _Memory:
    """What is kept of a page's choices while another page is shown: Streamlit forgets widgets then.

    opening: the query of a page that none is named for. published: the query last written; None
    before the first. values: as published. sentences: what could not be taken of the link that led
    here. replaced: queries published earlier, and when they were replaced. unsent: values set in a
    run that a click replaced before it came to their widgets.
    """

    table: tuple[Choice, ...]
    opening: Mapping[str, str] = field(default_factory=dict)
    published: dict[str, str] | None = None
    values: dict[str, Any] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)
    replaced: list[tuple[dict[str, str] | None, float]] = field(default_factory=list)
    unsent: dict[str, Any] = field(default_factory=dict)


class PageState:
    """The choices of one page: restored from the URL, kept while another page is open, published
    back to the URL.

    Use, at the top of a page:  `state = PageState("race", TABLE)`, then its widgets
    (`state.slider("p")`, ...), then `values = state.publish()`. In a callback: `state.set(p=4.0,
    depth=2)`.

    The value last chosen stands, whatever becomes of its control. Every control is told its value
    as its default, in each run: a browser whose code for the control comes late, or that shows a
    control anew, begins with it. (An assignment to session state reaches the browser once only, and
    repeated in each run it would take a slider out of a person's hand.)
    """

    def __init__(
        self, prefix: str, table: Sequence[Choice], opening: Mapping[str, str] | None = None
    ):
        """
        Args: opening: the query of what is shown where the URL names no choice of this page. A link
        that names one means what it always did: what it leaves out takes its own default.
        """
        self.prefix, self.table = prefix, {c.name: c for c in table}
        self.opening = opening or {}
        self._late = self._restore()

    def key(self, name: str) -> str:
        """Session-state key of the widget of a choice."""
        return f"{self.prefix}_{name}"

    def moved(self, name: str) -> bool:
        """In a callback: whether a choice's own control moved since the last run.

        A box or a switch that follows it still says what stood there when the browser drew it: that
        is no news then, and taking it would set the control back under the person's hand.
        """
        return bool(st.session_state[self.key(name)] != self._memory().values[name])

    def _memory(self) -> _Memory:
        memory = _Memory(tuple(self.table.values()), self.opening)
        return st.session_state.setdefault(f"{self.prefix}__memory", memory)

    def _restore(self) -> bool:
        """Take over what the URL says, if somebody set it; whether the browser's URL is behind the
        widgets."""
        memory = self._memory()
        query = {
            name: text for name, text in st.query_params.to_dict().items() if name in self.table
        }
        back = _moved_in_history()  # no choice named: then that page had its defaults
        returned = (
            memory.published is not None and not query and not back
        )  # by a link that names no choices
        # A control that moves fast sends the URL that it has, which is not yet the one published
        # last.
        memory.replaced = [
            (old, at) for old, at in memory.replaced if time.monotonic() < at + ECHO_SECONDS
        ]
        echo = any(query == old for old, _ in memory.replaced) and not back
        behind = query != memory.published
        if behind and not returned and not echo:
            # the URL was set from outside: a deep link, a lesson, the browser's back button
            values, memory.sentences = read_choices(
                tuple(self.table.values()), query or self.opening
            )
            memory.values, memory.unsent = values, dict(values)
            memory.published, memory.replaced = query, []
            behind = False
        if is_again():
            shown = {name: st.session_state.get(self.key(name)) for name in self.table}
            memory.unsent |= {name: value for name, value in shown.items() if value is not None}
        for name, value in memory.unsent.items():
            st.session_state[self.key(name)] = value
        for name, value in memory.values.items():
            st.session_state.setdefault(self.key(name), value)
        for sentence in memory.sentences:
            st.warning(sentence, icon=":material/link_off:")
        return behind

    def values(self) -> dict[str, Any]:
        """Every choice's value now, as the widgets stand."""
        return self._read()[0]

    def _read(self) -> tuple[dict[str, Any], list[str]]:
        """The values, and a sentence for each that the widgets hold and the choice refuses."""
        memory, refused = self._memory(), []
        values: dict[str, Any] = {}
        for name, choice in self.table.items():
            try:
                shown = st.session_state[self.key(name)]
                values[name] = choice.check(shown)
            except KeyError:  # not on the page now: the last value stands
                values[name] = memory.values[name]
            except ChoiceError as error:
                values[name] = memory.values[name]
                if shown is not None:  # an emptied box is on its way to another value
                    refused.append(
                        f"{str(error).split('; using')[0]}; staying at"
                        f" {choice.write(values[name])}."
                    )
        return values, refused

    def set(self, **values: Any) -> None:
        """Change choices from a callback (a preset, a click in a plot). Raises ChoiceError outside
        the bounds."""
        for name, value in values.items():
            st.session_state[self.key(name)] = self._memory().unsent[name] = self.table[name].check(
                value
            )

    def reset(self) -> None:
        """Every choice back to how the page opens (a callback)."""
        self.set(**read_choices(tuple(self.table.values()), self.opening)[0])

    def publish(self) -> dict[str, Any]:
        """Write the choices into the URL, defaults left out, other pages' parameters left alone;
        returns every choice's value."""
        memory, (values, refused) = self._memory(), self._read()
        for sentence in refused:
            st.warning(sentence, icon=":material/block:")
        query = self._written(values)
        if values != memory.values:
            memory.sentences = []  # the person has moved on from the link's mistakes
        if query != memory.published:
            memory.replaced.append((memory.published, time.monotonic()))
        memory.published, memory.values, memory.unsent = query, values, {}
        there = st.query_params.to_dict()
        new = {
            name: query.get(name, text)
            for name, text in there.items()
            if name not in self.table or name in query
        } | query
        if new != there or self._late:
            st.query_params.from_dict(new)
        return values

    def _written(self, values: Mapping[str, Any]) -> dict[str, str]:
        """The shortest query that this page reads back to these values: none for its opening; and
        all defaults, which no choice need name, name the first."""
        table = tuple(self.table.values())
        if not self.opening:
            return write_choices(table, values)
        if values == read_choices(table, self.opening)[0]:
            return {}
        first = table[0]
        return write_choices(table, values) or {first.name: first.write(values[first.name])}

    # Widgets: label, bounds and help come from the table, the value from session state.

    def standing(self, name: str) -> Any:
        """The value that the widget of a choice is made with now: give it as the widget's
        default."""
        memory, value = self._memory(), st.session_state[self.key(name)]
        memory.unsent.pop(name, None)
        return memory.values[name] if value is None else value

    def slider(self, name: str, step: float | None = None, **over: Any) -> float:
        """A slider over a Number's whole range."""
        c = self.number_of(name)
        cast = int if c.integer else float
        step = cast(step) if step is not None else (1 if c.integer else 0.01)
        args = {
            "label": c.label,
            "help": c.help or None,
            "key": self.key(name),
            "step": step,
        } | over
        return st.slider(
            min_value=cast(c.low), max_value=cast(c.high), value=cast(self.standing(name)), **args
        )

    def number(self, name: str, **over: Any) -> float:
        """A box for a Number; what lies outside the bounds is refused by the box itself."""
        c = self.number_of(name)
        cast = int if c.integer else float
        args = (
            {"label": c.label, "help": c.help or None, "key": self.key(name)}
            | ({} if c.integer else {"format": "%.6g"})
            | over
        )
        return st.number_input(
            min_value=cast(c.low), max_value=cast(c.high), value=cast(self.standing(name)), **args
        )

    def log_slider(self, name: str, low: float, high: float, **over: Any) -> float:
        """A slider over a Number in steps of 1, 2, 5 (whole numbers) or twelve a decade; a value in
        between, from the URL, is kept.

        Args: low, high: where the slider ends, within the Number's own bounds.
        """
        c = self.number_of(name)
        current = self.standing(name)
        options = sorted({*_log_places(c.integer, low, high), current})
        shown = (lambda v: f"{v:,}") if c.integer else (lambda v: f"{v:.3g}")
        args = {
            "label": c.label,
            "help": c.help or None,
            "key": self.key(name),
            "format_func": shown,
        } | over
        return st.select_slider(options=options, value=current, **args)

    def select(self, name: str, **over: Any) -> str:
        """A drop-down list of an Option."""
        c = self._option(name)
        args = {
            "label": c.label,
            "help": c.help or None,
            "key": self.key(name),
            "format_func": c.options.get,
        } | over
        options = list(c.options)
        return st.selectbox(options=options, index=options.index(self.standing(name)), **args)

    def segmented(self, name: str, **over: Any) -> str:
        """An Option as a row of buttons, one of which is always chosen."""
        c = self._option(name)
        args = {
            "label": c.label,
            "help": c.help or None,
            "key": self.key(name),
            "format_func": c.options.get,
        } | over
        return st.segmented_control(
            options=list(c.options), default=self.standing(name), required=True, **args
        )

    def toggle(self, name: str, **over: Any) -> bool:
        """A switch for a Flag."""
        c = self.table[name]
        assert isinstance(c, Flag)
        return st.toggle(
            **({"label": c.label, "key": self.key(name), "value": self.standing(name)} | over)
        )

    def number_of(self, name: str) -> Number:
        """The declaration of a Number."""
        choice = self.table[name]
        assert isinstance(choice, Number)
        return choice

    def _option(self, name: str) -> Option:
        choice = self.table[name]
        assert isinstance(choice, Option)
        return choice


@cache
def _log_places(integer: bool, low: float, high: float) -> tuple[float, ...]:
    marks = (1, 2, 5) if integer else [round(10 ** (i / 12), 3) for i in range(12)]
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    places = [float(f"{mark * 10.0**k:.4g}") for k in decades for mark in marks]
    return tuple((int if integer else float)(at) for at in places if low <= at <= high)


def _moved_in_history() -> bool:
    """Whether this run answers the browser's Back or Forward."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation
