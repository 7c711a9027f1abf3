"""Every record of PROBLEMS: its choices, its arrays, and the same arrays from the plain lines of
the script to take home."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest

from overparam import plain
from overparam.choices.kinds import ChoiceError
from overparam.choices.problems import DATA_FILE, PROBLEM, PROBLEMS
from overparam.choices.race import CHOICES, Experiment
from overparam.data import Data, ethanol_is_cached, standardise
from overparam.export.script import data_csv

CHOSEN = SimpleNamespace(**{choice.name: choice.default for choice in CHOICES} | {"k": 2})


def upload() -> Data:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(12, 4))
    return standardise(Data("mine", table[:, :3], table[:, 3:], ("a", "b", "c"), ("y",)))


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_script_gets_the_arrays_that_the_app_fits(name, tmp_path, monkeypatch):
    if name == "ethanol" and not ethanol_is_cached():
        pytest.skip("the Ethanol data are not here; tests/test_export.py holds their script")
    record, file = PROBLEMS[name], upload()
    (tmp_path / DATA_FILE).write_text(data_csv(file), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    made = record.plain(CHOSEN, file)
    assert all(inspect.isfunction(f) and f.__module__ == plain.__name__ for f in made.functions)
    space = {f.__name__: f for f in made.functions} | {"SEED": CHOSEN.seed}
    exec(made.line, space)
    inputs, targets, weight = record.arrays(CHOSEN, file)
    np.testing.assert_allclose(space["X"], inputs, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(space["Y"], targets, rtol=1e-9, atol=1e-12)
    assert eval(record.weight, space) == (1 / len(inputs) if weight is None else weight)
    assert record.outputs(CHOSEN, file) == targets.shape[1]


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_belongs_to_other_problems_makes_no_other_experiment(name):
    usual = {choice.name: choice.default for choice in CHOICES} | {"problem": name}
    idle = PROBLEM.idle(name)
    assert set(idle).isdisjoint(PROBLEMS[name].own)
    assert set(idle) | set(PROBLEMS[name].own) == set(PROBLEM.choices())
    other = usual | {
        choice.name: "another" if isinstance(choice.default, str) else 2 for choice in idle
    }
    assert Experiment.of(other) == Experiment.of(usual)


def test_a_file_that_is_not_here_is_asked_for():
    with pytest.raises(ChoiceError, match="upload the CSV file again"):
        PROBLEMS["csv"].arrays(CHOSEN, None)
