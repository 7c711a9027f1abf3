"""The network of the paper's last figure on images: `python -m overparam.last_figure`.

TensorFlow's MNIST tutorial, as the paper took it: two convolutions, a dense layer of 512 and one of
10, with dropout, momentum 0.9, and weight decay on the dense layers. Seven runs on the same batches
with the same dropped units: one matrix, the paper's two in succession, balanced factors of the same
function, with decay on the product, on the factors, and without. Printed are the penalty at the
start, and what becomes of penalty and fit. The step size stays what it is, the paper's falls.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from overparam.choices.beyond_linear import APART, EVERY
from overparam.data import DataError
from overparam.data.images import SOURCES, Images, load_images
from overparam.engine.convolution import paper
from overparam.engine.device import choose_device, prepare_thread
from overparam.engine.nonlinear import FactoredNetworks
from overparam.engine.recipe import Recipe
from overparam.measure.arrivals import arrivals

DECAY, DEVIATION, STEP = 5e-4, 0.1, 0.01  # as in the tutorial
GOALS, SMOOTH = (0.8, 0.7, 0.6), 40  # of the fit on a minibatch, averaged over so many


def recipes() -> list[Recipe]:
    """The seven runs, in the order of APART."""
    bare: dict[str, Any] = {"init": "truncated", "scale": DEVIATION, "step": STEP}
    return [
        Recipe(**bare | special, decay=DECAY if "penalty" in special else 0.0)
        for special in APART.values()
    ]


def measured(images: Images, iterations: int, batch: int, seed: int) -> Iterator[str]:
    """Train the seven runs together and say what became of each, a line each.

    Raises: ValueError where the batch is larger than the data.
    """
    prepare_thread()
    runs = recipes()
    device, note = choose_device(batch * 1e7 * len(runs))
    sim = FactoredNetworks(paper(), images.inputs, images.labels, runs, seed, batch, device=device)
    yield note
    penalties, fits = [sim.losses(batch)[1]], []
    for done in range(0, iterations, EVERY):
        fits.append(sim.advance(min(EVERY, iterations - done)))
        penalties.append(sim.losses(batch)[1])
    fit, penalty = np.concatenate(fits), np.array(penalties)
    width = min(SMOOTH, iterations)
    smooth = np.array([np.convolve(row, np.full(width, 1 / width), "valid") for row in fit.T]).T
    times = np.arange(width - 1, iterations)
    for i, name in enumerate(APART):
        reached = [arrivals(times, smooth[:, i], goal) for goal in GOALS]
        counts = [f"{count:.0f}" if np.isfinite(count) else "-" for count in reached]
        yield (
            f"{name:26} penalty {penalty[0, i]:7.3f} to {penalty[-1, i]:.3f};"
            f" fit, mean of the last {min(100, iterations)}: {fit[-100:, i].mean():.3f};"
            f" to {' / '.join(f'{goal:g}' for goal in GOALS)} after {' / '.join(counts)}"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m overparam.last_figure", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", choices=SOURCES, default="fashion", help="default: fashion")
    parser.add_argument("--iterations", type=int, default=400, help="default 400")
    parser.add_argument("--batch", type=int, default=64, help="images a step (default 64)")
    parser.add_argument("--seed", type=int, default=0, help="of start and order (default 0)")
    options = parser.parse_args(arguments)
    if options.iterations < 1:
        parser.error(f"the iterations must be 1 or more, not {options.iterations}")
    started = time.perf_counter()
    try:
        images = load_images(options.data)
        print(f"{images.citation}\n{len(images.labels):,} images", flush=True)
        for line in measured(images, options.iterations, options.batch, options.seed):
            print(line, flush=True)
    except (DataError, ValueError) as error:
        sys.exit(f"{parser.prog}: {error}")
    print(f"{options.iterations} iterations, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
