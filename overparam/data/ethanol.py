"""The paper's own data set, downloaded when somebody wants it, kept, and verified number by number."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading
import time
import zipfile
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import numpy as np
import pooch

from overparam.data.dataset import Data, DataError, standardise
from overparam.words import show

ETHANOL_URL = "https://archive.ics.uci.edu/static/public/270/gas+sensor+array+drift+dataset+at+different+concentrations.zip"
ETHANOL_CITATION = (
    "Gas Sensor Array Drift at Different Concentrations, UCI Machine Learning Repository, doi 10.24432/C5MK6M; "
    "Vergara et al. 2012, doi 10.1016/j.snb.2012.01.074; "
    "Rodriguez-Lujan et al. 2014, doi 10.1016/j.chemolab.2013.10.012"
)
ARCHIVE_SHA256 = "98fe3a30981a222dd4518fbcc3dddd45d5c0ce9b03ef6dc6fe5cf7a04cfbff5e"
CONTENT_SHA256 = (  # of the inputs and of the targets, as C-ordered little-endian float64
    "f0448d24743fb5fc4ec54e95fe188c4280dc45821eaf248bfdce1d0d8b2147f9",
    "58e0b1ca896c437ae79b1e92cb09917e017ee4157230e8e3fa7171e7dc1b1058",
)
BATCHES = tuple(f"batch{i}.dat" for i in range(1, 11))
CONNECT_SECONDS, SILENT_SECONDS = 10.0, 20.0
MAX_SECONDS = 1800.0  # for the whole download, so that a server that only drips ends too
MAX_BYTES = 200_000_000  # for the archive and for each file in it, which are far smaller

Progress = Callable[[int, int], None]

_loaded: dict[Path, Data] = {}  # in this process, by archive
_lock = threading.Lock()  # one download serves everybody who asks meanwhile
_received = (0, 0)  # bytes of the download under way, and bytes in all (0: unknown)


class _Refused(ValueError):
    """Why an archive was not taken, as the half sentence that follows "could not be loaded:"."""


def ethanol_path(cache: str | os.PathLike | None = None) -> Path:
    """Where the archive is kept: in `cache`, else in OVERPARAM_DATA, else in the user's cache folder."""
    folder = cache or os.environ.get("OVERPARAM_DATA") or pooch.os_cache("overparam")
    return Path(os.path.expanduser(folder), "gas_sensor_array_drift.zip")


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
    """Ethanol from *Gas Sensor Array Drift at Different Concentrations*, 2565 × 128 with one target; standardised.

    Downloaded when first needed and kept at `ethanol_path(cache)`. The content decides: an archive that was packed anew
    is taken if its numbers are the published ones bit by bit, and none is kept before that is known.

    Args:
        progress: called with (bytes received, bytes in all or 0 if unknown), at most ten times a second; whatever it
            raises ends the download and leaves nothing behind.
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
        raise DataError("The Ethanol data are not on this machine yet; download them, or choose the diabetes data.")
    while not _lock.acquire(timeout=0.1):
        progress(*_received)
    try:
        if path not in _loaded:
            _loaded[path] = _read_or_download(path, url, progress, download)
        return _loaded[path]
    finally:
        _lock.release()


def _read_or_download(path: Path, url: str, progress: Progress, download: bool) -> Data:
    aside = ""
    try:
        if os.path.isfile(path):
            try:
                return _read_archive(path)
            except _Refused as refused:
                kept = path.with_suffix(".refused")  # it may be somebody's own file
                path.replace(kept)
                aside = f"The file found at {path} was refused ({refused}) and is now {kept}. "
                if not download:
                    raise DataError(f"{aside}Download the Ethanol data anew, or choose the diabetes data.") from refused
        return _download(path, url, progress)
    except _Refused as refused:
        raise DataError(
            f"The Ethanol data could not be loaded from {_host(url)}: {refused}. {aside}"
            f"Or put the archive at {path}, set OVERPARAM_DATA to a folder that holds it, or choose the diabetes data."
        ) from refused
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            what = "the disk is full at"
        elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
            what = "this program may not read and write in"
        else:
            what = f"there is a problem ({error.strerror or type(error).__name__}) with"
        raise DataError(
            f"The Ethanol data could not be kept: {what} the folder {path.parent}. "
            "Set OVERPARAM_DATA to a folder with 100 MB to spare, or choose the diabetes data."
        ) from error


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or show(url)
    except ValueError:
        return show(url)


def _download(path: Path, url: str, progress: Progress) -> Data:
    """Fetch the archive; it takes its name in the cache only once its content is known to be right."""
    import requests  # takes long to import: not before it is needed

    verified = []

    def fetch_and_verify(source: str, target: str, _: object) -> None:
        _fetch(source, target, progress)
        verified.append(_read_archive(Path(target)))

    pooch.get_logger().setLevel("WARNING")  # it would advise to write down a checksum; the content's is known
    try:
        pooch.retrieve(url, known_hash=None, fname=path.name, path=path.parent, downloader=fetch_and_verify)
    except requests.RequestException as error:
        raise _Refused(_reason(error)) from error
    return verified[0] if verified else _read_archive(path)  # another process may have been faster


def _fetch(url: str, target: str, progress: Progress) -> None:
    """Download into the file `target`, within limits of size and time.

    pooch's own downloader neither has these limits nor closes the connection of a download that ends early.
    """
    import requests

    global _received
    started = reported = time.monotonic()
    received, total = _received = 0, 0
    progress(*_received)
    with (
        requests.get(url, stream=True, timeout=(CONNECT_SECONDS, SILENT_SECONDS)) as response,
        open(target, "wb") as file,
    ):
        response.raise_for_status()
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else 0
        for piece in response.iter_content(4096):
            file.write(piece)
            received += len(piece)
            now = time.monotonic()
            if max(received, total) > MAX_BYTES:
                raise _Refused(f"the server sends more than {MAX_BYTES / 1e6:g} MB, far more than the archive has")
            if now - started > MAX_SECONDS:
                raise _Refused(f"the download took more than {MAX_SECONDS / 60:g} minutes; try again later")
            if now - reported >= 0.1 or received == total:
                reported, _received = now, (received, total)
                progress(*_received)


def _reason(error: Exception) -> str:
    """A failed request as half a sentence, without repeating anything that the server said."""
    from requests import exceptions
    from urllib3.exceptions import ReadTimeoutError

    if isinstance(error, exceptions.HTTPError):
        status = error.response.status_code
        phrase = f" ({HTTPStatus(status).phrase})" if status in set(HTTPStatus) else ""
        return f"the server answered {status}{phrase}; try again later"
    if isinstance(error, exceptions.Timeout) or (error.args and isinstance(error.args[0], ReadTimeoutError)):
        return "the server stopped answering; try again later"
    if isinstance(error, (exceptions.ChunkedEncodingError, exceptions.ContentDecodingError)):
        return "the connection broke off before the end; try again"
    if isinstance(error, exceptions.SSLError):
        return "no secure connection could be made; check the date of this machine and its proxy"
    if isinstance(error, exceptions.ConnectionError):
        return "no connection; connect to the internet and try again"
    if isinstance(error, (exceptions.MissingSchema, exceptions.InvalidSchema, exceptions.InvalidURL)):
        return "that is no http or https address; correct OVERPARAM_ETHANOL_URL"
    return f"the request failed ({type(error).__name__}); try again later"


def _read_archive(path: Path) -> Data:
    """Ethanol's rows of the archive at `path`, batch by batch; _Refused unless they are the published ones."""
    if path.stat().st_size > MAX_BYTES:
        raise _Refused("the file is far larger than the archive")
    packed = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = {PurePosixPath(i.filename).name: i for i in archive.infolist() if "__MACOSX" not in i.filename}
            absent = [name for name in BATCHES if name not in members]
            if absent:
                raise _Refused(f"the archive holds no {absent[0]}, so it is a different one")
            if max(members[name].file_size for name in BATCHES) > MAX_BYTES:
                raise _Refused("the archive unpacks to far more than the data set")
            contents = [archive.read(members[name]) for name in BATCHES]
    except (_Refused, MemoryError):
        raise
    except zipfile.BadZipFile as error:
        raise _Refused("the file is not a whole zip archive") from error
    except Exception as error:  # zipfile says in many ways that it cannot read on; in memory, nothing else can fail
        raise _Refused("the archive cannot be unpacked") from error

    rows = [row for name, content in zip(BATCHES, contents, strict=True) for row in _ethanol_rows(name, content)]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 129)
    inputs, target = np.ascontiguousarray(table[:, 1:]), np.ascontiguousarray(table[:, 0])
    if tuple(hashlib.sha256(a.astype("<f8").tobytes()).hexdigest() for a in (inputs, target)) != CONTENT_SHA256:
        if hashlib.sha256(packed).hexdigest() == ARCHIVE_SHA256:
            raise _Refused("the archive is the published one but was misread; please report this error of the program")
        raise _Refused("neither the checksum of the archive nor the numbers in it are the published ones")
    features = tuple(f"sensor {j // 8 + 1}, feature {j % 8 + 1}" for j in range(128))
    return standardise(Data("Ethanol (gas sensors)", inputs, target[:, None], features, ("concentration",), ETHANOL_CITATION))


def _ethanol_rows(name: str, content: bytes) -> list[list[float]]:
    """[concentration, value 1, ..., value 128] of each line `class;concentration 1:value ... 128:value` of class 1."""
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
                raise _Refused(f"line {number} of {name} in the archive is not as published") from None
    return rows
