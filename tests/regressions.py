"""Small regressions, steps that get somewhere on them, and how closely two runs must agree."""

import numpy as np

from overparam.engine.losses import lp
from overparam.engine.problem import Problem


def data(m=30, k=2, d=4, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((m, d))
    return inputs, inputs @ rng.standard_normal((d, k)) + 0.5 * rng.standard_normal((m, k))


def regression(p=4, m=30, k=2, d=4, seed=0, **make):
    return Problem(*data(m, k, d, seed), lp(p), **make)


def rate(name):
    """A step size that gets somewhere in fifty steps and is not chaotic (AdaDelta at 1 makes 1e-15
    into 1e-4 in 200 steps)."""
    return {"adadelta": 0.2, "adagrad": 0.1, "rmsprop": 0.01, "adam": 0.03}.get(name, 0.003)


def close(mine, other, tolerance=1e-10):
    mine, other = np.asarray(mine), np.asarray(other)
    np.testing.assert_allclose(
        mine, other, rtol=tolerance, atol=tolerance * np.nanmax(np.abs(other))
    )
