"""When curves that were looked at now and then arrive at a goal, and how much sooner than
others."""

from __future__ import annotations

import numpy as np


def arrivals(times: np.ndarray, losses: np.ndarray, goal: float) -> np.ndarray:
    """The time at which each curve first reaches a goal.

    Between two looks the logarithm of the loss is taken to be a straight line.

    Args:
        times: (T,), ascending. losses: (T, ...), above 0; NaN where a curve has ended.
        goal: the loss to reach.
    Returns: (...), infinite where it was not reached.
    """
    with np.errstate(invalid="ignore"):
        below = losses <= goal
    first = below.argmax(0)[None]
    if len(times) < 2:
        return np.where(below.any(0), float(times[0]), np.inf)
    before = np.maximum(first - 1, 0)
    start, end = (np.take_along_axis(losses, at, 0)[0] for at in (before, np.maximum(first, 1)))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.log(start / goal) / np.log(start / end)
    share = np.clip(np.where(np.isfinite(share), share, 1.0), 0.0, 1.0)
    early, late = times[before[0]], times[np.maximum(first[0], 1)]
    reached = np.where(first[0] == 0, times[0], early + share * (late - early))
    return np.where(below.any(0), reached, np.inf)


def paired_speed_ups(arrived: np.ndarray) -> np.ndarray:
    """How many times sooner each depth arrives than the first, both at their best step sizes.

    Args: arrived: (S, N, G), times of S seeds, N depths, G step sizes.
    Returns: (S, N); NaN where neither arrived, 0 or infinite where one of them did.
    """
    best = arrived.min(2)
    with np.errstate(invalid="ignore"):
        return best[:, :1] / best


def range_words(ratios: np.ndarray) -> str:
    """A range over seeds: "0.85–1.1×"; what did not arrive is said."""
    if np.isnan(ratios).any():
        return "not there"
    if (ratios == 0).any():
        return "never" if (ratios == 0).all() else f"0–{ratios.max():.2g}×"
    if np.isinf(ratios).any():
        return "only this one" if np.isinf(ratios).all() else f"{ratios.min():.2g}× or more"
    low, high = f"{ratios.min():.2g}", f"{ratios.max():.2g}"
    return f"{low}×" if low == high else f"{low}–{high}×"
