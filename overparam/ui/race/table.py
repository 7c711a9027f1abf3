"""The numbers behind the curves, on demand."""

from __future__ import annotations

import html
import math

from overparam.choices.race import Experiment
from overparam.figures.race import method_styles
from overparam.measure.history import GAPS
from overparam.serving.course import View
from overparam.story.race_claim import times
from overparam.story.race_words import Line, table

STYLE = """<style>
.race-table { overflow-x: auto; }
.race-table table {
  border-collapse: collapse; font-size: 0.8rem; width: 100%; font-variant-numeric: tabular-nums;
}
.race-table th, .race-table td {
  padding: 0.1rem 0.55rem; text-align: right; white-space: nowrap; border: 0;
}
.race-table thead th { font-weight: 600; border-bottom: 1px solid rgba(127, 135, 148, 0.5); }
.race-table th:first-child, .race-table td:last-child, .race-table th:last-child {
  text-align: left; font-weight: 400;
}
.race-table td:last-child { white-space: normal; min-width: 11rem; }
</style>"""
BOTH_COUNTS = (
    "<small>Upright: the curve shown. <i>Italic</i>: at the step size of the grid that is best for"
    " that gap.</small>"
)


def table_html(experiment: Experiment, view: View) -> str:
    """A line a method: its step size, iterations to each gap, speed-up and verdict; every name is
    escaped."""
    looks = method_styles(experiment.methods)
    head = "".join(f"<th>g ≤ {gap:g}</th>" for gap in GAPS)
    rows = []
    for line, (colour, _) in zip(table(experiment, view), looks, strict=True):
        cells = "".join(
            f"<td>{_count(*pair)}</td>" for pair in zip(line.iterations, line.fewest, strict=True)
        )
        rows.append(
            f'<tr><th scope="row"><span style="color:{colour}">●</span>'
            f" {html.escape(line.name)}</th><td>{line.step:.3g}</td>"
            f"{cells}<td>{_speed(line)}</td><td>{html.escape(line.verdict)}</td></tr>"
        )
    return (
        '<div class="race-table"><table><thead><tr><th>method</th><th>step size</th>'
        f"{head}<th>speed-up</th><th>verdict</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f"{BOTH_COUNTS if '<i>' in ''.join(rows) else ''}</div>"
    )


def _count(shown: int | None, fewest: int | None) -> str:
    """Iterations of the curve shown, and below them those at the gap's own best step size, where
    these are others."""
    words = "–" if shown is None else f"{shown:,}"
    return words if fewest == shown else f"{words}<br><i>{fewest:,}</i>"


def _speed(line: Line) -> str:
    words = speed_words(line.speed_up, line.speed_up_gap, line.name)
    own = speed_words(line.own_speed_up, line.own_speed_up_gap, line.name)
    return words if own == words else f"{words}<br><i>{own}</i>"


def speed_words(ratio: float | None, gap: float | None, name: str) -> str:
    """A speed-up with its gap, as HTML; "only" where plain gradient descent has not come there."""
    if ratio is None:
        return "–"
    at = f"<small>at {gap:g}</small>"
    if math.isinf(ratio):
        return f"only {html.escape(name)} {at}"
    return f"{times(ratio)}× {at}" if ratio else f"not there {at}"
