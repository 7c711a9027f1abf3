"""The file of an atlas: one .npz with the link of the map, the versions that computed it, and every
cell's iterations, step size and edge.

    format                      1
    link                        of the map, as `AtlasPlan.link`
    versions                    "name version" of code, torch and numpy
    deep, plain                 int32 (rows, columns)       as in `sweep.View`
    deep_step, plain_step       float64
    deep_edge, plain_edge       bool
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any

import numpy as np

from overparam.choices.atlas import MOST_CELLS, AtlasPlan
from overparam.choices.kinds import ChoiceError
from overparam.serving.maps.block import UNKNOWN
from overparam.serving.maps.sweep import View

FORMAT = 1
_DTYPES = {"deep": "i4", "plain": "i4", "deep_step": "f8", "plain_step": "f8"} | dict.fromkeys(
    ("deep_edge", "plain_edge"), "?"
)
_MOST_BYTES = MOST_CELLS * sum(np.dtype(kind).itemsize for kind in _DTYPES.values()) + 100_000


class AtlasError(RuntimeError):
    """An atlas that cannot be computed, written or read; the message says what happened and what to
    do."""


@dataclass(frozen=True)
class Atlas:
    """A map as far as it is computed, and what computed it."""

    plan: AtlasPlan
    view: View
    versions: Mapping[str, str]

    @property
    def complete(self) -> bool:
        return not (np.any(self.view.deep == UNKNOWN) or np.any(self.view.plain == UNKNOWN))


def listed(versions: Mapping[str, str]) -> str:
    """Versions in words."""
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def write(atlas: Atlas, path: Path) -> None:
    """Put an atlas in the place of whatever file is there: the old one or the new one is there
    whole, whenever this is interrupted.

    Raises: AtlasError where the file cannot be written.
    """
    arrays = {name: getattr(atlas.view, name).astype(kind) for name, kind in _DTYPES.items()}
    words: dict[str, Any] = {
        "format": FORMAT,
        "link": atlas.plan.link,
        "versions": np.array([f"{name} {version}" for name, version in atlas.versions.items()]),
    }
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            np.savez_compressed(file, allow_pickle=False, **words, **arrays)
        temporary.chmod(0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        raise AtlasError(
            f"{path} cannot be written ({error.strerror or error}): name another place for it."
        ) from error


def read(file: Path | IO[bytes]) -> Atlas:
    """The atlas of a file, which may come from anywhere: nothing in it is run, nor is more
    unpacked than an atlas has.

    Raises: AtlasError.
    """
    try:
        with zipfile.ZipFile(file) as packed:
            if sum(part.file_size for part in packed.infolist()) > _MOST_BYTES:
                raise AtlasError("This file is larger than any atlas: choose one.")
        if not isinstance(file, Path):
            file.seek(0)
        with np.load(file, allow_pickle=False) as parts:
            return _checked({name: parts[name] for name in parts.files})
    except OSError as error:
        name = str(file) if isinstance(file, Path) else "The atlas"
        raise AtlasError(f"{name} cannot be read ({error.strerror or error}).") from error
    # what numpy and zipfile raise for a file that is something else, or damaged
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError) as error:
        raise AtlasError(
            "This file is no atlas, or a damaged one: choose a .npz that `python -m"
            " overparam.atlas` has written."
        ) from error


def _checked(parts: dict[str, Any]) -> Atlas:
    form = int(parts["format"])
    if form != FORMAT:
        raise AtlasError(
            f"This atlas is of version {form}, and version {FORMAT} can be read here: compute it"
            " again with `python -m overparam.atlas`, or open it where it was made."
        )
    try:
        plan = AtlasPlan.of_link(str(parts["link"]))
    except ChoiceError as error:
        raise AtlasError(f"The choices in this atlas cannot be taken: {error}") from error
    shape = (len(plan.values("y")), len(plan.values("x")))
    view = View(**{field.name: parts[field.name] for field in fields(View)})
    for name, kind in _DTYPES.items():
        if getattr(view, name).shape != shape or getattr(view, name).dtype != np.dtype(kind):
            raise ValueError(name)
    for counts, steps in ((view.deep, view.deep_step), (view.plain, view.plain_step)):
        fits = (counts >= UNKNOWN) & (counts <= plan.horizon) & ~np.isinf(steps)
        if not fits.all():
            raise ValueError("counts")
    names = [str(line).partition(" ") for line in np.atleast_1d(parts["versions"])]
    return Atlas(plan, view, {name: version for name, _, version in names})
