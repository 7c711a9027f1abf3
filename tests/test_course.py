"""A run's course asks four things of whoever computes its steps, and nothing else: here somebody
else does."""

import numpy as np
import pytest
import torch

from overparam.choices.kinds import read_choices
from overparam.choices.methods import Entry
from overparam.choices.problems import PROBLEMS
from overparam.choices.race import CHOICES, Experiment
from overparam.engine.nonlinear import FactoredNetworks
from overparam.engine.protocol import Engine
from overparam.engine.simulation import Simulation, start_layers
from overparam.measure.step_sizes import Grid
from overparam.serving.course import Course
from overparam.serving.run import Run


class OneAtATime:
    """Networks trained by gradient descent through autograd, one run after another."""

    def __init__(self, inputs, targets, methods):
        self.x, self.y = torch.from_numpy(inputs).T, torch.from_numpy(targets).T
        k, d = len(self.y), len(self.x)
        self.layers = [start_layers(m, k, d) for m in methods]
        self.steps = [m.step for m in methods]
        self.diverged_at = np.full(len(methods), -1)

    def advance(self, iterations):
        losses = np.empty((iterations, len(self.layers)))
        for i in range(iterations):
            for run, layers in enumerate(self.layers):
                layers = [w.detach().requires_grad_() for w in layers]
                w_e = layers[0]
                for w in layers[1:]:
                    w_e = w @ w_e
                loss = (w_e @ self.x - self.y).pow(4).sum() / (4 * self.x.shape[1])
                grads = torch.autograd.grad(loss, layers)
                losses[i, run] = loss.item()
                pairs = zip(layers, grads, strict=True)
                self.layers[run] = [(w - self.steps[run] * g).detach() for w, g in pairs]
        return losses

    def keep(self, rows):
        self.layers = [self.layers[row] for row in rows]
        self.steps = [self.steps[row] for row in rows]
        self.diverged_at = self.diverged_at[list(rows)]

    def scale_steps(self, factor):
        self.steps = [factor * step for step in self.steps]


@pytest.mark.parametrize("engine", [Simulation, FactoredNetworks, OneAtATime])
def test_an_engine_has_what_a_run_asks_of_it(engine):
    asked = [name for name in vars(Engine) if not name.startswith("_")]
    assert asked == ["advance", "keep", "scale_steps"] and all(hasattr(engine, n) for n in asked)


@pytest.mark.parametrize("steps", ["tuned", "shared"])
def test_a_course_goes_the_same_way_with_another_engine(steps):
    values = {"problem": "synthetic", "m": 20, "d": 3, "iterations": 60, "horizon": 20, "grid": 2}
    values |= {"methods": (Entry(1), Entry(3)), "steps": steps, "step": 0.05, "scale": 0.5}
    values |= {"changes": ((30, 0.5),)} if steps == "shared" else {}
    chosen = Experiment.of(read_choices(CHOICES, {})[0] | values)
    run = Run(chosen)
    run.advance(0, seconds=5)  # for its grid of step sizes
    grid = run._course.grid
    if steps == "tuned":  # without those that diverge, which an engine may tell in its own way
        kept = [i for i, m in enumerate(grid.methods) if m.step <= 0.2]
        grid = Grid(tuple(grid.methods[i] for i in kept), grid.owner[kept])
    problem = chosen.build("cpu")
    inputs, targets, _ = PROBLEMS[chosen.problem].arrays(chosen, None)
    views = []
    for engine in (Simulation(problem, grid.methods), OneAtATime(inputs, targets, grid.methods)):
        course = Course(chosen, problem, grid, engine)
        while course.computed < 60:
            ends = (60, course.change_steps() - 1, 60 if course.record.tuned else 20)
            course.note(course.advance(min(ends) - course.computed))
        views.append((course.record.tuned.chosen, course.record.view(60)))
    (mine, ours), (theirs, other) = views
    assert mine == theirs and len(other.steps) == 2
    np.testing.assert_allclose(ours.gaps, other.gaps, rtol=1e-9)
    np.testing.assert_array_equal(ours.reached, other.reached)
    np.testing.assert_allclose(ours.steps, other.steps)
