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
GRID = (1e-5, 1.0)  # of step sizes


@dataclass(frozen=True)
class TunedRun:
    """A run with the step size that was tuned for it.

    Attributes:
        depth: N.
        step_size: eta, the one of the grid that reaches the goal first from the slowest of the
            starts; where none gets there from all of them, the one whose largest loss at the
            horizon is least.
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


def nearness() -> tuple[np.ndarray, float]:
    """How `starts_near` moves a start: six factors, the first of them 1, and the most that a
    coordinate moves, in units of the target's."""
    return np.array(STARTS) / STARTS[0], max(STARTS) - STARTS[0]


def starts_near(start: tuple[float, float], target: tuple[float, float]) -> np.ndarray:
    """The start shown and the five near it that its step size must serve too, shape (6, 2); from
    0.01 y they are STARTS * y."""
    factors, reach = nearness()
    shown, most = np.array(start), reach * np.abs(target)
    return shown + np.clip(np.outer(factors - 1, shown), -most, most)


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


def step_grid(per_decade: int) -> np.ndarray:
    """The step sizes that are compared."""
    low, high = np.log10(GRID)
    return np.logspace(low, high, round((high - low) * per_decade) + 1)


def tuned_run(
    depth: float,
    p: float,
    target: tuple[float, float] = (10.0, 1.0),
    start: tuple[float, float] | None = None,
    *,
    goal: float = 1e-4,
    horizon: int = 4000,
    steps_per_decade: int = 24,
) -> TunedRun:
    """Tune the step size of a depth on a grid and return the run it gives.

    One start alone would reward a step size whose first jump happens to land near the target, so
    the step must serve the six of `starts_near`: all starts and step sizes are rows of one batch.

    Args:
        depth: N >= 1, any real number.
        p: loss exponent, p >= 2.
        target: (y_1, y_2).
        start: w_0; None for 0.01 y.
        goal: loss that counts as arrived.
        horizon: iterations before giving up.
        steps_per_decade: resolution of the grid of step sizes, which spans GRID.
    """
    shown = (STARTS[0] * target[0], STARTS[0] * target[1]) if start is None else start
    starts, steps = starts_near(shown, target), step_grid(steps_per_decade)
    alive = np.arange(len(steps))  # of the step sizes, those that may yet serve all starts
    w = np.repeat(starts[:, None], len(steps), axis=1)
    arrived_at = np.full(w.shape[:2], horizon + 1)
    with np.errstate(over="ignore", invalid="ignore"):  # too large a step diverges
        for iteration in range(horizon + 1):
            loss, gradient = _loss(w, target, p)
            arrived_at[(loss < goal) & (arrived_at > horizon)] = iteration
            slowest = arrived_at.max(axis=0)
            if slowest.min(initial=horizon + 1) <= horizon:
                break  # the grid's other steps are slower
            going = (np.isfinite(loss) | (arrived_at <= horizon)).all(axis=0)
            if not going.all():
                alive, w, loss = alive[going], w[:, going], loss[:, going]
                gradient, arrived_at = gradient[:, going], arrived_at[:, going]
            w = w - steps[alive][:, None] * end_to_end_rule(w, gradient, depth)
    serves = bool(slowest.min(initial=horizon + 1) <= horizon)
    order = slowest if serves else np.where(arrived_at > horizon, loss, 0).max(axis=0)
    step = steps[alive[np.argmin(order)]] if len(alive) else steps[0]
    way, losses = [], []
    w = starts[:1]
    for _ in range(horizon + 1):
        loss, gradient = _loss(w, target, p)
        way.append(w[0])
        losses.append(loss[0])
        if loss[0] < goal:
            break
        w = w - step * end_to_end_rule(w, gradient, depth)
    count = len(losses) - 1 if serves else None
    return TunedRun(depth, float(step), count, np.array(losses), np.array(way))


def _loss(w: np.ndarray, target: tuple[float, float], p: float) -> tuple[np.ndarray, np.ndarray]:
    """The loss at w, (...,), and its gradient, (..., 2)."""
    residual = w - target
    size = np.abs(residual)
    return np.sum(size**p, axis=-1) / p, size ** (p - 1) * np.sign(residual)


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
