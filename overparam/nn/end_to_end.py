"""The end-to-end rule on plain weights: what a network of depth N would do, without its factors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor, nn
from torch.optim.optimizer import ParamsT

from overparam.nn.parametrization import KINDS
from overparam.theory.preconditioner import precondition


def _direction(weight: Tensor, grad: Tensor, depth: float, groups: int) -> Tensor:
    """Theorem 1's direction for a weight read as `groups` matrices, outputs by all other axes."""
    if weight.ndim < 2 or depth == 1:
        return grad
    if _is_sharded(weight):  # every process decomposes the whole weight and keeps its part
        return _sharded_like(weight, _direction(_whole(weight), _whole(grad), depth, groups))
    shape = (groups, weight.shape[0] // groups, -1)
    dtype = torch.promote_types(
        weight.dtype, torch.float32
    )  # there is no decomposition in half precision
    moved = precondition(weight.reshape(shape).to(dtype), grad.reshape(shape).to(dtype), depth)
    return moved.reshape(weight.shape).to(grad.dtype)


def _is_sharded(tensor: Tensor) -> bool:
    return hasattr(tensor, "full_tensor")


def _whole(tensor: Tensor) -> Tensor:
    gather = getattr(tensor, "full_tensor", None)
    return gather() if gather else tensor


def _sharded_like(weight: Tensor, whole: Tensor) -> Tensor:
    from torch.distributed.tensor import DTensor, Replicate

    assert isinstance(weight, DTensor)
    mesh = weight.device_mesh
    replicated = DTensor.from_local(whole, mesh, [Replicate()] * mesh.ndim, run_check=False)
    return replicated.redistribute(mesh, weight.placements)


@torch.no_grad()
def precondition_(params: Iterable[Tensor], depth: float, groups: int = 1) -> None:
    """Replace gradients, in place, by what depth N would make of them (Theorem 1).

        G <- sum_{j=1..N} [W Wᵀ]^{(j-1)/N} G [Wᵀ W]^{(N-j)/N}

    Call it between `backward` and `step`, after unscaling and before clipping, or from the
    optimizer itself with `register_step_pre_hook`. Vectors (biases, norms) and parameters without a
    gradient stay as they are.

    Args:
        params: weights W, read as matrices: first axis by all others.
        depth: N >= 1, real.
        groups: of a convolution, each a matrix of its own.

    Raises:
        ValueError: if `depth` is below 1.
    """
    if not depth >= 1:
        raise ValueError(f"depth must be 1 or more, not {depth!r}")
    for weight in params:
        if weight.grad is not None:
            weight.grad.copy_(_direction(weight, weight.grad, depth, groups))


class EndToEnd(torch.optim.Optimizer):
    """Gradient descent of depth N on plain weights, without factors: the Euler step of Theorem 1.

        W <- W - lr ( sum_{j=1..N} [W Wᵀ]^{(j-1)/N} G [Wᵀ W]^{(N-j)/N} + N λ W )

    A weight of any shape is read as a matrix, first axis by all others (for grouped convolutions
    see `parameter_groups`); vectors (biases, norms) take plain steps. Each step decomposes each
    weight that has more than one output.

    Args:
        params: parameters, or groups of them with options of their own.
        lr: step size, > 0.
        depth: N >= 1, real; 1 is plain gradient descent.
        weight_decay: λ >= 0, the decay of the factors; of a vector its own.
        groups: of a convolution, each a matrix of its own.

    Raises:
        ValueError: if an option is out of its range, or if a weight is 0, where the rule would
            leave it forever.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float,
        depth: float = 2.0,
        weight_decay: float = 0.0,
        groups: int = 1,
    ):
        super().__init__(
            params, {"lr": lr, "depth": depth, "weight_decay": weight_decay, "groups": groups}
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        if not group["lr"] > 0:
            raise ValueError(f"lr must be above 0, not {group['lr']!r}")
        if not group["depth"] >= 1:
            raise ValueError(f"depth must be 1 or more, not {group['depth']!r}")
        if not group["weight_decay"] >= 0:
            raise ValueError(f"weight_decay must be 0 or more, not {group['weight_decay']!r}")
        for p in group["params"]:
            if p.ndim >= 2 and p.shape[0] % group["groups"]:
                raise ValueError(
                    f"groups = {group['groups']} does not divide the {p.shape[0]} outputs of a "
                    "weight"
                )
            if p.ndim >= 2 and group["depth"] > 1 and not bool(_whole(p).any()):
                raise ValueError(
                    f"a weight of shape {tuple(p.shape)} is 0, where depth above 1 leaves it "
                    "forever: start it elsewhere, or give it a parameter group with depth=1"
                )

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step of every parameter that has a gradient.

        Args:
            closure: computes the loss and its gradients again, as for other optimizers.

        Returns:
            The closure's loss, or None.

        Raises:
            ValueError: if a gradient is sparse.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                if p.grad.is_sparse:
                    raise ValueError(
                        "EndToEnd needs dense gradients: make the embedding with sparse=False"
                    )
                depth = group["depth"] if p.ndim >= 2 else 1.0
                direction = _direction(p, p.grad, depth, group["groups"])
                if group["weight_decay"]:
                    direction = direction + depth * group["weight_decay"] * p
                # not add_(direction, alpha=-lr): compiled for a CPU by torch 2.13, that forgets
                # alpha where the direction is a matrix product
                p.sub_(group["lr"] * direction)
        return loss


def parameter_groups(model: nn.Module) -> list[dict[str, Any]]:
    """A model's parameters for EndToEnd, each weight read as its layer reads it.

    Linear and convolutional weights take the optimizer's depth, grouped convolutions group by
    group; everything else (biases, norms, embeddings, the input projection of attention) takes
    plain steps, as beside `overparameterize`.

    Args:
        model: a plain model.

    Returns:
        Parameter groups: `EndToEnd(parameter_groups(model), lr=0.1, depth=2)`.
    """
    by_groups: dict[int, list[nn.Parameter]] = {}
    taken: set[int] = set()
    for layer in model.modules():
        weight = layer._parameters.get("weight")
        if isinstance(layer, KINDS) and weight is not None and id(weight) not in taken:
            by_groups.setdefault(getattr(layer, "groups", 1), []).append(weight)
            taken.add(id(weight))
    rest = [p for p in model.parameters() if id(p) not in taken]
    found: list[dict[str, Any]] = [
        {"params": weights, "groups": groups} for groups, weights in by_groups.items()
    ]
    return found + ([{"params": rest, "depth": 1.0}] if rest else [])
