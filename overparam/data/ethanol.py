"""The paper's own data set, downloaded when somebody wants it, kept, and verified number by
number."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path, PurePosixPath

import numpy as np

from overparam.data.dataset import Data, DataError, standardise
from overparam.data.download import (
    MAX_BYTES,
    Progress,
    Published,
    Refused,
    cache_folder,
    one_at_a_time,
)

ETHANOL_URL = "https://archive.ics.uci.edu/static/public/270/gas+sensor+array+drift+dataset+at+different+concentrations.zip"
ETHANOL_CITATION = (
    "Gas Sensor Array Drift at Different Concentrations, UCI Machine Learning Repository, doi"
    " 10.24432/C5MK6M; Vergara et al. 2012, doi 10.1016/j.snb.2012.01.074; Rodriguez-Lujan et al."
    " 2014, doi 10.1016/j.chemolab.2013.10.012"
)
ARCHIVE_SHA256 = "98fe3a30981a222dd4518fbcc3dddd45d5c0ce9b03ef6dc6fe5cf7a04cfbff5e"
CONTENT_SHA256 = (  # of the inputs and of the targets, as C-ordered little-endian float64
    "f0448d24743fb5fc4ec54e95fe188c4280dc45821eaf248bfdce1d0d8b2147f9",
    "58e0b1ca896c437ae79b1e92cb09917e017ee4157230e8e3fa7171e7dc1b1058",
)
BATCHES = tuple(f"batch{i}.dat" for i in range(1, 11))

_loaded: dict[Path, Data] = {}  # in this process, by archive


def ethanol_path(cache: str | os.PathLike | None = None) -> Path:
    """Where the archive is kept: in `cache`, else in OVERPARAM_DATA, else in the user's cache
    folder."""
    return cache_folder(cache) / "gas_sensor_array_drift.zip"


def ethanol_is_cached(cache: str | os.PathLike | None = None) -> bool:
    """Whether the archive is at hand, so that `load_ethanol` will not download it."""
    path = ethanol_path(cache)
    return path in _loaded or os.path.isfile(path)


def load_ethanol(
    progress: Progress | None = None,
    url: str | None = None,
    cache: str | os.PathLike | None = None,
    download: bool = True,
) -> Data:
    """Ethanol from *Gas Sensor Array Drift at Different Concentrations*, 2565 × 128 with one
    target; standardised.

    Downloaded when first needed and kept at `ethanol_path(cache)`. The content decides: an archive
    that was packed anew is taken if its numbers are the published ones bit by bit, and none is kept
    before that is known.

    Args:
        progress: called with (bytes received, bytes in all or 0 if unknown), at most ten times a
            second; whatever it raises ends the download and leaves nothing behind.
        url: address of the archive; by default OVERPARAM_ETHANOL_URL, else the UCI repository.
        cache: folder for the archive.
        download: False never asks the network: for code that must not keep others waiting.
    Returns: the data; inputs are the 16 sensors' 8 features each, the target is the concentration.
    Raises: DataError, saying what went wrong and what to do.
    Source: the paper, Section 8; see ETHANOL_CITATION.
    """
    progress = progress or (lambda received, total: None)
    url = url or os.environ.get("OVERPARAM_ETHANOL_URL") or ETHANOL_URL
    path = ethanol_path(cache)
    if path in _loaded:
        return _loaded[path]
    if not download and not os.path.isfile(path):
        raise DataError(
            "The Ethanol data are not on this machine yet; download them, or choose the diabetes"
            " data."
        )
    with one_at_a_time(progress):
        if path not in _loaded:
            _loaded[path] = _ARCHIVE.get(path, url, progress, download)
        return _loaded[path]


def _read_archive(path: Path) -> Data:
    """Ethanol's rows of the archive at `path`, batch by batch; Refused unless they are the
    published ones."""
    if path.stat().st_size > MAX_BYTES:
        raise Refused("the file is far larger than the archive")
    packed = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = {
                PurePosixPath(i.filename).name: i
                for i in archive.infolist()
                if "__MACOSX" not in i.filename
            }
            absent = [name for name in BATCHES if name not in members]
            if absent:
                raise Refused(f"the archive holds no {absent[0]}, so it is a different one")
            if max(members[name].file_size for name in BATCHES) > MAX_BYTES:
                raise Refused("the archive unpacks to far more than the data set")
            contents = [archive.read(members[name]) for name in BATCHES]
    except (Refused, MemoryError):
        raise
    except zipfile.BadZipFile as error:
        raise Refused("the file is not a whole zip archive") from error
    # zipfile says in many ways that it cannot read on; in memory, nothing else can fail
    except Exception as error:
        raise Refused("the archive cannot be unpacked") from error

    rows = [
        row
        for name, content in zip(BATCHES, contents, strict=True)
        for row in _ethanol_rows(name, content)
    ]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 129)
    inputs, target = np.ascontiguousarray(table[:, 1:]), np.ascontiguousarray(table[:, 0])
    if (
        tuple(hashlib.sha256(a.astype("<f8").tobytes()).hexdigest() for a in (inputs, target))
        != CONTENT_SHA256
    ):
        if hashlib.sha256(packed).hexdigest() == ARCHIVE_SHA256:
            raise Refused(
                "the archive is the published one but was misread; please report this error of the"
                " program"
            )
        raise Refused(
            "neither the checksum of the archive nor the numbers in it are the published ones"
        )
    features = tuple(f"sensor {j // 8 + 1}, feature {j % 8 + 1}" for j in range(128))
    return standardise(
        Data(
            "Ethanol (gas sensors)",
            inputs,
            target[:, None],
            features,
            ("concentration",),
            ETHANOL_CITATION,
        )
    )


def _ethanol_rows(name: str, content: bytes) -> list[list[float]]:
    """[concentration, value 1, ..., value 128] of each line `class;concentration 1:value ...
    128:value` of class 1."""
    rows = []
    for number, line in enumerate(content.splitlines(), start=1):
        if line.startswith(b"1;"):
            head, *pairs = line.split()
            try:
                indices, values = zip(*(pair.split(b":") for pair in pairs), strict=True)
                if [int(i) for i in indices] != list(range(1, 129)):
                    raise ValueError
                rows.append([float(head[2:]), *map(float, values)])
            except ValueError:
                raise Refused(
                    f"line {number} of {name} in the archive is not as published"
                ) from None
    return rows


_ARCHIVE = Published(
    "The Ethanol data",
    "archive",
    "choose the diabetes data",
    "OVERPARAM_ETHANOL_URL",
    _read_archive,
)
