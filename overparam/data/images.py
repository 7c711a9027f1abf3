"""Images with labels: MNIST and Fashion-MNIST, from a local folder or downloaded when somebody
wants them; verified.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from overparam.data.dataset import DataError
from overparam.data.download import (
    Progress,
    Published,
    Refused,
    cache_folder,
    one_at_a_time,
)

FILES = ("train-images", "train-labels", "t10k-images", "t10k-labels")
UNSIGNED_BYTES = 8  # what an idx file says of the type of its numbers
LONGEST = 50_000_000  # bytes of an unpacked file; the largest has 47,040,016


@dataclass(frozen=True, eq=False)
class Images:
    """Images and their labels, split once and for all.

    Attributes:
        inputs: (m, d) float32, pixels from -1/2 to 1/2, row by row of a square image. labels:
        (m,), whole numbers from 0 to 9.
        test_inputs, test_labels: the same of images that are not trained on.
        citation: where they come from.
    """

    name: str
    inputs: np.ndarray
    labels: np.ndarray
    test_inputs: np.ndarray
    test_labels: np.ndarray
    citation: str = ""

    @property
    def side(self) -> int:
        """Pixels along an edge."""
        return round(self.inputs.shape[1] ** 0.5)


@dataclass(frozen=True)
class Source:
    """Where one data set is published.

    folder: its name below the cache folder. url: of the folder with the four files. sha256: of
    FILES, unpacked. elsewhere: folders of this machine where its files may stand as well.
    """

    name: str
    folder: str
    url: str
    variable: str
    sha256: tuple[str, str, str, str]
    citation: str
    elsewhere: tuple[str, ...] = ()


SOURCES = {
    "fashion": Source(
        "Fashion-MNIST",
        "fashion-mnist",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "OVERPARAM_FASHION_URL",
        (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        "H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST (2017), arXiv 1708.07747; MIT licence",
        ("/usr/share/datasets/fashion-mnist",),  # Debian's package dataset-fashion-mnist
    ),
    "mnist": Source(
        "MNIST",
        "mnist",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "OVERPARAM_MNIST_URL",
        (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
        "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits",
    ),
}

_loaded: dict[tuple[str, Path], Images] = {}  # in this process, by data set and cache folder


def images_folder(name: str, cache: str | os.PathLike | None = None) -> Path:
    """Where the files of a data set of SOURCES are kept."""
    return cache_folder(cache) / SOURCES[name].folder


def images_are_cached(name: str, cache: str | os.PathLike | None = None) -> bool:
    """Whether all four files are at hand, so that `load_images` will not download."""
    return (name, images_folder(name, cache)) in _loaded or all(
        os.path.isfile(_place(name, file, cache)) for file in FILES
    )


def load_images(
    name: str,
    progress: Progress | None = None,
    url: str | None = None,
    cache: str | os.PathLike | None = None,
    download: bool = True,
) -> Images:
    """MNIST or Fashion-MNIST: 60,000 images of 28 × 28 pixels to train on and 10,000 to test on;
    pixels / 255 - 1/2.

    Files in idx format, packed by gzip or not, are looked for in `images_folder(name, cache)` and
    in the source's other folders; what is not there is downloaded. The content decides, by its
    SHA-256 checksum.

    Args:
        name: of SOURCES.
        progress: called with (bytes received, bytes in all or 0 if unknown) of the file under way;
            whatever it raises ends the download.
        url: address of the folder with the four files; by default the source's environment
        variable, else its publisher.
        cache: folder of the data sets.
        download: False never asks the network: for code that must not keep others waiting.
    Raises: DataError, saying what went wrong and what to do.
    """
    source, folder = SOURCES[name], images_folder(name, cache)
    progress = progress or (lambda received, total: None)
    url = url or os.environ.get(source.variable) or source.url
    if (name, folder) in _loaded:
        return _loaded[name, folder]
    if not download and not images_are_cached(name, cache):
        raise DataError(
            f"{source.name} is not on this machine yet; download it, or choose the digits."
        )
    with one_at_a_time(progress):
        if (name, folder) not in _loaded:
            read = [
                _published(source, file).get(
                    _place(name, file, cache),
                    f"{url.rstrip('/')}/{_file_name(file)}.gz",
                    progress,
                    download,
                )
                for file in FILES
            ]
            _loaded[name, folder] = _together(source, *read)
        return _loaded[name, folder]


def _together(source: Source, *read: np.ndarray) -> Images:
    images, labels, test_images, test_labels = read
    parts = ((images, labels), (test_images, test_labels))
    if any(x.ndim != 3 or y.ndim != 1 or len(x) != len(y) for x, y in parts):
        raise DataError(
            f"{source.name} holds other numbers of images and labels; choose the digits."
        )
    inputs, test = (
        (x.reshape(len(x), -1) / np.float32(255) - np.float32(0.5)).astype(np.float32)
        for x, _ in parts
    )
    for array in (inputs, test):
        array.flags.writeable = False  # they are shared
    return Images(source.name, inputs, labels, test, test_labels, source.citation)


def _file_name(file: str) -> str:
    return f"{file}-idx{3 if file.endswith('images') else 1}-ubyte"


def _place(name: str, file: str, cache: str | os.PathLike | None) -> Path:
    """Where a file is, packed or not, or where it will be kept."""
    folders = [images_folder(name, cache), *map(Path, SOURCES[name].elsewhere)]
    packed = [folder / f"{_file_name(file)}.gz" for folder in folders]
    there = [
        path for each in packed for path in (each, each.with_suffix("")) if os.path.isfile(path)
    ]
    return there[0] if there else packed[0]


def _published(source: Source, file: str) -> Published[np.ndarray]:
    wanted = source.sha256[FILES.index(file)]
    return Published(
        f"The {source.name} data",
        "file",
        "choose the digits",
        source.variable,
        lambda path: read_idx(path, wanted),
    )


def read_idx(path: Path, sha256: str) -> np.ndarray:
    """An idx file of unsigned bytes: 0 0 8 n, then n sizes as big-endian 32-bit numbers, then the
    numbers row by row.

    Args: path: packed by gzip or not. sha256: what the unpacked file's checksum must be.
    Returns: uint8, read-only. Raises: Refused, in half a sentence.
    """
    content = _unpacked(path)
    if len(content) < 4 or content[:3] != bytes((0, 0, UNSIGNED_BYTES)):
        raise Refused("the file is not an idx file of bytes")
    begins = 4 + 4 * content[3]
    if len(content) < begins:
        raise Refused("the file ends before its numbers begin")
    shape = tuple(int(n) for n in np.frombuffer(content[4:begins], ">u4"))
    if len(content) != begins + prod(shape):
        sizes = " × ".join(map(str, shape))
        raise Refused(f"the file promises {sizes} bytes and holds {len(content) - begins}")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Refused("its numbers are not the published ones")
    return np.frombuffer(content, np.uint8, offset=begins).reshape(shape)


def _unpacked(path: Path) -> bytes:
    content = path.read_bytes() if path.stat().st_size <= LONGEST else bytes(LONGEST + 1)
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.open(path) as file:
                content = file.read(LONGEST + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise Refused("the file is not a whole gzip file") from error
    if len(content) > LONGEST:
        raise Refused("the file is far larger than the published one")
    return content
