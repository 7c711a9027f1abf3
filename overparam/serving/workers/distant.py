"""A run that workers compute, as scripts of pages see it."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Sequence

from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.engine.turns import GATE
from overparam.measure.step_sizes import stable_step
from overparam.serving.course import Record
from overparam.serving.run import RunError, Watched


class Distant(Watched):
    """A run that workers compute, as scripts of pages see it: what is asked for is waited for.

    Args: ask: called with an iteration, from any thread, that is wanted now.
    """

    def __init__(self, experiment: Experiment, upload: Data | None, ask: Callable[[int], None]):
        super().__init__(experiment)
        self._upload, self._ask = upload, ask
        self._record: Record | None = None
        self._error, self._news = "", threading.Condition(self._data)
        self._stable: Sequence[float | None] | None = None

    @property
    def record(self) -> Record | None:
        return self._record

    def advance(self, until: int, seconds: float = 0.03) -> None:
        until, self.asked = min(until, self.experiment.iterations), time.monotonic()
        if self.computed >= until:
            return
        with self._news:
            self._ask(until)
            self._news.wait(seconds)
            error, self._error = self._error, ""  # whoever asks again may have better luck
        if error:
            raise RunError(error)

    def take(self, news: bytes, about: tuple[float, str]) -> None:
        """A worker's news."""
        told = pickle.loads(news)
        with self._news:
            self.pace, self.device_note = about
            if isinstance(told, Record):
                self._record = told
            elif self._record is not None:
                self._record.take(*told)
            self._news.notify_all()

    def fail(self, sentence: str) -> None:
        """The workers gave it up."""
        with self._news:
            self._error = sentence
            self._news.notify_all()

    def stable_steps(self) -> Sequence[float | None]:
        if self._stable is None:
            chosen = self.experiment
            with GATE:
                problem = chosen.build("cpu", self._upload)
                self._stable = [stable_step(problem, chosen.method(e)) for e in chosen.methods]
        return self._stable
