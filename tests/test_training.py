"""Studies of nonlinear networks: shared, in slices, pruned, stored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from overparam.choices.beyond_linear import (
    APART,
    BEYOND_CHOICES,
    EVERY,
    Study,
    grid_steps,
    study_of,
)
from overparam.choices.kinds import ChoiceError
from overparam.data import DataError
from overparam.data.digits import load_digits
from overparam.engine.dense import Dense
from overparam.engine.nonlinear import FactoredNetworks
from overparam.engine.recipe import Recipe
from overparam.serving import stored as shelf
from overparam.serving import training as serving
from overparam.serving.memory import Room
from overparam.serving.stored import store, stored
from overparam.serving.training import Curves, Training, TrainingError

DEFAULTS = {choice.name: choice.default for choice in BEYOND_CHOICES}
SMALL = Study((Recipe(1, step=0.1), Recipe(2, step=0.03)), hidden=16, horizon=45, seeds=2)


def finished(study: Study, seconds: float = 60.0) -> Curves:
    training = Training(study)
    while not training.finished:
        training.advance(study.horizon, seconds)
    return training.view(study.horizon)


@pytest.fixture(scope="module")
def curves() -> Curves:
    return finished(SMALL)


def test_a_study_is_the_engine_seed_by_seed(curves):
    data = load_digits()
    assert list(curves.times) == [0, 10, 20, 30, 40, 45]
    for seed in range(2):
        net = Dense((64, 16, 10))
        runs = FactoredNetworks(net, data.inputs, data.labels, SMALL.recipes, seed, 64)
        torch.set_flush_denormal(True)
        for t, time in enumerate(curves.times):
            runs.advance(time - runs.iteration)
            fit, penalty = runs.losses()
            np.testing.assert_allclose(curves.fit[t, seed], fit, rtol=1e-5)
            np.testing.assert_array_equal(curves.penalty[t, seed], penalty)
        accuracy = runs.accuracy(data.test_inputs, data.test_labels)
        np.testing.assert_allclose(curves.accuracy[seed], accuracy, atol=2 / 360)
    assert len(curves.squares) == 0


def test_slices_change_nothing_and_a_view_ends_where_it_is_asked_to(curves):
    sliced = finished(SMALL, 1e-4)
    np.testing.assert_array_equal(sliced.fit, curves.fit)
    part = curves.until(29)
    assert list(part.times) == [0, 10, 20] and np.isnan(part.accuracy).all()
    np.testing.assert_array_equal(part.fit, curves.fit[:3])


def test_nothing_is_computed_beyond_what_is_asked_for():
    training = Training(SMALL)
    assert training.view(10) is None and training.computed == -1
    while training.computed < 20:
        training.advance(20)
    training.advance(20)
    assert training.computed == 20 and not training.finished and training.held > 0
    training.let_go()
    assert training.computed == -1 and training.held == 0


def test_what_diverges_is_computed_no_longer_and_disturbs_nobody(curves):
    wild = replace(SMALL, recipes=(Recipe(1, "gd", 1e9), *SMALL.recipes), loss="l4", seeds=1)
    calm = replace(wild, recipes=SMALL.recipes)
    training, alone = Training(wild), finished(calm)
    while not training.finished:
        training.advance(45)
    found = training.view(45)
    assert np.isnan(found.fit[2:, 0, 0]).all() and np.isnan(found.accuracy[0, 0])
    np.testing.assert_allclose(found.fit[:, :, 1:], alone.fit, rtol=1e-4)


def test_spectra_are_sums_over_all_dense_layers():
    study = replace(SMALL, horizon=10, seeds=1, spectra=True)
    found, data = finished(study), load_digits()
    net = Dense((64, 16, 10))
    runs = FactoredNetworks(net, data.inputs, data.labels, study.recipes, 0, 64)
    runs.advance(10)
    sigma = [np.linalg.svd(runs.weights()[leaf].double(), compute_uv=False) for leaf in (0, 2)]
    for run, depth in enumerate((1, 2)):
        squares = sum((s[run] ** 2).sum() for s in sigma)
        schatten = sum((s[run] ** (2 / depth)).sum() for s in sigma)
        assert found.squares[-1, 0, run] == pytest.approx(squares, rel=1e-4)
        assert found.schatten[-1, 0, run] == pytest.approx(schatten, rel=1e-4)
        assert found.rank[-1, 0, run] == (sigma[0][run] > 0.01 * sigma[0][run][0]).sum()


def test_stored_curves_come_back_within_a_tenth_of_a_per_cent(curves, tmp_path, monkeypatch):
    odd = replace(curves, fit=curves.fit.copy(), penalty=curves.penalty + 3.0)
    odd.fit[-1, 0, 0] = np.nan
    odd.fit[-1, 1, 0] = 0.0
    spectral = replace(SMALL, spectra=True)
    rich = replace(odd, squares=odd.penalty, schatten=odd.penalty * 1e-5, rank=odd.penalty * 20)
    monkeypatch.setattr(shelf, "FILE", tmp_path / "file.npz")
    store({SMALL: odd, spectral: rich}, shelf.FILE)
    shelf.read_arrays.cache_clear()
    try:
        for study, kept in ((SMALL, odd), (spectral, rich)):
            again = stored(study)
            for kind in ("times", "fit", "penalty", "squares", "schatten", "rank", "accuracy"):
                ours, theirs = getattr(again, kind), getattr(kept, kind)
                np.testing.assert_allclose(ours, theirs, rtol=1e-3, equal_nan=True)
        assert stored(replace(SMALL, hidden=17)) is None
    finally:
        shelf.read_arrays.cache_clear()


@pytest.mark.parametrize("view", ["apart", "steps", "tuned", "loss", "penalty"])
def test_the_first_paint_of_every_picture_is_stored(view):
    study = study_of(DEFAULTS | {"view": view})
    curves = stored(study)
    assert curves is not None and curves.times[-1] == study.horizon
    assert curves.fit.shape == (len(curves.times), study.seeds, len(study.recipes))


def test_the_stored_curves_are_what_is_computed():
    """The first iterations of the first picture; other machines round differently."""
    study = study_of(DEFAULTS | {"view": "apart"})
    kept, training = stored(study), Training(study)
    while training.computed < 2 * EVERY:
        training.advance(2 * EVERY, 10.0)
    found = training.view(2 * EVERY)
    np.testing.assert_allclose(found.fit, kept.fit[:3], rtol=0.02)
    np.testing.assert_allclose(found.penalty, kept.penalty[:3], rtol=0.02)


def test_the_file_is_small():
    assert shelf.FILE.stat().st_size < 300_000


def test_choices_become_runs():
    apart = study_of(DEFAULTS)
    assert len(apart.recipes) == len(APART) and apart.recipes[0].penalty == "product"
    assert apart.recipes[1] == replace(apart.recipes[3], factors="each")
    grid = study_of(DEFAULTS | {"view": "steps", "rates": 9, "factors": 4, "start": "each"})
    assert len(grid.recipes) == 36 and {r.init for r in grid.recipes} == {"default"}
    assert study_of(DEFAULTS | {"view": "penalty"}).spectra
    conv = study_of(DEFAULTS | {"view": "tuned", "net": "conv", "seeds": 4})
    assert (conv.seeds, conv.horizon, conv.net) == (2, 300, "conv")


@pytest.mark.parametrize("optimizer", ["gd", "momentum", "nesterov", "adam", "rmsprop"])
def test_a_grid_has_four_step_sizes_a_decade(optimizer):
    steps = np.array(grid_steps(DEFAULTS | {"optimizer": optimizer}))
    np.testing.assert_allclose(np.diff(np.log10(steps)), 0.25, atol=1e-3)


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"net": "conv", "data": "fashion", "view": "steps"}, "takes hours: choose the digits"),
        ({"batch": "all", "data": "mnist"}, "takes too long: choose 64 images a step"),
    ],
)
def test_what_would_take_hours_is_refused_in_a_sentence(choices, says):
    with pytest.raises(ChoiceError, match=says):
        study_of(DEFAULTS | choices)


def test_what_does_not_fit_is_refused_in_a_sentence(monkeypatch, tmp_path):
    with pytest.raises(TrainingError, match="only 1437 images: choose a smaller batch"):
        Training(replace(SMALL, batch=2000)).advance(10)
    monkeypatch.setattr(serving, "ROOM", Room(most=10))
    with pytest.raises(TrainingError, match="busy with other large runs"):
        Training(SMALL).advance(10)
    monkeypatch.setenv("OVERPARAM_DATA", str(tmp_path))
    with pytest.raises(DataError, match="not on this machine yet"):
        Training(replace(SMALL, data="mnist")).advance(10)


def test_no_memory_is_a_sentence_and_the_next_attempt_begins_anew(monkeypatch):
    def full(*args, **how):
        raise MemoryError

    training = Training(SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(serving, "FactoredNetworks", full)
        with pytest.raises(TrainingError, match="No memory is left"):
            training.advance(10)
    assert training.held == 0
    training.advance(10, 5.0)
    assert training.computed == 10
