"""What readings along a run share. Each tunes its methods, records their way, and draws it with the
one cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from overparam.choices.methods import Entry
from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.engine.problem import Problem
from overparam.engine.simulation import Method
from overparam.figures.style import ZERO_AT
from overparam.serving.course import Tuned
from overparam.ui.components.plot import plot
from overparam.ui.preconditioner.step_shares import SHARES
from overparam.ui.shell.state import PageState

PER_DECADE = 24  # of the recorded iterations
EVERY_STEP = 2000  # iterations recorded one by one, at most, where a reading sums over all of them
RECORDED = 5e6  # numbers of such a recording, at most

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


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A compact table; its words are those of readings, never a person's."""
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    st.html(
        f"{_TABLE_STYLE}<div"
        f' class="readings"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def written(value: float) -> str:
    """A number in a table."""
    return f"{value:.3g}" if np.isfinite(value) else "diverged"


def nearest(times: np.ndarray, cursor: int) -> int:
    """Place of the recorded iteration closest to the cursor."""
    return int(np.abs(times - cursor).argmin())


def methods_at(experiment: Experiment, steps: Sequence[float]) -> list[Method]:
    """The methods of an experiment, each at its own step size."""
    return [
        replace(experiment.method(entry), step=step)
        for entry, step in zip(experiment.methods, steps, strict=True)
    ]


def every_step(experiment: Experiment, problem: Problem, runs: int) -> np.ndarray:
    """The iterations of a reading that sums over all of them: as many as it may hold."""
    return np.arange(
        int(min(experiment.iterations, EVERY_STEP, RECORDED / (runs * problem.k * problem.d))) + 1
    )


cached = st.cache_data(max_entries=12, ttl=3600, show_spinner="Recording the run …")
