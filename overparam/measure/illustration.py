"""The two-coordinate problem, in numpy alone: small enough to be computed before the first picture
is on the screen.

    L(w) = (1/p) [(w_1 - y_1)^p + (w_2 - y_2)^p],     y_1 >> y_2,     L* = 0

Gradient descent treats the coordinates apart, so its step must suit the steep one and the other
crawls (p > 2). Depth couples them through ||w||. Source: the paper, Section 5; the depth-N step is
the end-to-end update rule of Claim 2.
"""

from dataclasses import dataclass

import numpy as np

STARTS = (0.01, 0.005, 0.009, 0.011, 0.02, 0.05)  # w_0 = start * y, the first one is shown


@dataclass(frozen=True)
class TunedRun:
    """A run with the step size that was tuned for it.

    Attributes:
        depth: N.
        step_size: eta, the one of the grid that reaches the goal first from the slowest of the
            starts.
        iterations: first iteration with a loss below the goal, from the first start; None where no
            step size gets there from every start.
        loss: losses L of the run from the first start, one before each iteration, to the goal or
            the horizon.
        weights: (w_1, w_2) at the same times, shape (len(loss), 2).
    """

    depth: float
    step_size: float
    iterations: int | None
    loss: np.ndarray
    weights: np.ndarray


def end_to_end_rule(w: np.ndarray, gradient: np.ndarray, depth: float) -> np.ndarray:
    """Return the direction of the end-to-end update rule for one output.

        ||w||^{2-2/N} (G + (N-1) Pr_w G),     Pr_w G = <G, w> w / ||w||^2
        (Claim 2)

    Args:
        w: end-to-end weights, shape (R, d).
        gradient: loss gradients G at w, shape (R, d).
        depth: N >= 1, any real number; N = 1 returns `gradient`.

    Returns: directions, shape (R, d); 0 at w = 0 for N > 1.
    """
    if depth == 1:
        return gradient
    square = np.sum(w * w, axis=-1, keepdims=True)
    along = np.sum(gradient * w, axis=-1, keepdims=True)
    projection = np.divide(along, square, out=np.zeros_like(square), where=square > 0) * w
    return square ** (1 - 1 / depth) * (gradient + (depth - 1) * projection)


def tuned_run(
    depth: float,
    p: float,
    target: tuple[float, float] = (10.0, 1.0),
    *,
    goal: float = 1e-4,
    horizon: int = 4000,
    steps_per_decade: int = 24,
) -> TunedRun:
    """Tune the step size of a depth on a grid and return the run it gives.

    One start alone would reward a step size whose first jump happens to land near the target, so
    the step must serve the several starts of STARTS: all starts and step sizes are rows of one
    batch.

    Args:
        depth: N >= 1, any real number.
        p: loss exponent, p >= 2.
        target: (y_1, y_2).
        goal: loss that counts as arrived.
        horizon: iterations before giving up.
        steps_per_decade: resolution of the grid of step sizes, which spans 1e-5 to 1.
    """
    grid = np.logspace(-5, 0, 5 * steps_per_decade + 1)
    w = np.repeat(np.outer(STARTS, target), len(grid), axis=0)
    eta = np.tile(grid, len(STARTS))[:, None]
    arrived_at = np.full(len(w), horizon + 1)
    losses, ways = [], []
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # too large a step diverges: that row just never arrives
        for iteration in range(horizon + 1):
            residual = w - target
            loss = np.sum(np.abs(residual) ** p, axis=-1) / p
            losses.append(loss[: len(grid)])
            ways.append(w[: len(grid)])
            arrived_at[(loss < goal) & (arrived_at > horizon)] = iteration
            slowest = arrived_at.reshape(len(STARTS), -1).max(axis=0)
            if slowest.min() <= horizon:
                break  # the grid's other steps are slower
            w = w - eta * end_to_end_rule(w, np.abs(residual) ** (p - 1) * np.sign(residual), depth)
    best = int(np.argmin(slowest))
    count = int(arrived_at[best]) if slowest[best] <= horizon else None
    end = len(losses) if count is None else count + 1
    curve, way = (np.array(kept[:end])[:, best] for kept in (losses, ways))
    return TunedRun(depth, float(grid[best]), count, curve, way)


def balanced_layers(w: np.ndarray, depth: int) -> list[np.ndarray]:
    """Balanced layers with one hidden unit whose product is w: W_1 = ||w||^{1/N} w / ||w||, and
    W_2 = ... = W_N = ||w||^{1/N}.

    Args: w: shape (2,), not 0. depth: N, whole.
    Returns: W_1 of shape (2,), then N - 1 arrays of shape (1,).
    """
    size = np.linalg.norm(w)
    each = size ** (1 / depth)
    return [each * w / size, *(np.array([each]) for _ in range(depth - 1))]


def layers_step(layers: list[np.ndarray], gradient: np.ndarray, eta: float) -> list[np.ndarray]:
    """One step of gradient descent on every layer, for a gradient G of the loss in their product.

        dL/dW_1 = (W_N ... W_2) G,    dL/dW_j = <G, W_1> prod_{i != 1, j} W_i

    Args: layers: as `balanced_layers` gives them. gradient: G, shape (2,). eta: the step size.
    """
    first, numbers = layers[0], np.array([float(each[0]) for each in layers[1:]])
    moved = [first - eta * numbers.prod() * gradient]
    for j, number in enumerate(numbers):
        others = np.delete(numbers, j).prod()
        moved.append(np.array([number - eta * others * (gradient @ first)]))
    return moved


def product(layers: list[np.ndarray]) -> np.ndarray:
    """W_N ... W_1, shape (2,)."""
    return layers[0] * np.prod([float(each[0]) for each in layers[1:]])
