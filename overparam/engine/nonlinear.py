"""Nonlinear networks whose dense layers are products of factors, many runs at once.

The idea of the linear simulation, layer by layer: the data only ever see the matrices W_l. A step
of R runs, of any numbers of factors, is

    W_l = F_N ... F_1 of every dense layer
    ->  one pass over a minibatch gives G_l = dL/dW_l at each of them
    ->  each group pulls its G_l back to its factors (`Layers.pullback`) and updates them.

So Theorem 1 of the paper holds layer by layer inside a nonlinear network: from balanced factors
each W_l follows the end-to-end rule with its own G_l. Minibatches are drawn from one sequence that
all runs share, so that runs can be compared in pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from overparam.engine.network import Leaf, Network
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.parameterizations import Layers
from overparam.engine.recipe import Recipe, start_factors

HOPELESS = 1e12  # times the loss at the start: on its way to infinity


class _Piece:
    """One leaf in all runs of a group: its factors, their step sizes and the optimizer's memory."""

    def __init__(
        self, leaf: Leaf, recipes: Sequence[Recipe], dtype: torch.dtype, device: torch.device
    ):
        self.leaf, self.recipes = leaf, list(recipes)
        self._dtype, self._device = dtype, device
        self._optimizer = OPTIMIZERS[recipes[0].optimizer]
        self._arrange()
        self.params = torch.zeros_like(self._rate)
        self._slots = [torch.zeros_like(self.params) for _ in range(self._optimizer.slots)]

    def _arrange(self) -> None:
        leaf, recipes = self.leaf, self.recipes

        def decay(kind: str) -> Tensor:
            mine = [r.decay if leaf.factored and r.penalty == kind else 0.0 for r in recipes]
            return self._tensor(mine)

        self.on_factors, self.on_product = decay("factors"), decay("product")
        depths = [recipe.depth if leaf.factored else 1 for recipe in recipes]
        inner = min(leaf.rows, leaf.columns)
        self._layers = Layers(depths, leaf.rows, leaf.columns, inner, self.on_factors)
        self._rate = self._layers.spread(self._tensor([r.step for r in recipes]))
        self._shrinks = bool(self.on_product.any())

    def _tensor(self, numbers: Sequence[float]) -> Tensor:
        return torch.tensor(numbers, dtype=self._dtype, device=self._device)

    def start(self, runs: Sequence[int], factors: Sequence[Tensor]) -> None:
        self._layers.start(
            runs, [factor.to(self._device, self._dtype) for factor in factors], self.params
        )

    def product(self) -> Tensor:
        """The leaf as the data see it, (R, rows, columns)."""
        return self._layers.end_to_end(self.params)

    def factors(self) -> list[Tensor]:
        """F_1 .. F_N, each (R, ., .)."""
        return self._layers.layers(self.params)

    def step(self, product: Tensor, grad: Tensor, t: int) -> None:
        """Move the factors, given G at the product that was computed last."""
        if self._shrinks:
            grad = torch.addcmul(grad, self.on_product[:, None, None], product)
        direction = self._layers.pullback(self.params, grad)
        self._optimizer.update(self.params, direction, self._rate, self._slots, t)

    def scale_steps(self, factor: float) -> None:
        self._rate.mul_(factor)

    def penalty(self, product: Tensor) -> Tensor:
        """lambda/2 |W|^2 or lambda/2 sum |F_j|^2, by the recipe, shape (R,)."""
        of_factors = sum(factor.square().sum((1, 2)) for factor in self.factors())
        return (self.on_product * product.square().sum((1, 2)) + self.on_factors * of_factors) / 2

    def keep(self, places: Sequence[int]) -> None:
        old, rate = self._layers, self._rate
        self.recipes = [self.recipes[place] for place in places]
        self._arrange()
        self._rate, self.params = old.take(rate, places), old.take(self.params, places)
        self._slots = [old.take(slot, places) for slot in self._slots]


class _Group:
    """Runs that share a number of factors and an optimizer: `rows` are their places among all
    runs.
    """

    def __init__(self, pieces: Sequence[_Piece], rows: Sequence[int]):
        self.pieces, self.rows = list(pieces), list(rows)


class FactoredNetworks:
    """R runs of one network on one set of images, advanced together.

    Before a long run call `prepare_thread()`: denormal numbers make a converged run 100 times
    slower.

    Args:
        network: which network, with which loss.
        inputs: (m, d). labels: (m,), whole numbers from 0.
        recipes: one for each run. seed: of the weights' start and of the order of the samples.
        batch: samples a step; None for all of them.
        dtype, device: of all that is computed.
    Raises: ValueError where the batch is larger than the data.
    """

    def __init__(
        self,
        network: Network,
        inputs: np.ndarray,
        labels: np.ndarray,
        recipes: Sequence[Recipe],
        seed: int = 0,
        batch: int | None = 64,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ):
        if batch is not None and not 1 <= batch <= len(labels):
            raise ValueError(
                f"a batch must hold from 1 to all {len(labels)} samples, not {batch!r}"
            )
        device = torch.device(device)
        self.network, self.recipes, self.iteration = network, tuple(recipes), 0
        self._x = torch.tensor(inputs, dtype=dtype, device=device)
        classes = network.leaves[-1].rows
        self._y = one_hot(labels, classes).to(device, dtype)
        self._seed, self._batch = seed, len(labels) if batch is None else batch
        self._generator = torch.Generator().manual_seed(1000 + seed)
        self._order, self._taken = torch.empty(0, dtype=torch.int64), 0
        # iteration at which it was noticed; -1: none
        self.diverged_at = np.full(len(self.recipes), -1)
        self._first: Tensor | None = None
        alike: dict[tuple, list[int]] = {}
        for row, recipe in enumerate(self.recipes):
            alike.setdefault((recipe.depth, recipe.optimizer), []).append(row)
        self._groups = [self._begin(rows, dtype, device) for rows in alike.values()]
        self._put_in_order()

    def _begin(self, rows: Sequence[int], dtype: torch.dtype, device: torch.device) -> _Group:
        mine = [self.recipes[row] for row in rows]
        pieces = [_Piece(leaf, mine, dtype, device) for leaf in self.network.leaves]
        starts: dict[Recipe, list[int]] = {}  # runs that begin alike: their factors are made once
        for run, recipe in enumerate(mine):
            bare = replace(recipe, step=1.0, penalty="none", decay=0.0)
            starts.setdefault(bare, []).append(run)
        for recipe, runs in starts.items():
            for place, piece in enumerate(pieces):
                drawn = torch.Generator().manual_seed(self._seed * len(pieces) + place)
                piece.start(runs, start_factors(piece.leaf, recipe, drawn))
        return _Group(pieces, rows)

    def _put_in_order(self) -> None:
        self._sizes = [len(group.rows) for group in self._groups]
        rows = [row for group in self._groups for row in group.rows]
        self._back = torch.tensor(np.argsort(rows))  # from the groups' order to the recipes'

    def weights(self) -> list[Tensor]:
        """What the data see, leaf by leaf, (R, rows, columns) in the order of the recipes."""
        return [leaf[self._back.to(leaf.device)] for leaf in self._weights()]

    def factors(self, run: int, leaf: int) -> list[Tensor]:
        """The factors F_1 .. F_N of one leaf of one run."""
        group = next(group for group in self._groups if run in group.rows)
        place = group.rows.index(run)
        return [factor[place].clone() for factor in group.pieces[leaf].factors()]

    def _products(self) -> list[list[Tensor]]:
        return [[piece.product() for piece in group.pieces] for group in self._groups]

    def _weights(self) -> list[Tensor]:
        return [_together(leaf) for leaf in zip(*self._products(), strict=True)]

    def advance(self, iterations: int) -> np.ndarray:
        """Take so many steps of every run; returns the minibatch losses before each, (iterations,
        R), float64.
        """
        found = self._x.new_empty(iterations, len(self.recipes))
        for done in range(iterations):
            x, y = self._next_batch()
            products = self._products()
            weights = [_together(leaf) for leaf in zip(*products, strict=True)]
            draw = self._seed * 1_000_003 + self.iteration
            found[done], grads = self.network.value_and_grad(weights, x, y, draw)
            self.iteration += 1
            split = [grad.split(self._sizes) for grad in grads]
            for place, (group, mine) in enumerate(zip(self._groups, products, strict=True)):
                for piece, product, grad in zip(group.pieces, mine, split, strict=True):
                    piece.step(product, grad[place], self.iteration)
        return found[:, self._back.to(found.device)].double().cpu().numpy()

    def _next_batch(self) -> tuple[Tensor, Tensor]:
        m = len(self._x)
        if self._batch == m:
            return self._x, self._y
        # a new epoch; what is left of the last one is dropped
        if self._taken + self._batch > len(self._order):
            self._order, self._taken = torch.randperm(m, generator=self._generator), 0
        here = self._order[self._taken : self._taken + self._batch].to(self._x.device)
        self._taken += self._batch
        return self._x[here], self._y[:, here]

    def losses(self, most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The loss of the fit on the first `most` samples (all by default), and the penalty, now;
        each (R,), float64.

        NaN for a run whose loss is no longer finite or hopelessly large; it is noted in
        `diverged_at`.
        """
        products = self._products()
        weights = [_together(leaf) for leaf in zip(*products, strict=True)]
        fit = self.network.value(weights, self._x[:most], self._y[:, :most])
        penalties = [
            torch.stack([piece.penalty(w) for piece, w in zip(group.pieces, mine, strict=True)])
            for group, mine in zip(self._groups, products, strict=True)
        ]
        fit, penalty = (
            t[self._back.to(t.device)].double().cpu() for t in (fit, torch.cat(penalties, 1).sum(0))
        )
        if self._first is None:
            self._first = fit
        bad = (~(fit <= HOPELESS * self._first.clamp_min(1.0))).numpy()
        self.diverged_at[bad & (self.diverged_at < 0)] = self.iteration
        gone = torch.from_numpy(self.diverged_at >= 0)
        return fit.masked_fill(gone, math.nan).numpy(), penalty.masked_fill(gone, math.nan).numpy()

    def accuracy(self, inputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Share of samples whose largest output is that of their label, shape (R,)."""
        x = torch.tensor(inputs).to(self._x)
        right = self.network.outputs(self.weights(), x).argmax(1).cpu() == torch.as_tensor(labels)
        return right.double().mean(1).numpy()

    def singular_values(self) -> list[np.ndarray]:
        """Of each dense layer's W_l, largest first: (R, min(rows, columns)) each; NaN for runs
        that diverged.
        """
        found = []
        for leaf, weights in zip(self.network.leaves, self.weights(), strict=True):
            if leaf.factored:
                calm = torch.nan_to_num(weights.double(), posinf=0.0, neginf=0.0)
                values = torch.linalg.svdvals(calm).cpu().numpy()
                values[self.diverged_at >= 0] = math.nan
                found.append(values)
        return found

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with some of the runs only, in the order given; runs never mix."""
        place = {row: i for i, row in enumerate(rows)}
        groups = []
        for group in self._groups:
            mine = [row for row in rows if row in group.rows]
            if mine:
                for piece in group.pieces:
                    piece.keep([group.rows.index(row) for row in mine])
                groups.append(_Group(group.pieces, [place[row] for row in mine]))
        self._groups, self.recipes = groups, tuple(self.recipes[row] for row in rows)
        self.diverged_at = self.diverged_at[list(rows)]
        if self._first is not None:
            self._first = self._first[list(rows)]
        self._put_in_order()

    def scale_steps(self, factor: float) -> None:
        """Multiply every step size from the next step on."""
        for group in self._groups:
            for piece in group.pieces:
                piece.scale_steps(factor)


def _together(pieces: Sequence[Tensor]) -> Tensor:
    return pieces[0] if len(pieces) == 1 else torch.cat(list(pieces))


def one_hot(labels: np.ndarray, classes: int) -> Tensor:
    """One-hot targets (classes, m), float32.

    Raises: ValueError where a label is not below `classes`.
    """
    numbers = torch.tensor(labels, dtype=torch.int64)
    if len(numbers) and not 0 <= int(numbers.min()) <= int(numbers.max()) < classes:
        raise ValueError(f"labels must be whole numbers from 0 to {classes - 1}")
    return torch.nn.functional.one_hot(numbers, classes).T.contiguous().float()
