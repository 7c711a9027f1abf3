"""A network with factored dense layers, as plainly as it can be written: the pieces that the script
of the page beyond linear is put together from.

As with `overparam.plain`, the source of the functions a run needs is copied into a file that stands
alone, so nothing here may refer to anything but torch, numpy, the standard library, scikit-learn's
digits and its neighbours by name. Gradients come from autograd and runs are trained one by one:
this shares no code with the engine, and the tests hold one against the other.
"""

import gzip
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

# --- images: X (m, d) and labels (m,) as numpy arrays


def digits():
    """1437 of scikit-learn's digits, at random once and for all; pixels / 16 - 1/2."""
    from sklearn.datasets import load_digits

    table = load_digits()
    order = np.random.default_rng(0).permutation(len(table.target))[:1437]
    return table.data[order] / 16 - 0.5, table.target[order]


def idx(name):
    """The numbers of an idx file, packed by gzip or not: 0 0 8 n, n sizes, and the bytes."""
    packed = Path(name + ".gz")
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else Path(name).read_bytes()
    begins = 4 + 4 * content[3]
    sizes = np.frombuffer(content[4:begins], ">u4")
    return np.frombuffer(content, np.uint8, offset=begins).reshape(sizes)


def idx_files():
    """The images to train on of MNIST or Fashion-MNIST; pixels / 255 - 1/2."""
    pixels = idx("train-images-idx3-ubyte").reshape(-1, 784)
    return pixels / np.float32(255) - np.float32(0.5), idx("train-labels-idx1-ubyte")


# --- starts. A leaf is a matrix that the data see: weights, kernels or biases.


def drawn(leaf, run, generator):
    """A leaf's matrix at its start."""
    shape, scale = (leaf["rows"], leaf["columns"]), run["scale"]
    if run["init"] == "default":  # PyTorch's
        bound = leaf["fan_in"] ** -0.5
        return (2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1) * bound
    if leaf["bias"]:
        at = leaf["offset"] if run["init"] == "truncated" else 0.0
        return torch.full(shape, at, dtype=torch.float64)
    if run["init"] == "truncated":
        w = torch.empty(shape, dtype=torch.float64)
        return torch.nn.init.trunc_normal_(w, 0.0, scale, -2 * scale, 2 * scale, generator)
    w = torch.randn(shape, generator=generator, dtype=torch.float64)
    return w * (scale if run["init"] == "gaussian" else (leaf["gain"] / leaf["fan_in"]) ** 0.5)


def factors(leaf, run, generator):
    """F_1 .. F_N of a leaf: one matrix, balanced factors of it, or each factor drawn by itself."""
    n, rows, columns = run["depth"], leaf["rows"], leaf["columns"]
    if n == 1 or not leaf["factored"]:
        return [drawn(leaf, run, generator)]
    if run["factors"] == "same":
        u, s, vt = torch.linalg.svd(drawn(leaf, run, generator), full_matrices=False)
        root = torch.diag(s ** (1 / n))
        return [root @ vt, *[root] * (n - 2), u @ root]
    sizes, gain = [columns, *[min(rows, columns)] * (n - 1), rows], leaf["gain"] ** (1 / n)
    layers = [
        leaf | {"rows": b, "columns": a, "fan_in": a, "gain": gain} for a, b in pairwise(sizes)
    ]
    return [drawn(layer, run, generator) for layer in layers]


def product(layers):
    """The matrix F_N ... F_1 that the data see."""
    w = layers[0]
    for layer in layers[1:]:
        w = layer @ w
    return w


# --- networks: outputs (m, classes); `mask` drops hidden units, None drops nothing


def dense(weights, x, mask):
    """Dense layers with ReLU between them."""
    for place in range(0, len(weights), 2):
        x = (torch.relu(x) if place else x) @ weights[place].T + weights[place + 1].T
    return x


def convolutional(weights, x, mask):
    """Convolution, ReLU, pooling, twice; then a dense layer with ReLU, and one of classes."""
    side, kernel = round(x.shape[1] ** 0.5), round(weights[0].shape[1] ** 0.5)
    h = x.view(-1, 1, side, side)
    for kernels, bias in (weights[:2], weights[2:4]):
        kernels = kernels.view(len(kernels), -1, kernel, kernel)
        h = functional.max_pool2d(
            torch.relu(functional.conv2d(h, kernels, bias[:, 0], padding=kernel // 2)), 2
        )
    h = torch.relu(h.flatten(1) @ weights[4].T + weights[5].T)
    return (h if mask is None else h * mask) @ weights[6].T + weights[7].T


# --- losses of the outputs (m, classes)


def cross_entropy(outputs, labels):
    return functional.cross_entropy(outputs, labels)


def power(p):
    def loss(outputs, labels):
        targets = functional.one_hot(labels, outputs.shape[1])
        return ((outputs - targets) ** p).sum() / (p * len(labels))

    return loss


# --- the run


def penalty_of(leaves, layers, run):
    """Half of lambda times the squares of the dense layers' products, or of their factors."""
    mine = [parts for leaf, parts in zip(leaves, layers, strict=True) if leaf["factored"]]
    if run["penalty"] == "product":
        mine = [[product(parts)] for parts in mine]
    elif run["penalty"] == "none":
        mine = []
    return run["decay"] / 2 * sum((w * w).sum() for parts in mine for w in parts)


def train(problem, leaves, run, update, seed, batch, dropout, times):
    """Train one run and return its fit and its penalty at the iterations `times`, as pairs."""
    x, labels, outputs, loss, looked_at = problem
    layers = []
    for place, leaf in enumerate(leaves):
        generator = torch.Generator().manual_seed(seed * len(leaves) + place)
        layers.append([w.to(x.dtype) for w in factors(leaf, run, generator)])
    memories = [[{} for _ in parts] for parts in layers]
    order, taken, generator = [], 0, torch.Generator().manual_seed(1000 + seed)
    kept, wanted, first = [], set(times), None
    for t in range(max(times) + 1):
        if t in wanted:
            with torch.no_grad():
                seen = outputs([product(parts) for parts in layers], x[:looked_at], None)
                fit = float(loss(seen, labels[:looked_at]))
                first = fit if first is None else first
                if not fit <= 1e12 * max(first, 1.0):  # diverged: there is no way back
                    return kept + [(float("nan"),) * 2] * (len(times) - len(kept))
                kept.append((fit, float(penalty_of(leaves, layers, run))))
        here = torch.arange(len(x))
        if batch is not None:  # None: all images in every step
            if taken + batch > len(order):  # a new epoch
                order, taken = torch.randperm(len(x), generator=generator), 0
            here, taken = order[taken : taken + batch], taken + batch
        mask = None
        if dropout:
            chosen = torch.Generator().manual_seed(seed * 1_000_003 + t)
            mask = torch.rand(len(here), leaves[4]["rows"], generator=chosen) >= dropout
            mask = mask.to(x.dtype) / (1 - dropout)
        layers = [[w.detach().requires_grad_() for w in parts] for parts in layers]
        fit = loss(outputs([product(parts) for parts in layers], x[here], mask), labels[here])
        (fit + penalty_of(leaves, layers, run)).backward()
        with torch.no_grad():
            for parts, memory in zip(layers, memories, strict=True):
                for j, w in enumerate(parts):
                    parts[j] = update(w, w.grad, run["step"], memory[j], t + 1)
    return kept
