"""Layers whose weight is a product of factors, by torch.nn.utils.parametrize.

A convolution is a linear map of patches: its weight (g k, c, a, b) is g matrices of shape (k, c a
b), one a group, so W_1 is an a×b convolution to h channels, the other factors are 1×1, and Theorem
1 holds for each matrix exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

KINDS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
STARTS = ("balanced", "identity")
# Singular values below this share of the largest are round-off: raised to 1/N they would be none.
ROUND_OFF = 1e-12

_WRAPPERS = {"DistributedDataParallel", "FullyShardedDataParallel", "FSDPModule", "OptimizedModule"}
_Model = TypeVar("_Model", bound=nn.Module)


class Product(nn.Module):
    """A weight as the product of its factors, and factors from a weight: a right inverse.

        W = W_N ... W_1,    W_1 of shape (g, h, d), W_j (g, h, h), W_N (g, k, h),    h = min(k, d)

    The product is taken in the factors' own precision, whatever autocast says.

    Args:
        shape: of the weight, (g k, ...) with d numbers behind each output.
        depth: N, an integer >= 2.
        start: "balanced" (what Theorem 1 assumes) or "identity" (W beside identities).
        groups: g, the groups of a convolution.
        place: the weight's place among the layer's parameters.
    """

    def __init__(self, shape: torch.Size, depth: int, start: str, groups: int, place: int):
        super().__init__()
        self.shape, self.depth, self.start, self.groups, self.place = (
            shape,
            depth,
            start,
            groups,
            place,
        )

    def forward(self, *layers: Tensor) -> Tensor:
        with torch.autocast(layers[0].device.type, enabled=False):
            product = layers[-1]
            for layer in reversed(layers[:-1]):
                product = product @ layer
        return product.reshape(self.shape)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, ...]:
        w = weight.detach().reshape(self.groups, self.shape[0] // self.groups, -1)
        layers = _balanced(w, self.depth) if self.start == "balanced" else _identity(w, self.depth)
        return tuple(layer.to(w.dtype).contiguous() for layer in layers)

    def extra_repr(self) -> str:
        groups = f", groups={self.groups}" if self.groups > 1 else ""
        return f"depth={self.depth}, start={self.start!r}{groups}"


def _balanced(w: Tensor, depth: int) -> list[Tensor]:
    """W = U S Vᵀ:  W_1 = S^{1/N} Vᵀ, W_j = S^{1/N}, W_N = U S^{1/N}."""
    u, sigma, vt = torch.linalg.svd(w.double(), full_matrices=False)
    sigma = torch.where(sigma > ROUND_OFF * sigma.amax(-1, keepdim=True), sigma, 0.0)
    root = torch.diag_embed(sigma ** (1 / depth))
    return [root @ vt, *(root.clone() for _ in range(depth - 2)), u @ root]


def _identity(w: Tensor, depth: int) -> list[Tensor]:
    groups, k, d = w.shape
    h = min(k, d)
    eye = torch.eye(h, dtype=w.dtype, device=w.device).expand(groups, h, h)
    rest = [eye.clone() for _ in range(depth - 1)]
    return [w.clone(), *rest] if k <= d else [*rest, w.clone()]


def overparameterize(
    module: _Model,
    depth: int = 2,
    start: str = "balanced",
    where: Callable[[str, nn.Module], bool] = lambda name, layer: True,
) -> _Model:
    """Write weights of layers as products of factors, in place; the function stays the same.

        W = W_N ... W_1,    hidden width min(k, d): all that a balanced start can use

    Linear and convolutional layers are taken; biases and all other layers stay as they are. Load a
    plain checkpoint before; make the optimizer (whose parameters are now the factors) and wrap for
    DDP, FSDP or torch.compile after.

    Args:
        module: a layer, or a model that holds some.
        depth: N, a whole number >= 2.
        start: "balanced", W_{j+1}ᵀ W_{j+1} = W_j W_jᵀ (what Theorem 1 assumes), or "identity", W
            beside identities. where: whether to take a layer, from its name in the model and the
            layer itself.

    Returns:
        The module.

    Raises:
        ValueError: in a sentence that says what to do, where nothing is found or something cannot
            be taken; then nothing has been changed.
    """
    if depth != int(depth) or depth < 2:
        raise ValueError(
            f"depth must be a whole number of 2 or more, not {depth!r}; EndToEnd takes any real "
            "depth from 1 on"
        )
    if start not in STARTS:
        raise ValueError(f"start must be one of {', '.join(STARTS)}, not {start!r}")
    for name, part in module.named_modules():
        if wrappers := _WRAPPERS.intersection(kind.__name__ for kind in type(part).__mro__):
            raise ValueError(
                f"{name or 'the model'} is wrapped by {min(wrappers)}: overparameterize the model "
                "first, then wrap it"
            )
    found = [
        (name, layer)
        for name, layer in module.named_modules()
        if isinstance(layer, KINDS) and where(name, layer)
    ]
    if not found:
        raise ValueError(
            f"{type(module).__name__} holds no linear or convolutional layer to overparameterize"
        )
    owners: dict[int, list[str]] = {}
    for name, part in module.named_modules():
        for key, parameter in part._parameters.items():
            owners.setdefault(id(parameter), []).append(_join(name, key))
    for name, layer in found:
        _check(_join(name, "weight"), layer, start, owners)
    for _, layer in found:
        place, groups = list(layer._parameters).index("weight"), getattr(layer, "groups", 1)
        product = Product(layer.weight.shape, int(depth), start, groups, place)
        parametrize.register_parametrization(layer, "weight", product)
    return module


def _check(name: str, layer: nn.Module, start: str, owners: dict[int, list[str]]) -> None:
    if parametrize.is_parametrized(layer, "weight"):
        kind = type(layer.parametrizations["weight"][0]).__name__  # type: ignore[index]
        raise ValueError(
            f"{name} is parametrized already ({kind}): collapse or remove that first, or leave the "
            "layer out with `where`"
        )
    weight = layer._parameters.get("weight")
    if weight is None:  # pruning, old weight_norm and old spectral_norm compute it in a hook
        raise ValueError(
            f"{name} is not a parameter: remove what computes it first, or leave the layer out "
            "with `where`"
        )
    if len(owners[id(weight)]) > 1:
        others = " and ".join(other for other in owners[id(weight)] if other != name)
        raise ValueError(
            f"{name} is tied to {others}, which its factors would not move: leave the layer out "
            "with `where`"
        )
    if hasattr(weight, "full_tensor"):
        raise ValueError(
            f"{name} is sharded: overparameterize the model first, then call fully_shard"
        )
    if isinstance(weight, nn.parameter.UninitializedParameter) or weight.is_meta:
        raise ValueError(f"{name} holds no numbers yet: materialise the model first")
    if weight.dtype not in (torch.float32, torch.float64):
        kind = str(weight.dtype).removeprefix("torch.")
        raise ValueError(
            f"{name} is {kind}, too coarse for factors: call model.float() first and train under "
            "torch.autocast"
        )
    if not bool(weight.isfinite().all()):
        raise ValueError(f"{name} holds numbers that are not finite: factors need finite weights")
    if start == "balanced" and not bool(weight.any()):
        raise ValueError(
            f"{name} is 0, where balanced factors stay forever: take start='identity' or leave the "
            "layer out with `where`"
        )


def collapse(module: _Model) -> _Model:
    """Multiply the factors out, in place: the plain model with its keys, their order, its types.

    The weight is the very product that the layer computed with. Parameters are new: an optimizer
    must be made anew.

    Args:
        module: what `overparameterize` has changed, trained or not. Of a model wrapped by DDP, give
            `model.module`.

    Returns:
        The module.

    Raises:
        ValueError: where nothing is overparameterized, another parametrization stands on top, or
            factors are sharded (FSDP2); then nothing has been changed.
    """
    found = list(_parametrized(module))
    if not found:
        raise ValueError(f"nothing in {type(module).__name__} is overparameterized")
    for name, _, entries in found:
        if len(entries) > 1:
            raise ValueError(
                f"{name} has a second parametrization on top of its factors: remove that one first"
            )
        if any(hasattr(layer, "full_tensor") for layer in _layers(entries)):
            raise ValueError(
                f"{name} is sharded: gather the state dict (get_model_state_dict with "
                "full_state_dict=True), load it into a model that is overparameterized alike but "
                "not sharded, and collapse that one"
            )
    for _, layer, entries in found:
        product = entries[0]
        assert isinstance(product, Product)
        trained, weight = any(w.requires_grad for w in _layers(entries)), entries().detach()
        # a deep copy shares its class with the original, and removing takes `weight` from the
        # class: give it one of its own
        kind = type(layer)
        members = {
            key: value
            for key, value in vars(kind).items()
            if key not in ("__dict__", "__weakref__")
        }
        layer.__class__ = type(kind.__name__, kind.__bases__, members)
        parametrize.remove_parametrizations(layer, "weight")
        # torch leaves it behind the bias, and as no parameter at all if it is frozen: give it its
        # kind and place again
        delattr(layer, "weight")
        names = list(layer._parameters)
        layer.register_parameter("weight", nn.Parameter(weight, trained))
        names.insert(product.place, "weight")
        for key in names:
            layer._parameters[key] = layer._parameters.pop(key)
    return module


def factors(module: nn.Module) -> Iterator[nn.Parameter]:
    """All factors, layer by layer, W_1 first.

    For a parameter group of their own: with weight decay of its own, say.

    Args:
        module: an overparameterized model.

    Yields:
        Parameters of shapes (g, h, d), (g, h, h), ..., (g, k, h), g the groups of a convolution, 1
        for a linear layer.
    """
    for _, _, entries in _parametrized(module):
        yield from _layers(entries)


def products(module: nn.Module) -> dict[str, Tensor]:
    """The weights W_N ... W_1 under the names that they have in the plain model, differentiable.

    A penalty on what the model is, `loss + decay / 2 * sum(w.square().sum() for w in
    products(model).values())`, and a moving average of it (an average of the factors is another
    function) both start here.

    Args:
        module: an overparameterized model.

    Returns:
        Weights in the shape of their layers, by name.
    """
    return {name: entries() for name, _, entries in _parametrized(module)}


def imbalance(module: nn.Module) -> dict[str, float]:
    """How far the factors of each layer are from balanced: 0 where Theorem 1 holds exactly.

        max_j ||W_{j+1}ᵀ W_{j+1} - W_j W_jᵀ|| / max_j ||W_j||²      (Frobenius; the worst group)

    Args:
        module: an overparameterized model.

    Returns:
        One number a layer, by the name of its weight in the plain model.
    """
    result = {}
    for name, _, entries in _parametrized(module):
        layers = [layer.detach() for layer in _layers(entries)]
        gaps = torch.stack(
            [
                torch.linalg.matrix_norm(above.mT @ above - below @ below.mT)
                for below, above in pairwise(layers)
            ]
        )
        sizes = torch.stack([torch.linalg.matrix_norm(layer) for layer in layers]).square()
        ratio = gaps.amax(0) / sizes.amax(0).clamp_min(torch.finfo(sizes.dtype).tiny)
        result[name] = float(ratio.amax())
    return result


def _join(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _layers(entries: parametrize.ParametrizationList) -> list[nn.Parameter]:
    return [getattr(entries, f"original{i}") for i in range(entries.ntensors)]


def _parametrized(
    module: nn.Module,
) -> Iterator[tuple[str, nn.Module, parametrize.ParametrizationList]]:
    """Every overparameterized weight: its name in the plain model, its layer, and its factors."""
    for name, layer in module.named_modules():
        if parametrize.is_parametrized(layer, "weight"):
            entries = layer.parametrizations["weight"]
            if isinstance(entries[0], Product):
                yield _join(name, "weight"), layer, entries
