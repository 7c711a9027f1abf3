"""What can be raced on: one record a problem, with everything that the rest of the house asks of
it.

To add a data set: write its record and add it to PROBLEMS; the app, links, runs and the script to
take home follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from overparam import plain
from overparam.choices.kinds import Choice, ChoiceError, Number, Option, Structured, Variant
from overparam.data import (
    ETHANOL_CITATION,
    Data,
    DataError,
    Reading,
    load_breast_cancer,
    load_diabetes,
    load_ethanol,
)
from overparam.data.bundled import breast_cancer, diabetes
from overparam.data.ethanol import ETHANOL_URL
from overparam.data.synthetic import SPECTRA, synthetic

DATA_FILE = "data.csv"  # a person's own numbers, beside the script to take home


class Arrays(NamedTuple):
    """What is fitted: X (m, d), Y (m, k), and the weight of the sum over samples (None: 1/m)."""

    inputs: np.ndarray
    targets: np.ndarray
    weight: float | None = None


class PlainData(NamedTuple):
    """How a script gets the same: the line that makes X and Y, and the functions of `plain` it
    calls."""

    line: str
    functions: tuple[Callable[..., Any], ...]


@dataclass(frozen=True)
class ProblemRecord:
    """A problem that can be chosen.

    label, short: its names in a list and in a sentence. own: the choices that only it has.
    arrays(choices, upload): what is fitted, for an experiment's choices and the person's file.
    plain(choices, upload): the same for a script of numpy alone. outputs(choices, upload): k, known
    before the data are. note: where a reader of that script gets the data. weight: as a script
    writes it.
    """

    label: str
    short: str
    arrays: Callable[[Any, Data | None], Arrays]
    plain: Callable[[Any, Data | None], PlainData]
    outputs: Callable[[Any, Data | None], int] = lambda choices, upload: 1
    own: tuple[Choice, ...] = ()
    note: str = ""
    weight: str = "1 / len(X)"


def _fitted(data: Data) -> Arrays:
    return Arrays(data.inputs, data.targets)


def _table(data: Data) -> PlainData:
    """A bundled table written out: its numbers as measured, which the script standardises."""
    rows = np.hstack([data.inputs, data.targets]).tolist()
    text = "".join(" ".join(f"{x:.12g}" for x in row) + "\n" for row in rows)
    return PlainData(f'X, Y = table("""\\\n{text}""")', (plain.table, plain.standardised))


def _two_coordinates(choices: Any, upload: Data | None) -> Arrays:
    return Arrays(np.eye(2), np.array([[choices.ratio], [1.0]]), 1.0)


def _synthetic(choices: Any, upload: Data | None) -> Arrays:
    c = choices
    if c.m < c.d:
        raise ChoiceError(
            f"Synthetic data need at least as many samples as inputs, not m = {c.m} and d = {c.d}."
        )
    return Arrays(*synthetic(c.m, c.d, c.k, c.condition, c.spectrum, c.noise, c.seed))


def _plain_synthetic(choices: Any, upload: Data | None) -> PlainData:
    c = choices
    numbers = f"{c.m}, {c.d}, {c.k}, {c.condition!r}, {c.spectrum!r}, {c.noise!r}"
    return PlainData(f"X, Y = synthetic({numbers}, SEED)", (plain.synthetic,))


def _uploaded(choices: Any, upload: Data | None) -> Arrays:
    if upload is None:
        raise ChoiceError(
            "This link is about a file that is not here: upload the CSV file again, or choose"
            " another problem."
        )
    return _fitted(upload)


def _plain_uploaded(choices: Any, upload: Data | None) -> PlainData:
    targets = _uploaded(choices, upload).targets.shape[1]
    return PlainData(f"X, Y = csv_file({DATA_FILE!r}, {targets})", (plain.csv_file,))


def _reading(text: str) -> str:
    try:
        return Reading.parse(text).format()
    except DataError as error:
        raise ChoiceError(str(error)) from None


CSV = Structured("csv", "Uploaded file", "", _reading, str)
SPECTRUM = Option(
    "spectrum",
    "Spectrum",
    "geometric",
    {name: name for name in SPECTRA},
    "How the eigenvalues of XᵀX lie between.",
)

PROBLEMS: dict[str, ProblemRecord] = {
    "cancer": ProblemRecord(
        label="Breast cancer: symmetry (569×29)",
        short="Breast cancer",
        arrays=lambda choices, upload: _fitted(load_breast_cancer()),
        plain=lambda choices, upload: _table(breast_cancer()),
        note=(
            "The data: 569 samples of cells; the mean symmetry of their nuclei from the other 29"
            " measurements\n(W. N. Street, W. H. Wolberg, O. L. Mangasarian, SPIE 1905, 1993).\n\n"
        ),
    ),
    "diabetes": ProblemRecord(
        label="Diabetes (442×10)",
        short="Diabetes",
        arrays=lambda choices, upload: _fitted(load_diabetes()),
        plain=lambda choices, upload: _table(diabetes()),
        note=(
            "The data: 442 patients, 10 measurements and the progression of their diabetes\n(B."
            " Efron, T. Hastie, I. Johnstone, R. Tibshirani, Least Angle Regression, Annals of"
            " Statistics 32, 2004).\n\n"
        ),
    ),
    "ethanol": ProblemRecord(
        label="Ethanol, the paper's data (2565×128)",
        short="Ethanol",
        # a run takes turns with others: it must not wait for a download
        arrays=lambda choices, upload: _fitted(load_ethanol(download=False)),
        plain=lambda choices, upload: PlainData(
            f"X, Y = ethanol({ETHANOL_URL.rsplit('/', 1)[1]!r})",
            (plain.ethanol, plain.standardised),
        ),
        note=f"The data: download\n{ETHANOL_URL}\ninto this folder.\n{ETHANOL_CITATION}.\n\n",
    ),
    "two": ProblemRecord(
        label="Two coordinates",
        short="Two coordinates",
        arrays=_two_coordinates,
        plain=lambda choices, upload: PlainData(
            f"X, Y = two_coordinates({choices.ratio!r})", (plain.two_coordinates,)
        ),
        own=(
            Number(
                "ratio",
                "Ratio y₁ / y₂",
                10.0,
                1,
                1000,
                help="The two coordinates want w₁ = y₁ and w₂ = y₂ = 1.",
            ),
        ),
        weight="1.0",
    ),
    "synthetic": ProblemRecord(
        label="Synthetic, chosen spectrum",
        short="Synthetic",
        arrays=_synthetic,
        plain=_plain_synthetic,
        outputs=lambda choices, upload: choices.k,
        own=(
            Number("m", "Samples m", 500, 2, 5000, integer=True),
            Number("d", "Inputs d", 20, 1, 256, integer=True),
            Number("k", "Outputs k", 1, 1, 16, integer=True),
            Number(
                "condition",
                "Condition number",
                100.0,
                1,
                1e6,
                help="Largest over smallest eigenvalue of XᵀX.",
            ),
            SPECTRUM,
            Number(
                "noise",
                "Noise",
                0.1,
                0,
                10,
                help="Standard deviation of the label noise, relative to the signal.",
            ),
        ),
    ),
    "csv": ProblemRecord(
        label="Your CSV file",
        short="Your CSV file",
        arrays=_uploaded,
        plain=_plain_uploaded,
        outputs=lambda choices, upload: 1 if upload is None else upload.targets.shape[1],
        own=(CSV,),
        note=(
            f"The data: the file {DATA_FILE} that is offered beside this one, in the same"
            " folder.\n\n"
        ),
    ),
}

PROBLEM = Variant(
    "problem",
    "Problem",
    "diabetes",
    {name: record.label for name, record in PROBLEMS.items()},
    "The data of the regression; features and labels standardised.",
    {name: record.own for name, record in PROBLEMS.items()},
)
