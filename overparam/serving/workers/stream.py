"""Runs that many people watch at once: computed by workers, sent to everybody as the same few
bytes.

A `Live` is the record of a run. `delta(since)` is everything that a viewer lacks who has its frame
`since`, encoded once for all who stand there: in step everybody gets the same bytes, and whoever is
late or slow gets a larger delta instead of a queue. So the memory held for a viewer is bounded, and
nothing is dropped. Those who watch a run say how far they want it: a `Viewer`, who looks at a page,
and a `Room`, what a lecturer shows under a code.

A frame, little-endian:

    u8 curves M | u8 flags (1: finished, 2: step sizes are compared) | u16 run number | u32 samples
    K | u32 iteration | u32 start | M x float32 tips | float32 values of curve 0 from the start to
    K, of curve 1, ...

Sample j of a curve belongs to iteration `history.RECORDED[j]`, so no x is sent; the tip is the
value at `iteration`. Curves whose start is 0 replace what the viewer has; else they go on where the
viewer stands.
"""

from __future__ import annotations

import asyncio
import struct

import numpy as np

from overparam.data import Data
from overparam.measure.history import RECORDED
from overparam.serving.workers.distant import Distant

HEAD = struct.Struct("<BBHIII")
FINISHED, COMPARING = 1, 2
HOLD = -1


class Live:
    """A run as the server knows it, and as it is shared out.

    Args: passing: forgotten when nobody looks.
    """

    def __init__(
        self, key: str, upload: Data | None, number: int, run: Distant, passing: bool = False
    ):
        self.key, self.experiment, self.upload, self.number = key, run.experiment, upload, number
        self.run, self.passing = run, passing
        self.until, self.iteration, self.samples = HOLD, -1, 0
        self.finished, self.tuning, self.error = False, False, ""
        self.watchers: set[Watcher] = set()
        self.asked = HOLD  # by scripts
        self.expiry: asyncio.TimerHandle | None = None  # of that
        curves = len(self.experiment.methods)
        self._values = np.zeros((curves, len(RECORDED)), "<f4")
        self._tips = np.full(curves, np.nan, "<f4").tobytes()
        self.frame = 0
        self._lengths = [0]  # samples known at each frame
        self._replaced = 0  # the frame at which the curves became others
        self._encoded: dict[int, bytes] = {}

    @property
    def due(self) -> bool:
        return self.until > self.iteration

    def begin(self) -> tuple:
        return ("run", self.key, self.experiment, self.upload, self.until, self.iteration + 1)

    def go_on(self) -> tuple:
        return ("want", self.key, self.until)

    def take(
        self,
        iteration: int,
        samples: int,
        finished: bool,
        tuning: bool,
        start: int,
        piece: bytes,
        tips: bytes,
    ) -> None:
        """A worker's frame, as described in `worker`."""
        self.frame += 1
        if start == 0:
            self._replaced = self.frame
        curves = len(self._values)
        self._values[:, start:samples] = np.frombuffer(piece, "<f4").reshape(curves, -1)
        self.iteration, self.samples, self._tips = iteration, samples, tips
        self.finished, self.tuning = finished, tuning
        self._lengths.append(samples)
        self._encoded.clear()

    def delta(self, since: int) -> bytes:
        """What a viewer lacks who has frame `since`; 0: all."""
        if since not in self._encoded:
            start = 0 if self._replaced > since else self._lengths[since]
            flags = FINISHED * self.finished + COMPARING * self.tuning
            head = HEAD.pack(
                len(self._values),
                flags,
                self.number & 0xFFFF,
                self.samples,
                self.iteration,
                start,
            )
            values = np.ascontiguousarray(self._values[:, start : self.samples])
            self._encoded[since] = head + self._tips + values.tobytes()
        return self._encoded[since]


class Watcher:
    """Who watches a run, and how far they want it."""

    def __init__(self) -> None:
        self.live: Live | None = None
        self._news = asyncio.Event()

    @property
    def until(self) -> int:
        """The iteration up to which its run is wanted; HOLD: not at all."""
        raise NotImplementedError

    async def news(self) -> None:
        """Wait for the next change."""
        await self._news.wait()

    def wake(self) -> None:
        """There is something new."""
        self._news.set()
        self._news.clear()


class Viewer(Watcher):
    """Somebody who looks at a page of the app: at most one for each of its sessions."""

    def __init__(self, session: str):
        super().__init__()
        self.session, self.wants, self.replaced = session, HOLD, False
        self.chosen: Live | None = None  # the run of the key that it has
        self.place = "", 0  # which order to play it follows, and the iteration that it shows

    @property
    def until(self) -> int:
        return self.wants


class Room(Watcher):
    """What a lecturer shows under a code: a run, how far it is shown, and whether it goes on."""

    def __init__(self, code: str):
        super().__init__()
        self.code, self.position, self.playing, self.link = code, 0, False, ""
        self.said = -1, ""  # what followers are told of it, and of which version that is
        self.version = 0  # of what is described, not of the curves
        self.viewers = 0

    @property
    def until(self) -> int:
        if self.live is None or not self.viewers:
            return HOLD
        return self.live.experiment.iterations if self.playing else self.position
