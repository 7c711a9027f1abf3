"""Studies that were computed beforehand, so that a page has curves at its first paint.

The file is made by `python -m overparam.reference`. Values are kept as the logarithm to base 10, in
steps of 1/2500 (a tenth of a per cent), in 16 bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from overparam.choices.beyond_linear import Study
from overparam.serving.training import Curves

FILE = Path(__file__).parent / "beyond_linear.npz"
STEPS = 2500.0  # a decade
_MIDDLE, _MISSING, _ZERO = 32_000, 65_535, 65_534
_KINDS = ("fit", "penalty", "squares", "schatten", "rank")


def stored(study: Study) -> Curves | None:
    """The curves of a study, if they were computed beforehand."""
    kept, name = read_arrays(FILE), name_of(study)
    if f"{name}.times" not in kept:
        return None
    times = kept[f"{name}.times"].astype(np.int64)
    shape = (len(times), study.seeds, len(study.recipes))
    none = np.empty((0, *shape[1:]))
    values = [
        _unpack(kept[f"{name}.{kind}"]).reshape(shape) if f"{name}.{kind}" in kept else none
        for kind in _KINDS
    ]
    if not len(values[1]):
        values[1] = np.zeros(shape)
    accuracy = kept[f"{name}.accuracy"].astype(float).reshape(shape[1:])
    fit, penalty, squares, schatten, rank = values
    return Curves(times, fit, penalty, squares, schatten, rank, accuracy)


def store(studies: Mapping[Study, Curves], path: Path = FILE) -> None:
    """Write curves to the file."""
    kept: dict[str, np.ndarray] = {}
    for study, curves in studies.items():
        name = name_of(study)
        kept[f"{name}.times"] = curves.times.astype(np.uint16)
        kept[f"{name}.accuracy"] = curves.accuracy.astype(np.float16)
        for kind in _KINDS:
            value = getattr(curves, kind)
            if len(value) and value.any():  # a penalty that is nowhere is left out
                kept[f"{name}.{kind}"] = _pack(value)
    np.savez_compressed(path, allow_pickle=False, **kept)


def name_of(study: Study) -> str:
    """A short name that any change of a study changes."""
    return hashlib.sha256(repr(study).encode()).hexdigest()[:12]


def _pack(values: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        logs = np.log10(values)
    steps = np.clip(np.rint(STEPS * logs) + _MIDDLE, 0, _ZERO - 1)
    coded = np.where(np.isnan(values), _MISSING, np.where(values == 0, _ZERO, steps))
    return coded.astype(np.uint16)


def _unpack(coded: np.ndarray) -> np.ndarray:
    values = 10.0 ** ((coded.astype(float) - _MIDDLE) / STEPS)
    return np.where(coded == _MISSING, np.nan, np.where(coded == _ZERO, 0.0, values))


@cache
def read_arrays(path: Path) -> Mapping[str, np.ndarray]:
    """The arrays of a file that was computed beforehand; none where it is not there."""
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
