"""Data made for a purpose: a regression whose Hessian has a chosen spectrum."""

from __future__ import annotations

import math

import numpy as np

SPECTRA = {
    "geometric": lambda d, c: c ** (-np.linspace(0, 1, d)),
    "linear": lambda d, c: np.linspace(1, 1 / c, d),
    "two levels": lambda d, c: np.where(np.arange(d) < (d + 1) // 2, 1.0, 1 / c),
}


def synthetic(
    m: int, d: int, k: int, condition: float, spectrum: str, noise: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets whose quadratic loss has a Hessian with a chosen spectrum.

        X = sqrt(m) U diag(sqrt(lambda)) V^T,   so  X^T X / m = V diag(lambda) V^T,   lambda from 1
        down to 1/condition Y = X W*^T + noise E,   W* with Gaussian entries, E standard normal;
        each column of X W*^T scaled to variance 1 (about 0)

    Args:
        m, d, k: samples, inputs, outputs; m >= d.
        condition: condition number of X^T X, >= 1.
        spectrum: a name in SPECTRA.
        noise: standard deviation of E relative to the signal's, >= 0.
        seed: of numpy's generator; the same seed gives the same data on every machine.
    Returns: X (m, d) and Y (m, k).
    Raises: ValueError if m < d.
    """
    if m < d:
        raise ValueError(
            f"the synthetic problem needs at least as many samples as inputs, not m = {m} and d"
            f" = {d}"
        )
    rng = np.random.default_rng(seed)
    u = np.linalg.qr(rng.standard_normal((m, d)))[0]
    v = np.linalg.qr(rng.standard_normal((d, d)))[0]
    x = math.sqrt(m) * (u * np.sqrt(SPECTRA[spectrum](d, condition))) @ v.T
    signal = x @ rng.standard_normal((d, k))
    signal /= np.sqrt(np.mean(signal**2, axis=0))
    return x, signal + noise * rng.standard_normal((m, k))
