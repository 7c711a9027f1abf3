"""Two roads between the same two points: what a closed loop of two real runs says about a force, in
any dimension.

One road is a run of gradient descent of depth 1 from W_0 to a goal, and from there straight on to
where the other ends; the other is a run of depth N from W_0 to the same goal. The work of a
gradient depends on the ends only, so the difference of the two works,

    C = int_one f dW - int_other f dW     (trapezoidal rule),     kappa = |C| / sum of |pieces|,

is 0 for every force f that is the gradient of anything. For a G linear in W (p = 2) the rule is
exact; else its error falls four times with every doubling of the points and is taken from every
other point.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from overparam.measure.network import Networks
from overparam.measure.updates import Task
from overparam.theory.curves import Array
from overparam.theory.field import field
from overparam.theory.landscapes import Landscape

STRIDE = 0.0025  # the largest step along a road, in units of W
STRAIGHT = 0.995  # cosine between one step and the next, below which steps are halved
MOST_STEPS = 8_000
LOOK = 8  # steps between two looks at the loss

Force = Callable[[Array], Array]  # points (n, d) -> forces (n, d)


@dataclass(frozen=True, eq=False)
class Roads:
    """Pairs of roads from S starts: `one` (S, n1, d) by depth 1 and over, `other` (S, n2, d) by
    depth N; same first and last points.

    `over`: index in `one` where its run ends and the straight rest begins. arrived (S,): whether
    both runs reached the goal.
    """

    one: Array
    other: Array
    over: int
    arrived: Array

    @property
    def points(self) -> Array:
        """All points of both roads of every start, start by start: (S (n1 + n2), d)."""
        return np.concatenate((self.one, self.other), axis=1).reshape(-1, self.one.shape[2])


@dataclass(frozen=True, eq=False)
class Works:
    """Work along either road of S loops, each (S,), or (draws, S) where the force was drawn several
    times.

    absolute: sum of |pieces| around the loop. error: of the difference, by leaving out every other
        point.
    """

    one: Array
    other: Array
    absolute: Array
    error: Array

    @property
    def difference(self) -> Array:
        return self.one - self.other

    @property
    def kappa(self) -> Array:
        """|C| over the sum of |pieces|; 0 where no work was done."""
        return np.divide(
            np.abs(self.difference),
            self.absolute,
            out=np.zeros_like(self.absolute),
            where=self.absolute > 0,
        )


def roads(
    loss: Landscape,
    depth: float,
    starts: Array,
    goal: Array,
    points: int = 400,
    stride: float = STRIDE,
) -> Generator[float, None, Roads]:
    """Run depth 1 and depth N from each start until the loss is at the goal, and lay points evenly
    along both.

    Both are gradient descent by the end-to-end rule with a step size chosen anew at each step,
    small enough to follow the flow: the step size changes how fast a road is gone, not where it
    leads.

    Args:
        loss: on R^d. depth: N >= 1. starts: W_0, shape (S, d), not 0. goal: a loss for each, (S,),
            below that of the starts.
        points: pieces that each run is cut into, a multiple of 8; the straight rest takes a quarter
            as many.
        stride: the largest step, in units of W.
    Yields: the share that is done, about. Returns: the roads.
    """
    count = len(starts)
    depths = np.repeat([1.0, depth], count)
    ways, arrived = yield from _descend(
        loss, depths, np.tile(starts, (2, 1)), np.tile(goal, 2), stride
    )
    one = np.array([_evenly(way, points) for way in ways[:count]])
    other = np.array([_evenly(way, points) for way in ways[count:]])
    share = np.linspace(0, 1, points // 4 + 1)[1:, None]
    rest = one[:, -1:] + share * (other[:, -1:] - one[:, -1:])
    return Roads(
        np.concatenate((one, rest), axis=1), other, points, arrived[:count] & arrived[count:]
    )


def goals(task: Task, starts: Array, gap: float) -> Array:
    """The loss of each run at which the gap (L - L*) / (L(W_0) - L*) is left; starts (S, d) ->
    (S,)."""
    return task.least + gap * (task.loss.value(starts) - task.least)


def works(pair: Roads, force: Force) -> Works:
    """The work of a force along both roads of every start, in one evaluation at all `points`."""
    s = len(pair.one)
    at = np.concatenate((pair.one, pair.other), axis=1)
    found = force(pair.points).reshape(at.shape)
    split = pair.one.shape[1]
    fine, coarse = [], []
    for way, f in ((at[:, :split], found[:, :split]), (at[:, split:], found[:, split:])):
        fine.append(_pieces(way, f))
        coarse.append(_pieces(way[:, ::2], f[:, ::2]).sum(1))
    one, other = (pieces.sum(1) for pieces in fine)
    error = np.abs((one - other) - (coarse[0] - coarse[1]))
    absolute = sum((np.abs(pieces).sum(1) for pieces in fine), np.zeros(s))
    return Works(one, other, absolute, error)


def drawn(pair: Roads, draw: Force, repeats: int) -> Generator[float, None, Works]:
    """The works of a noisy force, drawn anew at every point and every one of so many times: each
    field has shape (repeats, S)."""
    found = []
    for i in range(repeats):
        found.append(works(pair, draw))
        yield (i + 1) / repeats
    return Works(
        *(
            np.array([getattr(each, name) for each in found])
            for name in ("one", "other", "absolute", "error")
        )
    )


def interval(draws: Array, confidence: float = 0.95) -> tuple[Array, Array]:
    """Mean and half width of the t interval of independent draws along the first axis; infinite for
    one draw."""
    s = len(draws)
    if s < 2:
        return draws.mean(0), np.full(draws.shape[1:], np.inf)
    return draws.mean(0), student.ppf((1 + confidence) / 2, s - 1) * draws.std(0, ddof=1) / np.sqrt(
        s
    )


def rule_force(gradient: Force, depth: float) -> Force:
    """F of the end-to-end rule."""
    return lambda w: field(gradient, depth, w)


def network_force(gradient: Force, depth: int, step: float) -> Force:
    """What a real network says of F: one step of gradient descent on its N layers, started balanced
    at each point.

    f = (W - W_after)/eta, W = W_N ... W_1; it comes to F as eta goes to 0, and no theory of F is
    used.

    Args: gradient: G. depth: N, a whole number. step: eta.
    """

    def force(w: Array) -> Array:
        networks = Networks(w, depth)
        before = networks.end_to_end()
        return (before - networks.step(gradient(w), step)) / step

    return force


def plane_of(pair: Roads, start: int) -> tuple[Array, Array, float]:
    """Both roads of a start in the plane that shows them best: coordinates (n1, 2), (n2, 2), and
    the share of their extent in it.

    The first axis runs from the start to the end, the second along the widest direction across it.
    """
    one, other = pair.one[start], pair.other[start]
    straight = other[-1] - other[0]
    first = straight / np.linalg.norm(straight)
    both = np.concatenate((one, other)) - other[0]
    across = both - np.outer(both @ first, first)
    second = np.linalg.eigh(across.T @ across)[1][:, -1]
    flat = np.stack((both @ first, both @ second), axis=1)
    return flat[: len(one)], flat[len(one) :], float((flat**2).sum() / (both**2).sum())


def _descend(
    loss: Landscape, depths: Array, starts: Array, goal: Array, most: float
) -> Generator[float, None, tuple[list[Array], Array]]:
    """The ways of all runs to the goal, in steps of a given length where they are straight and
    shorter ones where they turn."""
    w, stride = starts.copy(), np.full(len(starts), most)
    rows = np.arange(len(starts))
    ends, trail = np.zeros(len(starts), dtype=int), [starts]
    first_loss, ahead = loss.value(starts), _direction(loss, depths, w)
    for step in range(1, MOST_STEPS + 1):
        w[rows] -= stride[rows, None] * ahead
        trail.append(w.copy())
        before, ahead = ahead, _direction(loss, depths[rows], w[rows])
        straight = (ahead * before).sum(1) > STRAIGHT
        stride[rows] = np.where(
            straight,
            np.minimum(1.3 * stride[rows], most),
            np.maximum(stride[rows] / 2, 1e-5 * most),
        )
        ends[rows] = step
        if step % LOOK == 0:
            value = loss.value(w[rows])
            going = value > goal[rows]
            for row in rows[~going]:  # the first of the last few points that is there
                last = np.array([w[row] for w in trail[-LOOK:]])
                ends[row] -= LOOK - 1 - int((loss.value(last) <= goal[row]).argmax())
            rows, ahead = rows[going], ahead[going]
            if not rows.size:
                break
            yield float(((first_loss[rows] - value[going]) / (first_loss[rows] - goal[rows])).min())
    way = np.array(trail)
    return [way[: end + 1, row] for row, end in enumerate(ends)], ~np.isin(
        np.arange(len(starts)), rows
    )


def _direction(loss: Landscape, depths: Array, w: Array) -> Array:
    """F/||F|| of every row with its own depth: that of G + (N-1) Pr_W G."""
    slope = loss.gradient(w)
    along = (w * slope).sum(1, keepdims=True) / (w * w).sum(1, keepdims=True)
    pull = slope + (depths[:, None] - 1) * along * w
    size = np.linalg.norm(pull, axis=1, keepdims=True)
    return pull / np.maximum(size, np.finfo(float).tiny)


def _evenly(way: Array, pieces: int) -> Array:
    """So many pieces of equal length along a polygon."""
    length = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(way, axis=0), axis=1))))
    wanted = np.linspace(0, length[-1], pieces + 1)
    after = np.clip(np.searchsorted(length, wanted), 1, len(way) - 1)
    span = length[after] - length[after - 1]
    share = np.divide(wanted - length[after - 1], span, out=np.zeros_like(wanted), where=span > 0)[
        :, None
    ]
    return way[after - 1] + share * (way[after] - way[after - 1])


def _pieces(way: Array, force: Array) -> Array:
    """Trapezoidal work of every piece of ways (S, n, d): (S, n-1)."""
    return ((force[:, 1:] + force[:, :-1]) / 2 * np.diff(way, axis=1)).sum(2)
