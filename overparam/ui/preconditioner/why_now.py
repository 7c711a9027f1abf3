"""Why is depth fast now: gap, effective step, curvature, product and ellipse with one cursor in
time."""

from __future__ import annotations

import numpy as np
import streamlit as st

from overparam.choices.methods import Entry
from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.figures.readings import Panel, Reading
from overparam.figures.style import ZERO_AT, depth_colour, depth_dash
from overparam.figures.why_now import PLANE, why_now
from overparam.measure.curvature import STABILITY_LIMIT
from overparam.measure.trajectory import Stability, falls, follow, log_times, stability
from overparam.story.now_words import Moment, now
from overparam.ui.components.plot import Crossing, Cursor, Ellipse, plot
from overparam.ui.preconditioner.readings import PER_DECADE, Reader, cached, methods_at

TITLES = (
    "gap g",
    "effective step η‖W‖<sup>2−2/N</sup>",
    "curvature λ<sub>max</sub>(H)",
    f"product η λ<sub>max</sub>(P<sup>½</sup>HP<sup>½</sup>), stable below {STABILITY_LIMIT:g}",
)


def show(reader: Reader) -> None:
    """Draw the reading."""
    depths = sorted({1, reader.depth})
    experiment, _, steps = reader.tuned([Entry(depth, kind="rule") for depth in depths])
    times, gaps, read = _recorded(experiment, steps, reader.upload)
    names = [f"depth {depth:g}" for depth in depths]
    looks = [(depth_colour(depth), depth_dash(depth)) for depth in depths]
    readings = (gaps, read.effective, read.curvature, read.product)
    panels = [
        Panel(
            title,
            [
                Reading(name, *look, values[:, i])
                for i, (name, look) in enumerate(zip(names, looks, strict=True))
            ],
        )
        for title, values in zip(TITLES, readings, strict=True)
    ]
    marks = [
        Crossing(f"yaxis{place + 1 if place else ''}", name, look[0], _sent(values[:, i]))
        for place, values in enumerate(readings)
        for i, (name, look) in enumerate(zip(names, looks, strict=True))
    ]
    ellipses = [
        Ellipse(name, *look, _sent(read.longest[:, i]), _sent(read.shortest[:, i]))
        for i, (name, look) in enumerate(zip(names, looks, strict=True))
    ]
    slopes = falls(times, gaps)
    words = [
        now(
            int(t),
            [
                Moment(
                    depth,
                    gaps[place, i],
                    slopes[place, i],
                    read.longest[place, i],
                    read.shortest[place, i],
                    read.product[place, i],
                )
                for i, depth in enumerate(depths)
            ],
            reader.outputs == 1,
        )
        for place, t in enumerate(times)
    ]
    sides = ("along W", "across") if reader.outputs == 1 else ("longest", "shortest")
    plot(
        why_now(panels, times, STABILITY_LIMIT, sides, _reach(gaps, read.longest), 400),
        key=reader.state.key("edge"),
        alt=(
            "Gap, effective step, curvature and product over the iterations, and the ellipse that"
            " a step makes of all gradients of length 1."
        ),
        cursor=Cursor(
            times=times.tolist(),
            at=reader.cursor,
            zero=ZERO_AT,
            marks=marks,
            plane=PLANE,
            ellipses=ellipses,
            words=words,
            on_chosen=lambda t: reader.state.set(t=t),
        ),
    )
    sizes = ", ".join(f"{step:.3g} for {name}" for name, step in zip(names, steps, strict=True))
    st.caption(
        f"Move over the picture, drag, or press ← →. Best step sizes $\\eta$: {sizes}. $H$: Hessian"
        " of the loss in $W$. Where the curvature falls, as at $p > 2$, a step can grow in turn;"
        " one that outgrows it diverges late."
    )


def _reach(gaps: np.ndarray, longest: np.ndarray) -> float:
    """What holds every ellipse of a run that is better off than at its start."""
    sound = longest[np.isfinite(longest) & (gaps <= 1)]
    return 1.1 * float(max(sound.max(initial=0), np.nanmin(longest), np.finfo(float).tiny))


def _sent(values: np.ndarray) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


@cached
def _recorded(
    experiment: Experiment, steps: tuple[float, ...], _upload: Data | None
) -> tuple[np.ndarray, np.ndarray, Stability]:
    """Times (T,), gaps (T, R) and the readings there."""
    problem = experiment.build("cpu", _upload)
    methods = methods_at(experiment, steps)
    run = follow(problem, methods, log_times(experiment.iterations, PER_DECADE))
    read = stability(problem, run.weights, [m.depth for m in methods], [m.step for m in methods])
    return run.times, problem.gap(run.losses), read
