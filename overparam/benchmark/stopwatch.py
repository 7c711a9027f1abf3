"""Times candidates in turn, many short slices each, and keeps the fastest slice of each: what it
takes when nothing else disturbs it. So the ratios of one line belong together even on a busy
machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

Stopwatch = Callable[[Mapping[str, Callable[[int], object]]], dict[str, float]]
SLICE = 4e-3  # seconds


def stopwatch(rounds: int, clock: Callable[[], float] = time.process_time) -> Stopwatch:
    """A function that times candidates `advance(n)`, n iterations in one call: seconds an
    iteration, the fastest of all rounds.

    With one thread the time that the process computes is the time that passes, less what other
    programs take: the default clock.
    """

    def measure(candidates: Mapping[str, Callable[[int], object]]) -> dict[str, float]:
        counts, best = {}, dict.fromkeys(candidates, float("inf"))
        for name, advance in candidates.items():
            advance(2)
            before = clock()
            advance(3)
            counts[name] = max(2, round(3 * SLICE / (clock() - before)))
        for _ in range(rounds):
            for name, advance in candidates.items():
                before = clock()
                advance(counts[name])
                best[name] = min(best[name], (clock() - before) / counts[name])
        return best

    return measure
