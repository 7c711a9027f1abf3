"""The command that prints the tables of the page beyond linear."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from overparam.choices.beyond_linear import BEYOND_CHOICES, study_of
from overparam.reference import finer, main, shifted
from overparam.serving.training import Curves

GRID = study_of({choice.name: choice.default for choice in BEYOND_CHOICES} | {"view": "steps"})


def test_a_finer_grid_holds_the_one_it_refines():
    fine = finer(GRID, 4)
    assert len(fine.recipes) == 3 * (4 * 10 + 1)
    assert replace(fine, recipes=GRID.recipes) == GRID
    for depth in (1, 2, 3):
        steps, coarse = (
            [recipe.step for recipe in study.recipes if recipe.depth == depth]
            for study in (fine, GRID)
        )
        np.testing.assert_allclose(steps[::4], coarse, rtol=1e-3)
        np.testing.assert_allclose(np.diff(np.log10(steps)), 1 / 16, rtol=1e-3)


def test_what_coarse_grids_would_have_said():
    """N = 1 arrives at 100 by its third step of five only, at 200 by all others; N = 2 at 50."""
    study = finer(replace(GRID, recipes=GRID.recipes[:2] + GRID.recipes[11:13], seeds=1), 4)
    arrived = np.full((2, 5), 50.0)
    arrived[0] = [200, 200, 100, 200, 200]
    times = np.arange(0, 201, 10)
    fit = np.where(times[:, None] < arrived.reshape(-1), 1.0, 1e-9)[:, None]
    none, end = np.empty((0, 1, 10)), np.full((1, 10), np.nan)
    lines = list(shifted(study, Curves(times, fit, 0 * fit, none, none, none, end), 2))
    first = lines[:5]
    assert first[0].startswith("  to 0.3, all step sizes: N=2 2")
    assert [line.split("N=2 ")[1][0] for line in first] == ["2", "2", "2", "4", "4"]


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("view=steps&factors=9", "Factors N, up to must be from 2 to 4"),
        ("nonsense=1", "no choice is called nonsense"),
        ("net=conv&data=mnist&view=steps", "takes hours"),
    ],
)
def test_choices_that_cannot_be_are_one_sentence(link, says, capsys):
    with pytest.raises(SystemExit):
        main([link])
    said = capsys.readouterr().err.strip().splitlines()
    assert says in said[-1] and "Traceback" not in "".join(said)
