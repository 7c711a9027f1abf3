"""Maps computed beforehand: the one that the page opens with takes a processor some twenty seconds,
and every visitor sees it first.

The file is made by `python -m overparam.reference`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from overparam.choices.kinds import write_choices
from overparam.choices.map import PLAN_CHOICES, Plan
from overparam.serving.stored import read_arrays

FILE = Path(__file__).parent / "opening_map.npz"


def stored_map(plan: Plan) -> Mapping[str, np.ndarray] | None:
    """A map's arrays by name, as `sweep.View` has them, if it was computed beforehand."""
    prefix = f"{_name(plan)}:"
    found = {
        name.removeprefix(prefix): values
        for name, values in read_arrays(FILE).items()
        if name.startswith(prefix)
    }
    return found or None


def store_maps(maps: Mapping[Plan, Mapping[str, np.ndarray]], path: Path = FILE) -> None:
    """Write maps to the file."""
    kept = {
        f"{_name(plan)}:{name}": values
        for plan, arrays in maps.items()
        for name, values in arrays.items()
    }
    np.savez_compressed(path, allow_pickle=False, **kept)


def _name(plan: Plan) -> str:
    """As in a link, so that 4 and 4.0 are the same."""
    return urlencode(write_choices(PLAN_CHOICES, vars(plan)))
