"""What is taken home of the page beyond linear: numbers that read back, and a script that computes
them again without this project."""

from __future__ import annotations

import csv
import gzip
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from overparam.choices.beyond_linear import APART, Study
from overparam.data.digits import load_digits
from overparam.data.images import FILES, Images
from overparam.engine.nonlinear import FactoredNetworks
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.recipe import FACTORS, INITS, PENALTIES, Recipe
from overparam.export.beyond_linear import as_csv, script
from overparam.serving.training import MOST_SAMPLES, Curves, Training, network_of

# Run the script as a person would, then look at what it has imported.
ALONE = """
import runpy, sys
runpy.run_path("run.py", run_name="__main__")
assert "overparam" not in {name.split(".")[0] for name in sys.modules}
"""
TIMES = [0, 10, 20, 30, 35]


def known(times: list[int], study: Study) -> Curves:
    """What a script reads off curves: how far they are known."""
    nothing = np.full((len(times), study.seeds, len(study.recipes)), np.nan)
    none = nothing[:0]
    return Curves(np.array(times), nothing, nothing, none, none, none, nothing[0])


def computed(study: Study, images: Images, times: list[int] = TIMES) -> list[list[float]]:
    """Rows run, seed, iteration, fit, penalty by the engine in float64."""
    rows = []
    for seed in range(study.seeds):
        network = network_of(study, images.side)
        how = {"seed": seed, "batch": study.batch, "dtype": torch.float64}
        sim = FactoredNetworks(network, images.inputs, images.labels, study.recipes, **how)
        for time in times:
            sim.advance(time - sim.iteration)
            looked = np.array(sim.losses(MOST_SAMPLES)).T
            rows += [[i, seed, time, *pair] for i, pair in enumerate(looked)]
    return sorted(rows)


def alone(text: str, folder: Path) -> list[list[float]]:
    """The same rows from the file that the script writes."""
    (folder / "run.py").write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, "-c", ALONE], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return numbers((folder / "losses.csv").read_text(encoding="utf-8"))


def numbers(text: str) -> list[list[float]]:
    names = ("run", "seed", "iteration", "fit", "penalty")
    return sorted([float(row[name]) for name in names] for row in csv.DictReader(text.splitlines()))


EVERY_START = Study(
    tuple(
        Recipe(n, "gd", 0.01, penalty, 0.05, init, 0.1, factors)
        for n, penalty in zip((1, 2, 3), PENALTIES, strict=True)
        for init in INITS
        for factors in FACTORS
    ),
    hidden=16,
    seeds=1,
)
EVERY_OPTIMIZER = Study(
    tuple(Recipe(2, name, 1e-3, init="default") for name in OPTIMIZERS), loss="l2", batch=None
)
DIVERGES = Study((Recipe(1, "gd", 0.01), Recipe(1, "gd", 1e6)), loss="l4", hidden=16)
CONV = Study((Recipe(1), Recipe(2, "momentum", 0.02, "product", 0.01)), net="conv", seeds=1)


@pytest.mark.parametrize(
    "study",
    [EVERY_START, EVERY_OPTIMIZER, DIVERGES, CONV],
    ids=["every start and penalty", "every optimizer", "divergence", "convolutions"],
)
def test_the_script_alone_computes_what_the_engine_computes(study, tmp_path):
    text = script(study, known(TIMES, study))
    again = alone(text.replace("DTYPE = torch.float32", "DTYPE = torch.float64"), tmp_path)
    wanted = computed(study, load_digits())
    assert len(again) == len(TIMES) * study.seeds * len(study.recipes)
    np.testing.assert_allclose(again, wanted, rtol=1e-9, atol=0)
    assert np.isnan(np.array(again)).any() == (study is DIVERGES)


@pytest.mark.slow
def test_the_papers_network_with_dropped_units_reads_its_own_files(tmp_path):
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 256, (70, 28, 28), "uint8"), rng.integers(0, 10, 70, "uint8")
    for name, array in zip(FILES, (pixels, labels), strict=False):
        sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
        content = bytes((0, 0, 8, array.ndim)) + sizes + array.tobytes()
        packed = tmp_path / f"{name}-idx{array.ndim}-ubyte.gz"
        packed.write_bytes(gzip.compress(content))
    flat = (pixels.reshape(70, -1) / np.float32(255) - np.float32(0.5)).astype(np.float32)
    how = {"init": "truncated", "scale": 0.1, "decay": 5e-4}
    recipes = tuple(Recipe(**how | special) for special in list(APART.values())[:3])
    study = Study(recipes, net="conv", data="fashion", batch=32, seeds=1)
    text = script(study, known([0, 2], study))
    again = alone(text.replace("DTYPE = torch.float32", "DTYPE = torch.float64"), tmp_path)
    wanted = computed(study, Images("made up", flat, labels, flat, labels), [0, 2])
    np.testing.assert_allclose(again, wanted, rtol=1e-9, atol=0)


def test_as_it_is_written_the_script_computes_what_was_on_screen(tmp_path):
    study = replace(EVERY_START, recipes=EVERY_START.recipes[::5], horizon=35, seeds=2)
    training = Training(study)
    while not training.finished:
        training.advance(study.horizon, 60.0)
    curves = training.view(study.horizon)
    rows = numbers(as_csv(study, curves))
    np.testing.assert_allclose(alone(script(study, curves), tmp_path), rows, rtol=1e-3)
