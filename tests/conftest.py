"""What holds for all tests."""

import hashlib
import os
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from overparam.data import ethanol
from overparam.engine.device import prepare_thread
from tests.ethanol_mirror import archive

# Every run tries new examples, those that decide whether a change is taken too; where one fails
# there, a line to repeat it is printed, as that machine's own memory of examples is gone
# afterwards. No test fails for the time that it takes: that says something of the machine alone.
settings.register_profile(
    "untimed",
    print_blob=bool(os.environ.get("CI")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("untimed")

torch.set_num_threads(1)  # as the app does: the products here are too small for more


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """A run flushes denormals to zero in the thread that computes it; the next test starts with the
    usual arithmetic."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def as_in_the_app() -> None:
    """Long loops run as they do there: without denormals, which make a converged run 100 times
    slower."""
    prepare_thread()


@pytest.fixture(scope="module")
def made_up() -> dict[str, np.ndarray]:
    """A small data set of the same form, three rows a batch, its rows in the archive in the order
    given here."""
    rng = np.random.default_rng(0)
    return {
        "X": rng.normal(size=(30, 128)) * 1e4,
        "y": rng.uniform(1, 500, 30),
        "batch": np.repeat(np.arange(1, 11), 3),
    }


@pytest.fixture
def published(made_up, monkeypatch) -> bytes:
    """An archive of the made-up data, with their checksums declared to be the published ones."""
    hashes = tuple(hashlib.sha256(made_up[k].astype("<f8").tobytes()).hexdigest() for k in "Xy")
    monkeypatch.setattr(ethanol, "CONTENT_SHA256", hashes)
    return archive(made_up["X"], made_up["y"], made_up["batch"])
