"""The trap: one run of anything is fitted by some potential, and the next run shows it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from overparam.measure.forces import Sample, update_sample
from overparam.measure.updates import Task, Way
from overparam.theory.curves import Array
from overparam.theory.estimators import Fit, Kernel, share_left

COUNTS: Sequence[int] = (1, 2, 4, 8, 16, 32)
LENGTHS, PENALTIES = (0.35, 0.7, 1.4), (1e-9, 1e-6, 1e-3)  # of the kernels, to choose from


@dataclass(frozen=True, eq=False)
class Trap:
    """Shares left by a free potential and by any smooth field, fitted to M runs; each (q,).

    counts: M. potential, anything: pairs (on these runs, on other runs).
    """

    counts: Array
    potential: tuple[Array, Array]
    anything: tuple[Array, Array]


def trap(
    depth: float, seed: int, counts: Sequence[int] = COUNTS, others: int = 16
) -> Generator[float, None, Trap]:
    """Fit free fields to runs of the depth-N rule on the two-coordinate loss, and try them on
    others.

    One run can be fitted by some potential, whatever the update: a positive definite kernel
    interpolates any vectors at distinct points. Length and penalty of either kernel are chosen on a
    quarter of the runs where there are four or more.

    Args:
        depth: N >= 1.
        seed: of the starts.
        counts: M, increasing.
        others: runs that are held out.
    """
    task = Task(np.eye(2), np.array([1.5, 0.5]), 4, 1.0)
    way = Way("rule", depth)
    total = max(counts) + others
    sample = yield from _part(update_sample(task, way, total, 1, seed, 12, 300), 0.0, 0.2)
    unseen = sample.of(sample.runs >= max(counts))
    shares: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for i, count in enumerate(counts):
        here = sample.of(sample.runs < count)
        for curl_free in (True, False):
            length, penalty = _tuned(sample, count, curl_free)
            found = here.fit(Kernel(length, penalty, curl_free, here.points[0].w))
            pair = share_left(here.rest(found), here.force), _off(found, unseen)
            shares[curl_free].append((pair[0].value, pair[1]))
        yield 0.2 + 0.8 * ((i + 1) / len(counts)) ** 2
    potential, anything = (np.array(shares[kind]).T for kind in (True, False))
    return Trap(np.array(counts), (potential[0], potential[1]), (anything[0], anything[1]))


def _tuned(sample: Sample, count: int, curl_free: bool) -> tuple[float, float]:
    """Length and penalty that predict the last quarter of the runs best from the others."""
    if count < 4:
        return 0.5, 1e-9
    quarter = count - count // 4
    train, check = (
        sample.of(sample.runs < quarter),
        sample.of((sample.runs >= quarter) & (sample.runs < count)),
    )

    @cache
    def left(length: float, penalty: float) -> float:
        return _off(train.fit(Kernel(length, penalty, curl_free, train.points[0].w)), check)

    length = min(LENGTHS, key=lambda each: left(each, PENALTIES[1]))
    return length, min(PENALTIES, key=lambda each: left(length, each))


def _off(found: Fit, unseen: Sample) -> float:
    return share_left(unseen.rest_of_mean(found), unseen.force).value


def _part(
    work: Generator[float, None, Sample], start: float, end: float
) -> Generator[float, None, Sample]:
    """A part of a longer computation: its shares between two of the whole's."""
    while True:
        try:
            share = next(work)
        except StopIteration as done:
            return done.value
        yield start + (end - start) * share
