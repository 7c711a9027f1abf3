"""Small data for nets that leave a plateau: two points, a whitened linear teacher, digits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def two_points() -> tuple[np.ndarray, np.ndarray]:
    """The two coordinate directions with targets 2 and 1: inputs (2, 2) and targets (1, 2)."""
    return np.eye(2), np.array([[2.0, 1.0]])


def whitened_teacher(
    strengths: Sequence[float], d: int = 4, m: int = 32, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """White inputs that a linear teacher labels.

        X X^T / m = I,  each x beside -x,   Y = U diag(s) V^T X  with orthonormal U (k, k), V (d, k)

    Args:
        strengths: s, the teacher's singular values, at most d.
        d, m: inputs and samples, m even and at least 2 d.
        seed: of the draw.
    Returns: X (d, m) and Y (k, m), samples as columns; here U = I and V the first k directions.
    """
    draw = np.random.default_rng(seed).standard_normal((m // 2, d))
    half = math.sqrt(m // 2) * np.linalg.qr(draw)[0].T
    x = np.concatenate([half, -half], axis=1)
    return x, np.diag(strengths) @ x[: len(strengths)]


def small_digits(per_class: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Scikit-learn's digits, the first few of each: pixels/16 - 1/2 (64, m), one-hot (10, m)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    kept = np.concatenate([np.flatnonzero(bunch.target == c)[:per_class] for c in range(10)])
    return bunch.data[kept].T / 16 - 0.5, np.eye(10)[bunch.target[kept]].T
