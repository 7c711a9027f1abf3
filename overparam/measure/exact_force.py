"""The force of a regularizer that is known: what forces read off runs are held against."""

from __future__ import annotations

import numpy as np

from overparam.measure.updates import Task, Way, step_size
from overparam.theory import known
from overparam.theory.curves import Array


def exact_matrix(
    task: Task, way: Way, endpoint: bool = False, step: float | None = None
) -> Array | None:
    """The symmetric matrix Q by which the force is f = Q W + b, where that is known; None where it
    is not.

    Weight decay: lambda I at any p. At p = 2: dropout (update, and endpoint), early stopping
    (endpoint), and, about the least-squares solution, step size and overdamped momentum.
    """
    d = task.inputs.shape[1]
    if way.kind == "decay":
        return way.strength * np.eye(d)
    if task.p != 2:
        return None
    eta = step_size(task, way) if step is None else step
    values, vectors = np.linalg.eigh(task.hessian)
    values = np.maximum(values, 0.0)
    if way.kind == "dropout":
        return (
            np.diag(known.dropout_diagonal(task.inputs, way.strength))
            * task.weight
            * len(task.inputs)
        )
    if way.kind == "stop" and endpoint:
        spectrum = known.early_stopping_spectrum(values, eta, way.strength)
    elif way.kind == "step" and not endpoint:
        spectrum = known.step_size_spectrum(values, eta)
    elif way.kind == "momentum" and not endpoint and way.pace < 1:
        spectrum = known.momentum_spectrum(values, eta, way.strength)
    else:
        return None
    return (vectors * spectrum) @ vectors.T


def exact_force(
    task: Task, way: Way, w: Array, endpoint: bool = False, step: float | None = None
) -> Array | None:
    """grad R at points (n, d) where R is known; None where it is not (or where no R exists)."""
    matrix = exact_matrix(task, way, endpoint, step)
    if matrix is not None:
        if way.kind in ("step", "momentum"):  # R is centred where G vanishes
            return (
                w @ matrix
                + task.targets @ task.inputs * task.weight @ np.linalg.pinv(task.hessian) @ -matrix
            )
        return w @ matrix
    if endpoint or way.kind == "stop":
        return np.zeros_like(w) if way.kind == "stop" else None
    if way.kind == "batch" or (way.kind in ("dropout", "noise") and task.p not in (2, 4)):
        return np.zeros_like(w) if way.kind == "batch" else None
    scale = task.weight * len(task.inputs)
    if way.kind == "dropout":
        return scale * known.dropout_force(task.inputs, task.targets, task.p, way.strength, w)
    if way.kind == "noise":
        return scale * known.label_noise_force(task.inputs, task.targets, task.p, way.strength, w)
    return None
