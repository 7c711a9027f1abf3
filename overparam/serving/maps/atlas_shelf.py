"""The atlases that the page offers: the one that comes with the project, and those of the folder
that OVERPARAM_ATLASES names."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from overparam.serving.maps.atlas_file import Atlas, AtlasError, read

SHIPPED = Path(__file__).parent / "atlases"


def atlases() -> dict[str, Path]:
    """Every atlas by its name, the file's without .npz; one of the folder goes before a shipped one
    of the same name."""
    folders = [SHIPPED]
    if own := os.environ.get("OVERPARAM_ATLASES"):
        folders.append(Path(own))
    return {file.stem: file for folder in folders for file in sorted(folder.glob("*.npz"))}


def atlas(name: str) -> Atlas:
    """The atlas of a name.

    Raises: AtlasError where there is none, or its file cannot be read.
    """
    file = atlases().get(name)
    if file is None:
        raise AtlasError(
            "There is no atlas of that name on this server: choose another, or open its file."
        )
    try:
        return _read(file, file.stat().st_mtime_ns)
    except OSError as error:
        raise AtlasError(f"The atlas cannot be read ({error.strerror or error}).") from error


@lru_cache(maxsize=8)
def _read(file: Path, _: int) -> Atlas:
    return read(file)
