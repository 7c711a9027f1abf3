"""A run taken home: its curves as CSV and JSON, and a script of plain torch and numpy that computes
them again."""

from __future__ import annotations

import inspect
import json
import platform
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

import numpy as np
import torch

from overparam import plain
from overparam.choices.kinds import write_choices
from overparam.choices.losses import LOSSES
from overparam.choices.methods import Entry
from overparam.choices.problems import PROBLEMS
from overparam.choices.race import CHOICES, Experiment
from overparam.data import Data
from overparam.engine.optimizers import OPTIMIZERS
from overparam.serving.course import View

REFERENCE = (
    "S. Arora, N. Cohen, E. Hazan, On the Optimization of Deep Networks: Implicit Acceleration by"
    " Overparameterization, ICML 2018, arXiv 1802.06509"
)

_STARTS: dict[str, Callable] = {
    "balanced": plain.balanced,
    "near-zero": plain.near_zero,
    "identity": plain.identity,
}
_DIRECTIONS: dict[str, Callable] = {
    "rule": plain.rule,
    "scale": plain.scale_only,
    "stretch": plain.stretch_only,
}


def query(experiment: Experiment) -> dict[str, str]:
    """The URL parameters that bring these choices back."""
    return write_choices(
        CHOICES, {choice.name: getattr(experiment, choice.name) for choice in CHOICES}
    )


def names(experiment: Experiment) -> list[str]:
    """A name for each method, no two alike."""
    labels = [entry.label() for entry in experiment.methods]
    return [
        n if labels.count(n) == 1 else f"{n} ({labels[:i].count(n) + 1})"
        for i, n in enumerate(labels)
    ]


def losses(view: View) -> np.ndarray:
    """Losses (K, M) of the view's gaps: `L = L* + g (L_0 - L*)`."""
    return view.least + view.gaps * (view.first - view.least)


def as_csv(experiment: Experiment, view: View) -> str:
    """The losses of every method at the recorded iterations; lines that begin with # say what was
    chosen."""
    about = ['# to read: pandas.read_csv("run.csv", comment="#")']
    about += [f"# {word}: {value}" for word, value in facts(experiment, view).items()]
    head = ",".join(["iteration", *map(_quoted, names(experiment))])
    rows = [
        ",".join([str(t), *map(repr, row)])
        for t, row in zip(view.times.tolist(), losses(view).tolist(), strict=True)
    ]
    return "\n".join([*about, head, *rows]) + "\n"


def as_json(experiment: Experiment, view: View) -> str:
    """The same as JSON: choices, step sizes, losses and gaps; null where a method has diverged."""

    def numbers(column: np.ndarray) -> list[float | None]:
        return [float(x) if np.isfinite(x) else None for x in column]

    methods = [
        asdict(entry)
        | {
            "name": name,
            "step": float(step),
            "loss": numbers(loss),
            "gap": numbers(gap),
        }
        for entry, name, step, loss, gap in zip(
            experiment.methods,
            names(experiment),
            _first_steps(experiment, view),
            losses(view).T,
            view.gaps.T,
            strict=True,
        )
    ]
    choices = {
        choice.name: getattr(experiment, choice.name)
        for choice in CHOICES
        if choice.name != "methods"
    }
    document = {
        "reference": REFERENCE,
        "link": "?" + urlencode(query(experiment)),
        "choices": choices,
        "versions": _versions(),
        "loss at W = 0": view.first,
        "least loss": view.least,
        "iterations": view.times.tolist(),
        "methods": methods,
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def data_csv(data: Data) -> str:
    """The standardised numbers of an uploaded file, for the script to read; targets last."""
    numbers = np.hstack([data.inputs, data.targets])
    head = ",".join(map(_quoted, (*data.feature_names, *data.target_names)))
    return "\n".join([head, *(",".join(map(repr, row)) for row in numbers.tolist())]) + "\n"


@dataclass(frozen=True)
class Parts:
    """The Python that computes a run again, in the order in which it runs."""

    imports: str
    functions: str
    settings: str
    data: str
    run: str


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""').replace("\n", " ") + '"'


def script(experiment: Experiment, view: View, upload: Data | None = None) -> str:
    """A Python file of torch and numpy alone that computes the view's losses again and writes them
    as `as_csv` does.

    Its numbers agree with the exported ones to about 1e-9 of the loss, as long as the loss stands
    clear of rounding and the run is not chaotic. Beyond a step size of 2 / lambda_max, at the edge
    of stability, rounding errors grow from step to step, and no two orders of summation give the
    same curve; so do those of AdaDelta and RMSProp near an optimum. In float32 the digits are
    fewer.

    Args: upload: the person's file, where the problem is "csv"; the script reads it from
    `DATA_FILE` (see `data_csv`).
    """
    made = parts(experiment, view, upload)
    listed = "\n".join(f"    {word}: {value}" for word, value in facts(experiment, view).items())
    about = _ABOUT.format(
        facts=listed,
        note=PROBLEMS[experiment.problem].note,
        reference=textwrap.fill(f"After {REFERENCE}.", 100),
    )
    return (
        "\n\n".join(
            (about, made.imports, "", made.functions, "", made.settings, made.data, made.run)
        )
        + "\n"
    )


def parts(experiment: Experiment, view: View, upload: Data | None = None) -> Parts:
    """What `script` and `notebook.notebook` put together. Args: as `script`."""
    problem, loss = PROBLEMS[experiment.problem], LOSSES[experiment.loss]
    made, (inputs, targets, _) = (
        problem.plain(experiment, upload),
        problem.arrays(experiment, upload),
    )
    k, d, needed, lines = targets.shape[1], inputs.shape[1], [*made.functions, loss.plain], []
    for entry, name, step in zip(
        experiment.methods, names(experiment), _first_steps(experiment, view), strict=True
    ):
        method = experiment.method(entry)
        start, update = _STARTS[method.start], OPTIMIZERS[method.optimizer].plain
        direction = _direction(entry, k)
        width = method.width or k
        layers = (
            f"{start.__name__}({k}, {d}, {max(1, round(entry.depth))}, {width}, {method.scale!r},"
            " SEED)"
        )
        lines.append(
            f"    {name!r}: ({layers}, {entry.depth!r}, {direction and direction.__name__},"
            f" {update.__name__}, {step!r}),"
        )
        needed += [start, update] + ([direction] if direction else [])
    if plain.identity in needed:
        needed.append(plain.near_zero)
    order = [
        value for value in vars(plain).values() if inspect.isfunction(value) and value in needed
    ]
    functions: list[Callable] = [*order, plain.product, plain.recorded, plain.losses]
    sources = "\n\n".join(inspect.getsource(f) for f in functions)
    settings = _SETTINGS.format(
        loss=f"{loss.plain.__name__}({loss.call(experiment)})",
        decay=experiment.decay,
        seed=experiment.seed,
        iterations=int(view.times[-1]),
        changes=dict(experiment.changes),
        methods="\n".join(lines),
    )
    return Parts(
        imports="\n".join(["import csv", *_imports(order), "", *_ALWAYS]),
        functions=sources.rstrip(),
        settings=settings,
        data=made.line,
        run=_RUN.format(dtype=experiment.precision, weight=problem.weight),
    )


_ABOUT = '''"""Depth as acceleration: one run, computed again with nothing but torch and numpy.

{facts}

{note}{reference}
Run it with   python run.py   or paste it into a notebook; it writes the losses to losses.csv.
"""'''

_ALWAYS = ("import numpy as np", "import torch", "", "torch.set_num_threads(1)")

_SETTINGS = """\
LOSS = {loss}  # of a residual: L(W) = WEIGHT * sum LOSS(W x - y)
DECAY = {decay!r}  # weight decay
SEED = {seed}
ITERATIONS = {iterations}
CHANGES = {changes}  # iteration: factor on every step size from then on
METHODS = {{  # layers to start from, depth, rule in the place of a network, update, step size
{methods}
}}"""

_RUN = """\
WEIGHT = {weight}
X, Y = (torch.from_numpy(numbers).to(torch.{dtype}) for numbers in (X, Y))
times = recorded(ITERATIONS)
columns = []
for name, (layers, depth, direction, update, step) in METHODS.items():
    columns.append(
        losses((X, Y, LOSS, WEIGHT), layers, depth, direction, update, step, CHANGES, DECAY, times)
    )
    first, last = columns[-1][0], columns[-1][-1]
    print(f"{{name}}: loss {{first:.6g}} at the start, {{last:.6g}} after {{ITERATIONS}} steps")

with open("losses.csv", "w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    writer.writerow(["iteration", *METHODS])
    writer.writerows(zip(times, *columns))"""


def _direction(entry: Entry, k: int) -> Callable | None:
    if entry.kind == "rule" and k > 1:
        return plain.rule_in_eigenvectors
    return _DIRECTIONS.get(entry.kind)


def _first_steps(experiment: Experiment, view: View) -> list[float]:
    """Step sizes that the run began with, before any change on the way."""
    if experiment.steps == "tuned":
        return view.steps.tolist()
    return [experiment.method(entry).step for entry in experiment.methods]


def _imports(functions: Sequence[Callable]) -> list[str]:
    text = "".join(inspect.getsource(f) for f in functions)
    modules = [f"import {m}" for m in ("io", "zipfile") if f"{m}." in text]
    return modules + (["from itertools import pairwise"] if "pairwise(" in text else [])


def facts(experiment: Experiment, view: View) -> dict[str, str]:
    """What a reader needs to know where this came from."""
    return {
        "problem": experiment.problem,
        "link": "?" + urlencode(query(experiment)),
        "seed": str(experiment.seed),
        "loss at W = 0": repr(view.first),
        "least loss": repr(view.least),
        "computed with": ", ".join(f"{name} {version}" for name, version in _versions().items()),
    }


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
    }
