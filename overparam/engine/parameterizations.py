"""What is trained: the layers of a network, or the end-to-end matrix itself by the theory's rule.

Both hold R runs and offer the same three things: `start`, `end_to_end` (parameters -> W_e) and
`pullback` (dL/dW_e -> direction in the parameters). `waits` says whether a pullback waits for
numbers from the device, so that no CUDA graph can hold it. Parameters are stored layer by layer in
one vector, so an optimizer is a handful of elementwise operations whatever the depth, and a step
size is a vector of the same length (`spread`), zero where a layer is frozen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise
from math import prod

import torch
from torch import Tensor

from overparam.theory.preconditioner import precondition, scale_only, stretch_only


class Layers:
    """R linear networks `x -> W_N ... W_1 x` of one hidden width; shallower ones are padded with
    frozen identities.

    Args:
        depths: depth of each run, integers >= 1.
        k, d: outputs and inputs. width: hidden width h; a run of depth 1 among deeper ones needs h
            >= k.
        weight_decay: lambda of each run, shape (R,): adds `lambda W_j` to layer j's gradient.
        deepest: number of layers stored, at least the largest depth.
    Raises: ValueError if a shallower run cannot be padded.
    """

    waits = False

    def __init__(
        self,
        depths: Sequence[int],
        k: int,
        d: int,
        width: int,
        weight_decay: Tensor,
        deepest: int | None = None,
    ):
        deepest = max(depths) if deepest is None else deepest
        if (
            width < k and min(depths) == 1 < deepest
        ):  # identities of that width would cut outputs off
            raise ValueError(
                f"depth 1 among deeper networks needs a hidden width of k = {k} or more to share a"
                f" batch, not {width}"
            )
        self.depths, self.k, self.d, self.width = tuple(depths), k, d, width
        widths = [d] + [width] * (deepest - 1) + [k]
        self.shapes = [
            (len(self.depths), *shape) for shape in zip(widths[1:], widths[:-1], strict=True)
        ]
        depth = torch.tensor(self.depths, device=weight_decay.device)
        # A run of depth n trains W_1 .. W_{n-1} and the last layer; at depth 1 only W_1. The others
        # stay the identity.
        inner = [depth > j + 1 for j in range(1, deepest - 1)]
        self._trained = [torch.ones_like(depth, dtype=torch.bool), *inner, depth > 1][:deepest]
        self._decay = self.spread(weight_decay) if bool((weight_decay > 0).any()) else None
        self._vector: Tensor | None = None  # the parameters that the views of `_prepare` look into

    def layers(self, params: Tensor) -> list[Tensor]:
        """Views of the parameter vector: W_1 (R, h, d), ..., W_N (R, k, h)."""
        pieces = params.split([prod(shape) for shape in self.shapes])
        return [piece.view(shape) for piece, shape in zip(pieces, self.shapes, strict=True)]

    def spread(self, per_run: Tensor) -> Tensor:
        """One number a run, shape (R,) -> one number a parameter, zero in frozen layers."""
        pairs = zip(self._trained, self.shapes, strict=True)
        return torch.cat(
            [(per_run * on)[:, None, None].expand(shape).reshape(-1) for on, shape in pairs]
        )

    def take(self, vector: Tensor, runs: Sequence[int]) -> Tensor:
        """The part of a vector like `params` that belongs to some of the runs."""
        return torch.cat([layer[list(runs)].flatten() for layer in self.layers(vector)])

    def start(self, runs: Sequence[int], layers: Sequence[Tensor], params: Tensor) -> None:
        """Write the layers W_1 .. W_n of some runs, n their depth, into the parameter vector,
        identities elsewhere."""
        n, views = self.depths[runs[0]], self.layers(params)
        for view in views:
            view[runs] = torch.eye(*view.shape[1:], dtype=params.dtype, device=params.device)
        for view, layer in zip(
            [*views[: n - 1], views[-1]] if n > 1 else views[:1], layers, strict=True
        ):
            view[runs] = 0
            view[runs, : layer.shape[0], : layer.shape[1]] = layer

    def end_to_end(self, params: Tensor) -> Tensor:
        """W_e = W_N ... W_1, shape (R, k, d); its memory is used again by the next call."""
        if self._vector is not params:
            self._prepare(params)
        for above, layer, into in self._products:
            torch.bmm(above, layer, out=into)
        return self._w_e

    def pullback(self, params: Tensor, grad: Tensor) -> Tensor:
        """Gradients of every layer from G = dL/dW_e, for the parameters last given to `end_to_end`.

            dL/dW_j = S_j^T B_j,   S_j = W_N ... W_{j+1},   B_j = G (W_{j-1} ... W_1)^T
            (chain rule)

        S_j and B_j have k rows each, and only W_1 touches the d inputs, so depth and width cost
        little. Args: grad: G, shape (R, k, d). Returns: a vector like `params`; its memory is used
        again by the next call.
        """
        back = grad  # B_j
        for above, into, layer, below in self._pullbacks:
            torch.bmm(above, back, out=into)
            back = torch.bmm(back, layer, out=below)
        direction = self._direction if self._pullbacks else grad.reshape(-1)
        return direction if self._decay is None else torch.addcmul(direction, self._decay, params)

    def _prepare(self, params: Tensor) -> None:
        """Views into a parameter vector and room for every product, made once: a step then takes
        nothing but products."""
        self._vector, self._direction = params, torch.empty_like(params)
        layers, into = self.layers(params), self.layers(self._direction)
        self._w_e = layers[0]
        self._products: list[tuple[Tensor, Tensor, Tensor]] = []
        self._pullbacks: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        if len(layers) == 1:
            return
        between = range(len(layers) - 2)
        suffixes = [
            *(torch.empty_like(layers[-1]) for _ in between),
            layers[-1],
        ]  # S_1 .. S_{N-1} = W_N
        backs = [*(torch.empty_like(layers[-1]) for _ in between), into[-1]]  # B_2 .. B_N = dL/dW_N
        self._w_e = params.new_empty(len(self.depths), self.k, self.d)
        for suffix, layer, product in zip(
            suffixes, layers[:-1], [self._w_e, *suffixes[:-1]], strict=True
        ):
            self._products.insert(
                0, (suffix, layer, product)
            )  # S_j W_j = S_{j-1}, from the top down
        for suffix, direction, layer, back in zip(
            suffixes, into[:-1], layers[:-1], backs, strict=True
        ):
            self._pullbacks.append((suffix.mT, direction, layer.mT, back))


# What a rule does to the gradient of the end-to-end matrix: (W, G, N) -> direction, shapes (R, k,
# d).
RULES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "rule": precondition,
    "scale": scale_only,
    "stretch": stretch_only,
}


class EndToEnd:
    """R end-to-end matrices moved by a rule: the theory's update, or one half of it.

        W <- W - eta (P(W) G + lambda N W)        (Theorem 1; Claim 2 at k = 1, N real)

    Args:
        rule: a name in RULES. depths: N of each run, real >= 1. k, d: outputs and inputs.
            weight_decay: lambda, shape (R,).
    """

    def __init__(self, rule: str, depths: Sequence[float], k: int, d: int, weight_decay: Tensor):
        self._rule, self.shape = RULES[rule], (len(depths), k, d)
        self.waits = k > 1  # for the singular value decomposition
        self._depth = torch.tensor(depths, dtype=weight_decay.dtype, device=weight_decay.device)
        self._decay = (
            self.spread(weight_decay * self._depth) if bool((weight_decay > 0).any()) else None
        )

    def spread(self, per_run: Tensor) -> Tensor:
        """One number a run, shape (R,) -> one number a parameter."""
        return per_run.repeat_interleave(self.shape[1] * self.shape[2])

    def take(self, vector: Tensor, runs: Sequence[int]) -> Tensor:
        """The part of a vector like `params` that belongs to some of the runs."""
        return vector.view(self.shape)[list(runs)].flatten()

    def start(self, runs: Sequence[int], layers: Sequence[Tensor], params: Tensor) -> None:
        """Write the start of some runs: the product of a network's layers W_1 .. W_N."""
        params.view(self.shape)[runs] = product(layers)

    def end_to_end(self, params: Tensor) -> Tensor:
        """The parameters themselves, shape (R, k, d)."""
        return params.view(self.shape)

    def pullback(self, params: Tensor, grad: Tensor) -> Tensor:
        """The rule's direction from G, as a vector like `params`."""
        out = self._rule(params.view(self.shape), grad, self._depth).reshape(-1)
        return out if self._decay is None else torch.addcmul(out, self._decay, params)


def product(layers: Sequence[Tensor]) -> Tensor:
    """`W_N ... W_1` of layers W_1 .. W_N."""
    return reduce(lambda below, layer: layer @ below, layers)


# Starts. Each returns the layers W_1 (h, d), ..., W_N (k, h) of one network.


def random_direction(k: int, d: int, norm: float, generator: torch.Generator) -> Tensor:
    """A Gaussian matrix (k, d) scaled to a Frobenius norm."""
    w = torch.randn(k, d, dtype=torch.float64, generator=generator)
    return w * (norm / w.norm())


def balanced(w_e: Tensor, depth: int, width: int) -> list[Tensor]:
    """Layers with product W_e and `W_{j+1}^T W_{j+1} = W_j W_j^T` exactly.

        W_e = U S V^T:   W_1 = S^{1/N} V^T,   W_j = S^{1/N},   W_N = U S^{1/N},   padded with zeros
        to the hidden width

    Args: w_e: shape (k, d). depth: N >= 1. width: h >= rank(W_e).
    Raises: ValueError if the hidden width is below the rank of W_e.
    """
    if depth == 1:
        return [w_e.clone()]
    u, s, vt = torch.linalg.svd(w_e, full_matrices=False)
    rank = int((s > 1e-12 * s.max()).sum())
    if width < rank:
        raise ValueError(
            f"a balanced start of rank {rank} needs a hidden width of at least {rank}, not {width}"
        )
    u, root, vt = u[:, :rank], torch.diag(s[:rank] ** (1 / depth)), vt[:rank]
    first, inner, last = (
        w_e.new_zeros(width, w_e.shape[1]),
        w_e.new_zeros(width, width),
        w_e.new_zeros(w_e.shape[0], width),
    )
    first[:rank], inner[:rank, :rank], last[:, :rank] = root @ vt, root, u @ root
    return [first] + [inner.clone() for _ in range(depth - 2)] + [last]


def near_zero(
    k: int, d: int, depth: int, width: int, deviation: float, generator: torch.Generator
) -> list[Tensor]:
    """Layers with independent Gaussian entries of the given standard deviation; not balanced."""
    widths = [d] + [width] * (depth - 1) + [k]
    pairs = zip(widths[1:], widths[:-1], strict=True)
    return [
        deviation * torch.randn(*shape, dtype=torch.float64, generator=generator) for shape in pairs
    ]


def identity(
    k: int, d: int, depth: int, width: int, deviation: float, generator: torch.Generator
) -> list[Tensor]:
    """Layers with ones on the diagonal, plus Gaussian noise of the given standard deviation; not
    balanced."""
    return [
        layer + torch.eye(*layer.shape, dtype=layer.dtype)
        for layer in near_zero(k, d, depth, width, deviation, generator)
    ]


def imbalance(layers: Sequence[Tensor]) -> Tensor:
    """How far layers are from balanced, 0 when they are: `max_j ||W_{j+1}^T W_{j+1} - W_j W_j^T|| /
    max_j ||W_j||^2` per run.

    Args: layers: W_1 (R, h, d), ..., W_N (R, k, h). Returns: shape (R,); zeros for a single layer.
    """
    if len(layers) == 1:
        return layers[0].new_zeros(len(layers[0]))
    gaps = [(b.mT @ b - a @ a.mT).flatten(1).norm(dim=1) for a, b in pairwise(layers)]
    size = torch.stack([w.flatten(1).norm(dim=1) ** 2 for w in layers]).amax(0)
    return torch.stack(gaps).amax(0) / size.clamp_min(torch.finfo(size.dtype).tiny)
