"""The list of methods that race, and the changes of their step sizes, as values and as texts of a
link."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from overparam.choices.kinds import ChoiceError, Number
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.simulation import KINDS, STARTS
from overparam.words import show

MOST_METHODS = 12
DEPTH = Number("depth", "Depth", 2, 1, 16)
STEP = Number("step", "Step size", 0.01, 0, 1e6, low_open=True)
SCALE = Number("scale", "Start scale", 0.01, 0, 10, low_open=True)
WIDTH = Number("width", "Hidden width", 1, 1, 256, integer=True)


@dataclass(frozen=True)
class Entry:
    """One line of the list of methods; None leaves a choice to the experiment."""

    depth: float = 1
    optimizer: str = "gd"
    kind: str = "network"
    step: float | None = None
    scale: float | None = None
    start: str | None = None
    width: int | None = None

    def label(self) -> str:
        """A short name for legends and tables."""
        depth = f"depth {self.depth:g}"
        words = [depth, OPTIMIZERS[self.optimizer].label] if self.optimizer != "gd" else [depth]
        if self.kind != "network":
            words.append(KINDS[self.kind])
        if self.width is not None:
            words.append(f"width {self.width}")
        if self.start is not None:
            words.append(STARTS[self.start])
        if self.scale is not None:
            words.append(f"start {self.scale:g}")
        return ", ".join(words)


# An entry as URL text: 3_gd, 2.5_gd_rule, 2_adam_s0.01_w0.04_h100_inear-zero; entries are joined by
# ~.
_TAGS = {"s": ("step", STEP), "w": ("scale", SCALE), "h": ("width", WIDTH)}


def check_entry(entry: Entry) -> Entry:
    """The entry, if it is possible. Raises ChoiceError, in one sentence."""
    depth = replace_default(DEPTH, entry.depth)
    if entry.kind == "network" and depth != int(depth):
        raise ChoiceError(
            f"A network's depth must be a whole number, not {depth:g}; choose the end-to-end rule"
            " for real depth."
        )
    for name, choice in _TAGS.values():
        if getattr(entry, name) is not None:
            replace_default(choice, getattr(entry, name))
    for name, known in (("optimizer", OPTIMIZERS), ("kind", KINDS)):
        if getattr(entry, name) not in known:
            raise ChoiceError(
                f"A method's {name} must be one of {', '.join(known)}, not"
                f" {show(getattr(entry, name))}."
            )
    if entry.start is not None and entry.start not in STARTS:
        raise ChoiceError(
            f"A method's start must be one of {', '.join(STARTS)}, not {show(entry.start)}."
        )
    return replace(entry, depth=int(depth) if depth == int(depth) else depth)


def replace_default(choice: Number, value: float) -> float:
    """Check a number that has no default to fall back on: the message stops before naming one."""
    try:
        return choice.check(value)
    except ChoiceError as error:
        raise ChoiceError(str(error).split("; using")[0] + ".") from None


def parse_methods(text: str) -> tuple[Entry, ...]:
    """URL text -> list of methods. Raises ChoiceError."""
    try:
        entries = tuple(_parse_entry(word) for word in text.split("~"))
    except ChoiceError as error:
        raise ChoiceError(
            f"The list of methods in the link could not be read: {error} Using the default list"
            " instead."
        ) from None
    if len(entries) > MOST_METHODS:
        raise ChoiceError(
            f"At most {MOST_METHODS} methods can race, not {len(entries)}; using the default list"
            " instead."
        )
    return entries


def _parse_entry(word: str) -> Entry:
    depth, *rest = word.split("_")
    values: dict[str, Any] = {"depth": _number(depth)}
    if rest and rest[0] in OPTIMIZERS:
        values["optimizer"] = rest.pop(0)
    if rest and rest[0] in KINDS:
        values["kind"] = rest.pop(0)
    for tag in rest:
        if tag[:1] == "i":
            values["start"] = tag[1:]
        elif tag[:1] in _TAGS and _is_number(tag[1:]):
            name, choice = _TAGS[tag[0]]
            values[name] = replace_default(choice, _number(tag[1:]))
        else:
            raise ChoiceError(
                f"{show(tag)} is no optimizer, kind, step size (s), start scale (w), width (h) or"
                " start (i)."
            )
    return check_entry(Entry(**values))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str) -> float:
    if not _is_number(text):
        raise ChoiceError(f"{show(text)} is not a number.")
    return float(text)


def format_methods(entries: tuple[Entry, ...]) -> str:
    """List of methods -> URL text."""
    words = []
    for e in entries:
        parts = [f"{e.depth!r}", e.optimizer] + ([e.kind] if e.kind != "network" else [])
        parts += [
            f"{tag}{choice.write(getattr(e, name))}"
            for tag, (name, choice) in _TAGS.items()
            if getattr(e, name) is not None
        ]
        words.append("_".join(parts + ([f"i{e.start}"] if e.start else [])))
    return "~".join(words)


MOST_CHANGES = 20
CHANGE_AT = Number("at", "The iteration of a change", 1, 1, 1_000_000, integer=True)
CHANGE_BY = Number("by", "The factor of a change", 1, 0, 1000, low_open=True)


def parse_changes(text: str) -> tuple[tuple[int, float], ...]:
    """URL text -> changes of all step sizes, (iteration, factor) in order of time: 500x0.5~2000x2.
    Raises ChoiceError."""
    changes: dict[int, float] = {}
    try:
        for word in text.split("~") if text else []:
            moment, _, by = word.partition("x")
            at = int(replace_default(CHANGE_AT, _number(moment)))
            changes[at] = replace_default(CHANGE_BY, changes.get(at, 1.0) * _number(by))
    except ChoiceError as error:
        raise ChoiceError(
            f"The step-size changes in the link could not be read: {error} Making none instead."
        ) from None
    if len(changes) > MOST_CHANGES:
        raise ChoiceError(
            f"At most {MOST_CHANGES} step-size changes are possible, not {len(changes)}; making"
            " none instead."
        )
    return tuple(sorted(changes.items()))


def format_changes(changes: tuple[tuple[int, float], ...]) -> str:
    """Changes of the step sizes -> URL text."""
    return "~".join(f"{at}x{CHANGE_BY.write(by)}" for at, by in changes)
