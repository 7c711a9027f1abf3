"""A race once more, as plainly as it can be written: the pieces that an exported script is put
together from.

`export.script` copies the source of the functions a run needs into a file that stands alone, so
nothing here may refer to anything but torch, numpy, the standard library and its neighbours by
name. Gradients come from autograd and update rules work one run at a time: this shares no code with
the engine, and the tests hold one against the other.
"""

import io
import zipfile
from html import escape
from itertools import pairwise

import numpy as np
import torch

# --- data: X (m, d) and Y (m, k) as numpy arrays


def two_coordinates(ratio):
    """The loss (1/p) (|w1 - ratio|^p + |w2 - 1|^p) as a regression with one sample for each
    coordinate."""
    return np.eye(2), np.array([[ratio], [1.0]])


def synthetic(m, d, k, condition, spectrum, noise, seed):
    """Inputs with a chosen spectrum of X'X / m, from 1 down to 1/condition; targets X W' plus
    noise."""
    if spectrum == "geometric":
        values = condition ** -np.linspace(0, 1, d)
    elif spectrum == "linear":
        values = np.linspace(1, 1 / condition, d)
    else:  # two levels
        values = np.where(np.arange(d) < (d + 1) // 2, 1.0, 1 / condition)
    rng = np.random.default_rng(seed)
    u = np.linalg.qr(rng.standard_normal((m, d)))[0]
    v = np.linalg.qr(rng.standard_normal((d, d)))[0]
    x = np.sqrt(m) * (u * np.sqrt(values)) @ v.T
    signal = x @ rng.standard_normal((d, k))
    signal /= np.sqrt(np.mean(signal**2, axis=0))
    return x, signal + noise * rng.standard_normal((m, k))


def table(text):
    """Lines of numbers, the last one of each line the target; standardised."""
    numbers = np.loadtxt(io.StringIO(text))
    return standardised(numbers[:, :-1]), standardised(numbers[:, -1:])


def csv_file(name, targets):
    """A CSV file with one line of names; the last `targets` columns are what is predicted;
    standardised already."""
    numbers = np.loadtxt(name, delimiter=",", skiprows=1, encoding="utf-8")
    return numbers[:, :-targets], numbers[:, -targets:]


def ethanol(archive):
    """Class 1 of the ten batches in the UCI archive: lines of "class;concentration 1:value 2:value
    ..."; standardised."""
    rows = []
    with zipfile.ZipFile(archive) as opened:
        for i in range(1, 11):
            name = next(
                n
                for n in opened.namelist()
                if n.split("/")[-1] == f"batch{i}.dat" and "__MACOSX" not in n
            )
            for line in opened.read(name).decode().splitlines():
                if line.startswith("1;"):
                    head, *pairs = line.split()
                    rows.append([float(pair.split(":")[1]) for pair in pairs] + [float(head[2:])])
    numbers = np.array(rows)
    return standardised(numbers[:, :-1]), standardised(numbers[:, -1:])


def standardised(columns):
    """Every column with mean 0 and population standard deviation 1."""
    return (columns - columns.mean(axis=0)) / columns.std(axis=0)


# --- starts: the layers W_1 (h, d), ..., W_N (k, h)


def balanced(k, d, depth, width, scale, seed):
    """Layers whose product is a random matrix of norm `scale`, balanced: W_{j+1}' W_{j+1} = W_j
    W_j'."""
    w = torch.randn(k, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    w *= scale / w.norm()
    if depth == 1:
        return [w]
    u, s, vt = torch.linalg.svd(w, full_matrices=False)
    rank = int((s > 1e-12 * s.max()).sum())
    root = torch.diag(s[:rank] ** (1 / depth))
    first, last = (
        torch.zeros(width, d, dtype=torch.float64),
        torch.zeros(k, width, dtype=torch.float64),
    )
    inner = torch.zeros(width, width, dtype=torch.float64)
    first[:rank], inner[:rank, :rank], last[:, :rank] = root @ vt[:rank], root, u[:, :rank] @ root
    return [first] + [inner.clone() for _ in range(depth - 2)] + [last]


def near_zero(k, d, depth, width, scale, seed):
    """Layers with Gaussian entries of standard deviation `scale`."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [d] + [width] * (depth - 1) + [k]
    return [
        scale * torch.randn(b, a, dtype=torch.float64, generator=generator)
        for a, b in pairwise(sizes)
    ]


def identity(k, d, depth, width, scale, seed):
    """Layers with ones on the diagonal, plus Gaussian noise of standard deviation `scale`."""
    return [
        layer + torch.eye(*layer.shape, dtype=torch.float64)
        for layer in near_zero(k, d, depth, width, scale, seed)
    ]


def product(layers):
    """The end-to-end matrix W_N ... W_1."""
    w = layers[0]
    for layer in layers[1:]:
        w = layer @ w
    return w


# --- what depth does to the gradient G of the end-to-end matrix W, by the theory


def rule(w, g, n):
    """The end-to-end rule for one output: |W|^(2-2/N) (G + (N-1) Pr_W G)  (Claim 2)."""
    square = (w * w).sum()
    along = (w * g).sum() / square if square > 0 else 0.0
    return square ** (1 - 1 / n) * (g + (n - 1) * along * w)


def rule_in_eigenvectors(w, g, n):
    """The end-to-end rule for matrices: along u_r v_s' the gradient is multiplied by the eigenvalue
    lambda(r, s)  (Claim 1)."""
    u, s, vt = torch.linalg.svd(w)
    s = torch.where(s > 1e-12 * s.max(), s, 0.0)
    rows, columns = (
        torch.zeros(w.shape[0], 1, dtype=w.dtype),
        torch.zeros(1, w.shape[1], dtype=w.dtype),
    )
    rows[: len(s), 0], columns[0, : len(s)] = s, s
    large, small = torch.maximum(rows, columns), torch.minimum(rows, columns)
    x = torch.where(large > 0, small / large, 1.0).log()
    ratio = torch.where(
        x < 0, torch.expm1(2 * x) / torch.expm1(2 * x / n), n
    )  # N where the two are equal
    return u @ (large ** (2 - 2 / n) * ratio * (u.T @ g @ vt.T)) @ vt


def scale_only(w, g, n):
    """Half of the rule, the adaptive rate: |W|^(2-2/N) G."""
    return (w * w).sum() ** (1 - 1 / n) * g


def stretch_only(w, g, n):
    """Half of the rule, the stretch along W: G + (N-1) Pr_W G."""
    square = (w * w).sum()
    along = (w * g).sum() / square if square > 0 else 0.0
    return g + (n - 1) * along * w


# --- losses of a residual r, elementwise


def power(p):
    return lambda r: r.abs().pow(p) / p


def huber(delta):
    def loss(r):
        near = r.clamp(-delta, delta)
        return near * (r - near / 2)

    return loss


def log_cosh():
    return lambda r: torch.nn.functional.softplus(-2 * r, threshold=40) + r - np.log(2)


# --- update rules: the new weights from gradient g at step t = 1, 2, ...; `memory` is a dict kept
# from step to step


def gradient_descent(w, g, step, memory, t):
    return w - step * g


def momentum(w, g, step, memory, t):
    memory["v"] = 0.9 * memory.get("v", 0) + g
    return w - step * memory["v"]


def nesterov(w, g, step, memory, t):
    memory["v"] = 0.9 * memory.get("v", 0) + g
    return w - step * (g + 0.9 * memory["v"])


def adagrad(w, g, step, memory, t):
    memory["s"] = memory.get("s", 0) + g * g
    return w - step * g / (memory["s"].sqrt() + 1e-10)


def adadelta(w, g, step, memory, t):
    memory["s"] = 0.9 * memory.get("s", 0) + 0.1 * g * g
    move = ((memory.get("m", torch.zeros_like(g)) + 1e-6) / (memory["s"] + 1e-6)).sqrt() * g
    memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * move * move
    return w - step * move


def rmsprop(w, g, step, memory, t):
    memory["s"] = 0.99 * memory.get("s", 0) + 0.01 * g * g
    return w - step * g / (memory["s"].sqrt() + 1e-8)


def adam(w, g, step, memory, t):
    memory["m"] = 0.9 * memory.get("m", 0) + 0.1 * g
    memory["s"] = 0.999 * memory.get("s", 0) + 0.001 * g * g
    return w - step * (memory["m"] / (1 - 0.9**t)) / ((memory["s"] / (1 - 0.999**t)).sqrt() + 1e-8)


# --- the run


def recorded(last):
    """The iterations to record: every one up to about 50, then 120 a decade, and the last."""
    lattice = np.rint(10 ** (np.arange(0, 6 * 120 + 1) / 120)).astype(int)
    return sorted({0, last} | {int(t) for t in lattice if t <= last})


def losses(problem, layers, depth, direction, update, step, changes, decay, times):
    """Train from `layers` and return the loss at the iterations `times`.

    `direction` is None for a network, whose layers are trained; or a rule that moves the end-to-end
    matrix in their place.
    """
    x, y, loss_of_residual, weight = problem

    def loss_of(w):
        return weight * loss_of_residual(w @ x.T - y.T).sum()

    if direction:
        layers = [product(layers)]
    layers, memories, kept, wanted = (
        [w.to(x.dtype) for w in layers],
        [{} for _ in layers],
        [],
        set(times),
    )
    for t in range(max(times) + 1):
        layers = [w.detach().requires_grad_() for w in layers]
        loss = loss_of(product(layers))
        gradients = torch.autograd.grad(loss, layers)
        loss = loss.item()
        if t == 0:
            hopeless = torch.finfo(x.dtype).max
            if update.__name__ in (
                "gradient_descent",
                "momentum",
                "nesterov",
            ):  # the others come back even from far away
                hopeless = min(
                    hopeless, 1e12 * max(loss, float(weight * loss_of_residual(y).sum()))
                )
        if not loss <= hopeless:  # diverged: there is no way back
            return kept + [float("nan")] * (len(times) - len(kept))
        if t in wanted:
            kept.append(loss)
        step *= changes.get(t, 1)
        with torch.no_grad():
            if direction:
                gradients = [direction(layers[0], gradients[0], depth)]
            shrink = decay * depth if direction else decay
            for j, (w, g) in enumerate(zip(layers, gradients, strict=True)):
                layers[j] = update(w, g + shrink * w, step, memories[j], t + 1)
    return kept


# --- the picture


def picture(times, columns, names):
    """Loss over iterations as an SVG image, both axes logarithmic; a curve ends where its method
    diverged."""
    curves = []
    for column in columns:
        kept = [
            (t, value)
            for t, value in zip(times, column, strict=True)
            if t > 0 and 0 < value < np.inf
        ]
        curves.append(np.log10(np.array(kept)).reshape(-1, 2))
    everything = np.concatenate(curves)
    if not len(everything):
        everything = np.zeros((1, 2))
    low, high = np.floor(everything.min(axis=0)), np.ceil(everything.max(axis=0))
    high = np.maximum(high, low + 1)

    def place(point):
        x, y = (point - low) / (high - low)
        return f"{60 + 560 * x:.1f},{340 - 320 * y:.1f}"

    lines = []
    for axis in (0, 1):
        for decade in np.arange(low[axis], high[axis] + 1):
            ends = np.array([low, high])
            ends[:, axis] = decade
            lines.append(f'<polyline points="{place(ends[0])} {place(ends[1])}" stroke="#ccc"/>')
            x, y = place(ends[0]).split(",")
            at = (
                f'x="{x}" y="358" text-anchor="middle"'
                if axis == 0
                else f'x="54" y="{y}" text-anchor="end"'
            )
            lines.append(f'<text {at} stroke="none" fill="#555">1e{decade:.0f}</text>')
    for i, (name, curve) in enumerate(zip(names, curves, strict=True)):
        colour = f"hsl({360 * i / len(names):.0f}, 70%, 42%)"
        lines.append(
            f'<polyline points="{" ".join(map(place, curve))}" stroke="{colour}" stroke-width="2"/>'
        )
        lines.append(
            f'<text x="640" y="{30 + 20 * i}" stroke="none" fill="{colour}">{escape(name)}</text>'
        )
    style = (
        'width="860" height="370" fill="none" font-family="sans-serif" font-size="13"'
        ' style="background: white"'
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" {style}>{"".join(lines)}</svg>'
