"""What a race shows in one sentence, and the marks in its chart that say the same: made from what
was measured, of the curves as they are drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from overparam.choices.methods import Entry
from overparam.choices.race import Experiment
from overparam.engine.optimizers import OPTIMIZERS
from overparam.measure.history import GAPS
from overparam.serving.course import View

LEVEL = 1.05  # counts closer than by this factor are called about the same
SHARES = {
    0.5: "half",
    0.2: "80 %",
    0.1: "90 %",
    0.01: "99 %",
    0.001: "99.9 %",
    0.0001: "99.99 %",
}


@dataclass(frozen=True)
class Finding:
    """Who is first at the smallest gap that plain gradient descent or a deeper network reaches, or
    where none of these does, anybody.

    goal: that gap. counts: for each method the iteration at which its curve arrives there, None
    where it has not. plain: place of plain gradient descent among the methods, leader: of the
    deeper network that is first there; None where there is none.
    """

    goal: float
    counts: tuple[int | None, ...]
    plain: int | None
    leader: int | None

    @property
    def factor(self) -> float | None:
        """Iterations of plain gradient descent over the leader's; None where not both arrive."""
        plain, deep = (None if i is None else self.counts[i] for i in (self.plain, self.leader))
        return None if plain is None or deep is None else max(1, plain) / max(1, deep)


def finding(experiment: Experiment, view: View) -> Finding | None:
    """What the curves show up to the iteration of a view; None where nobody has arrived anywhere,
    or while step sizes are compared."""
    if view.tuning:
        return None
    methods, reached = experiment.methods, view.reached
    plain = next((i for i, e in enumerate(methods) if e.depth == 1 and e.optimizer == "gd"), None)
    deep = [i for i, e in enumerate(methods) if e.depth > 1 and e.optimizer == "gd"]
    ours = deep + ([] if plain is None else [plain])
    for judged in (ours, list(range(len(methods)))):  # the others only where none of these arrives
        places = np.flatnonzero((reached[judged] >= 0).any(axis=0))
        if len(places):
            break
    else:
        return None
    place = int(places[-1])
    counts = tuple(int(t) if t >= 0 else None for t in reached[:, place])
    there = [i for i in deep if counts[i] is not None]
    return Finding(
        GAPS[place], counts, plain, min(there, key=lambda i: reached[i, place], default=None)
    )


def times(factor: float) -> str:
    """A factor in words: two digits, or a whole number."""
    return f"{factor:.2g}" if factor < 99.5 else f"{factor:,.0f}"


def name(entry: Entry, others: Sequence[Entry] = ()) -> str:
    """A method within a sentence: "depth 2", "momentum", "Adam on depth 2"; its start scale only
    where others have its name."""
    short = replace(entry, scale=None)
    if any(replace(e, scale=None) == short and e != entry for e in others):
        return entry.label()
    words = short.label()
    return {
        "depth 1": "plain gradient descent",
        f"depth 1, {OPTIMIZERS[entry.optimizer].label}": OPTIMIZERS[entry.optimizer].label,
    }.get(words, words)


def claim(experiment: Experiment, view: View) -> str:
    """The race in one to four sentences of Markdown, the first of them bold where it is about
    depth."""
    if view.tuning:
        return (
            f"**First the search**: every step size, {experiment.grid} a decade, until iteration"
            f" {experiment.tuning_horizon:,}; each method's lowest gap stands out. Then the race,"
            " each method at its best."
        )
    found = finding(experiment, view)
    if found is None:
        words = f"No method has reached g ≤ {GAPS[0]:g} within {view.iteration:,} iterations"
        return " ".join(filter(None, [f"{words}.", _diverged(experiment, view)]))
    parts = [
        _head(experiment, view, found),
        _crossing(experiment, view, found),
        _rivals(experiment, view, found),
        _diverged(experiment, view),
    ]
    return " ".join(filter(None, parts))


def _head(experiment: Experiment, view: View, found: Finding) -> str:
    names = [name(e, experiment.methods) for e in experiment.methods]
    counts, so_much = found.counts, f"{SHARES[found.goal]} of the avoidable loss"
    gone = f"{_capital(so_much)} is gone"
    plain, leader, factor = found.plain, found.leader, found.factor
    how, others = _how(experiment), _others(experiment, found, names)
    if leader is None:
        ours = [
            count
            for e, count in zip(experiment.methods, counts, strict=True)
            if e.optimizer == "gd"
        ]
        if (
            plain is not None
            and counts[plain] is not None
            and any(map(_is_deep, experiment.methods))
        ):
            return (
                f"**Only plain gradient descent gets rid of {so_much}**, after"
                f" {_iterations(counts[plain])}; no deeper network has within"
                f" {view.iteration:,}{how}."
            )
        first = min((count, i) for i, count in enumerate(counts) if count is not None)[1]
        none = (
            ""
            if not ours or any(count is not None for count in ours)
            else "; gradient descent has not got there at any depth"
        )
        return f"**{gone} after {_iterations(counts[first])} by {names[first]}**{none}{how}."
    deep = f"{counts[leader]:,}"
    if plain is None:
        return f"**{gone} after {_iterations(counts[leader])} at {names[leader]}**{others}{how}."
    if factor is None:
        return (
            f"**Only depth gets rid of {so_much}**: {names[leader]} after"
            f" {_iterations(counts[leader])}{others}, plain gradient descent not within"
            f" {view.iteration:,}{how}."
        )
    if factor >= LEVEL:
        return (
            f"**{_capital(names[leader])} needs {times(factor)} times fewer iterations than plain"
            f" gradient descent** until {so_much} is gone ({deep} against"
            f" {counts[plain]:,}{others}){how}."
        )
    if factor > 1 / LEVEL:
        return (
            f"**Depth changes little here**: {so_much} is gone after"
            f" {_iterations(counts[leader])} at {names[leader]} and {counts[plain]:,} by plain"
            f" gradient descent{others}{how}."
        )
    return (
        f"**Depth only delays here**: {so_much} is gone after {_iterations(counts[plain])} by plain"
        f" gradient descent, and after {times(1 / factor)} times as many at {names[leader]}"
        f" ({deep}{others}){how}."
    )


def _is_deep(entry: Entry) -> bool:
    return entry.depth > 1 and entry.optimizer == "gd"


def _iterations(count: int | None) -> str:
    return f"{count:,} iteration{'' if count == 1 else 's'}"


def _how(experiment: Experiment) -> str:
    """Which step sizes the curves have."""
    if experiment.steps == "shared":
        return f", all at step size {experiment.step:.3g}"
    if experiment.steps == "each":
        return ", at the step sizes given"
    if experiment.aim == "end":
        return ", each at the step size of lowest final loss"
    return f", each at the step size that is first to g ≤ {experiment.aim}"


def _others(experiment: Experiment, found: Finding, names: Sequence[str]) -> str:
    """The depths behind the quickest, at the same gap."""
    rest = [i for i, e in enumerate(experiment.methods) if _is_deep(e) and i != found.leader]
    counts = [found.counts[i] for i in rest]
    return "".join(
        f"; {names[i]}: {'not yet' if count is None else f'{count:,}'}"
        for i, count in zip(rest, counts, strict=True)
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _crossing(experiment: Experiment, view: View, found: Finding) -> str:
    """Where the order was the other way round at a larger gap, the smallest such gap."""
    if found.plain is None or found.leader is None:
        return ""
    plain, deep = (view.reached[i, : GAPS.index(found.goal)] for i in (found.plain, found.leader))
    both = (plain >= 0) & (deep >= 0)
    factor = math.inf if found.factor is None else found.factor
    wins = factor >= LEVEL
    if 1 / LEVEL < factor < LEVEL:
        return ""
    turned = np.flatnonzero(both & ((plain < deep) if wins else (deep < plain)))
    if not len(turned):
        return ""
    place = turned[-1]
    who = "It starts more slowly: to" if wins else "It was ahead at first: to"
    return f"{who} g ≤ {GAPS[place]:g} it needs {deep[place]:,} iterations, not {plain[place]:,}."


def _rivals(experiment: Experiment, view: View, found: Finding) -> str:
    """The other optimizers at the same gap, against the quickest of gradient descent."""
    ours = [found.counts[i] for i in (found.plain, found.leader) if i is not None]
    best = min((count for count in ours if count is not None), default=None)
    if best is None:
        return ""
    groups: dict[str, list[str]] = {"fewer": [], "level": [], "more": [], "not": []}
    for entry, count in zip(experiment.methods, found.counts, strict=True):
        if entry.optimizer == "gd":
            continue
        who = name(entry, experiment.methods)
        if count is None:
            groups["not"].append(who)
        else:
            kind = "fewer" if count < best else "more" if count > best else "level"
            groups[kind].append(f"{who} ({count:,})")
    words = [
        f"{_listed(groups[kind])} need{'s' if len(groups[kind]) == 1 else ''} {how}"
        for kind, how in (("fewer", "fewer still"), ("level", "as many"), ("more", "more"))
        if groups[kind]
    ]
    if groups["not"]:
        words.append(
            f"{_listed(groups['not'])} {'has' if len(groups['not']) == 1 else 'have'} not got there"
        )
    return f"{_capital('; '.join(words))}." if words else ""


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _diverged(experiment: Experiment, view: View) -> str:
    gone = [
        f"{name(e, experiment.methods)} at iteration {at:,}"
        for e, at in zip(experiment.methods, view.diverged_at, strict=True)
        if at >= 0
    ]
    return f"Diverged: {', '.join(gone)}." if gone else ""
