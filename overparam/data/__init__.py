"""Data sets for the regression problems: what ships with scikit-learn, the paper's own, and a
person's CSV file.

Everything leaves here standardised and finite; all that can go wrong on the way is a DataError,
whose message tells the person what happened, where, and what to do.
"""

from overparam.data.bundled import load_breast_cancer, load_diabetes
from overparam.data.dataset import Data, DataError, cite, standardise
from overparam.data.ethanol import ETHANOL_CITATION, ethanol_is_cached, ethanol_path, load_ethanol
from overparam.data.table.reading import Reading
from overparam.data.table.upload import Upload, read_csv

__all__ = [
    "ETHANOL_CITATION",
    "Data",
    "DataError",
    "Reading",
    "Upload",
    "cite",
    "ethanol_is_cached",
    "ethanol_path",
    "load_breast_cancer",
    "load_diabetes",
    "load_ethanol",
    "read_csv",
    "standardise",
]
