"""R deep nonlinear nets of one shape: loss, gradient and what unbalances their layers, in one pass.

The only code of the plateaus that touches data. The backward pass is written out, three lines a
layer; autograd is its oracle in the tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from overparam.engine.optimizers import OPTIMIZERS
from overparam.theory.activations import Activation


def _squares(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    residual = (outputs - targets) / outputs.shape[-1]
    return 0.5 * outputs.shape[-1] * residual.square().sum((-2, -1)), residual


def _fourth_powers(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    residual = outputs - targets
    cubes = residual**3 / outputs.shape[-1]
    return 0.25 * (cubes * residual).sum((-2, -1)), cubes


def _cross_entropy(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    logs = outputs.log_softmax(-2)
    slope = (logs.exp() * targets.sum(-2, keepdim=True) - targets) / outputs.shape[-1]
    return -(targets * logs).sum((-2, -1)) / outputs.shape[-1], slope


# (outputs (R, k, m), targets (k, m)) -> loss (R,) and its gradient in the outputs (R, k, m).
# Squares: half the mean of |z - y|². Fourth powers: a quarter of the mean sum of (z - y)⁴.
# Cross entropy: the mean of -sum y log softmax(z), y the share of each class.
NET_LOSSES: dict[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "squares": _squares,
    "fourth": _fourth_powers,
    "entropy": _cross_entropy,
}


@dataclass(frozen=True)
class Pass:
    """What one pass over the data gives for R nets.

    loss (R,), without any penalty; grad (R, P); drift (R, N-1): 2 E <psi(z_j), dL/dh_j>, the right
    side of the identity of `theory.plateaus.inhomogeneity`; outputs (R, k, m).
    """

    loss: Tensor
    grad: Tensor
    drift: Tensor
    outputs: Tensor


class DeepNet:
    """Nets  z_j = W_j h_{j-1} + b_j,  h_j = phi(z_j),  output z_N,  on fixed data.

    Parameters of R nets are one tensor (R, P): W_1 .. W_N row by row, then the biases.

    Args:
        widths: d, hidden widths, k.
        activation: phi.
        inputs: x as columns, shape (d, m). targets: shape (k, m).
        loss: a name in NET_LOSSES.
        biases: indices j (from 0) of the layers that have a bias.
        decay: lambda: adds  lambda/2 sum |W_j|²  to what is minimised (not to the biases).
    """

    def __init__(
        self,
        widths: Sequence[int],
        activation: Activation,
        inputs: Tensor,
        targets: Tensor,
        loss: str = "squares",
        biases: Sequence[int] = (),
        decay: float = 0.0,
    ):
        self.shapes = [(above, below) for below, above in pairwise(widths)]
        self.activation, self.inputs, self.targets = activation, inputs, targets
        self.loss, self.decay, self.biases = NET_LOSSES[loss], decay, tuple(biases)
        sizes = [rows * columns for rows, columns in self.shapes]
        sizes += [self.shapes[j][0] for j in self.biases]
        ends = torch.tensor(sizes).cumsum(0).tolist()
        self.blocks = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
        self.size = ends[-1]

    @property
    def depth(self) -> int:
        return len(self.shapes)

    def weights(self, params: Tensor) -> list[Tensor]:
        """Views W_1 (R, ., .), ..., W_N of the parameters."""
        pairs = zip(self.blocks, self.shapes, strict=False)
        return [params[:, block].unflatten(1, shape) for block, shape in pairs]

    def offsets(self, params: Tensor) -> dict[int, Tensor]:
        """Views of the biases by layer, (R, ., 1) each."""
        blocks = self.blocks[self.depth :]
        return {j: params[:, b].unsqueeze(-1) for j, b in zip(self.biases, blocks, strict=True)}

    def join(self, weights: Sequence[Tensor], biases: Sequence[Tensor] = ()) -> Tensor:
        """Layers (R, ., .) and biases (R, .) as parameters (R, P)."""
        return torch.cat([each.flatten(1) for each in (*weights, *biases)], 1)

    def loss_at_zero(self) -> float:
        """The loss of the net whose output is 0: the height of the plateau."""
        return float(self.loss(torch.zeros_like(self.targets)[None], self.targets)[0])

    def forward_backward(self, params: Tensor) -> Pass:
        """Loss, gradient and the right side of the norm identity, for parameters (R, P)."""
        weights, offsets = self.weights(params), self.offsets(params)
        grad = torch.empty_like(params)
        into, into_offsets = self.weights(grad), self.offsets(grad)
        below, kept = self.inputs.expand(len(params), -1, -1), []
        for j, weight in enumerate(weights):
            # the first product is one for all runs: (R h, d) times (d, m)
            z = weight @ (self.inputs if j == 0 else below)
            if j in offsets:
                z += offsets[j]
            if j + 1 < self.depth:
                value, slope = self.activation.value_and_slope(z)
                kept.append((below, value, slope, z))
                below = value
        loss, back = self.loss(z, self.targets)
        drift = params.new_empty(len(params), self.depth - 1)
        for j in range(self.depth - 1, -1, -1):  # back is dL/dz_j
            into[j].copy_(back @ (kept[j - 1][1].mT if j else self.inputs.mT))
            if j in into_offsets:
                into_offsets[j].copy_(back.sum(-1, keepdim=True))
            if j:
                _, value, slope, pre = kept[j - 1]
                back = weights[j].mT @ back  # dL/dh_{j-1}
                after = back * slope
                drift[:, j - 1] = 2 * ((pre * after) - value * back).sum((-2, -1))
                back = after
        if self.decay:
            held = slice(0, self.blocks[self.depth - 1].stop)
            grad[:, held] += self.decay * params[:, held]
        return Pass(loss, grad, drift, z)

    def squared_norms(self, params: Tensor) -> Tensor:
        """|W_j|_F² of every layer, shape (R, N)."""
        return torch.stack([w.square().sum((-2, -1)) for w in self.weights(params)], 1)


def he_layers(widths: Sequence[int], small: Sequence[int], eps: float, seed: int) -> list[Tensor]:
    """A He-normal start, Gaussian entries of variance 2/fan-in, with some layers multiplied by eps.

    The same seed draws the same entries whatever eps and whichever layers are small.

    Args:
        widths: d, hidden widths, k.
        small: indices (from 0) of the small layers.
        eps: their factor.
        seed: of the draw.
    Returns: W_1 (h, d), ..., W_N (k, h).
    """
    generator = torch.Generator().manual_seed(seed)
    layers = []
    for j, (fan_in, rows) in enumerate(pairwise(widths)):
        draw = torch.randn(rows, fan_in, dtype=torch.float64, generator=generator)
        layers.append((eps if j in small else 1.0) * math.sqrt(2 / fan_in) * draw)
    return layers


class Descent:
    """Optimizers on R nets: how many iterations until the loss is at a goal.

    Args:
        net: what is trained.
        start: parameters, shape (R, P).
        optimizer: a name in OPTIMIZERS.
        step: step size of every run.
        goal: a loss.
    """

    def __init__(self, net: DeepNet, start: Tensor, optimizer: str, step: float, goal: float):
        self._net, self._goal, self._rule = net, goal, OPTIMIZERS[optimizer]
        self._params, self._rate = start.clone(), torch.full_like(start, step)
        self._slots = [torch.zeros_like(start) for _ in range(self._rule.slots)]
        self._rows = torch.arange(len(start))
        self.iteration = 0
        self.counts = torch.full((len(start),), -1)  # iterations until the goal; -1: not yet

    @property
    def finished(self) -> bool:
        return len(self._rows) == 0

    def advance(self, iterations: int) -> None:
        """Take so many iterations of every net that is not at the goal yet."""
        for _ in range(iterations):
            if self.finished:
                return
            found = self._net.forward_backward(self._params)
            there = ~(found.loss > self._goal)
            if bool(there.any()):
                self.counts[self._rows[there & found.loss.isfinite()]] = self.iteration
                going = ~there
                self._params, self._rate = self._params[going], self._rate[going]
                self._slots = [slot[going] for slot in self._slots]
                self._rows, grad = self._rows[going], found.grad[going]
            else:
                grad = found.grad
            self.iteration += 1
            self._rule.update(self._params, grad, self._rate, self._slots, self.iteration)
