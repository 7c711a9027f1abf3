"""The paper's data set: fetched from a server on this machine that may be good, slow, broken or
lying."""

from __future__ import annotations

import errno
import io
import itertools
import threading
import zipfile
from pathlib import Path

import numpy as np
import pooch
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overparam.data import (
    DataError,
    download,
    ethanol,
    ethanol_is_cached,
    ethanol_path,
    load_ethanol,
)
from tests.ethanol_mirror import Server, archive

REAL = Path(__file__).parents[2] / "shared" / "data" / "gas_ethanol.npz"
needs_real = pytest.mark.skipif(
    not REAL.exists(), reason="no copy of the paper's data at ../shared/data/gas_ethanol.npz"
)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def refusal(tmp_path: Path, url: str) -> str:
    """What a person reads when the data cannot be had; nothing may be left in the cache then."""
    with pytest.raises(DataError) as caught:
        load_ethanol(url=url, cache=tmp_path)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 600
    assert "diabetes" in message, "the way out is named"
    assert not ethanol_is_cached(tmp_path)
    assert files(tmp_path) == []
    return message


@needs_real
def test_the_published_numbers_come_through_bit_by_bit(server, tmp_path):
    with np.load(REAL) as real:
        raw = {k: real[k] for k in real.files}
    server.body = archive(raw["X"], raw["y"], raw["batch"])
    data = load_ethanol(
        url=server.url, cache=tmp_path
    )  # checks the published checksums of the content
    assert data.inputs.shape == (2565, 128) and data.targets.shape == (2565, 1)
    assert len(data.feature_names) == 128 and data.target_names == ("concentration",)
    for ours, published in ((data.inputs, raw["X"]), (data.targets[:, 0], raw["y"])):
        expected = (published - published.mean(axis=0)) / published.std(axis=0)
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)


@needs_real
@pytest.mark.parametrize("change", ["one digit", "two rows swapped", "a row less"])
def test_real_numbers_that_are_not_quite_the_published_ones_are_refused(server, tmp_path, change):
    with np.load(REAL) as real:
        x, y, batch = real["X"].copy(), real["y"].copy(), real["batch"]
    if change == "one digit":
        x[1234, 56] = np.nextafter(x[1234, 56], np.inf)
    elif change == "two rows swapped":
        x[[5, 6]] = x[[6, 5]]
    else:
        x, y, batch = x[1:], y[1:], batch[1:]
    server.body = archive(x, y, batch)
    assert "neither the checksum of the archive nor the numbers in it" in refusal(
        tmp_path, server.url
    )


def test_downloaded_once_then_from_the_cache(server, tmp_path, published, made_up):
    server.body = published
    assert not ethanol_is_cached(tmp_path)
    data = load_ethanol(url=server.url, cache=tmp_path)
    np.testing.assert_allclose(
        data.inputs * made_up["X"].std(axis=0) + made_up["X"].mean(axis=0), made_up["X"], rtol=1e-9
    )
    assert ethanol_is_cached(tmp_path)
    assert ethanol_path(tmp_path).read_bytes() == published
    assert files(tmp_path) == [ethanol_path(tmp_path).name]
    ethanol._loaded.clear()  # as if the program had been started anew
    again = load_ethanol(url="http://127.0.0.1:1/", cache=tmp_path)
    assert (again.inputs == data.inputs).all() and (again.targets == data.targets).all()
    assert server.requests == 1


def test_an_archive_packed_anew_in_a_folder_is_taken(server, tmp_path, published, made_up):
    server.body = archive(made_up["X"], made_up["y"], made_up["batch"], folder="Dataset/")
    assert load_ethanol(url=server.url, cache=tmp_path).inputs.shape == (30, 128)


def test_the_environment_names_folder_and_mirror(server, tmp_path, published, monkeypatch):
    server.body = published
    monkeypatch.setenv("OVERPARAM_DATA", str(tmp_path / "new" / "folder"))
    monkeypatch.setenv("OVERPARAM_ETHANOL_URL", server.url)
    load_ethanol()
    assert ethanol_is_cached() and ethanol_path().parent == tmp_path / "new" / "folder"
    monkeypatch.delenv("OVERPARAM_DATA")
    assert ethanol_path().parent == Path(pooch.os_cache("overparam"))


def test_progress_tells_bytes_received(server, tmp_path, published, monkeypatch):
    server.body, server.mode = published, "slow"
    seen = []

    def progress(received, total):
        seen.append((received, total))
        server.release.set()

    clock = iter(np.arange(1e6))
    monkeypatch.setattr(
        download.time, "monotonic", lambda: next(clock)
    )  # so that every piece is due for a report
    monkeypatch.setattr(download, "MAX_SECONDS", np.inf)
    load_ethanol(progress, url=server.url, cache=tmp_path)
    assert seen[0] == (0, 0) and seen[-1] == (len(published), len(published))
    assert all(a[0] <= b[0] for a, b in itertools.pairwise(seen))
    assert {total for _, total in seen[1:]} == {len(published)}


def test_progress_without_a_stated_length(server, tmp_path, published):
    server.body, server.mode = published, "length unknown"
    seen = []
    load_ethanol(lambda *a: seen.append(a), url=server.url, cache=tmp_path)
    assert seen and all(total == 0 for _, total in seen)


def test_what_progress_raises_ends_the_download(server, tmp_path, published):
    class Stop(BaseException):
        pass

    def progress(received, total):
        raise Stop

    server.body = published
    with pytest.raises(Stop):
        load_ethanol(progress, url=server.url, cache=tmp_path)
    assert files(tmp_path) == []
    load_ethanol(url=server.url, cache=tmp_path)  # and the next one who asks is served


def test_people_who_ask_meanwhile_share_one_download(server, tmp_path, published):
    server.body, server.mode = published, "slow"
    waiting, results = threading.Barrier(4), []

    def progress(received, total):
        if server.requests:
            server.release.set()

    def ask():
        waiting.wait()
        results.append(load_ethanol(progress, url=server.url, cache=tmp_path))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert server.requests == 1 and len(results) == 4 and len({id(r) for r in results}) == 1


@pytest.mark.parametrize(
    "status, words", [("404", "404 (Not Found)"), ("503", "503 (Service Unavailable)")]
)
def test_http_errors(server, tmp_path, status, words):
    server.mode = status
    assert words in refusal(tmp_path, server.url)


@pytest.mark.parametrize("mode", ["silent", "stall"])
def test_a_server_that_stops_answering(server, tmp_path, published, monkeypatch, mode):
    monkeypatch.setattr(download, "SILENT_SECONDS", 0.3)
    server.body, server.mode = published, mode
    assert "stopped answering" in refusal(tmp_path, server.url)


def test_a_server_that_drips(server, tmp_path, published, monkeypatch):
    monkeypatch.setattr(download, "MAX_SECONDS", -1.0)
    server.body = published
    assert "took more than" in refusal(tmp_path, server.url)


def test_a_connection_that_breaks_off(server, tmp_path, published):
    server.body, server.mode = published, "cut"
    assert "broke off" in refusal(tmp_path, server.url)


def test_a_server_that_announces_or_sends_too_much(server, tmp_path, published, monkeypatch):
    server.body, server.mode = published, "huge"
    assert "more than 200 MB" in refusal(tmp_path, server.url)
    monkeypatch.setattr(download, "MAX_BYTES", len(published) // 3)
    server.mode = "length unknown"
    assert "the server sends more than" in refusal(tmp_path, server.url)


def test_no_connection(tmp_path, server):
    port = server.server_address[1]
    server.socket.close()  # nobody listens there now
    message = refusal(tmp_path, f"http://127.0.0.1:{port}/archive.zip")
    assert (
        "127.0.0.1" in message
        and "no connection" in message
        and str(ethanol_path(tmp_path)) in message
    )


@pytest.mark.parametrize(
    "url", ["ftp://example.org/a.zip", "archive.zip", "http://", "http://[::1/a.zip", "file:///etc"]
)
def test_an_address_that_is_none(tmp_path, url):
    assert "no http or https address" in refusal(tmp_path, url)


def test_wrong_archives(server, tmp_path, published, made_up):
    server.mode = "length unknown"
    server.body = published[: len(published) * 2 // 3]
    assert "not a whole zip archive" in refusal(tmp_path, server.url)
    server.body = b"<html>moved</html>"
    assert "not a whole zip archive" in refusal(tmp_path, server.url)
    server.body = b""
    assert "not a whole zip archive" in refusal(tmp_path, server.url)

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        z.writestr("batch1.dat", "")
    server.body = buffer.getvalue()
    assert "holds no batch2.dat" in refusal(tmp_path, server.url)

    x = made_up["X"].copy()
    x[3, 3] += 1
    server.body = archive(x, made_up["y"], made_up["batch"])
    assert "neither the checksum" in refusal(tmp_path, server.url)

    middle = published.index(b"batch5.dat") + 200
    server.body = published[:middle] + bytes(50) + published[middle + 50 :]
    assert "zip" in refusal(tmp_path, server.url) or "unpacked" in refusal(tmp_path, server.url)


@pytest.mark.parametrize(
    "line",
    ["1;", "1;5", "1;5 1:2", "1;x " + " ".join(f"{j}:1" for j in range(1, 129)), "1;5 1:2:3"],
)
def test_lines_in_another_form(server, tmp_path, published, made_up, line):
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(published)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(
                name, old.read(name) + (line.encode() + b"\r\n" if name == "batch7.dat" else b"")
            )
    server.body = buffer.getvalue()
    assert "line 6 of batch7.dat" in refusal(tmp_path, server.url)


def test_a_damaged_file_in_the_cache_is_put_aside_and_fetched_anew(server, tmp_path, published):
    path = ethanol_path(tmp_path)
    path.write_bytes(b"not an archive")
    server.body, server.mode = published, "404"
    with pytest.raises(
        DataError, match=r"404 .*was refused \(the file is not a whole zip archive\)"
    ):
        load_ethanol(url=server.url, cache=tmp_path)
    server.mode = "ok"
    path.write_bytes(b"not an archive either")
    load_ethanol(url=server.url, cache=tmp_path)
    assert path.read_bytes() == published
    assert path.with_suffix(".refused").read_bytes() == b"not an archive either"


def test_without_download_the_network_is_not_asked(server, tmp_path, published):
    path = ethanol_path(tmp_path)
    with pytest.raises(DataError, match="not on this machine yet"):
        load_ethanol(url=server.url, cache=tmp_path, download=False)
    path.write_bytes(b"not an archive")
    with pytest.raises(
        DataError, match=r"was refused \(the file is not a whole zip archive\) and is now .*anew"
    ):
        load_ethanol(url=server.url, cache=tmp_path, download=False)
    assert not ethanol_is_cached(tmp_path)
    path.write_bytes(published)
    assert load_ethanol(url=server.url, cache=tmp_path, download=False).inputs.shape == (30, 128)
    assert server.requests == 0


def test_a_cache_folder_that_cannot_be_one(server, tmp_path, published):
    (tmp_path / "file").write_text("")
    server.body = published
    with pytest.raises(
        DataError, match=r"could not be kept: .* the folder .*file.*Set OVERPARAM_DATA"
    ):
        load_ethanol(url=server.url, cache=tmp_path / "file")
    ethanol_path(tmp_path).mkdir()
    with pytest.raises(DataError, match="could not be kept"):
        load_ethanol(url=server.url, cache=tmp_path)


@pytest.mark.parametrize(
    "number, words",
    [
        (errno.ENOSPC, "the disk is full at"),
        (errno.EROFS, "this program may not"),
        (errno.EACCES, "this program may not"),
    ],
)
def test_a_cache_folder_that_cannot_be_written(
    server, tmp_path, published, monkeypatch, number, words
):
    class Full(io.FileIO):
        def write(self, data):
            raise OSError(number, "no")

    server.body = published
    monkeypatch.setattr(download, "open", Full, raising=False)
    with pytest.raises(DataError, match=rf"could not be kept: {words} .*Set OVERPARAM_DATA"):
        load_ethanol(url=server.url, cache=tmp_path)
    assert files(tmp_path) == []


def test_a_read_only_folder(server, tmp_path, published):
    folder = tmp_path / "sealed"
    folder.mkdir(mode=0o555)
    try:
        (folder / "probe").touch()
    except PermissionError:
        pass
    else:
        pytest.skip("this user may write anywhere, so no folder is read-only to it")
    server.body = published
    with pytest.raises(DataError, match="may not read and write in the folder"):
        load_ethanol(url=server.url, cache=folder)


WHOLE = archive(np.random.default_rng(1).normal(size=(10, 128)), np.arange(10.0), np.arange(1, 11))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_the_bytes_of_an_archive_they_are_refused_in_words(tmp_path_factory, data):
    """Bytes of a whole archive changed at random places, and bytes that never were one."""
    damaged = bytearray(WHOLE)
    for place in data.draw(st.lists(st.integers(0, len(WHOLE) - 1), max_size=8)):
        damaged[place] = data.draw(st.integers(0, 255))
    for place in data.draw(st.lists(st.integers(1, 900), max_size=4)):  # the directory at the end
        damaged[-place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "archive.zip"
    path.write_bytes(damaged if data.draw(st.booleans()) else data.draw(st.binary(max_size=200)))
    with pytest.raises(download.Refused) as caught:
        ethanol._read_archive(path)
    assert caught.value.args[0]
