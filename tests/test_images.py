"""MNIST and Fashion-MNIST: idx files from a folder, from a package, or from a server on this
machine; the paper's network on them; and the digits.
"""

from __future__ import annotations

import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from overparam.choices.beyond_linear import APART
from overparam.data import DataError
from overparam.data import images as loader
from overparam.data.digits import load_digits
from overparam.data.images import SOURCES, images_are_cached, images_folder, load_images
from overparam.last_figure import main as last_figure

DEBIAN = Path(SOURCES["fashion"].elsewhere[0])


def idx(array: np.ndarray) -> bytes:
    """An idx file, written from the format's description."""
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return bytes((0, 0, 8, array.ndim)) + sizes + array.astype(np.uint8).tobytes()


RNG = np.random.default_rng(0)
ARRAYS = (
    RNG.integers(0, 256, (7, 28, 28)),
    RNG.integers(0, 10, 7),
    RNG.integers(0, 256, (3, 28, 28)),
    RNG.integers(0, 10, 3),
)
NAMES = tuple(f"{file}-idx{a.ndim}-ubyte" for file, a in zip(loader.FILES, ARRAYS, strict=True))
CONTENTS = dict(zip(NAMES, map(idx, ARRAYS), strict=True))


class Mirror(http.server.ThreadingHTTPServer):
    """Serves `files` by the last part of the path, gzip-packed; counts requests; `cut` breaks off
    in the middle.
    """

    daemon_threads = True

    def __init__(self) -> None:
        self.files, self.requests, self.cut = (
            {n: gzip.compress(c) for n, c in CONTENTS.items()},
            0,
            False,
        )
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    server: Mirror

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.requests += 1
        body = self.server.files[self.path.rsplit("/", 1)[1].removesuffix(".gz")]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.server.cut else body)


@pytest.fixture
def server(monkeypatch) -> Iterator[Mirror]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Mirror()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def published(monkeypatch, tmp_path) -> None:
    """The small arrays are declared to be the published ones; nothing is found elsewhere on this
    machine.
    """
    sums = tuple(hashlib.sha256(content).hexdigest() for content in CONTENTS.values())
    for name, source in SOURCES.items():
        monkeypatch.setitem(SOURCES, name, replace(source, sha256=sums, elsewhere=()))
    monkeypatch.setattr(loader, "_loaded", {})
    monkeypatch.setenv("OVERPARAM_DATA", str(tmp_path))


def at(server: Mirror) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/data/"


def refusal(name: str, url: str = "http://127.0.0.1:1/", download: bool = True) -> str:
    with pytest.raises(DataError) as caught:
        load_images(name, url=url, download=download)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 700 and "choose the digits" in message
    return message


@pytest.mark.parametrize("name", SOURCES)
def test_downloaded_once_then_from_the_cache(server, name, monkeypatch):
    assert not images_are_cached(name)
    monkeypatch.setenv(SOURCES[name].variable, at(server))
    seen: list[tuple[int, int]] = []
    data = load_images(name, lambda *counts: seen.append(counts))
    np.testing.assert_allclose(
        data.inputs, ARRAYS[0].reshape(7, 784) / 255 - 0.5, rtol=0, atol=6e-8
    )
    np.testing.assert_array_equal(data.test_labels, ARRAYS[3])
    assert data.side == 28 and data.inputs.dtype == np.float32 and seen
    assert images_are_cached(name) and load_images(name) is data
    loader._loaded.clear()  # as if the program had been started anew
    np.testing.assert_array_equal(load_images(name, url="http://127.0.0.1:1/").labels, data.labels)
    assert server.requests == 4


@pytest.mark.parametrize("packed", [True, False])
def test_files_in_a_folder_are_taken_packed_or_not(server, packed):
    folder = images_folder("fashion")
    folder.mkdir()
    for name, content in CONTENTS.items():
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
    np.testing.assert_array_equal(load_images("fashion", download=False).labels, ARRAYS[1])


def test_files_of_a_package_are_taken(tmp_path, monkeypatch):
    (tmp_path / "package").mkdir()
    for name, content in CONTENTS.items():
        (tmp_path / "package" / f"{name}.gz").write_bytes(gzip.compress(content))
    source = replace(SOURCES["fashion"], elsewhere=(str(tmp_path / "package"),))
    monkeypatch.setitem(SOURCES, "fashion", source)
    assert images_are_cached("fashion") and not images_are_cached("mnist")
    assert len(load_images("fashion", download=False).labels) == 7


WRONG = {
    "no idx": (b"<html>moved</html>", "the file is not an idx file of bytes"),
    "empty": (b"", "the file is not an idx file of bytes"),
    "of floats": (bytes((0, 0, 13, 1)) + bytes(8), "the file is not an idx file of bytes"),
    "no sizes": (bytes((0, 0, 8, 3)) + bytes(5), "ends before its numbers begin"),
    "truncated": (CONTENTS[NAMES[0]][:-1], "promises 7 × 28 × 28 bytes and holds 5487"),
    "other numbers": (idx(ARRAYS[0] + 1), "its numbers are not the published ones"),
    "half a gzip file": (gzip.compress(CONTENTS[NAMES[0]])[:-300], "not a whole gzip file"),
    "no gzip at all": (b"\x1f\x8b" + bytes(30), "not a whole gzip file"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_file_from_a_server_is_refused_and_not_kept(server, kind, tmp_path):
    server.files[NAMES[0]], says = WRONG[kind]
    assert says in refusal("mnist", at(server))
    assert list(images_folder("mnist").iterdir()) == []


def test_a_wrong_file_in_the_folder_is_put_aside(server):
    folder = images_folder("mnist")
    folder.mkdir()
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
    (folder / NAMES[1]).write_bytes(b"somebody's own")
    assert "was refused (the file is not an idx file" in refusal("mnist", download=False)
    assert [p.read_bytes() for p in folder.glob("*.refused")] == [b"somebody's own"]


def test_a_download_that_breaks_off(server):
    server.cut = True
    assert "broke off before the end" in refusal("fashion", at(server))
    assert not images_are_cached("fashion")


def test_a_file_that_unpacks_to_far_too_much(server, monkeypatch):
    monkeypatch.setattr(loader, "LONGEST", 1000)
    assert "far larger than the published one" in refusal("fashion", at(server))


def test_images_and_labels_of_different_numbers(server, monkeypatch):
    contents = [idx(ARRAYS[0]), idx(ARRAYS[3]), idx(ARRAYS[2]), idx(ARRAYS[3])]
    server.files = {n: gzip.compress(c) for n, c in zip(NAMES, contents, strict=True)}
    sums = tuple(hashlib.sha256(c).hexdigest() for c in contents)
    monkeypatch.setitem(SOURCES, "mnist", replace(SOURCES["mnist"], sha256=sums))
    assert "other numbers of images and labels" in refusal("mnist", at(server))


def test_no_connection_and_no_download():
    message = refusal("mnist")
    assert "no connection" in message and "OVERPARAM_DATA" in message
    assert "not on this machine yet" in refusal("fashion", download=False)
    assert "correct OVERPARAM_MNIST_URL" in refusal("mnist", url="file:///etc")


@pytest.mark.skipif(
    not DEBIAN.exists(), reason="the package dataset-fashion-mnist is not installed"
)
def test_the_package_of_debian_holds_the_published_numbers(monkeypatch):
    monkeypatch.undo()
    data = load_images("fashion", download=False)
    assert data.inputs.shape == (60_000, 784) and data.test_inputs.shape == (10_000, 784)
    assert (np.bincount(data.labels) == 6000).all()


def test_the_digits_are_scikit_learns_split_once_and_for_all():
    from sklearn.datasets import load_digits as bundled

    data, table = load_digits(), bundled()
    assert (
        data.inputs.shape == (1437, 64) and data.test_inputs.shape == (360, 64) and data.side == 8
    )
    rows = np.vstack([data.inputs, data.test_inputs])
    labels = np.concatenate([data.labels, data.test_labels])
    ours = {(row.tobytes(), int(label)) for row, label in zip(rows, labels, strict=True)}
    pixels = np.float32(table.data / 16 - 0.5)
    assert ours == {
        (row.tobytes(), int(label)) for row, label in zip(pixels, table.target, strict=True)
    }
    assert load_digits() is data


@pytest.mark.slow
def test_the_papers_network_on_images_from_the_loader_begins_with_the_derived_penalties(
    server, monkeypatch, capsys
):
    """3.116 one matrix, 12.31 two, 3.62 two with decay on the factors: lambda/2 times the expected
    squares of entries of variance .00774."""
    monkeypatch.setenv("OVERPARAM_FASHION_URL", at(server))
    last_figure(["--iterations", "2", "--batch", "4"])
    said = capsys.readouterr().out.splitlines()
    assert server.requests == 4 and "Fashion-MNIST" in said[0] and said[1] == "7 images"
    runs = {name: line for name in APART for line in said if line.startswith(f"{name} ")}
    found = {name: float(line.rsplit("penalty", 1)[1].split()[0]) for name, line in runs.items()}
    assert list(found) == list(APART)
    for name, penalty in (("one matrix", 3.116), ("two (paper)", 12.31)):
        assert found[name] == pytest.approx(penalty, rel=0.01)
    assert found["two, decay on factors"] == pytest.approx(3.62, rel=0.01)
    assert found["two, same function"] == pytest.approx(found["one matrix"], rel=1e-3)
    assert [found[name] for name in APART if name.endswith("no penalty")] == [0, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--batch", "5000"], "a batch must hold from 1 to all 7 samples, not 5000"),
        (["--batch", "0"], "a batch must hold from 1 to all 7 samples, not 0"),
        (["--data", "mnist"], "no connection"),
    ],
)
def test_the_command_says_in_a_sentence_what_cannot_be(server, monkeypatch, arguments, says):
    monkeypatch.setenv("OVERPARAM_FASHION_URL", at(server))
    monkeypatch.setenv("OVERPARAM_MNIST_URL", "http://127.0.0.1:1/")
    with pytest.raises(SystemExit) as caught:
        last_figure(arguments)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_the_command_wants_iterations(capsys):
    with pytest.raises(SystemExit):
        last_figure(["--iterations", "0"])
    assert "the iterations must be 1 or more, not 0" in capsys.readouterr().err
