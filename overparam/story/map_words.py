"""The map of where depth helps in words: what a cell says, what became of the whole, what a cell's
runs show."""

from __future__ import annotations

import numpy as np

from overparam.choices.map import Cell, Plan
from overparam.figures.atlas import Side
from overparam.figures.map import NEITHER, ONLY_DEEP, ONLY_PLAIN, Axis, factor
from overparam.measure.trajectory import LUCKY
from overparam.serving.maps.atlas_file import Atlas
from overparam.serving.maps.block import NEVER, UNKNOWN, UNTRIED
from overparam.serving.maps.cell_runs import CellRuns
from overparam.serving.maps.medians import Spread
from overparam.serving.maps.sweep import View


def axis_of(plan: Plan, name: str) -> Axis:
    """An axis of the map as the figure wants it."""
    return Axis(plan.name(name), [number(value) for value in plan.values(name)])


def number(value: float) -> str:
    """A value along an axis, short enough to stand below its column: 4,640, 21.5, 0.022, 2.2e-4."""
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    if value >= 1:
        return f"{value:.3g}"
    return (
        f"{value:.2g}"
        if value > 0.0099
        else f"{value:.1e}".replace(".0e", "e").replace("e-0", "e-")
    )


def censored(view: View) -> list[list[str | None]]:
    """For each cell which of the two did not arrive; None where both did, or where it is not known
    yet."""
    marks = np.full(view.deep.shape, None, object)
    for kind, cells in atlas_kinds(view).items():
        marks[cells] = kind
    return marks.tolist()


def atlas_kinds(view: View) -> dict[str, np.ndarray]:
    """The cells in which not both arrived, by who did, as far as that is known."""
    known = (view.deep != UNKNOWN) & (view.plain != UNKNOWN)
    deep, plain = view.deep == NEVER, view.plain == NEVER
    return {
        ONLY_DEEP: known & plain & ~deep,
        ONLY_PLAIN: known & deep & ~plain,
        NEITHER: known & deep & plain,
    }


def atlas_side(plan: Plan, name: str) -> Side:
    """A side of an atlas as its figure wants it."""
    quantity = getattr(plan, name)
    even = quantity == "p" or (quantity == "depth" and plan.kind == "network")
    return Side(plan.name(name), plan.values(name), log=not even)


def atlas_words(atlas: Atlas) -> str:
    """What an atlas is of besides its axes, and what computed it."""
    plan = atlas.plan
    rows, columns = atlas.view.deep.shape
    fixed = {"depth": f"depth {plan.depth:g}", "p": f"p = {plan.p:g}"}
    fixed["shape"] = (
        f"ratio {plan.ratio:g}" if plan.problem == "two" else f"condition {plan.condition:g}"
    )
    fixed["scale"] = f"start scale {plan.scale:g}"
    told = [words for quantity, words in fixed.items() if quantity not in (plan.x, plan.y)]
    if "step" not in (plan.x, plan.y):
        told.append(f"{plan.grid} step sizes a decade")
    return (
        f"An atlas, computed beforehand: {columns} × {rows} cells, "
        f"{'two coordinates' if plan.problem == 'two' else 'synthetic regression'}, "
        f"{', '.join(told)}, given up after {plan.horizon:,} iterations"
        f" (torch {atlas.versions.get('torch', 'unknown')}). Zoom with the wheel or the buttons,"
        " drag to move."
    )


def cell_name(plan: Plan, cell: Cell) -> str:
    """What sets a cell apart: its place along both axes."""
    return ", ".join(
        f"{plan.name(axis)} = {number(getattr(cell, getattr(plan, axis)))}" for axis in ("x", "y")
    )


def hover_words(plan: Plan, view: View) -> list[list[str]]:
    """What hovering over each cell says; "" for a cell of which nothing is known yet."""
    rows, columns = view.deep.shape
    return [[cell_hover(plan, view, r, c) for c in range(columns)] for r in range(rows)]


def spread_hover(plan: Plan, spread: Spread) -> list[list[str]]:
    """The same for a map over several starts: the start shown, and what all of them say."""
    words = hover_words(plan, spread.view)
    for (r, c), known in np.ndenumerate(spread.known):
        if known > 1:
            words[r][c] += f"<br>{spread_words(plan, spread, r, c)}"
    return words


def spread_words(plan: Plan, spread: Spread, r: int, c: int) -> str:
    """What the starts of a cell say together; "" for one start."""
    known = int(spread.known[r, c])
    if known < 2:
        return ""
    counts = {
        "faster": spread.faster,
        "slower": spread.slower,
        "neither arrived": spread.neither,
    }
    words = [f"{how} in {count[r, c]}" for how, count in counts.items() if count[r, c]]
    low, high = spread.low[r, c], spread.high[r, c]
    if low < high:
        words.append(f"from {_bound(plan, low)} to {_bound(plan, high)}")
    return f"{known} starts: {', '.join(words) or 'equally fast in all'}"


def _bound(plan: Plan, log2: float) -> str:
    if np.isinf(log2):
        return (ONLY_DEEP if log2 > 0 else ONLY_PLAIN).format(deep=deep_name(plan))
    return f"{factor(log2)}×"


def cell_hover(plan: Plan, view: View, r: int, c: int) -> str:
    """What hovering over the cell of a row and a column says; "" while nothing is known of it."""
    if view.deep[r, c] == UNKNOWN and view.plain[r, c] == UNKNOWN:
        return ""
    cell = plan.cell(c, r)
    lines = [cell_name(plan, cell)]
    for depth, count, step, edge in (
        (cell.depth, view.deep[r, c], view.deep_step[r, c], view.deep_edge[r, c]),
        (1, view.plain[r, c], view.plain_step[r, c], view.plain_edge[r, c]),
    ):
        words = f"depth {depth:.3g}: {_count(plan, count)}"
        words += f", step size {step:.3g}" if count >= 0 else ""
        lines.append(words + (" (edge of the grid)" if edge else ""))
    return "<br>".join(lines)


def _count(plan: Plan, count: int) -> str:
    if count == UNKNOWN:
        return "still on its way"
    return f"{count:,} iterations" if count >= 0 else f"not there after {plan.horizon:,}"


def summary(plan: Plan, view: View, where: str = "Measured here") -> str:
    """How many cells say what."""
    log2, name = view.log2_speed_up, deep_name(plan)
    both = np.isfinite(log2)
    signs = np.sign(log2[both])
    compared = [
        f"{how} in {(signs == sign).sum():,}" for sign, how in _HOW.items() if sign in signs
    ]
    words = [f"{name} is {', '.join(compared)}"] if compared else []
    left = view.deep.size - both.sum()
    for mark, cells in atlas_kinds(view).items():
        if count := int(cells.sum()):
            words.append(f"{mark.format(deep=name)} arrived in {count:,}")
            left -= count
    if left:
        words.append(f"{left:,} not known yet")
    return f"**{where}, {_cells(view.deep.size)}:** {'; '.join(words)}."


def spread_summary(plan: Plan, spread: Spread) -> str:
    """How many cells say what over several starts, and in how many these disagree."""
    starts = int(spread.known.max())
    if starts < 2:
        return summary(plan, spread.view)
    words = summary(plan, spread.view, f"Measured here, medians of {starts} starts")
    unsure = int(spread.disagree.sum())
    return words + (
        f" In {_cells(unsure)} (•) at least two starts say faster and two say slower."
        if unsure
        else ""
    )


_HOW = {1: "faster", -1: "slower", 0: "equally fast"}


def _cells(count: int) -> str:
    return f"{count:,} cell{'' if count == 1 else 's'}"


def deep_name(plan: Plan) -> str:
    """What the deep one of a race is called: its depth, unless that differs from cell to cell."""
    return "depth N" if "depth" in (plan.x, plan.y) else f"depth {plan.depth:g}"


def cell_words(plan: Plan, cell: Cell, runs: CellRuns) -> str:
    """What the runs of a cell show."""
    both = list(zip((f"depth {cell.depth:.3g}", "depth 1"), runs.reached, runs.best, strict=True))
    counts = [int(own[place]) for _, own, place in both]
    told = [
        f"{name} {_needs(plan, int(own[place]))} (step size {runs.steps[place]:.3g})"
        for name, own, place in both
    ]
    sentences = [f"{told[0].capitalize()}, {told[1]}"]
    if min(counts) >= 0:
        ratio = max(counts[1], 1) / max(counts[0], 1)
        size = factor(abs(np.log2(ratio)))
        sentences[0] += ": " + (
            "equally many."
            if size == "1"
            else f"**{size} times {'faster' if ratio > 1 else 'slower'}**."
        )
    else:
        sentences[0] += "."
    lucky = [name for name, own, place in both if _is_lucky(own, place)]
    if lucky:
        sentences.append(
            f"The best step size of {' and of '.join(lucky)} is a **lucky** one: "
            f"those next to it on the grid need more than {LUCKY:g} times as long."
        )
    return " ".join(sentences)


def _needs(plan: Plan, count: int) -> str:
    return (
        f"needs {count:,} iterations" if count >= 0 else f"has not arrived after {plan.horizon:,}"
    )


def _is_lucky(reached: np.ndarray, place: int) -> bool:
    """Whether a step arrived much sooner than both its neighbours: it jumped to where a small
    change would not have taken it."""
    if reached[place] < 0:
        return False
    near = [
        reached[i]
        for i in (place - 1, place + 1)
        if 0 <= i < len(reached) and reached[i] != UNTRIED
    ]
    return bool(near) and all(count < 0 or count > LUCKY * max(reached[place], 1) for count in near)
