"""The paper's figures as numbers: `python -m overparam.reproduce`, beside what was reported.

Every preset of the race, one after the other: what the paper shows, what an independent replication
saw, and what is measured here.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from overparam.choices.problems import PROBLEMS
from overparam.choices.race import Experiment
from overparam.data import ethanol_is_cached
from overparam.serving.run import Run
from overparam.story.presets import ALWAYS_HERE, PAPER_DATA, PRESETS, Preset


def measure(preset: Preset, problem: str, long: bool, seed: int) -> tuple[Experiment, str, float]:
    """Run a preset to its end: the experiment, what was measured in words, and the seconds that it
    took."""
    experiment = Experiment.of(preset.values(problem, long) | {"seed": seed})
    run, start = Run(experiment), time.perf_counter()
    while not run.finished:
        run.advance(experiment.iterations, seconds=1.0)
    view = run.view(experiment.iterations)
    assert view is not None  # the run is finished
    words = preset.measure(experiment, view, run.comparison())
    return experiment, words, time.perf_counter() - start


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m overparam.reproduce", description="Runs the presets of the race."
    )
    parser.add_argument(
        "presets",
        nargs="*",
        metavar="preset",
        help=f"some of {', '.join(PRESETS)}; all without a name",
    )
    parser.add_argument("--full", action="store_true", help="the paper's full length: minutes each")
    parser.add_argument(
        "--seeds", type=int, default=1, help="start directions, each a run of its own (default 1)"
    )
    choices = parser.parse_args(arguments)
    if unknown := [name for name in choices.presets if name not in PRESETS]:
        parser.error(f"no preset is called {', '.join(unknown)}; there are {', '.join(PRESETS)}")
    problem = PAPER_DATA if ethanol_is_cached() else ALWAYS_HERE
    missing = (
        "" if problem == PAPER_DATA else "; the paper's own data are not here: the app fetches them"
    )
    print(f"Data: {PROBLEMS[problem].label}{missing}")
    for preset in (PRESETS[name] for name in choices.presets or PRESETS):
        print(f"\n{preset.title}")
        for label, text in (("paper", preset.paper), ("replication", preset.replication)):
            if text:
                print(f"  {label:12} {text}")
        for seed in range(choices.seeds):
            experiment, words, seconds = measure(preset, problem, choices.full, seed)
            print(
                f"  {'measured':12} {words} ({experiment.iterations:,} iterations, seed {seed},"
                f" {seconds:.0f} s)",
                flush=True,
            )


if __name__ == "__main__":
    main()
