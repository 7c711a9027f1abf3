"""DDP and FSDP2 with two processes train what one process trains: factors, and the rule."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not torch.distributed.is_available(), reason="this build of torch has no torch.distributed"
    ),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    meeting = tmp_path_factory.mktemp("processes") / "meeting"
    command = [sys.executable, "-m", "tests.nn_processes", str(meeting)]
    ran = subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("kind", "cases"),
    [("DDP", 6), ("FSDP2", 8)],
)
def test_two_processes_are_one(found, kind, cases):
    gaps = {name: gap for name, gap in found.items() if name.startswith(kind)}
    assert len(gaps) == cases and max(gaps.values()) < 2e-6, gaps


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("collapse of FSDP2", "0.weight is sharded: gather the state dict"),
        (
            "overparameterize after DDP",
            "wrapped by DistributedDataParallel: overparameterize the model first",
        ),
        ("overparameterize after FSDP2", "wrapped by FSDPModule: overparameterize the model first"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(found, case, words):
    assert words in found[case]
