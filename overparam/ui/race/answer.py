"""What the race shows: its sentence, and the same as lines, flags and a bracket in the chart."""

from __future__ import annotations

from overparam.choices.race import Experiment
from overparam.figures.race import method_styles
from overparam.measure.history import GAPS
from overparam.serving.course import View
from overparam.story.race_claim import LEVEL, Finding, finding
from overparam.ui.components.live_chart import Arrivals, Flag


def arrivals(experiment: Experiment, view: View) -> Arrivals:
    """The lines of the gaps, where the curves come to the one that the sentence is about, and by
    how much plain gradient descent is behind or ahead."""
    found = finding(experiment, view)
    goals = [(gap, f"g ≤ {gap:g}" if found and gap == found.goal else "") for gap in GAPS[2:]]
    if found is None:
        return Arrivals(goals)
    looks = method_styles(experiment.methods)
    flags = [
        Flag(entry.label(), max(1, count), found.goal, f"{count:,}", colour)
        for entry, count, (colour, _) in zip(experiment.methods, found.counts, looks, strict=True)
        if count is not None
    ]
    return Arrivals(goals, flags, _bracket(experiment, found))


def _bracket(experiment: Experiment, found: Finding) -> tuple[str, str, str] | None:
    factor = found.factor
    if factor is None or found.plain is None or found.leader is None:
        return None
    names = [experiment.methods[i].label() for i in (found.plain, found.leader)]
    if 1 / LEVEL < factor < LEVEL:
        return None
    words = f"{factor:.2g}× fewer" if factor > 1 else f"{1 / factor:.2g}× as many"
    return names[0], names[1], words
