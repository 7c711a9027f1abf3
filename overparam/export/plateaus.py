"""A family of nets that leave a plateau, as comma-separated numbers."""

from __future__ import annotations

import csv
import io

import numpy as np

from overparam.choices.plateaus import Family
from overparam.serving.plateaus import FamilyView


def times_csv(family: Family, view: FamilyView) -> str:
    """One line for each net: scale, draw, escape time (empty where it did not escape)."""
    return _text(
        family,
        ["eps", "start", "escape_time"],
        (
            [repr(eps), draw, repr(float(time)) if np.isfinite(time) else ""]
            for eps, row in zip(family.eps, view.times, strict=True)
            for draw, time in enumerate(row)
        ),
    )


def curves_csv(family: Family, view: FamilyView) -> str:
    """One line for each net and accepted step: scale, draw, time, loss, norms and imbalances."""
    pairs = range(1, family.depth)
    head = ["eps", "start", "time", "loss"]
    head += [f"squared_norm_{j + 1}" for j in range(family.depth)]
    head += [f"imbalance_{j}" for j in pairs] + [f"integral_{j}" for j in pairs]
    rows = (
        [repr(family.eps[i // family.seeds]), i % family.seeds, *map(repr, numbers.tolist())]
        for i, c in enumerate(view.curves)
        for numbers in np.column_stack([c.times, c.loss, c.norms, c.imbalance, c.integral])
    )
    return _text(family, head, rows)


def _text(family: Family, head: list[str], rows) -> str:
    out = io.StringIO()
    out.write(f"# {family}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()
