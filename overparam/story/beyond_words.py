"""The page beyond linear in words: what the paper says, what was measured, and what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from overparam.choices.beyond_linear import (
    APART,
    BEYOND_CHOICES,
    GOALS,
    LOSSES,
    Study,
    study_of,
)
from overparam.figures.beyond_linear import Range
from overparam.figures.style import depth_colour
from overparam.measure.arrivals import arrivals, paired_speed_ups, range_words
from overparam.serving.stored import stored
from overparam.serving.training import Curves

DEFAULTS: Mapping[str, Any] = {choice.name: choice.default for choice in BEYOND_CHOICES}
CLAIMS = {
    "apart": (
        "**The paper** (Figure 5, right): a convolutional network on MNIST, trained with weight"
        " decay, falls faster once each dense layer is two matrices in succession. **Its authors'"
        " blog**: “similar experiments on other convolutional networks also gave rise to a speedup,"
        " but not nearly as prominent as the above”."
    ),
    "steps": (
        "**The paper** compares both networks at one step size. **Its Claim 1**, for linear "
        "layers: where weights are large depth lengthens a gradient, so it is a larger step."
    ),
    "tuned": (
        "**The paper** does not tune the step size of its convolutional network; for linear "
        "models it does."
    ),
    "loss": (
        "**The paper**, for linear models: depth helps an ℓ4 loss, not ℓ2. About nonlinear "
        "networks with these losses it says nothing."
    ),
    "penalty": (
        "**The paper's** figure penalises the product. A penalty on balanced factors is "
        "$\\frac{\\lambda N}{2}\\sum\\sigma^{2/N}$ instead, which is a Schatten quasi-norm: it"
        " favours few large σ."
    ),
}
PRACTICE = """
- **From existing weights?** Balanced factors: $W=USV^\\top$ becomes
  $US^{1/2}\\cdot S^{1/2}V^\\top$, and the function is the same. Fresh factors start elsewhere.
- **Where does weight decay go?** On the factors it is another problem, which favours low rank; on
  the product it is the old problem. RepVGG penalises the product on purpose (its README: optional).
- **Another step size?** Yes, a smaller one: see *Step sizes* for how much.
- **Fold afterwards?** Always possible: multiply the factors, the function stays the same.
- **Does it help accuracy?** ExpandNets report, for factored dense layers ("FC(Arora18)", their
  CIFAR README), CIFAR-10 78.64 ± .39 against 78.63 ± .41 and CIFAR-100 46.59 ± .45 against 46.63 ±
  .27: no gain. Expanding *kernels* did help there.
"""


@dataclass(frozen=True)
class Grid:
    """A grid study, arranged: depths (N,), steps (G,), losses (T, S, N, G)."""

    depths: tuple[int, ...]
    steps: tuple[float, ...]
    times: np.ndarray
    losses: np.ndarray

    @staticmethod
    def of(study: Study, curves: Curves) -> Grid:
        """The curves of a study that holds every depth with every step."""
        depths = tuple(sorted({recipe.depth for recipe in study.recipes}))
        steps = tuple(sorted({recipe.step for recipe in study.recipes}))
        shape = (*curves.fit.shape[:2], len(depths), len(steps))
        return Grid(depths, steps, curves.times, curves.fit.reshape(shape))

    def arrivals(self, goal: float) -> np.ndarray:
        """Iterations to a goal (S, N, G), infinite where it was not reached."""
        return arrivals(self.times, self.losses, goal)

    def nearest(self, step: float) -> int:
        """The place of the step size of the grid that is nearest on a logarithmic scale."""
        return int(np.abs(np.log(np.array(self.steps) / step)).argmin())

    def best(self, goal: float) -> np.ndarray:
        """The place of each depth's quickest step (N,), by its middle seed; the calmest if none."""
        middle = np.median(self.arrivals(goal), 0)
        end = np.nan_to_num(np.median(self.losses[-1], 0), nan=np.inf)
        rows = zip(middle, end, strict=True)
        return np.array([int(np.lexsort((late, count))[0]) for count, late in rows])


def mean_curves(values: np.ndarray) -> np.ndarray:
    """The mean over seeds, (T, S, ...) -> (T, ...); NaN where one of them has diverged."""
    return values.mean(1)


def times_words(ratio: float) -> str:
    """A ratio of iterations in words: "3.1 times faster", "1.5 times slower"."""
    if not np.isfinite(ratio) or ratio <= 0:
        return "not comparable (one is not there in time)"
    if 0.95 < ratio < 1.05:
        return "as fast"
    return f"{ratio:.1f} times faster" if ratio > 1 else f"{1 / ratio:.1f} times slower"


def apart_words(curves: Curves) -> str:
    """What the paper's figure is made of, at the iteration shown."""
    names = list(APART)
    one, two = names.index("one matrix"), names.index("two (paper)")
    plotted = mean_curves(curves.fit + curves.penalty)
    fit, penalty = mean_curves(curves.fit), mean_curves(curves.penalty)
    if len(curves.times) < 2:
        return ""
    if not np.isfinite(plotted[-1, [one, two]]).all():
        return f"**Measured here**, iteration {curves.times[-1]:,}: diverged; lower the step size."
    fall, of_penalty = plotted[0] - plotted[-1], penalty[0] - penalty[-1]
    if not (fall[[one, two]] > 0).all():  # there is no fall that could have a share
        return (
            f"**Measured here**, iteration {curves.times[-1]:,}: the plotted loss has not fallen"
            " yet."
        )
    bare_one, bare_two = (fit[-1, names.index(f"{n}, no penalty")] for n in ("one", "two"))
    return (
        f"**Measured here**, iteration {curves.times[-1]:,}: plotted, the paper's two matrices show"
        f" {plotted[-1, two]:.2g} and one matrix {plotted[-1, one]:.2g}; of their fall"
        f" {100 * of_penalty[two] / fall[two]:.0f} % and {100 * of_penalty[one] / fall[one]:.0f} %"
        f" are penalty. The fit alone: {fit[-1, two]:.2g} and {fit[-1, one]:.2g}; without any"
        f" penalty {bare_two:.2g} and {bare_one:.2g}, at one step size that was tuned for neither."
    )


def steps_words(grid: Grid, goal: float, step: float) -> str:
    """How much sooner at one step, and each at its own best one."""
    arrived = grid.arrivals(goal)
    place = grid.nearest(step)
    with np.errstate(invalid="ignore"):
        same = np.median(arrived[:, :1, place] / arrived[:, :, place], 0)
    own = np.median(paired_speed_ups(arrived), 0)
    said = []
    for i, depth in enumerate(grid.depths[1:], start=1):
        said.append(
            f"N = {depth} is {times_words(same[i])}, at own best steps {times_words(own[i])}"
        )
    return (
        f"**Measured here**, iterations to {goal:g} against N = 1, at η ="
        f" {grid.steps[place]:.2g} for all: {'; '.join(said)} (median of the seeds)."
    )


def tuned_table(grid: Grid, loss: str) -> str:
    """Iterations and paired speed-ups with their ranges over seeds, as an HTML table."""
    goals = GOALS[loss]
    head = "".join(f"<th>{escape(LOSSES[loss])} ≤ {goal:g}</th>" for goal in goals)
    rows = []
    for i, depth in enumerate(grid.depths):
        cells = []
        for goal in goals:
            arrived = grid.arrivals(goal)
            best = arrived[:, i].min(1)
            words = _counts(best)
            if i:
                words += f" <b>{range_words(paired_speed_ups(arrived)[:, i])}</b>"
            places = arrived[:, i].argmin(1)
            if np.isfinite(best).all() and np.isin(places, (0, len(grid.steps) - 1)).any():
                words += " <small>edge</small>"
            cells.append(f"<td>{words}</td>")
        dot = f'<span style="color:{depth_colour(depth)}">●</span>'
        rows.append(f'<tr><th scope="row">{dot} N = {depth}</th>{"".join(cells)}</tr>')
    return _table(f"<th>factors</th>{head}", rows)


def apart_table(curves: Curves, colours: Sequence[str]) -> str:
    """Each run of the taken-apart figure: plotted loss, of it penalty, of it fit."""
    plotted = mean_curves(curves.fit + curves.penalty)[-1]
    penalty, fit = mean_curves(curves.penalty)[-1], mean_curves(curves.fit)[-1]
    rows = []
    for i, (name, special) in enumerate(APART.items()):
        if "penalty" not in special:
            continue
        cells = "".join(f"<td>{_number(v[i])}</td>" for v in (plotted, penalty, fit))
        accuracy = curves.accuracy[:, i].mean()
        cells += f"<td>{accuracy:.1%}</td>" if np.isfinite(accuracy) else "<td>–</td>"
        dot = f'<span style="color:{colours[i]}">●</span>'
        rows.append(f'<tr><th scope="row">{dot} {escape(name)}</th>{cells}</tr>')
    head = "<th>dense layers</th><th>plotted</th><th>penalty</th><th>fit</th>"
    return _table(head + "<th>test accuracy</th>", rows)


def penalty_table(study: Study, curves: Curves, colours: Sequence[str]) -> str:
    """What each penalty leaves of the singular values."""
    rows = []
    for i, recipe in enumerate(study.recipes):
        words = {"none": "none", "product": "on the product", "factors": "on the factors"}
        values = [_number(mean_curves(each)[-1, i]) for each in (curves.squares, curves.schatten)]
        rank = curves.rank[-1, :, i]
        count = _counts(rank) if np.isfinite(rank).all() else "–"
        values += [count, _number(mean_curves(curves.fit)[-1, i])]
        cells = "".join(f"<td>{value}</td>" for value in values)
        dot = f'<span style="color:{colours[i]}">●</span>'
        name = f"N = {recipe.depth}, {words[recipe.penalty]}"
        rows.append(f'<tr><th scope="row">{dot} {name}</th>{cells}</tr>')
    head = "<th>penalty</th><th>Σσ²</th><th>Σσ<sup>2/N</sup></th><th>rank of W₁</th><th>fit</th>"
    return _table(head, rows)


def _table(head: str, rows: Sequence[str]) -> str:
    return (
        '<div class="beyond-table"><table><thead><tr>'
        f"{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _counts(counts: np.ndarray) -> str:
    if not np.isfinite(counts).any():
        return "–"
    low, high = counts.min(), counts.max()
    if not np.isfinite(high):
        return f"{low:.0f} or never"
    return f"{low:.0f}" if round(low) == round(high) else f"{low:.0f}–{high:.0f}"


def _number(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "diverged"


def loss_ranges(optimizer: str) -> list[Range]:
    """Tuned speed-ups of the stored grids: three losses, a start with large outputs and a small."""
    found = []
    for loss, goal in (("ce", 0.03), ("l2", 0.1), ("l4", 0.02)):
        for start, words in (("he", "He, large outputs"), ("default", "default, small")):
            query = {"view": "loss", "loss": loss, "start": start, "optimizer": optimizer}
            study = study_of({**DEFAULTS, **query})
            curves = stored(study)
            if curves is not None:
                row = f"{LOSSES[loss]} ≤ {goal:g}, {words}"
                found += ranges_of(row, Grid.of(study, curves), goal)
    return found


def ranges_of(row: str, grid: Grid, goal: float, live: bool = False) -> list[Range]:
    """The speed-ups of a grid's depths over the first."""
    ratios = paired_speed_ups(grid.arrivals(goal))
    return [
        Range(row, depth, ratios[:, i], live)
        for i, depth in enumerate(grid.depths)
        if i and not np.isnan(ratios[:, i]).any()
    ]


def honest_sentence() -> str:
    """What may be said about factoring the dense layers of these networks; every number
    computed."""

    def grid(**query: str) -> Grid | None:
        study = study_of({**DEFAULTS, "view": "steps", **query})
        curves = stored(study)
        return Grid.of(study, curves) if curves is not None else None

    ce, l4, small = (
        grid(),
        grid(loss="l4", optimizer="gd"),
        grid(loss="l4", optimizer="gd", start="default"),
    )
    if ce is None or l4 is None or small is None:
        return ""
    arrived = ce.arrivals(0.1)
    place = ce.nearest(DEFAULTS["rate"])
    same = np.median(arrived[:, :1, place] / arrived[:, 1:, place], 0)
    own, deep, late = (
        paired_speed_ups(each.arrivals(goal))[:, 1:]
        for each, goal in ((ce, 0.03), (l4, 0.02), (small, 0.01))
    )
    return (
        f"Factoring the dense layers makes training {same.min():.1f} to {same.max():.1f} times"
        f" faster at one small step size ({ce.steps[place]:.2g}), because it is a larger step. With"
        " each network at its own best step size, cross entropy gains nothing (with momentum it is"
        f" {own.min():.2g} to {own.max():.2g} times as fast), and what the paper's last figure"
        " gains, rebuilt here, is a shrinking penalty, not a better fit. With an ℓ4 loss and plain"
        f" gradient descent depth can still win: {deep.min():.2g} to {deep.max():.2g} times as fast"
        f" from a start with large outputs, {late.min():.2g} to {late.max():.2g} from a small one."
    )
