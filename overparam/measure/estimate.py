"""From real runs to an answer: every family fitted, what each leaves on these runs and on others,
and what follows."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from overparam.measure.exact_force import exact_matrix
from overparam.measure.forces import Sample, endpoint_sample, update_sample
from overparam.measure.roads import Works, interval
from overparam.measure.updates import Task, Way, step_size
from overparam.theory import known
from overparam.theory.curves import Array
from overparam.theory.estimators import (
    MOST_UNKNOWNS,
    ROUNDING,
    Diagonal,
    Family,
    Fit,
    Kernel,
    Points,
    Share,
    Symmetric,
    fit,
    gradient_penalty,
    power,
    radial,
    ridge,
    share_left,
    signal,
)

FAMILIES = {
    "ridge": "ridge",
    "diagonal": "diagonal",
    "power": "ℓq penalty",
    "radial": "radial",
    "symmetric": "full symmetric matrix",
    "quadratic": "any quadratic",
    "penalty": "gradient penalty",
    "free": "free potential (2-D)",
}
OTHERS = 8  # runs that no fit has seen
CERTAIN = 0.05  # a chance below this is not taken for noise
BLURRED = 0.1  # a null band wider than this share of the force decides nothing


@dataclass(frozen=True, eq=False)
class Answer:
    """One family's answer.

    here, there: what is left on the runs it was fitted to, and on others. centre, half: parameters
    and the half width of their 95 % interval (0 without noise, infinite for one draw), exact: their
    true values where R is known and of the family, each (q,); for matrices the eigenvalues, without
    interval. at: where they stand, (q,): a coordinate, a radius, a rank. apart: what each point
    alone says, (n,), for families of one parameter.
    """

    here: Share
    there: Share
    centre: Array
    half: Array
    exact: Array | None
    at: Array
    apart: Array | None

    @property
    def negative(self) -> Array:
        """Which parameters lie below 0, clear of rounding and of their interval: (q,)."""
        reach = np.where(np.isfinite(self.half), self.half, 0.0)
        return self.centre + reach < -1e-9 * np.abs(self.centre).max(initial=0.0)


@dataclass(frozen=True, eq=False)
class Estimate:
    """What runs say of the force beyond G (of F itself, up to c G, for depth).

    answers: by family. chance: that noise alone makes the draws agree as they do. empty: the force
    is rounding next to G. exact: what the true grad R leaves here, where it is known. scale: the
    factor c of G where it is free. iterations, runs: of each point, (n,). repeats: S.
    """

    answers: dict[str, Answer]
    chance: float
    empty: bool
    exact: Share | None
    scale: float | None
    iterations: Array
    runs: Array
    repeats: int


Kind = Literal["nothing", "found", "other", "not", "past", "undecided"]


@dataclass(frozen=True)
class Verdict:
    """What follows from an estimate; `reason` says why nothing does.

    kind: nothing (no force beyond noise or rounding), found, other (a gradient, of another family),
    not (no gradient at all), past (no function of W), undecided.
    """

    kind: Kind
    reason: Literal["", "one draw", "noise", "few runs", "family", "loops"] = ""


def families(points: Points, exponent: float, shared: bool) -> dict[str, Family]:
    """The families that can be fitted to points.

    Args:
        points: where the forces were read.
        exponent: q of the l_q penalty.
        shared: whether all repeats have the same points; a free potential needs that, and two
            dimensions.
    """
    found: dict[str, Family] = {
        "ridge": ridge(),
        "diagonal": Diagonal(),
        "power": power(exponent),
        "radial": radial(points),
        "symmetric": Symmetric(),
        "quadratic": Symmetric(linear=True),
        "penalty": gradient_penalty(),
    }
    n, d = points.w.shape
    if shared and d == 2 and n * d <= MOST_UNKNOWNS:
        length = 0.5 * float(np.linalg.norm(np.ptp(points.w, axis=0))) or 1.0
        found["free"] = Kernel(length, 1e-9, True, points.w)
    return found


def estimate(
    task: Task,
    way: Way,
    question: str,
    runs: int,
    repeats: int,
    seed: int,
    exponent: float = 3.0,
) -> Generator[float, None, Estimate]:
    """Train, read the forces, and fit every family to the first runs.

    Args:
        task: the data, with shared targets.
        way: how it was trained.
        question: "update" or "endpoint".
        runs: M runs that are fitted; eight more are held out, half as many where noise is costly.
        repeats: S draws of a noisy force; others have one.
        seed: of starts, targets and noise.
        exponent: q of the l_q penalty.
    Yields: the share that is done.
    Returns: the estimate.
    Raises: RunError where a run diverges.
    """
    endpoint = question == "endpoint"
    draws = repeats if way.noisy else 1
    others = OTHERS // 2 if way.noisy else OTHERS
    if endpoint:
        steps = {"decay": 4000, "momentum": 4000}.get(way.kind, 300 if way.noisy else 1000)
        sample = yield from endpoint_sample(task, way, runs + others, draws, seed, steps)
    else:
        steps = 500 if way.free_scale else 200
        points = int(np.clip(1024 // (2 * runs), 6, 24))
        sample = yield from update_sample(task, way, runs + others, draws, seed, points, steps)
    return read(task, way, sample, runs, exponent, endpoint)


def read(
    task: Task, way: Way, sample: Sample, runs: int, exponent: float, endpoint: bool
) -> Estimate:
    """Fit every family to the first runs of a sample; see `estimate`."""
    here, there = sample.of(sample.runs < runs), sample.of(sample.runs >= runs)
    points, free = here.points[0], way.free_scale and not endpoint
    size = np.linalg.norm(here.force, axis=(1, 2)).max()
    empty = bool(size <= 1e-10 * np.linalg.norm(points.gradient)) and not endpoint
    truth = exact_matrix(task, way, endpoint)
    made = families(points, exponent, len(here.points) == 1)
    answers, scale = {}, None
    for name, family in made.items():
        found = here.fit(family, free and name != "free")
        exact = None
        if here.exact is not None and not free:
            exact = fit(family, points, here.exact[None])
        answers[name] = _answer(name, found, exact, here, there, truth, way.noisy)
        if name == "ridge" and found.scale is not None:
            scale = float(found.scale.mean())
    left = None
    if here.exact is not None and len(here.points) == 1:
        left = share_left(here.force - here.exact, here.force)
    return Estimate(
        answers=answers,
        chance=signal(here.force),
        empty=empty,
        exact=left,
        scale=scale,
        iterations=here.iterations,
        runs=here.runs,
        repeats=len(here.force),
    )


def judge(
    found: Estimate, family: str, way: Way, loops: Works | None = None, swings: bool = False
) -> Verdict:
    """What follows from an estimate for one family.

    Args:
        found: of `estimate`. family: a name of its answers.
        way: how the runs were trained.
        loops: works of the same depth around closed loops; needed to say that nothing is a
            gradient.
        swings: whether momentum is beyond its limit.
    """
    answer = found.answers[family]
    if way.noisy and found.repeats < 2:
        return Verdict("undecided", "one draw")
    if found.empty or (way.noisy and found.chance > CERTAIN):
        return Verdict("nothing")
    if swings:
        return Verdict("past")
    fits_here, fits_there = (_fits(share, way.noisy) for share in (answer.here, answer.there))
    if fits_here and fits_there:
        blurred = max(answer.here.band, answer.there.band) > BLURRED
        return Verdict("undecided", "noise") if blurred else Verdict("found")
    if fits_here:
        return Verdict("undecided", "few runs")
    if loops is not None:
        return Verdict("not") if clear(loops).any() else Verdict("undecided", "loops")
    if found.exact is not None and _fits(found.exact, way.noisy):
        return Verdict("other")
    return Verdict("undecided", "family")


def clear(loops: Works) -> Array:
    """Which loops' difference of works is clear of its error.

    Of ten times the error of the rule; where the force was drawn, of the t interval at a level that
    keeps all loops together at 95 %.
    """
    if loops.one.ndim == 2:
        mean, half = interval(loops.difference, 1 - 0.05 / loops.one.shape[1])
        return np.abs(mean) > half + np.abs(loops.error.mean(0))
    return np.abs(loops.difference) > 10 * loops.error + 1e-12 * loops.absolute


def swings(task: Task, way: Way) -> bool:
    """Whether momentum is beyond the step up to which its velocity follows its position."""
    if way.kind != "momentum":
        return False
    return step_size(task, way) * task.steepest > known.momentum_limit(way.strength)


@dataclass(frozen=True, eq=False)
class Stopping:
    """Early stopping from W = 0 at p = 2, at iterations t (q,), each in units of the curvature.

    low, high: the exact matrix's eigenvalues on directions with data. ceiling: 1/(eta t). scalar:
    what one ridge says of the run's own end, -<W, G>/||W||^2; left: the share that it leaves.
    """

    iterations: Array
    low: Array
    high: Array
    ceiling: Array
    scalar: Array
    left: Array


def stopping(task: Task, last: int, points: int = 40) -> Stopping:
    """Early stopping against time: exact spectrum, its ceiling, and the best single ridge.

    Args: task: p = 2, shared targets. last: the largest t.
    """
    eta = step_size(task, Way("stop", 1))
    times = np.unique(np.rint(np.geomspace(1, last, points)).astype(int))
    values, vectors = np.linalg.eigh(task.hessian)
    seen = values > 1e-12 * values[-1]
    spectrum = np.array([known.early_stopping_spectrum(values[seen], eta, t) for t in times])
    # W_t = -(1 - a^t)/s g in the eigenbasis: the same as running it, at all times at once
    slope = (task.loss.gradient(np.zeros((1, len(values))))[0] @ vectors)[seen]
    decay = np.exp(times[:, None] * np.log1p(-eta * values[seen]))
    w, gradient = -(1 - decay) / values[seen] * slope, decay * slope
    scalar = -(w * gradient).sum(1) / (w * w).sum(1)
    rest = ((gradient + scalar[:, None] * w) ** 2).sum(1) / (gradient**2).sum(1)
    return Stopping(times, spectrum.min(1), spectrum.max(1), 1 / (eta * times), scalar, rest)


def _answer(
    name: str,
    found: Fit,
    exact: Fit | None,
    here: Sample,
    there: Sample,
    truth: Array | None,
    noisy: bool,
) -> Answer:
    left = share_left(here.rest(found), here.force)
    right = share_left(there.rest_of_mean(found), there.force)
    true: Array | None = None
    if name in ("symmetric", "quadratic"):
        d = found.parameters.shape[2]
        matrix = found.parameters.mean(0)[:d]
        centre = np.linalg.eigvalsh((matrix + matrix.T) / 2)[::-1]
        half = np.full(d, np.nan)
        true = None if truth is None else np.linalg.eigvalsh(truth)[::-1]
        return Answer(left, right, centre, half, true, np.arange(1, d + 1), None)
    if name == "free":
        none = np.empty(0)
        return Answer(left, right, none, none, None, none, None)
    centre, half = interval(found.parameters)
    if not noisy:
        half = np.zeros_like(centre)
    at = np.arange(1, centre.size + 1)
    if name == "radial":
        at = found.family.knots  # type: ignore[attr-defined]
    if exact is not None and here.exact is not None:
        rest = here.exact - exact.force(here.points[0])[0]
        if share_left(rest[None], here.exact[None]).value <= ROUNDING:  # the family holds the truth
            true = exact.parameters[0]
    apart = _apart(found, here) if centre.size == 1 and len(here.points) == 1 else None
    return Answer(left, right, centre, half, true, at, apart)


def _apart(found: Fit, here: Sample) -> Array:
    """The parameter that each point alone asks for, from the mean of the repeats."""
    points = here.points[0]
    column = found.family.force(np.ones((1, 1)), points)[0]
    force = here.force.mean(0)
    if found.scale is not None:
        force = force - found.scale.mean() * points.gradient
    size = (column**2).sum(1)
    return np.divide((force * column).sum(1), size, out=np.zeros(len(size)), where=size > 0)


def _fits(share: Share, noisy: bool) -> bool:
    return share.value <= ROUNDING or (noisy and share.chance > CERTAIN)
