"""Many runs of gradient methods on one problem, advanced together.

The one idea: the data only ever see W_e. A step of R runs, of any depths and optimizers, is
    W_e of every run  ->  one pass over the data  ->  each group pulls its gradients back to its
    parameters and updates them.
Runs differ in depth, step size, start and weight decay as rows of a tensor; only the kind of
parameterization (with its hidden width) and the kind of optimizer split a batch into groups.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from overparam.engine.device import replayed
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.parameterizations import (
    EndToEnd,
    Layers,
    balanced,
    identity,
    near_zero,
    random_direction,
)
from overparam.engine.problem import Problem

STARTS = {"balanced": "balanced", "near-zero": "near zero", "identity": "identity"}
KINDS = {
    "network": "network",
    "rule": "end-to-end rule",
    "scale": "scale only",
    "stretch": "stretch only",
}
# Devices whose steps are recorded and replayed: on a GPU launching the parts of a step takes longer
# than computing them.
REPLAYED_ON = {"cuda"}
# A loss this many times its start, and the loss at W = 0, is on its way to infinity where the step
# is in units of 1/curvature. A method that normalises the gradient comes back even from there: only
# numbers that do not fit end it.
HOPELESS = 1e12


@dataclass(frozen=True)
class Method:
    """One run: what is trained, how deep, by which update, from where.

    depth: N, an integer >= 1 for a network, any real >= 1 for a rule. optimizer: a name in
    OPTIMIZERS. kind: a name in KINDS.
    step: step size eta > 0. width: hidden width, None for the number of outputs. start: a name in
    STARTS. scale: Frobenius norm of W_e for a balanced start, standard deviation of the entries (or
    of the noise) for the others. seed: of the start's direction. w_e: a start of one's own, (k, d)
    as nested tuples; it takes the place of the random direction of a balanced start. Raises:
    ValueError, naming the field and what it may be.
    """

    depth: float = 1
    optimizer: str = "gd"
    kind: str = "network"
    step: float = 0.01
    width: int | None = None
    start: str = "balanced"
    scale: float = 0.01
    seed: int = 0
    weight_decay: float = 0.0
    w_e: tuple[tuple[float, ...], ...] | None = None

    def __post_init__(self):
        for name, known in (("optimizer", OPTIMIZERS), ("kind", KINDS), ("start", STARTS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}"
                )
        if not 1 <= self.depth < math.inf:
            raise ValueError(f"depth must be 1 or more, not {self.depth!r}")
        if not 0 < self.step < math.inf:
            raise ValueError(f"step must be a number above 0, not {self.step!r}")
        for name in ("scale", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or a number above, not {getattr(self, name)!r}")
        if self.width is not None and not (self.width >= 1 and self.width == int(self.width)):
            raise ValueError(
                f"width must be a whole number of 1 or more, or None, not {self.width!r}"
            )
        if self.w_e is not None and self.start != "balanced":
            raise ValueError(f"w_e is a balanced start's, not one of {self.start!r}")
        if self.kind == "network" and self.depth != int(self.depth):
            raise ValueError(
                f"depth of a network must be a whole number, not {self.depth!r}; a rule takes any"
            )


def start_layers(method: Method, k: int, d: int) -> list[Tensor]:
    """The layers a method starts from; the same seed gives the same direction at every depth, and
    the same start everywhere.

    A rule of real depth starts from the network of the nearest integer depth, whose product is all
    that it keeps.
    """
    generator = torch.Generator().manual_seed(method.seed)
    depth, width = max(1, round(method.depth)), method.width or k
    if method.start == "balanced":
        given = None if method.w_e is None else torch.tensor(method.w_e, dtype=torch.float64)
        if given is not None and given.shape != (k, d):
            raise ValueError(
                f"w_e must have the shape {(k, d)} of the problem, not {tuple(given.shape)}"
            )
        w_e = random_direction(k, d, method.scale, generator) if given is None else given
        return balanced(w_e, depth, width if method.kind == "network" else k)
    return {"near-zero": near_zero, "identity": identity}[method.start](
        k, d, depth, width, method.scale, generator
    )


def _parameterization(
    problem: Problem, methods: Sequence[Method], width: int | None, deepest: int | None = None
) -> Layers | EndToEnd:
    decay = torch.tensor(
        [m.weight_decay for m in methods], dtype=problem.dtype, device=problem.device
    )
    depths, kind = [m.depth for m in methods], methods[0].kind
    if kind == "network":
        assert width is not None  # a network's width is always known
        return Layers([int(n) for n in depths], problem.k, problem.d, width, decay, deepest)
    return EndToEnd(kind, depths, problem.k, problem.d, decay)


class _Group:
    """Runs that share a parameterization and an optimizer: `rows` are their places among all
    runs."""

    def __init__(
        self, problem: Problem, methods: Sequence[Method], rows: Sequence[int], width: int | None
    ):
        self.problem, self.methods, self.rows, self.width = problem, methods, list(rows), width
        mine, dtype, device = [methods[i] for i in rows], problem.dtype, problem.device
        self.parameterization = _parameterization(problem, mine, width)
        self.rate = self.parameterization.spread(
            torch.tensor([m.step for m in mine], dtype=dtype, device=device)
        )
        self.params = torch.zeros_like(self.rate)
        alike: dict[
            Method, list[int]
        ] = {}  # a grid of step sizes starts from one place: its layers are made once
        for run, method in enumerate(mine):
            alike.setdefault(replace(method, step=1.0), []).append(run)
        for method, runs in alike.items():
            layers = [
                layer.to(dtype=dtype, device=device)
                for layer in start_layers(method, problem.k, problem.d)
            ]
            self.parameterization.start(runs, layers, self.params)
        self.optimizer = OPTIMIZERS[mine[0].optimizer]
        self.slots = [torch.zeros_like(self.params) for _ in range(self.optimizer.slots)]

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some of the runs only."""
        places = [self.rows.index(row) for row in rows]
        old = self.parameterization
        deepest = len(old.shapes) if isinstance(old, Layers) else None
        self.parameterization = _parameterization(
            self.problem, [self.methods[row] for row in rows], self.width, deepest
        )
        self.params, self.rate = old.take(self.params, places), old.take(self.rate, places)
        self.slots, self.rows = [old.take(slot, places) for slot in self.slots], list(rows)

    def park(self, runs: Tensor) -> None:
        """Stop some runs for good: no parameters, no memory, no step."""
        stopped = self.parameterization.spread(runs.to(self.params.dtype)) > 0
        for vector in (self.params, self.rate, *self.slots):
            vector.masked_fill_(stopped, 0.0)


class Simulation:
    """R runs on one problem, advanced together for as many iterations as asked.

    Before a long run call `execution.prepare_thread()`: denormal numbers make a converged run 100
    times slower.

    Args: problem: what is minimised. methods: one for each run. replay: record a GPU's step as a
    CUDA graph where that can be;
        False launches its kernels one by one, for comparison.
    Raises: ValueError where a method does not fit the problem (a hidden width below the rank of a
    balanced start, say).
    """

    def __init__(self, problem: Problem, methods: Sequence[Method], replay: bool = True):
        if not methods:
            raise ValueError("methods must hold at least one run")
        halves = [m.kind for m in methods if m.kind in ("scale", "stretch")]
        if halves and problem.k > 1:
            raise ValueError(
                f"{KINDS[halves[0]]!r} is defined for one output, but this problem has {problem.k}"
            )
        self.problem, self.methods, self.iteration = problem, tuple(methods), 0
        kinds: dict[tuple, list[int]] = {}
        for row, m in enumerate(self.methods):
            # a rule has no hidden layers, and a single layer no hidden width: one that is asked for
            # changes nothing
            width = (
                None if m.kind != "network" else problem.k if m.depth == 1 else m.width or problem.k
            )
            kinds.setdefault((m.kind, width, m.optimizer), []).append(row)
        self._groups = [
            _Group(problem, self.methods, rows, width) for (_, width, _), rows in kinds.items()
        ]
        self.diverged_at = np.full(
            len(self.methods), -1
        )  # iteration whose loss was the first to be hopeless; -1: none
        self._hopeless: Tensor | None = (
            None  # losses beyond which a run counts as diverged, known from the first ones on
        )
        waits = any(group.parameterization.waits for group in self._groups)
        self._replays = replay and problem.device.type in REPLAYED_ON and not waits
        # Steps begun. A replayed step counts for itself, on the GPU: a number from here would stay
        # what it was when recorded.
        self._begun: int | Tensor = (
            torch.zeros((), dtype=torch.float64, device=problem.device) if self._replays else 0
        )
        self._put_in_order()

    def _put_in_order(self) -> None:
        self._sizes = [len(group.rows) for group in self._groups]
        rows = [row for group in self._groups for row in group.rows]
        self._order = torch.tensor(np.argsort(rows), device=self.problem.device)
        self._data = self.problem.rows(rows)
        self._whole: Tensor | None = None
        self._parts: tuple[Tensor, ...] = ()
        self._replay: Callable[[], Tensor] | None = (
            None  # the memory has changed: an older recording is void
        )

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some of the runs only, in the order given: runs never mix, so they continue as
        if nothing had happened."""
        self._groups = [group for group in self._groups if not set(rows).isdisjoint(group.rows)]
        for group in self._groups:
            group.keep([row for row in rows if row in group.rows])
        place = {row: i for i, row in enumerate(rows)}
        self.methods = tuple(self.methods[row] for row in rows)
        for group in self._groups:
            group.rows, group.methods = [place[row] for row in group.rows], self.methods
        self.problem, self.diverged_at = self.problem.rows(rows), self.diverged_at[list(rows)]
        if self._hopeless is not None:
            self._hopeless = self._hopeless[list(rows)]
        self._put_in_order()

    def scale_steps(self, factor: float) -> None:
        """Multiply every step size from the next step on."""
        for group in self._groups:
            group.rate.mul_(factor)

    def end_to_end(self) -> Tensor:
        """W_e of every run now, shape (R, k, d); NaN for runs that diverged."""
        w = self._collect().index_select(0, self._order).clone()
        w[torch.from_numpy(self.diverged_at >= 0)] = math.nan
        return w

    def layers(self, run: int) -> list[Tensor]:
        """The layers of one network run now, W_1 .. W_N of its batch (identities where it is
        shallower), each (1, ., .)."""
        for group in self._groups:
            if run in group.rows and isinstance(group.parameterization, Layers):
                place = group.rows.index(run)
                return [
                    layer[place : place + 1].clone()
                    for layer in group.parameterization.layers(group.params)
                ]
        raise ValueError(f"run {run} is not a network: it has no layers")

    def _collect(self) -> Tensor:
        pieces = [group.parameterization.end_to_end(group.params) for group in self._groups]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def advance(self, iterations: int) -> np.ndarray:
        """Take so many steps of every run.

        A run whose loss is no longer finite, or hopelessly large, is parked: the others never
        notice. Returns: losses before each step, shape (iterations, R), float64; row i belongs to
        W_e after `self.iteration + i` steps,
            with `self.iteration` as it was before the call; NaN from the iteration at which a run
            diverged.
        """
        losses = torch.empty(
            iterations, len(self.methods), dtype=self.problem.dtype, device=self.problem.device
        )
        with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges overflows: no news
            for i in range(iterations):
                losses[i] = self._step()
        self.iteration += iterations
        losses = losses.index_select(1, self._order).to("cpu", torch.float64)
        return self._part_from_diverged(losses, self.iteration - iterations)

    def _step(self) -> Tensor:
        """One step of every run; returns the losses before it, shape (R,), in the groups' order."""
        if self._replay is not None:
            return self._replay()
        losses = self._launch_step()
        if self._replays:
            self._replay = replayed(self._launch_step)
        return losses

    def _launch_step(self) -> Tensor:
        losses, grads = self._data.value_and_grad(self._collect())
        if grads is not self._whole:  # views into the memory that the problem uses at every step
            self._whole, self._parts = grads, grads.split(self._sizes)
        self._begun += 1
        for group, grad in zip(self._groups, self._parts, strict=True):
            direction = group.parameterization.pullback(group.params, grad)
            group.optimizer.update(group.params, direction, group.rate, group.slots, self._begun)
        return losses

    def _part_from_diverged(self, losses: Tensor, start: int) -> np.ndarray:
        if self._hopeless is None:
            at_zero = self._data.value_and_grad(torch.zeros_like(self._collect()))[0].index_select(
                0, self._order
            )
            far = torch.tensor([OPTIMIZERS[m.optimizer].steps is None for m in self.methods])
            most = torch.finfo(self.problem.dtype).max
            self._hopeless = torch.where(
                far, HOPELESS * losses[0].maximum(at_zero.to(losses)), most
            ).clamp_max(most)
        bad = ~(losses <= self._hopeless)
        new = bad.any(0) & torch.from_numpy(self.diverged_at < 0)
        if bool(new.any()):
            self.diverged_at[new.numpy()] = start + bad.int().argmax(0)[new].numpy()
            for group in self._groups:
                group.park(new[group.rows].to(self.problem.device))
        gone = torch.from_numpy(self.diverged_at >= 0)
        if bool(gone.any()):
            since = torch.arange(start, start + len(losses))[:, None] >= torch.from_numpy(
                self.diverged_at
            )
            losses[since & gone] = math.nan
        return losses.numpy()
