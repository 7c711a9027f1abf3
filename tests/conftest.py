"""What holds for all tests."""

from collections.abc import Iterator

import pytest
import torch

torch.set_num_threads(1)  # as the app does: the products here are too small for more


@pytest.fixture(autouse=True)
def denormals() -> Iterator[None]:
    """A run flushes denormals to zero in the thread that computes it; the next test starts with the usual arithmetic."""
    yield
    torch.set_flush_denormal(False)
