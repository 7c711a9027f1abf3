"""The readings of a linear network along its run, as comma-separated numbers."""

from __future__ import annotations

import csv
import io

import numpy as np

from overparam.choices.alignment import Chain
from overparam.measure.alignment import Alignment


def readings_csv(chain: Chain, found: Alignment) -> str:
    """One line for each reading, interface and r: score, guarantee, gap, imbalance; then the
    product's sigma."""
    out = io.StringIO()
    out.write(f"# {chain}\n")
    writer = csv.writer(out, lineterminator="\n")
    singular = [f"sigma_{q + 1}" for q in range(found.sigma.shape[1])]
    writer.writerow(
        ["iteration", "interface", "r", "score", "guarantee", "gap", "imbalance", *singular]
    )
    for t, time in enumerate(found.times.tolist()):
        for j in range(found.score.shape[1]):
            for r in range(found.score.shape[2]):
                numbers = [a[t, j, r] for a in (found.score, found.guarantee, found.gap)]
                row = [*numbers, found.imbalance[t, j], *found.sigma[t]]
                writer.writerow([time, j + 1, r + 1, *map(repr, np.array(row).tolist())])
    return out.getvalue()
