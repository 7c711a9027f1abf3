"""Maps of where depth helps: against loops written by hand, and two processes against one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor

from overparam.benchmark.stopwatch import Stopwatch
from overparam.choices.atlas import AtlasPlan
from overparam.choices.kinds import read_choices
from overparam.choices.map import PLAN_CHOICES, Plan
from overparam.serving.maps.atlas import Making, Pool
from overparam.serving.maps.block import Block, step_sizes

ATLAS_DETAIL, ATLAS_ROUNDS = "fine", 3


def by_hand(plan: Plan, p: float, depth: int, kind: str) -> Callable[[int], Tensor]:
    """The runs of one row of the map, all ratios and step sizes at one depth, as one would write
    them for this problem alone.

    Returns: advance(n) -> the iteration of this call at which each run arrived, -1 where it did
    not.
    """
    row = list(plan.values("y")).index(p)
    cells = [plan.cell(x, row) for x in range(len(plan.values("x")))]
    own = [step_sizes(plan, cell.plain if depth == 1 else cell) for cell in cells]
    ratios = torch.tensor(plan.values("x"))
    counts = torch.tensor([len(steps) for steps in own])
    y = torch.stack([ratios, torch.ones_like(ratios)], 1).repeat_interleave(counts, 0)
    eta = torch.tensor(np.concatenate(own)).reshape(-1, 1)
    w = torch.full_like(y, plan.scale / 2**0.5)
    first, above = (
        w * plan.scale ** (1 / depth - 1),
        [torch.full_like(eta, plan.scale ** (1 / depth)) for _ in range(depth - 1)],
    )
    reached = torch.full((len(y),), -1)

    def advance(iterations: int) -> Tensor:
        nonlocal w, first, above
        for iteration in range(iterations):
            residual = w - y
            size = residual.abs()
            arrived = ((size**p).sum(1) / p <= plan.loss) & (reached < 0)
            reached[arrived] = iteration
            gradient = size ** (p - 1) * residual.sign()
            if depth == 1:
                w = w - eta * gradient
            elif kind == "rule":
                square = (w * w).sum(1, keepdim=True)
                along = (gradient * w).sum(1, keepdim=True)
                w = w - eta * square ** (1 - 1 / depth) * (
                    gradient + (depth - 1) * along / square * w
                )
            else:
                along = (gradient * first).sum(1, keepdim=True)
                first = first - eta * prod(above) * gradient
                above = [
                    a - eta * along * prod(above[:j] + above[j + 1 :]) for j, a in enumerate(above)
                ]
                w = prod(above) * first
        return reached

    return advance


def the_map(measure: Stopwatch) -> Iterator[str]:
    """A row of the map of where depth helps, 13 ratios and 41 step sizes at depth 1 and depth N,
    against loops written by hand."""
    yield (
        "The map: 13 ratios x 41 step sizes at depth 1 and at depth N, an iteration of all 1066"
        " runs"
    )
    yield ""
    yield "kind     depth    p |  us here  us by hand  here over by hand"
    for kind in ("network", "rule"):
        for depth in (2, 4):
            plan = Plan.of(read_choices(PLAN_CHOICES, {"kind": kind, "depth": str(depth)})[0])
            for row, p in enumerate(plan.values("y")):
                if p in (2, 2.5, 4, 6):
                    cells = [plan.cell(x, row) for x in range(13)]
                    block = Block(plan, [cell.plain for cell in cells] + cells)
                    hands = by_hand(plan, p, 1, kind), by_hand(plan, p, depth, kind)

                    def together(n: int, block: Block = block) -> None:
                        block.advance(block.iteration + n, seconds=np.inf)

                    def one_by_one(
                        n: int, hands: Sequence[Callable[[int], Tensor]] = hands
                    ) -> None:
                        for advance in hands:
                            advance(n)

                    took = measure({"here": together, "hand": one_by_one})
                    here, hand = (1e6 * took[name] for name in ("here", "hand"))
                    yield (
                        f"{kind:8} {depth:5} {p:4g} | {here:8.0f} {hand:11.0f} {here / hand:18.2f}"
                    )


def atlas(_: Stopwatch) -> Iterator[str]:
    """The finest map of the page as an atlas: two processes against one, wall time, in turn."""
    yield "An atlas, the fine map: wall time of one process over that of two, which are warm"
    yield ""
    # the processes come up and import torch
    list(compute_atlas(AtlasPlan.of_link("detail=quick&horizon=10"), 2))
    plan, best = AtlasPlan.of_link(f"detail={ATLAS_DETAIL}"), 0.0
    for round_ in range(ATLAS_ROUNDS):
        took = []
        for workers in (1, 2):
            start = time.perf_counter()
            ends = [time.perf_counter() - start for _block in compute_atlas(plan, workers)]
            took.append(ends[-1])
        best = max(best, took[0] / took[1])
        yield (
            f"round {round_ + 1}: {took[0]:6.1f} s  {took[1]:6.1f} s  {took[0] / took[1]:5.2f}"
            f"  (first block after {ends[0]:.2f} s; best ratio {best:.2f})"
        )


def compute_atlas(plan: AtlasPlan, workers: int) -> Iterator[int]:
    with Pool(workers) as pool:
        yield from Making(plan).compute(pool)
