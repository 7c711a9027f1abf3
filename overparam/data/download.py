"""A published file, fetched when somebody wants it, kept, and verified: what all such data sets
share.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import pooch

from overparam.data.dataset import DataError
from overparam.words import show

CONNECT_SECONDS, SILENT_SECONDS = 10.0, 20.0
MAX_SECONDS = 1800.0  # for the whole download, so that a server that only drips ends too
MAX_BYTES = 200_000_000  # for a file, and for each one packed in it; they are far smaller

Progress = Callable[[int, int], None]
Read = TypeVar("Read")

_lock = threading.Lock()  # one download serves everybody who asks meanwhile
_received = (0, 0)  # bytes of the download under way, and bytes in all (0: unknown)


class Refused(ValueError):
    """Why a file was not taken, as the half sentence that follows "could not be loaded:"."""


def cache_folder(cache: str | os.PathLike | None = None) -> Path:
    """Where files are kept: in `cache`, else in OVERPARAM_DATA, else in the user's cache folder."""
    folder = cache or os.environ.get("OVERPARAM_DATA") or pooch.os_cache("overparam")
    return Path(os.path.expanduser(folder))


@dataclass(frozen=True)
class Published(Generic[Read]):
    """A file of a data set that others publish.

    Attributes:
        data: what it belongs to, as a sentence begins: "The Ethanol data". file: what it is:
        "archive".
        instead: what a person can do without it: "choose the diabetes data".
        variable: the environment variable that names a mirror.
        read: path -> its contents, verified; raises Refused.
    """

    data: str
    file: str
    instead: str
    variable: str
    read: Callable[[Path], Read]

    def get(self, path: Path, url: str, progress: Progress, download: bool) -> Read:
        """The contents of the file at `path`, fetched from `url` where it is not there and
        `download` allows.

        A file that is refused is put aside, as it may be somebody's own; one is kept only once its
        contents are verified. Call it inside `one_at_a_time`.
        Raises: DataError, saying what went wrong and what to do.
        """
        aside = ""
        try:
            if os.path.isfile(path):
                try:
                    return self.read(path)
                except Refused as refused:
                    kept = path.with_suffix(".refused")
                    path.replace(kept)
                    aside = f"The file found at {path} was refused ({refused}) and is now {kept}. "
                    if not download:
                        words = f"{aside}Download {self._data} anew, or {self.instead}."
                        raise DataError(words) from refused
            return self._download(path, url, progress)
        except Refused as refused:
            raise DataError(
                f"{self.data} could not be loaded from {_host(url)}: {refused}. {aside}"
                f"Or put the {self.file} at {path}, set OVERPARAM_DATA to a folder that holds it, "
                f"or {self.instead}."
            ) from refused
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                what = "the disk is full at"
            elif isinstance(error, PermissionError) or error.errno == errno.EROFS:
                what = "this program may not read and write in"
            else:
                what = f"there is a problem ({error.strerror or type(error).__name__}) with"
            raise DataError(
                f"{self.data} could not be kept: {what} the folder {path.parent}. "
                f"Set OVERPARAM_DATA to a folder with 100 MB to spare, or {self.instead}."
            ) from error

    @property
    def _data(self) -> str:
        return self.data[0].lower() + self.data[1:]

    def _download(self, path: Path, url: str, progress: Progress) -> Read:
        """Fetch the file; it takes its name in the cache only once its contents are known to be
        right.
        """
        import requests  # takes long to import: not before it is needed

        verified = []

        def fetch_and_verify(source: str, target: str, _: object) -> None:
            fetch(source, target, progress)
            verified.append(self.read(Path(target)))

        pooch.get_logger().setLevel(
            "WARNING"
        )  # it would advise to write down a checksum; the contents' is known
        try:
            pooch.retrieve(
                url, known_hash=None, fname=path.name, path=path.parent, downloader=fetch_and_verify
            )
        except requests.RequestException as error:
            raise Refused(_reason(error, self.variable)) from error
        return verified[0] if verified else self.read(path)  # another process may have been faster


class one_at_a_time:
    """Enter to load or download: whoever comes meanwhile waits, told how far the download is.

    Args: progress: called with (bytes received, bytes in all) while waiting; what it raises ends
    the wait.
    """

    def __init__(self, progress: Progress):
        self._progress = progress

    def __enter__(self) -> None:
        while not _lock.acquire(timeout=0.1):
            self._progress(*_received)

    def __exit__(self, *_: object) -> None:
        _lock.release()


def fetch(url: str, target: str, progress: Progress) -> None:
    """Download into the file `target`, within limits of size and time.

    pooch's own downloader neither has these limits nor closes the connection of a download that
    ends early.
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
                limit = f"{MAX_BYTES / 1e6:g} MB"
                raise Refused(f"the server sends more than {limit}, far more than the file has")
            if now - started > MAX_SECONDS:
                limit = f"{MAX_SECONDS / 60:g} minutes"
                raise Refused(f"the download took more than {limit}; try again later")
            if now - reported >= 0.1 or received == total:
                reported, _received = now, (received, total)
                progress(*_received)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or show(url)
    except ValueError:
        return show(url)


def _reason(error: Exception, variable: str) -> str:
    """A failed request as half a sentence, without repeating anything that the server said."""
    from requests import exceptions
    from urllib3.exceptions import ReadTimeoutError

    if isinstance(error, exceptions.HTTPError) and error.response is not None:
        status = error.response.status_code
        phrase = f" ({HTTPStatus(status).phrase})" if status in set(HTTPStatus) else ""
        return f"the server answered {status}{phrase}; try again later"
    if isinstance(error, exceptions.Timeout) or (
        error.args and isinstance(error.args[0], ReadTimeoutError)
    ):
        return "the server stopped answering; try again later"
    if isinstance(error, (exceptions.ChunkedEncodingError, exceptions.ContentDecodingError)):
        return "the connection broke off before the end; try again"
    if isinstance(error, exceptions.SSLError):
        return "no secure connection could be made; check the date of this machine and its proxy"
    if isinstance(error, exceptions.ConnectionError):
        return "no connection; connect to the internet and try again"
    if isinstance(
        error, (exceptions.MissingSchema, exceptions.InvalidSchema, exceptions.InvalidURL)
    ):
        return f"that is no http or https address; correct {variable}"
    return f"the request failed ({type(error).__name__}); try again later"
