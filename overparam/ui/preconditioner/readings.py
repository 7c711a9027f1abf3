"""Four readings along a run. Each tunes its methods, records their way, and draws it with the one
cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st
import torch

from overparam.choices.methods import Entry
from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.engine.parameterizations import imbalance
from overparam.engine.problem import Problem
from overparam.engine.simulation import Method
from overparam.figures.race import SPARE
from overparam.figures.readings import Panel, Reading, memory, stacked
from overparam.figures.style import BLUE, ORANGE, RED, VIOLET, ZERO_AT, depth_colour, depth_dash
from overparam.measure.history import GAPS
from overparam.measure.trajectory import follow, log_times
from overparam.serving.course import Tuned
from overparam.theory.dynamics import (
    from_past_gradients,
    momentum_coefficients,
    rate_and_decay,
    singular_value_law,
    singular_values,
)
from overparam.ui.components.plot import plot
from overparam.ui.preconditioner.step_shares import SHARES
from overparam.ui.shell.state import PageState

PER_DECADE = 24  # of the recorded iterations
EVERY_STEP = 2000  # iterations recorded one by one, at most, where a reading sums over all of them
RECORDED = 5e6  # numbers of such a recording, at most
THREE_OUTPUTS = {"problem": "synthetic", "k": 3, "d": 10, "condition": 10.0}
ROUNDING = (
    1e-12  # an imbalance below this is that of rounding, and not drawn on the logarithmic axis
)

_TABLE_STYLE = """<style>
.readings { overflow-x: auto; }
.readings table { border-collapse: collapse; font-size: 0.9rem;
  font-variant-numeric: tabular-nums; }
.readings th, .readings td {
  padding: 0.15rem 1rem 0.15rem 0; text-align: left; white-space: nowrap; border: 0;
}
@media (max-width: 640px) { /* all columns are seen: headings break */
  .readings table { font-size: 0.8rem; }
  .readings th, .readings td { padding-right: 0.5rem; white-space: normal; }
}
.readings thead th { font-weight: 600; border-bottom: 1px solid rgba(127, 135, 148, 0.5); }
</style>"""


@dataclass(frozen=True)
class Reader:
    """What a reading needs: the page's state, the number of outputs, an uploaded file, and how to
    tune an experiment."""

    state: PageState
    outputs: int
    upload: Data | None
    experiment: Callable[..., Experiment]
    tune: Callable[[Experiment, Data | None], Tuned]

    @property
    def depth(self) -> float:
        return self.state.values()["N"]

    @property
    def cursor(self) -> int:
        values = self.state.values()
        return min(values["t"], values["iterations"])

    def tuned(
        self, entries: Sequence[Entry], **instead: Any
    ) -> tuple[Experiment, Tuned, tuple[float, ...]]:
        """The experiment of these methods, its tuning, and the step size chosen for each; `instead`
        of the page's choices."""
        experiment = self.experiment(self.state, entries, **instead)
        tuned = self.tune(experiment, self.upload)
        return experiment, tuned, tuple(float(tuned.grid.steps[row]) for row in tuned.chosen)

    def part(self, step: float) -> float:
        """The share of a step size that the person wants."""
        return SHARES[self.state.values()["part"]] * step

    def draw(self, figure, key: str, alt: str) -> None:
        """Show a figure whose axis is the iteration: a click sets the cursor."""
        plot(figure, key=self.state.key(key), alt=alt, on_click=self._set_cursor)

    def _set_cursor(self, event: dict[str, Any]) -> None:
        if event["x"] is not None:
            iteration = 0 if event["x"] < (1 + ZERO_AT) / 2 else round(event["x"])
            self.state.set(t=min(iteration, self.state.values()["iterations"]))


def ablation(reader: Reader) -> None:
    """Depth's two factors as methods of their own."""
    if reader.outputs > 1:
        st.info(
            "The two factors come apart for one output only (Claim 2): choose a problem with one.",
            icon=":material/info:",
        )
        return
    if reader.depth == 1:
        st.info(
            "At depth 1 both factors are 1 and there is nothing to take apart: raise the depth.",
            icon=":material/info:",
        )
        return
    entries = [
        Entry(1, kind="rule"),
        *(Entry(reader.depth, kind=kind) for kind in ("rule", "scale", "stretch")),
    ]
    experiment, tuned, steps = reader.tuned(entries)
    names = [_half_name(e) for e in entries]
    looks = [(depth_colour(depth), depth_dash(depth)) for depth in (1, reader.depth)]
    looks += [look for look in SPARE if look[0] not in dict(looks)][:2]
    times, gaps = _losses(experiment, steps, reader.upload)
    curves = [
        Reading(name, *look, gaps[:, i])
        for i, (name, look) in enumerate(zip(names, looks, strict=True))
    ]
    panel = Panel("gap (L − L*) / (L₀ − L*)", curves)
    reader.draw(
        stacked([panel], times, reader.cursor, 330),
        "ablation",
        "The gap of each half over the iterations.",
    )
    fewest = tuned.grid.fastest(tuned.reached)
    at = _nearest(times, reader.cursor)
    telling = [
        g for g in range(len(GAPS)) if any(row[g] != fewest[0][g] for row in fewest)
    ]  # not the same in every row
    head = [
        "",
        "step size η",
        f"gap at iteration {times[at]:,}",
        *(f"to gap {GAPS[g]:g}" for g in telling),
    ]
    rows = [
        [name, _value(steps[i]), _value(gaps[at, i]), *(_count(fewest[i][g]) for g in telling)]
        for i, name in enumerate(names)
    ]
    _table(head, rows)
    st.caption(
        "Full: $\\lVert W\\rVert^{2-2/N}\\,(G + (N-1)\\,\\mathrm{Pr}_W G)$; scale only: without"
        " $\\mathrm{Pr}_W G$; stretch only: without $\\lVert W\\rVert^{2-2/N}$. To a gap:"
        " iterations, each at its own best step size of the grid; –: not within the run."
    )


def momentum(reader: Reader) -> None:
    """The warm-up's coefficients: depth 2 as an adaptive rate plus momentum."""
    if reader.outputs > 1:
        st.info(
            "The paper's warm-up is about one output. Choose a problem with one output.",
            icon=":material/info:",
        )
        return
    experiment, _, (best,) = reader.tuned([Entry(2, width=1)])
    step = reader.part(best)
    weights, gradients, rho, gamma = _rate_and_decay(experiment, step, reader.upload)
    t = min(reader.cursor, len(rho) - 1)
    times = np.arange(len(rho))
    kept = log_times(len(rho) - 1, 60)
    panels = [
        Panel("rate ρ", [Reading("ρ: weight of the gradient", ORANGE, "solid", rho[kept])]),
        Panel("−γ", [Reading("−γ: push along w", VIOLET, "12px,4px", -gamma[kept])], log=False),
    ]
    left, right = st.columns([1.2, 1], gap="medium")
    with left:
        reader.draw(
            stacked(panels, times[kept], t, 330),
            "momentum",
            "The rate rho and the push minus gamma over the iterations.",
        )
    with right:
        mu = momentum_coefficients(torch.from_numpy(rho), torch.from_numpy(gamma), t).numpy()
        reference = 0.9 ** np.arange(t, 0, -1.0)
        if t == 0:
            st.info(
                "At iteration 0 there are no past gradients: move the cursor.",
                icon=":material/info:",
            )
        else:
            shown = slice(max(0, t - 200), t)
            plot(
                memory(rho[t], mu[shown], reference[shown], VIOLET, 330),
                key=reader.state.key("memory"),
                alt=(
                    "The weight of each past gradient in the step at the cursor, relative to the"
                    " newest gradient's."
                ),
            )
    first, past_gradients, kept_share, push = (
        torch.from_numpy(a) for a in (weights[0], gradients, rho, gamma)
    )
    rebuilt = from_past_gradients(first, past_gradients, kept_share, push, t).numpy()
    off = np.abs(rebuilt - weights[t]).max() / max(np.abs(weights[t]).max(), 1e-300)
    past = ""
    if t:
        weight = (
            f"**{mu.sum() / rho[t]:.2g}** times the newest (momentum 0.9: {reference.sum():.2g})"
        )
        past = f"The past gradients together weigh {weight}. "
    st.markdown(
        f"**At iteration {t:,}:** $\\rho$ = **{rho[t]:.3g}**, $\\gamma$ = **{gamma[t]:.3g}**, with"
        f" $\\eta$ = {step:.3g}. {past}Start and gradients, so weighted, add up to $w$ within"
        f" **{off:.0e}** of its size."
    )
    st.caption(
        r"Depth 2 with one hidden unit, $w = w_2 w_1$: a step is exactly $w^+ = w - \rho\,G -"
        r" \gamma\,w$, where "
        r"$\gamma = \eta\langle w_1, G\rangle / w_2$, $\rho = \eta w_2^2 - \eta^2 w_2 \langle w_1,"
        r" G\rangle$. As $w$ is itself a "
        r"sum of past gradients, $-\gamma w$ weighs these, which the paper calls momentum, by "
        r"$\mu(t,\tau) = -\gamma_t\,\rho_\tau\prod_{s=\tau+1}^{t-1}(1-\gamma_s)$."
    )


def network(reader: Reader) -> None:
    """How far the network strays from the rule, and from balancedness."""
    depth = max(1, round(reader.depth))
    experiment, _, (best,) = reader.tuned([Entry(depth, kind="rule")])
    step = reader.part(best)
    times, apart, drift = _against_network(
        experiment, depth, step, reader.state.values()["spread"], reader.upload
    )
    names = (("balanced start", BLUE, "solid"), ("unbalanced start", RED, "12px,4px"))
    panels = [
        Panel(
            "distance",
            [
                Reading(*look, np.where(apart[:, i] > ROUNDING, apart[:, i], 0))
                for i, look in enumerate(names)
            ],
        ),
        Panel(
            "imbalance",
            [
                Reading(*look, np.where(drift[:, i] > ROUNDING, drift[:, i], 0))
                for i, look in enumerate(names)
            ],
        ),
    ]
    alt = (
        "The distance between rule and network, and the imbalance of the layers, over the"
        " iterations."
    )
    reader.draw(stacked(panels, times, reader.cursor, 330), "network", alt)
    at = _nearest(times, reader.cursor)
    here = f"at iteration {times[at]:,}"
    head = [
        f"depth {depth}, η = {step:.3g}",
        f"distance {here}",
        f"imbalance {here}",
        "largest distance",
    ]
    rows = [
        [name, *map(_value, (apart[at, i], drift[at, i], np.nanmax(apart[:, i], initial=0)))]
        for i, (name, *_) in enumerate(names)
    ]
    _table(head, rows)
    st.caption(
        "Distance: $\\lVert W_\\mathrm{network} - W_\\mathrm{rule}\\rVert / \\lVert"
        " W_\\mathrm{rule}\\rVert$. Theorem 1 speaks of balanced layers and small steps: from a"
        " balanced start the distance shrinks with the step size, from an unbalanced one it need"
        " not. Imbalance: the largest $\\lVert W_{j+1}^\\top W_{j+1} - W_j W_j^\\top\\rVert$ over"
        " the largest $\\lVert W_j\\rVert^2$."
    )


def singular(reader: Reader) -> None:
    """Singular values over time, with their law."""
    instead: dict[str, Any] = {}
    if reader.outputs == 1:
        instead = {"k": 3} if reader.state.values()["problem"] == "synthetic" else THREE_OUTPUTS
        st.info(
            "With one output $W$ has one singular value, its norm; so this is the synthetic problem"
            " with 3 outputs.",
            icon=":material/info:",
        )
    depths = sorted({1, reader.depth})
    experiment, _, best = reader.tuned([Entry(depth, kind="rule") for depth in depths], **instead)
    steps = tuple(reader.part(step) for step in best)
    times, sigma, law = _singular(experiment, steps, reader.upload)
    kept = log_times(int(times[-1]), 60)
    curves = []
    for i, depth in enumerate(depths):
        for r in range(sigma.shape[2]):
            name, which = (
                f"depth {depth:g}",
                f"depth {depth:g}, σ{'₁₂₃₄₅₆₇₈₉'[r] if r < 9 else r + 1}",
            )
            curves.append(
                Reading(
                    name, depth_colour(depth), depth_dash(depth), sigma[kept, i, r], detail=which
                )
            )
            curves.append(
                Reading(
                    name, depth_colour(depth), "", law[kept, i, r], law=True, detail=f"{which}, law"
                )
            )
    panel = Panel("singular values of W", curves, log=False)
    reader.draw(
        stacked([panel], times[kept], reader.cursor, 370),
        "sigma",
        "Singular values of W over the iterations.",
    )
    at = min(reader.cursor, len(times) - 1)
    head = [f"iteration {at:,}", "step size η", "singular values", "law off by at most"]
    rows = [
        [
            f"depth {depth:g}",
            _value(steps[i]),
            ", ".join(map(_value, sigma[at, i])),
            _value(np.nanmax(np.abs(law[:, i] - sigma[:, i]))),
        ]
        for i, depth in enumerate(depths)
    ]
    _table(head, rows)
    st.caption(
        "Grey: the law $\\dot\\sigma_r = -N\\,\\sigma_r^{2-2/N}\\,u_r^\\top G v_r$, summed up along"
        " the run; it holds for small steps. The deeper, the longer small singular values wait:"
        " deep runs pass through low rank first."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A compact table; its words are this module's own."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    st.html(
        f"{_TABLE_STYLE}<div"
        f' class="readings"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _half_name(entry: Entry) -> str:
    kind = {"rule": "full", "scale": "scale only", "stretch": "stretch only"}[entry.kind]
    return (
        "depth 1" if entry.depth == 1 and entry.kind == "rule" else f"N = {entry.depth:g}, {kind}"
    )


def _value(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "diverged"


def _count(value: int) -> str:
    return f"{value:,}" if value >= 0 else "–"


def _nearest(times: np.ndarray, cursor: int) -> int:
    """Place of the recorded iteration closest to the cursor."""
    return int(np.abs(times - cursor).argmin())


def methods_at(experiment: Experiment, steps: Sequence[float]) -> list[Method]:
    """The methods of an experiment, each at its own step size."""
    return [
        replace(experiment.method(entry), step=step)
        for entry, step in zip(experiment.methods, steps, strict=True)
    ]


def _every_step(experiment: Experiment, problem: Problem, runs: int) -> np.ndarray:
    """The iterations of a reading that sums over all of them: as many as it may hold."""
    return np.arange(
        int(min(experiment.iterations, EVERY_STEP, RECORDED / (runs * problem.k * problem.d))) + 1
    )


cached = st.cache_data(max_entries=12, ttl=3600, show_spinner="Recording the run …")


@cached
def _losses(
    experiment: Experiment, steps: tuple[float, ...], _upload: Data | None
) -> tuple[np.ndarray, ...]:
    problem = experiment.build("cpu", _upload)
    run = follow(
        problem, methods_at(experiment, steps), log_times(experiment.iterations, PER_DECADE)
    )
    return run.times, problem.gap(run.losses)


@cached
def _rate_and_decay(
    experiment: Experiment, step: float, _upload: Data | None
) -> tuple[np.ndarray, ...]:
    problem = experiment.build("cpu", _upload)
    run = follow(
        problem, methods_at(experiment, [step]), _every_step(experiment, problem, 1), layers_of=[0]
    )
    weights, gradients = run.weights[:, 0, 0], run.gradients[:, 0, 0]
    rho, gamma = rate_and_decay(run.layers[0][:, 0, 0], run.layers[1][:, 0, 0, 0], gradients, step)
    finite = (weights.isfinite() & gradients.isfinite()).all(1) & rho.isfinite() & gamma.isfinite()
    length = int(finite.int().cumprod(0).sum())  # up to where the run diverged, if it did
    return tuple(readings[:length].numpy() for readings in (weights, gradients, rho, gamma))


@cached
def _against_network(
    experiment: Experiment, depth: int, step: float, spread: float, _upload: Data | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times (T,); relative gap and imbalance, (T, 2), for a balanced and an unbalanced start of the
    same seed."""
    problem = experiment.build("cpu", _upload)
    balanced = Method(depth=depth, step=step, scale=experiment.scale, seed=experiment.seed)
    unbalanced = replace(balanced, start="near-zero", scale=spread)
    networks = [balanced, unbalanced]
    methods = networks + [replace(m, kind="rule") for m in networks]
    run = follow(problem, methods, log_times(experiment.iterations, PER_DECADE), layers_of=[0, 1])
    apart = (run.weights[:, :2] - run.weights[:, 2:]).flatten(2).norm(dim=2) / run.weights[
        :, 2:
    ].flatten(2).norm(dim=2)
    drift = torch.stack(
        [imbalance([layer[t] for layer in run.layers]) for t in range(len(run.times))]
    )
    return run.times, apart.numpy(), torch.where(apart.isfinite(), drift, torch.nan).numpy()


@cached
def _singular(
    experiment: Experiment, steps: tuple[float, ...], _upload: Data | None
) -> tuple[np.ndarray, ...]:
    """Times (T,); singular values and what the law predicts, (T, R, q)."""
    problem = experiment.build("cpu", _upload)
    methods = methods_at(experiment, steps)
    run = follow(problem, methods, _every_step(experiment, problem, len(methods)))
    measured, predicted = [], []
    for i, method in enumerate(methods):
        sigma, rate = singular_values(
            torch.nan_to_num(run.weights[:, i]), torch.nan_to_num(run.gradients[:, i]), method.depth
        )
        finite = run.weights[:, i].isfinite().all(-1).all(-1)[:, None]
        measured.append(torch.where(finite, sigma, torch.nan))
        predicted.append(
            torch.where(finite, singular_value_law(sigma, rate, method.step), torch.nan)
        )
    return run.times, torch.stack(measured, 1).numpy(), torch.stack(predicted, 1).numpy()
