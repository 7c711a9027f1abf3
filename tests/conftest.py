"""What holds for all tests."""

import os
from collections.abc import Iterator

import pytest
import torch
from hypothesis import settings

# everywhere else each run of the tests tries new examples; a run that decides whether a change is taken repeats the same ones
settings.register_profile("repeated", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("repeated")

torch.set_num_threads(1)  # as the app does: the products here are too small for more


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """A run flushes denormals to zero in the thread that computes it; the next test starts with the usual arithmetic."""
    yield
    torch.set_flush_denormal(False)
