"""Prints every section."""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable, Iterator, Sequence

import torch
from threadpoolctl import threadpool_limits

from overparam.benchmark.gpu import gpu
from overparam.benchmark.maps import atlas, the_map
from overparam.benchmark.networks import nonlinear, own_network
from overparam.benchmark.pictures import pictures
from overparam.benchmark.race import race, widths
from overparam.benchmark.settings import settings
from overparam.benchmark.stopwatch import Stopwatch, stopwatch
from overparam.benchmark.tuning import tuning
from overparam.engine.device import prepare_thread

SECTIONS: tuple[Callable[[Stopwatch], Iterator[str]], ...] = (
    race,
    widths,
    nonlinear,
    own_network,
    tuning,
    the_map,
    atlas,
    settings,
    pictures,
    gpu,
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m overparam.benchmark", description="Times a step on this machine's CPU."
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        help="threads for each matrix product (default 1, as in the app)",
    )
    parser.add_argument(
        "--rounds", type=int, default=50, help="slices of 4 ms for each candidate (default 50)"
    )
    choices = parser.parse_args(arguments)
    prepare_thread()
    torch.set_num_threads(choices.threads)
    threadpool_limits(choices.threads, user_api="blas")
    clock, meaning = (
        (time.process_time, "CPU time")
        if choices.threads == 1
        else (time.perf_counter, "wall time")
    )
    print(
        f"{platform.processor() or platform.machine()}, torch {torch.__version__},"
        f" {choices.threads} thread(s), {meaning}"
    )
    for section in SECTIONS:
        print()
        for line in section(stopwatch(choices.rounds, clock)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
