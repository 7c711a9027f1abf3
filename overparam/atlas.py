"""A map of where depth helps with many more cells than the page computes: `python -m
overparam.atlas LINK`.

LINK is copied from the page; `&columns=100&rows=60` behind it asks for as many cells. What is done
when Ctrl+C is pressed is kept, and the same call goes on from there. docs/atlas.md says more.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from overparam.choices.atlas import AtlasPlan
from overparam.choices.kinds import ChoiceError
from overparam.engine.device import cores
from overparam.serving.maps.atlas import Making, Pool, versions
from overparam.serving.maps.atlas_file import AtlasError, listed, read, write

SAVE_SECONDS = 30.0  # so much work at most is lost if the computer fails


def begin(plan: AtlasPlan, path: Path) -> Making:
    """A new atlas, or the one of the file where it is the same one and not finished.

    Raises: AtlasError where the file is of something else, or cannot be written.
    """
    known = read(path) if path.exists() else None
    if known is not None and known.plan != plan:
        raise AtlasError(
            f"{path} is an atlas of {known.plan.link or 'the default choices'}: name another file"
            " with --out, or delete this one."
        )
    if known is not None and known.versions != versions() and not known.complete:
        raise AtlasError(
            f"{path} was begun with other versions ({listed(known.versions)}; here"
            f" {listed(versions())}), and would mix them: name another file with --out, or delete"
            " this one."
        )
    making = Making(plan, known)
    if known is None:
        write(making.atlas(), path)  # better told now than after hours that it cannot be
    return making


def compute(making: Making, pool: Pool, path: Path) -> None:
    """Compute what is left, telling how far it is; whatever ends it, the file holds what is known.

    Raises: AtlasError.
    """
    began = saved = time.monotonic()
    at_first, every = making.decided, 0.5 if sys.stderr.isatty() else 10.0
    told = began - every  # the first block is told at once
    try:
        for decided in making.compute(pool):
            now = time.monotonic()
            if now - saved > SAVE_SECONDS:
                write(making.atlas(), path)
                saved = now
            if now - told > every and decided < making.trials:
                left = (now - began) / (decided - at_first) * (making.trials - decided)
                tell(f"{decided:,} of {making.trials:,} trials, at most {in_words(left)} left")
                told = now
    finally:
        write(making.atlas(), path)


def tell(words: str) -> None:
    """How far it is: in place on a screen, line by line in a file."""
    print(
        f"\r{words:78}" if sys.stderr.isatty() else words,
        end="" if sys.stderr.isatty() else "\n",
        file=sys.stderr,
        flush=True,
    )


def in_words(seconds: float) -> str:
    """A time span: 40 s, 12 min, 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m overparam.atlas",
        description="Computes a map of where depth helps, of many cells, into a file.",
    )
    parser.add_argument(
        "link",
        help="of the page Where depth helps, in quotes; &columns=100&rows=60 behind it for more"
        " cells",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=cores(),
        help="processes on this machine (default: the cores that it may use)",
    )
    parser.add_argument(
        "--dask", metavar="tcp://HOST:PORT", help="a Dask scheduler, whose workers compute instead"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("atlas.npz"), help="the file (default: atlas.npz)"
    )
    choices = parser.parse_args(arguments)
    if choices.workers < 1:
        parser.error("--workers must be 1 or more")
    try:
        making = begin(AtlasPlan.of_link(choices.link), choices.out)
        if making.decided < making.trials:
            with Pool(choices.workers, choices.dask) as pool:
                compute(making, pool, choices.out)
    except (ChoiceError, AtlasError) as error:
        print(f"\n{error}" if sys.stderr.isatty() else str(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f"\nStopped. {choices.out} keeps {making.decided:,} of {making.trials:,} trials: the"
            " same call goes on from there.",
            file=sys.stderr,
        )
        return 130
    cells = making.atlas().view.deep.shape
    print(f"{choices.out}: {cells[1]} x {cells[0]} cells, {making.trials:,} trials.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
