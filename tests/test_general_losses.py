"""Losses that are not homogeneous, from their definition to the script that is taken home."""

import csv
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from overparam import plain
from overparam.choices.kinds import read_choices
from overparam.choices.losses import LOSSES
from overparam.choices.methods import Entry
from overparam.choices.race import CHOICES, Experiment
from overparam.engine.losses import huber, log_cosh
from overparam.engine.problem import Problem
from overparam.engine.simulation import Method, Simulation
from overparam.export import script as export
from overparam.measure.curvature import sharpness
from overparam.measure.step_sizes import search_ranges
from overparam.serving.run import Run

REAL = torch.float64
TORCH = torch.nn.functional
# each loss beside its definition in torch's own functions
GENERAL = {
    "huber": (huber(0.7), lambda r: TORCH.huber_loss(r, 0 * r, reduction="none", delta=0.7)),
    "log-cosh": (log_cosh(), lambda r: r + TORCH.softplus(-2 * r, threshold=40) - np.log(2)),
}
general = pytest.mark.parametrize("loss, defined", GENERAL.values(), ids=GENERAL)


def data(m=40, d=4, k=1, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((m, d))
    return x, x @ rng.standard_normal((d, k)) + rng.standard_t(1.5, (m, k))  # with outliers


@general
def test_value_slope_and_bend_are_the_definition_and_its_derivatives(loss, defined):
    r = torch.linspace(-30, 30, 1201, dtype=REAL).add_(1e-3).requires_grad_()
    value = defined(r)
    (slope,) = torch.autograd.grad(value.sum(), r, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), r)
    r = r.detach()
    np.testing.assert_allclose(loss.value(r), value.detach(), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(loss.slope_(r.clone()), slope.detach(), rtol=1e-12)
    np.testing.assert_allclose(loss.bend(r), bend, rtol=1e-9, atol=1e-14)


def test_log_cosh_keeps_the_digits_of_small_residuals_and_does_not_overflow():
    r = torch.tensor([1e-9, 0.999999, 1.000001, 800.0], dtype=REAL)
    small = 0.5e-18
    assert float(log_cosh().value(r[:1])) == pytest.approx(small, rel=1e-12)
    np.testing.assert_allclose(
        log_cosh().value(r[1:3]), np.log(np.cosh(r[1:3].numpy())), rtol=1e-14
    )
    assert float(log_cosh().value(r[3:])) == pytest.approx(800 - np.log(2), rel=1e-15)


@pytest.mark.parametrize("delta", [0.0, -1.0, np.inf, np.nan])
def test_delta_out_of_range_is_refused_in_one_sentence(delta):
    with pytest.raises(ValueError, match="delta must be a number above 0"):
        huber(delta)


@general
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("weight", [None, 0.3])
def test_value_gradient_and_curvature_equal_autograd(loss, defined, k, weight):
    x, y = data(k=k)
    problem = Problem(x, y, loss, weight)
    w = torch.randn(5, k, 4, dtype=REAL, generator=torch.Generator().manual_seed(1))

    def of(w):
        r = w @ torch.from_numpy(x).T - torch.from_numpy(y).T
        return (1 / 40 if weight is None else weight) * defined(r).sum((-1, -2))

    values, grads = problem.value_and_grad(w)
    free = w.clone().requires_grad_()
    (expected,) = torch.autograd.grad(of(free).sum(), free)
    np.testing.assert_allclose(values, of(w), rtol=1e-13)
    np.testing.assert_allclose(grads, expected, rtol=1e-11, atol=1e-13)
    assert problem.value(w[0]) == pytest.approx(float(of(w[0])), rel=1e-13)
    hessian = torch.autograd.functional.hessian(lambda flat: of(flat.view(k, 4)), w[0].flatten())
    largest = float(torch.linalg.eigvalsh(hessian)[-1])
    assert float(sharpness(problem, w[:1])[0]) == pytest.approx(largest, rel=1e-6)


@general
def test_matrices_with_targets_of_their_own(loss, defined):
    x, y = data()
    own = np.stack([y, 2 * y])
    w = torch.ones(2, 1, 4, dtype=REAL)
    values, grads = Problem(x, own, loss).value_and_grad(w)
    for i in range(2):
        value, grad = Problem(x, own[i], loss).value_and_grad(w[:1])
        assert float(values[i]) == pytest.approx(float(value[0]), rel=1e-13)
        np.testing.assert_allclose(grads[i], grad[0], rtol=1e-11)


@general
@pytest.mark.parametrize("scale", [1.0, 100.0])  # Huber bends nowhere near least squares at 100
@pytest.mark.parametrize("k", [1, 2])
def test_the_optimum_equals_scipys(loss, defined, scale, k):
    x, y = data(k=k)
    problem = Problem(x, scale * y, loss)
    optimum = problem.optimum()

    def of(flat):
        w = torch.from_numpy(flat).view(k, 4).requires_grad_()
        r = w @ torch.from_numpy(x).T - scale * torch.from_numpy(y).T
        value = defined(r).sum() / 40
        (gradient,) = torch.autograd.grad(value, w)
        return value.item(), gradient.numpy().flatten()

    found = minimize(of, np.zeros(4 * k), jac=True, method="BFGS", options={"gtol": 1e-9})
    assert optimum.loss == pytest.approx(found.fun, rel=1e-9)
    assert optimum.loss == pytest.approx(problem.value(optimum.weights), rel=1e-12)
    gradient = problem.value_and_grad(optimum.weights[None])[1]
    assert float(gradient.norm()) < 1e-6


def test_data_that_can_be_fitted_exactly_have_the_least_loss_0():
    problem = Problem(np.eye(2), np.array([[10.0], [1.0]]), huber(1.0), 1.0)
    assert problem.optimum().loss == 0.0
    np.testing.assert_allclose(problem.optimum().weights, [[10.0, 1.0]], rtol=1e-12)


@general
def test_depth_sees_the_loss_through_w_e_alone(loss, defined):
    """A network's run against autograd through its layers."""
    x, y = data()
    simulation = Simulation(Problem(x, y, loss), [Method(depth=3, step=0.05, scale=0.5)])
    layers = [w[0].clone().requires_grad_() for w in simulation.layers(0)]
    losses = simulation.advance(20)[:, 0]
    for expected in losses:
        r = layers[2] @ layers[1] @ layers[0] @ torch.from_numpy(x).T - torch.from_numpy(y).T
        value = defined(r).sum() / 40
        assert value.item() == pytest.approx(expected, rel=1e-11)
        grads = torch.autograd.grad(value, layers)
        layers = [
            (w - 0.05 * g).detach().requires_grad_() for w, g in zip(layers, grads, strict=True)
        ]


@general
def test_the_search_for_a_step_size_begins_below_what_is_stable_anywhere(loss, defined):
    x, y = data()
    problem = Problem(x, y, loss)
    low, high = search_ranges(problem, [Method()])[0]
    steepest = float(np.linalg.eigvalsh(x.T @ x / len(x))[-1])  # the loss bends by 1 at most
    assert low < 2 / steepest < high
    squared = problem.squared()
    r = x @ np.ones((4, 1)) - y
    assert squared.value(torch.ones(1, 4)) == pytest.approx(float((r**2).sum()) / 80, rel=1e-13)


@pytest.mark.parametrize("name", LOSSES)
def test_a_record_builds_what_its_plain_form_says(name):
    chosen = Experiment.of(read_choices(CHOICES, {"loss": name})[0])
    record = LOSSES[name]
    r = torch.linspace(-4, 4, 41, dtype=REAL)
    ours = record.build(chosen).value(r)
    theirs = eval(f"{record.plain.__name__}({record.call(chosen)})", vars(plain))(r)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)
    assert record.short(chosen) in chosen.summary()


def test_a_loss_stands_in_the_link_and_what_another_would_need_does_not():
    text = {"loss": "huber", "delta": "0.5", "p": "6"}
    chosen = Experiment.of(read_choices(CHOICES, text)[0])
    assert (chosen.loss, chosen.delta, chosen.p) == ("huber", 0.5, 4.0)
    assert export.query(chosen) == {"loss": "huber", "delta": "0.5"}
    for wrong in ({"loss": "hinge"}, {"loss": "huber", "delta": "0"}):
        values, (sentence,) = read_choices(CHOICES, wrong)
        assert "must be" in sentence and values["delta"] == 1.0


def test_a_run_reaches_the_optimum_and_the_script_computes_it_again(tmp_path):
    values = {
        "problem": "two",
        "ratio": 3.0,
        "scale": 0.3,
        "iterations": 400,
        "loss": "huber",
        "steps": "each",
        "methods": (Entry(1, step=0.5), Entry(2, step=0.1), Entry(2, "adam", step=0.01)),
    }
    run = Run(Experiment.of(read_choices(CHOICES, {})[0] | values))
    while not run.finished:
        run.advance(10**9, seconds=0.1)
    view = run.view(10**9)
    assert view.gaps[0, 0] > 0.5 and view.gaps[-1, 0] < 1e-9 and (view.diverged_at == -1).all()
    (tmp_path / "run.py").write_text(export.script(run.experiment, view), encoding="utf-8")
    subprocess.run([sys.executable, "-W", "error", "run.py"], cwd=tmp_path, check=True)
    with open(tmp_path / "losses.csv", encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    again = np.array(rows, dtype=float)[:, 1:]
    np.testing.assert_allclose(again, export.losses(view), rtol=1e-9, atol=1e-14)


def test_stable_steps_are_those_of_the_losses_own_curvature():
    x, y = data()
    problem = Problem(x, y, log_cosh())
    limit = 2 / float(sharpness(problem, problem.optimum().weights[None])[0])
    from overparam.measure.step_sizes import stable_step

    assert stable_step(problem, Method()) == pytest.approx(limit, rel=1e-9)
    assert stable_step(problem, Method(weight_decay=0.1)) is None
