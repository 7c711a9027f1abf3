"""Regression problems: the only code that touches data.

`L(W) = (1/m) sum_i loss(W x_i - y_i)`, with `(1/p) ||.||_p^p` for the paper's losses. A network of
any depth asks just one question of the data: the loss and its gradient at the end-to-end matrix.
`Problem.value_and_grad` answers it for many matrices in one pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from overparam.engine.losses import Loss, lp
from overparam.engine.products import Form, Products, calls, fastest, padded


@dataclass(frozen=True)
class Optimum:
    """The least loss of a problem: `weights` (k, d) attains `loss`."""

    weights: Tensor
    loss: float


@dataclass(frozen=True)
class _Room:
    """Memory for one pass over the data, and views into it: made once for a number of runs, used at
    every step.

    forward, backward: how to take the products, and of what (left, right, out): [W, C] -> residual
    and slope -> [G, .].
    residual: (R k, m). weights, grads: W and G of every run, (R, k, d). pair: [W, C] and [G, .] as
    one vector a run; their inner product is p L.
    """

    forward: Products
    backward: Products
    residual: Tensor
    weights: Tensor
    grads: Tensor
    pair: tuple[Tensor, Tensor]


class Problem:
    """A regression over fixed data, asked for loss and gradient at many matrices at once.

        L(W) = weight * sum_{i,o} (1/p) |(W x_i - y_i)_o|^p,        G(W) = weight * sum_i (|r|^{p-1}
        sign r) x_i^T

    Args:
        inputs: X, shape (m, d).
        targets: Y, shape (m, k); or (R, m, k) where each of the R matrices that are asked about has
            targets of its own.
        loss: a homogeneous loss, from `losses.lp`.
        weight: 1/m unless given (the two-coordinate problem uses 1).
        dtype, device: where and how finely the products are computed.
    Raises: ValueError, naming the argument and its shape.
    """

    def __init__(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        loss: Loss,
        weight: float | None = None,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
    ):
        inputs, targets = (
            np.asarray(inputs, dtype=np.float64),
            np.asarray(targets, dtype=np.float64),
        )
        fits = (
            inputs.ndim == 2
            and targets.ndim in (2, 3)
            and len(inputs) == targets.shape[-2]
            and inputs.size
            and targets.size
        )
        if not fits:
            raise ValueError(
                f"inputs (m, d) and targets (m, k) need the same m >= 1, not {inputs.shape} and"
                f" {targets.shape}"
            )
        if not (np.isfinite(inputs).all() and np.isfinite(targets).all()):
            raise ValueError("inputs and targets must be finite numbers")
        if weight is not None and not 0 < weight < math.inf:
            raise ValueError(f"weight must be a number above 0, or None, not {weight!r}")
        self.m, self.d, self.k = len(inputs), inputs.shape[1], targets.shape[-1]
        self.loss, self.dtype, self.device = loss, dtype, torch.device(device)
        self.weight = 1 / self.m if weight is None else weight
        # With [X, -B] as data and [W, C] as weights the residual W x - C b is one product: B = Y
        # and C = I where the targets are shared, B = I and C = Y^T where each matrix has its own.
        # Where the loss is homogeneous of degree p, scaling the data by weight^{1/p} turns the mean
        # into a plain sum; elsewhere the data stay as they are, and `_factor` is left to do.
        self._scale = 1.0 if loss.power is None else self.weight ** (1 / loss.power)
        self._factor = self.weight if loss.power is None else 1.0
        self._own = (
            torch.from_numpy(targets).mT.contiguous() if targets.ndim == 3 else None
        )  # (R, k, m)
        basis = targets if self._own is None else np.eye(self.m)
        joined = self._scale * np.hstack([inputs, -basis]).T
        self._exact = torch.from_numpy(
            np.ascontiguousarray(joined)
        )  # (d + k or d + m, m), float64, on the CPU
        # Filled up with empty samples, which change nothing, to rows that start at aligned
        # addresses: 3 to 12 % faster.
        self._columns = torch.nn.functional.pad(self._exact, (0, -self.m % 16)).to(
            device=self.device, dtype=dtype
        )
        self._turned: dict[
            str, Tensor
        ] = {}  # the same numbers sample by sample, where a product is faster so; shared by `rows`
        # At p = 2 the loss is a quadratic form: (d + k)^2 numbers hold all that the data say. Only
        # where that is much smaller than the data: near an exact fit the form loses digits that the
        # residuals keep.
        gram = loss.power == 2 and self.m >= 4 * (self.d + self.k)
        self._gram = (
            (self._exact @ self._exact.T).to(device=self.device, dtype=dtype) if gram else None
        )
        self._room: _Room | None = None
        self._optimum: Optimum | None = None

    def value_and_grad(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """Loss and gradient at R matrices, in one pass over the data: two matrix products.

        For l_p, by Euler's identity r slope(r) = p value(r), the loss falls out of the second
        product: L = <[W, I], [G, .]> / p. Any other is summed over the residuals between the two.

        Args:
            w: end-to-end matrices, shape (R, k, d).
        Returns: losses (R,) and gradients (R, k, d); the gradients' memory is used again by the
        next call with the same R.
        """
        room = self._room
        if room is None or len(room.weights) != len(w):
            room = self._room = self._allocate(len(w))
        room.weights.copy_(w)
        multiply, arguments = room.forward
        for left, right, out in arguments:
            multiply(left, right, out=out)
        if self.loss.power is None:
            sums = self.loss.value(room.residual).view(len(w), -1).sum(1)
        if self._gram is None:
            self.loss.slope_(room.residual)
            multiply, arguments = room.backward
            for left, right, out in arguments:
                multiply(left, right, out=out)
        if self.loss.power is None:
            return sums.mul_(self._factor), room.grads.mul_(self._factor)
        return torch.linalg.vecdot(*room.pair).div_(self.loss.power), room.grads

    def rows(self, runs: Sequence[int]) -> Problem:
        """The problem of some of the matrices, in the order given, with the same data but memory of
        its own for the products."""
        part = copy(self)
        part._own, part._room = self._own if self._own is None else self._own[list(runs)], None
        return part

    def _allocate(self, runs: int) -> _Room:
        if self._own is None:
            tail = torch.eye(self.k).expand(runs, self.k, self.k)
        elif len(self._own) == runs:
            tail = self._own
        else:
            raise ValueError(f"there are targets for {len(self._own)} matrices, not for {runs}")
        used, (width, samples) = runs * self.k, self._columns.shape
        backward: Products = (torch.mm, [])
        weights, residual, products = (
            torch.zeros(padded(used), n, dtype=self.dtype, device=self.device)
            for n in (width, samples, width)
        )
        mine, theirs = (each[:used].view(runs, self.k, width) for each in (weights, products))
        mine[:, :, self.d :] = tail  # in their precision, and on their device
        if (gram := self._gram) is not None:
            forward = self._product(used, weights, {False: lambda: gram}, products)
        else:
            columns, turned = (lambda: self._columns), self._by_samples
            forward = self._product(
                used, weights, {False: columns, True: lambda: turned().T}, residual
            )
            backward = self._product(
                used, residual, {True: lambda: columns().T, False: turned}, products
            )
        return _Room(
            forward=forward,
            backward=backward,
            residual=residual[:used],
            weights=mine[:, :, : self.d],
            grads=theirs[:, :, : self.d],
            pair=(mine.flatten(1), theirs.flatten(1)),
        )

    def _product(
        self, rows: int, left: Tensor, orders: dict[bool, Callable[[], Tensor]], out: Tensor
    ) -> Products:
        """How to take a product with the data, which may lie in memory in several orders, the usual
        one first."""
        if self.device.type == "cpu":
            shape = (rows, left.shape[1], out.shape[1])
            form = fastest(shape, self.dtype, lambda turned: orders[turned](), tuple(orders))
        else:
            form = Form("torch", next(iter(orders)), 4 if rows > 4 and rows % 4 >= 2 else 1)
        right = orders[form.turned]()
        return calls(form, rows, left, right, out)

    def _by_samples(self) -> Tensor:
        """[X, -B], scaled, one sample after the other in memory: (m, d + k)."""
        if "samples" not in self._turned:
            self._turned["samples"] = self._columns.T.contiguous()
        return self._turned["samples"]

    def residuals(self, w: Tensor) -> Tensor:
        """Residuals `weight^{1/p} (W x_i - y_i)` at matrices w (..., k, d): shape (..., k, m), in
        w's dtype; where the loss has no power, without the weight."""
        self._require_shared_targets()
        data = self._columns[:, : self.m].to(w.dtype)
        return w @ data[: self.d] + data[self.d :]

    def bends(self, w: Tensor) -> Tensor:
        """What each residual weighs in the Hessian: `H = X diag(bends) X^T` for each output, X of
        `scaled_inputs`; shape (..., k, m)."""
        return self.loss.bend(self.residuals(w)).mul_(self._factor)

    def squared(self) -> Problem:
        """The squared loss on the same data."""
        self._require_shared_targets()
        inputs, targets = (
            part.T.numpy() / self._scale for part in self._exact.split((self.d, self.k))
        )
        return Problem(inputs, -targets, lp(2), self.weight, self.dtype, self.device)

    def _require_shared_targets(self) -> None:
        if self._own is not None:
            raise ValueError(
                "each matrix has targets of its own here: make the problem of one of them to ask"
                " for this"
            )

    @property
    def scaled_inputs(self) -> Tensor:
        """`weight^{1/p} x_i` as columns, shape (d, m): with `residuals`, all that curvature needs
        of the data."""
        return self._columns[: self.d, : self.m]

    def value(self, w: Tensor) -> float:
        """Loss at one matrix w (k, d), summed residual by residual in float64: slower and finer
        than `value_and_grad`."""
        self._require_shared_targets()
        w = w.detach().to(device="cpu", dtype=torch.float64)
        residuals = w @ self._exact[: self.d] + self._exact[self.d :]
        return self._factor * float(self.loss.value(residuals).sum())

    @cached_property  # asked for at every picture
    def loss_at_zero(self) -> float:
        """L_0 = L(0), the loss that gaps are measured from."""
        return self.value(torch.zeros(self.k, self.d))

    def gap(self, loss: np.ndarray) -> np.ndarray:
        """Share of the avoidable loss that is left: `g = (L - L*) / (L_0 - L*)`, 1 at W = 0 and 0
        at the optimum."""
        least = self.optimum().loss
        return (loss - least) / (self.loss_at_zero - least)

    @cached_property
    def _columns_basis(self) -> tuple[Tensor, Tensor, Tensor]:
        """X = U S V^T without what is zero to rounding: U (m, r), S (r,), V (d, r), of the scaled
        data."""
        x = self._exact[: self.d].T
        left, sizes, right = torch.linalg.svd(x, full_matrices=False)
        there = (
            sizes > max(x.shape) * torch.finfo(x.dtype).eps * sizes.amax()
        )  # dependent columns add no direction
        return left[:, there], sizes[there], right[there].T

    def reach(self, share: float = 1e-3) -> float:
        """How far W has to go: the least norm at which the avoidable squared loss is gone but for a
        share.

        The optimum itself can be far out, along directions that hardly matter. By ridge regression,
        z = U^T y: `W_rho = V S (S^2 + rho)^{-1} z` leaves `sum_i (rho z_i / (s_i^2 + rho))^2` of
        `|z|^2`; the largest rho of 400 that does.
        """
        self._require_shared_targets()
        basis, sizes, _ = self._columns_basis
        z = basis.T @ self._exact[self.d :].T  # (r, k)
        rho = (sizes.amax() ** 2 * torch.logspace(2, -16, 400, dtype=z.dtype))[:, None, None]
        square = sizes.square()[:, None]
        left = (rho * z / (square + rho)).square().sum((1, 2))
        enough = left <= share * z.square().sum()
        enough[-1] = True
        first = int(enough.int().argmax())
        return float((sizes[:, None] * z / (square + rho[first])).norm())

    def optimum(self) -> Optimum:
        """The least loss, by least squares (p = 2) or damped Newton from there (any other loss), in
        float64 on the CPU; computed once."""
        if self._optimum is None:
            self._require_shared_targets()
            self._optimum = _least_loss(self)
        return self._optimum


def _least_loss(problem: Problem) -> Optimum:
    """Solved in an orthonormal basis of the columns, X = U S V^T with z = S V^T w: columns that are
    nearly alike cost no digit."""
    minus_y, loss = problem._exact[problem.d :].T, problem.loss
    basis, sizes, directions = problem._columns_basis
    back = directions / sizes
    z = -(basis.T @ minus_y)  # (r, k): least squares
    fitted = (basis @ z + minus_y).abs().amax(0) <= 1e-12 * minus_y.abs().amax(
        0
    )  # exactly, output by output
    if bool(fitted.all()):
        return Optimum((back @ z).T.contiguous(), 0.0)
    # an exact fit is the optimum of every loss, and at p > 2 has no curvature to divide by
    if loss.power != 2:
        for output in (~fitted).nonzero().flatten().tolist():
            z[:, output] = _newton(basis, minus_y[:, output], z[:, output], loss)
    least = problem._factor * float(loss.value(basis @ z + minus_y).sum())
    return Optimum((back @ z).T.contiguous(), least)


def _newton(basis: Tensor, minus_y: Tensor, z: Tensor, loss: Loss) -> Tensor:
    """Damped Newton for one output: min_z sum_i value((U z - y)_i); U (m, r) with orthonormal
    columns, z (r,)."""
    best = float(loss.value(basis @ z + minus_y).sum())
    for _ in range(500):
        residual = basis @ z + minus_y
        slope = loss.slope_(residual.clone())
        gradient = basis.T @ slope
        for bends in _curvatures(loss, residual, slope):
            hessian = (basis.T * bends) @ basis
            ridge = 1e-14 * torch.trace(hessian) * torch.eye(len(z), dtype=z.dtype)
            direction, singular = torch.linalg.solve_ex(hessian + ridge, gradient)
            if singular:
                continue
            decrement, size = float(gradient @ direction), 1.0
            value = best
            while size > 1e-10:
                value = float(loss.value(basis @ (z - size * direction) + minus_y).sum())
                if value < best - 1e-4 * size * decrement:
                    break
                size /= 2
            else:
                continue
            z, best = z - size * direction, value
            break
        else:
            break
        if decrement <= 1e-15 * best:
            break
    return z


def _curvatures(loss: Loss, residual: Tensor, slope: Tensor) -> Iterator[Tensor]:
    """Second derivatives to try in turn: the loss's own; and where a robust loss bends nowhere
    (Huber's far from 0), those of the parabola that lies above it and touches it there."""
    yield loss.bend(residual)
    if loss.power is None:
        yield torch.where(residual == 0, 1.0, slope / residual)


def two_coordinate(p: float, y1: float, **make) -> Problem:
    """The paper's illustration, with y_2 = 1: `L(w) = (1/p) [ |w_1 - y_1|^p + |w_2 - 1|^p ]`, d =
    2, k = 1."""
    return Problem(np.eye(2), np.array([[y1], [1.0]]), lp(p), weight=1.0, **make)


def two_coordinates(p: float, y: np.ndarray, **make) -> Problem:
    """`two_coordinate` for many runs, each with targets of its own: y has shape (R, 2)."""
    return Problem(np.eye(2), np.asarray(y)[:, :, None], lp(p), weight=1.0, **make)
