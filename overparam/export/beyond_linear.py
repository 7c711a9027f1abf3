"""Runs of the page beyond linear, taken home: numbers, and a script that computes them again."""

from __future__ import annotations

import csv
import inspect
import io
import json
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

import numpy as np

from overparam import plain_network
from overparam.choices.beyond_linear import LOSSES, Study
from overparam.engine.convolution import Convolutional
from overparam.engine.optimizers import OPTIMIZERS
from overparam.export.script import REFERENCE
from overparam.serving.training import MOST_SAMPLES, Curves, network_of

_LOSSES: dict[str, tuple[Callable, str]] = {
    "ce": (plain_network.cross_entropy, "cross_entropy"),
    "l2": (plain_network.power, "power(2)"),
    "l4": (plain_network.power, "power(4)"),
}
_IMPORTS = {  # what a function that holds the text on the left needs
    "gzip.": "import gzip",
    "pairwise(": "from itertools import pairwise",
    "Path(": "from pathlib import Path",
}


def as_csv(study: Study, curves: Curves) -> str:
    """One line for each run, seed and look: recipe, iteration, fit, penalty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["run", "seed", *asdict(study.recipes[0]), "iteration", "fit", "penalty"])
    for i, recipe in enumerate(study.recipes):
        for seed in range(study.seeds):
            numbers = zip(curves.fit[:, seed, i], curves.penalty[:, seed, i], strict=True)
            for time, values in zip(curves.times, numbers, strict=True):
                row = [i, seed, *asdict(recipe).values(), int(time)]
                writer.writerow(row + [repr(float(value)) for value in values])
    return out.getvalue()


def as_json(study: Study, curves: Curves) -> str:
    """Every choice, and the curves as nested lists: time, seed, run; null after a divergence."""

    def listed(values: np.ndarray) -> object:
        numbers = values.astype(object)
        numbers[~np.isfinite(values)] = None
        return numbers.tolist()

    kinds = ("fit", "penalty", "squares", "schatten", "rank", "accuracy")
    found = {kind: listed(getattr(curves, kind)) for kind in kinds}
    return json.dumps({"study": asdict(study), "times": curves.times.tolist(), **found})


def script(study: Study, curves: Curves) -> str:
    """A Python file of torch, numpy and scikit-learn's digits that computes the curves again, up to
    where they are known, and writes them as `as_csv` does.

    It computes in float32 as the app does, where rounding differs from machine to machine. In
    float64 its numbers are the engine's in float64 to about 1e-9 of the loss, as long as the run is
    not chaotic.
    """
    network = network_of(study, 8 if study.data == "digits" else 28)
    conv = isinstance(network, Convolutional)
    images = plain_network.digits if study.data == "digits" else plain_network.idx_files
    outputs = plain_network.convolutional if conv else plain_network.dense
    loss, call = _LOSSES[study.loss]
    needed = [images, outputs, loss, plain_network.drawn, plain_network.factors]
    needed += [plain_network.product, plain_network.penalty_of, plain_network.train]
    needed += [plain_network.idx] if images is plain_network.idx_files else []
    names = dict.fromkeys(recipe.optimizer for recipe in study.recipes)
    updates = {name: OPTIMIZERS[name].plain for name in names}
    neighbours = filter(inspect.isfunction, vars(plain_network).values())
    functions: list[Callable] = [*updates.values(), *(f for f in neighbours if f in needed)]
    source = "\n\n".join(inspect.getsource(each) for each in functions)
    used = [line for text, line in _IMPORTS.items() if text in source]
    settings = _SETTINGS.format(
        leaves=_listed(asdict(leaf) for leaf in network.leaves),
        runs=_listed(asdict(recipe) for recipe in study.recipes),
        updates=", ".join(f"{name!r}: {update.__name__}" for name, update in updates.items()),
        seeds=study.seeds,
        batch=study.batch,
        dropout=network.dropout if isinstance(network, Convolutional) else 0.0,
        times=curves.times.tolist(),
    )
    return "\n\n".join(
        (
            _ABOUT.format(
                study=textwrap.fill(_facts(study), 100),
                files="" if study.data == "digits" else _FILES,
                reference=textwrap.fill(f"After {REFERENCE}.", 100),
            ),
            "\n".join(["import csv", *used, "", "import numpy as np", "import torch"])
            + ("\nfrom torch.nn import functional" if "functional." in source else ""),
            "torch.set_num_threads(1)\ntorch.set_flush_denormal(True)\n",
            source.rstrip() + "\n",
            settings,
            _RUN.format(
                images=images.__name__, outputs=outputs.__name__, loss=call, most=MOST_SAMPLES
            ),
        )
    )


def _listed(records: Iterable[dict[str, Any]]) -> str:
    return "[\n" + "".join(f"    {record!r},\n" for record in records) + "]"


def _facts(study: Study) -> str:
    return (
        f"Network: {study.net}, hidden width {study.hidden}; images: {study.data}; loss:"
        f" {LOSSES[study.loss]}; {len(study.recipes)} runs from each of {study.seeds} seeds."
    )


_ABOUT = '''"""Beyond linear: networks with factored dense layers, computed again one by one.

{study}
{files}
{reference}
Run it with   python run.py   ; it writes fit and penalty of every run to losses.csv.
"""'''

_FILES = """
Put train-images-idx3-ubyte and train-labels-idx1-ubyte beside it, packed by gzip or not.
"""

_SETTINGS = """\
LEAVES = {leaves}  # the matrices that the data see
RUNS = {runs}
UPDATES = {{{updates}}}
SEEDS, BATCH, DROPOUT = range({seeds}), {batch}, {dropout}
TIMES = {times}  # iterations at which the loss is looked at"""

_RUN = """\
DTYPE = torch.float32  # what the app computes in
X, labels = {images}()
X, labels = torch.tensor(X, dtype=DTYPE), torch.tensor(labels, dtype=torch.int64)
problem = X, labels, {outputs}, {loss}, {most}
with open("losses.csv", "w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    writer.writerow(["run", "seed", *RUNS[0], "iteration", "fit", "penalty"])
    for i, run in enumerate(RUNS):
        for seed in SEEDS:
            update = UPDATES[run["optimizer"]]
            found = train(problem, LEAVES, run, update, seed, BATCH, DROPOUT, TIMES)
            for t, pair in zip(TIMES, found, strict=True):
                writer.writerow([i, seed, *run.values(), t, *pair])
            last = found[-1][0]
            print(f"run {{i + 1}} of {{len(RUNS)}}, seed {{seed}}: fit {{last:.4g}}", flush=True)
"""
