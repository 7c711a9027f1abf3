"""What many sections time: random data of the shape of the paper's, and its two matrix products
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from overparam.engine.losses import lp
from overparam.engine.problem import Problem

STEP = 1e-5  # small enough for every run here to stay calm


def ethanol_shaped(dtype: torch.dtype) -> Problem:
    """Random data of the shape of the paper's, at p = 4."""
    rng = np.random.default_rng(0)
    return Problem(
        rng.standard_normal((2565, 128)), rng.standard_normal((2565, 1)), lp(4), dtype=dtype
    )


def products(problem: Problem, runs: int) -> dict[str, Callable[[int], None]]:
    """The two matrix products that no gradient can do without, W X^T ("forward") and R X
    ("backward"), alone, into memory at hand.

    Each in many forms: by torch and by numpy; data, rows and result in memory by rows or by
    columns; all rows together or a few at a time.
    """
    samples = problem.scaled_inputs.T.contiguous()  # (m, d)
    columns, rows = samples.T.contiguous(), runs * problem.k
    w, r = torch.randn(rows, problem.d).to(samples), torch.randn(rows, problem.m).to(samples)
    forms: dict[str, Callable[[int], None]] = {}

    def add(name: str, multiply: Callable[..., object], factors: list[tuple]) -> None:
        def advance(iterations: int) -> None:
            for _ in range(iterations):
                for left, right, out in factors:
                    multiply(left, right, out=out)

        forms[name] = advance

    def turned(matrix: Tensor) -> Tensor:
        return matrix.T.contiguous().T

    sizes = sorted({size for size in (1, 2, 3, 4) if size < rows <= 12} | {rows})
    for data, order in ((columns, "by columns"), (samples.T, "by samples")):
        for way, left, right, out in (
            ("forward", w, data, r.clone()),
            ("backward", r, data.T, w.clone()),
        ):
            add(f"{way}: torch, data {order}", torch.mm, [(left, right, out)])
            add(
                f"{way}: torch, data {order}, all turned",
                torch.mm,
                [(turned(left), right, turned(out))],
            )
            add(
                f"{way}: torch, data {order}, result turned", torch.mm, [(left, right, turned(out))]
            )
            for size in sizes:
                pieces = [
                    (left[i : i + size].numpy(), right.numpy(), out[i : i + size].numpy())
                    for i in range(0, rows, size)
                ]
                add(f"{way}: numpy, data {order}, {size} rows at a time", np.dot, pieces)
    return forms


def best_bare(took: Mapping[str, float]) -> tuple[float, list[str]]:
    """The time of both products, each in its fastest form, and the names of these forms."""
    ways = ([name for name in took if str(name).startswith(way)] for way in ("forward", "backward"))
    best = [min(names, key=took.__getitem__) for names in ways]
    return sum(took[name] for name in best), best
