"""What the sessions of a load test got, and what the server needed for it."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Seen:
    """What one session got; times in seconds on one clock."""

    opened: float
    page: float | None = None  # the page was complete
    pressed: float | None = None
    frames: list[float] = field(default_factory=list)
    runs: set[str] = field(default_factory=set)
    reached: float = 0.0  # iteration
    complete: float | None = None  # all of the run is there
    finished: float | None = None  # and the page has said so
    errors: list[str] = field(default_factory=list)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed; nan if there is
    none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def jain(values: Sequence[float]) -> float:
    """Jain's fairness index, (sum x)^2 / (n sum x^2): 1 if all got the same, 1/n if one got
    everything."""
    squares = sum(x * x for x in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else math.nan


def memory_mb(pid: int | None) -> float:
    """Resident memory of a process in MB; nan without one."""
    if pid is None:
        return math.nan
    status = Path(f"/proc/{pid}/status").read_text()
    return next(
        int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")
    )


def cpu_seconds(pid: int | None) -> float:
    """Processor time that a process has used; nan without one."""
    if pid is None:
        return math.nan
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report(results: Sequence[Seen]) -> None:
    """Print what the sessions got."""
    pages = [s.page - s.opened for s in results if s.page is not None]
    print(
        f"page complete      {len(pages)} of {len(results)}, p50 {percentile(pages, 0.5):.2f} s, "
        f"p95 {percentile(pages, 0.95):.2f} s"
    )
    pressed = [s for s in results if s.pressed is not None]
    if pressed:
        first = [s.frames[0] - s.pressed for s in pressed if s.frames]
        rates = [
            (len(s.frames) - 1) / (s.frames[-1] - s.frames[0]) for s in pressed if len(s.frames) > 1
        ]
        there = [s.complete - s.pressed for s in pressed if s.complete is not None]
        done = [s.finished - s.pressed for s in pressed if s.finished is not None]
        runs = set().union(*(s.runs for s in pressed))
        print(
            f"first curve        {len(first)} of {len(pressed)}, p50 {percentile(first, 0.5):.2f}"
            f" s, "
            f"p95 {percentile(first, 0.95):.2f} s"
        )
        print(
            f"frames a second    p50 {percentile(rates, 0.5):.1f}, worst"
            f" {min(rates, default=math.nan):.1f}"
        )
        if there:
            print(
                f"curves complete    {len(there)} of {len(pressed)}, last after {max(there):.1f} s"
            )
        print(
            f"finished           {len(done)} of {len(pressed)}, last after"
            f" {max(done, default=math.nan):.1f} s"
        )
        print(f"distinct runs      {len(runs)}")
        print(
            f"Jain index         {jain([len(s.frames) for s in pressed]):.3f} over frames, "
            f"{jain([s.reached for s in pressed]):.3f} over iterations"
        )
    errors = [e for s in results for e in s.errors]
    print(
        f"errors             {len(errors)}"
        + "".join(f"\n    {errors.count(e)} x {e}" for e in sorted(set(errors)))
    )


class Watch:
    """Samples a process while the sessions are open: the most memory that it held."""

    def __init__(self, pid: int | None):
        self.pid, self.before, self.most = pid, memory_mb(pid), memory_mb(pid)
        self._cpu, self._began = cpu_seconds(pid), time.monotonic()

    async def sample(self) -> None:
        while self.pid is not None:
            self.most = max(self.most, memory_mb(self.pid))
            await asyncio.sleep(0.5)

    def report(self) -> None:
        if self.pid is not None:
            took, used = time.monotonic() - self._began, cpu_seconds(self.pid) - self._cpu
            print(
                f"server memory      {self.before:.1f} MB before, at most {self.most:.1f},"
                f" {memory_mb(self.pid):.1f} after"
            )
            print(f"server processor   {used:.1f} s in {took:.1f} s")
