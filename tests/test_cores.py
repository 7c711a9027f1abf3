"""How many compute at a time: as many as there are cores to use, or as the host says."""

import io
import os
import subprocess
import sys

import pytest

from overparam.engine.device import cores
from overparam.serving.workers.pool import wanted_workers

COUNTS = """
import io
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from overparam.engine.turns import GATE
from overparam.serving.workers.pool import wanted_workers
print(GATE._free, wanted_workers())
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_that_is_kept_to_one_core_computes_one_thing_at_a_time():
    environment = {k: v for k, v in os.environ.items() if k != "OVERPARAM_WORKERS"}
    found = subprocess.run(
        [sys.executable, "-c", COUNTS], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["1", "1"]


def test_a_containers_share_of_the_processor_is_known(monkeypatch):
    """Of a machine with 64 cores, `docker run --cpus 2` leaves two."""
    share = {"/sys/fs/cgroup/cpu.max": "200000 100000\n"}
    exists, opened = os.path.exists, open
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr("os.path.exists", lambda path: path in share or exists(path))
    monkeypatch.setattr(
        "builtins.open",
        lambda path, *a, **k: io.StringIO(share[path]) if path in share else opened(path, *a, **k),
    )
    assert cores() == 2


@pytest.mark.parametrize(("said", "workers"), [("2", 2), ("0", 0), ("1000", 64)])
def test_a_host_says_how_many_workers_there_are(monkeypatch, said, workers):
    monkeypatch.setenv("OVERPARAM_WORKERS", said)
    assert wanted_workers() == (0 if os.name == "nt" else workers)


def test_a_host_that_says_no_number_is_told_what_is_expected(monkeypatch):
    monkeypatch.setenv("OVERPARAM_WORKERS", "two")
    with pytest.raises(SystemExit, match="whole number such as 2"):
        wanted_workers()
