"""Runs of nonlinear networks that outlive the script that draws them, shared by all who look.

As with the race, nothing works in the background: whoever looks at a study asks it to advance a
little, through the fair gate, and reads what is new.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np

from overparam.choices.beyond_linear import EVERY, Study
from overparam.data.digits import load_digits
from overparam.data.images import Images, load_images
from overparam.engine.convolution import Convolutional, paper
from overparam.engine.dense import Dense
from overparam.engine.device import choose_device, no_memory, prepare_thread
from overparam.engine.network import Network
from overparam.engine.nonlinear import FactoredNetworks
from overparam.engine.turns import GATE
from overparam.serving.memory import Room
from overparam.serving.registry import Registry

MOST_SAMPLES = 2000  # images whose loss is looked at, where there are more
RANK_SHARE = 0.01  # of the largest singular value: what lies above counts for the rank


class TrainingError(RuntimeError):
    """A study that cannot go on; the message tells the person what happened and what to do."""


@dataclass(frozen=True)
class Curves:
    """A study as far as it is known: T looks, S seeds, R recipes.

    Attributes:
        times: (T,), iterations. fit: (T, S, R), the loss on the training images, NaN after a
            divergence. penalty: (T, S, R).
        squares, schatten: (T, S, R), sums of sigma^2 and of sigma^(2/N) over the singular values
            of all dense layers; rank: (T, S, R), how many of the first one's count. Empty (0, S, R)
            where spectra were not asked for.
        accuracy: (S, R) on the test images at the end; NaN before.
    """

    times: np.ndarray
    fit: np.ndarray
    penalty: np.ndarray
    squares: np.ndarray
    schatten: np.ndarray
    rank: np.ndarray
    accuracy: np.ndarray

    def until(self, iteration: int) -> Curves:
        """The same up to an iteration."""
        stop = int(np.searchsorted(self.times, iteration, side="right"))
        done = stop == len(self.times)
        return Curves(
            times=self.times[:stop],
            fit=self.fit[:stop],
            penalty=self.penalty[:stop],
            squares=self.squares[:stop],
            schatten=self.schatten[:stop],
            rank=self.rank[:stop],
            accuracy=self.accuracy if done else np.full_like(self.accuracy, np.nan),
        )


def images_of(study: Study) -> Images:
    """The images of a study; the network is not asked for them. Raises: DataError."""
    if study.data == "digits":
        return load_digits()
    return load_images(study.data, download=False)


def network_of(study: Study, side: int) -> Network:
    """The network of a study, for images of so many pixels along an edge."""
    if study.net == "dense":
        return Dense((side**2, study.hidden, 10), objective=study.loss)
    return Convolutional(side, objective=study.loss) if side < 28 else paper(study.loss)


class _Seed:
    """The runs of one seed, and what was read off them."""

    def __init__(self, runs: FactoredNetworks, study: Study):
        self.runs, self.study, self.alive = runs, study, np.arange(len(study.recipes))
        self.rows: list[list[np.ndarray]] = []  # of each look: fit, penalty and spectra
        self.accuracy = np.full(len(study.recipes), np.nan)
        self._depths = np.array([recipe.depth for recipe in study.recipes])

    def look(self) -> None:
        """Read the losses, and go on without what has diverged, at powers of two times EVERY.

        Not oftener: a product of another size may round differently, and the same study must give
        the same curves however its slices fall.
        """
        values = list(self.runs.losses(MOST_SAMPLES))
        if self.study.spectra:
            values += self._spectra()
        everywhere = [np.full(len(self.study.recipes), np.nan) for _ in values]
        for whole, value in zip(everywhere, values, strict=True):
            whole[self.alive] = value
        self.rows.append(everywhere)
        looks = self.runs.iteration // EVERY
        going = np.flatnonzero(self.runs.diverged_at < 0)
        if looks & (looks - 1) == 0 and 0 < len(going) < len(self.alive):
            self.runs.keep(going.tolist())
            self.alive = self.alive[going]

    def _spectra(self) -> list[np.ndarray]:
        layers, power = self.runs.singular_values(), 2 / self._depths[self.alive][:, None]
        first = layers[0]
        return [
            np.sum([(s**2).sum(1) for s in layers], 0),
            np.sum([(s**power).sum(1) for s in layers], 0),
            (first > RANK_SHARE * first[:, :1]).sum(1).astype(float),
        ]

    def end(self, images: Images) -> None:
        calm = self.runs.diverged_at < 0
        found = self.runs.accuracy(
            images.test_inputs[:MOST_SAMPLES], images.test_labels[:MOST_SAMPLES]
        )
        self.accuracy[self.alive] = np.where(calm, found, np.nan)


class Training:
    """One study being computed."""

    def __init__(self, study: Study):
        self.study, self.device_note = study, ""
        self.held, self.asked = 0, time.monotonic()  # numbers in memory; when somebody last looked
        self._work = threading.Lock()
        self._seeds: list[_Seed] = []
        self._pace = 0.02  # seconds an iteration of one seed, measured as it goes
        self._curves: Curves | None = None

    @property
    def computed(self) -> int:
        """The latest iteration at which all seeds were looked at; -1 before the first."""
        curves = self._curves
        return int(curves.times[-1]) if curves is not None else -1

    @property
    def finished(self) -> bool:
        return self.computed >= self.study.horizon

    def seconds_left(self) -> float:
        """To the end, estimated from the pace of the latest slice."""
        return self._pace * self.study.seeds * (self.study.horizon - max(0, self.computed))

    def advance(self, until: int, seconds: float = 0.03) -> None:
        """Compute for about so many seconds, to iteration `until` at most.

        While somebody else computes this very study, wait for them instead.
        Raises: DataError or TrainingError, each with one sentence for the person.
        """
        until, self.asked = min(until, self.study.horizon), time.monotonic()
        if self.computed >= until or not self._work.acquire(timeout=seconds):
            return
        try:
            with GATE:
                if self.computed < until:  # somebody else may have got there while this one waited
                    prepare_thread()
                    self._slice(until, seconds)
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, TrainingError):
                raise
            self._forget()
            if no_memory(error):
                raise TrainingError(
                    "No memory is left for these runs: choose fewer seeds, factors or step sizes."
                ) from error
            raise
        finally:
            if not self._seeds:
                self.held = 0
            self._work.release()

    def _slice(self, until: int, seconds: float) -> None:
        stop = time.perf_counter() + seconds
        if not self._seeds:
            self._begin()
        while self.computed < until and (left := stop - time.perf_counter()) > 0:
            seed = min(self._seeds, key=lambda each: each.runs.iteration)
            at = seed.runs.iteration
            due = min(EVERY - at % EVERY, self.study.horizon - at)
            before = time.perf_counter()
            count = int(np.clip(left / self._pace, 1, due))
            seed.runs.advance(count)
            self._pace = (time.perf_counter() - before) / count
            if count == due:
                seed.look()
                self._gather()
        if self.finished:
            images = images_of(self.study)
            for seed in self._seeds:
                seed.end(images)
            self._gather()
            self._seeds = []  # the curves are all that is needed from here on

    def _begin(self) -> None:
        study, images = self.study, images_of(self.study)
        network = network_of(study, images.side)
        batch = study.batch or len(images.labels)
        if batch > len(images.labels):
            raise TrainingError(
                f"There are only {len(images.labels)} images: choose a smaller batch."
            )
        parameters = sum(
            leaf.rows * leaf.columns + leaf.factored * min(leaf.rows, leaf.columns) ** 2 * 3
            for leaf in network.leaves
        )
        rows = study.seeds * len(study.recipes)
        if not ROOM.take(self, rows * 6 * parameters):
            raise TrainingError(
                "The server is busy with other large runs: try again in a minute, or choose fewer "
                "seeds, factors or step sizes."
            )
        work = 6.0 * batch * parameters * len(study.recipes)
        device, self.device_note = choose_device(work)
        made = [
            FactoredNetworks(
                network,
                images.inputs,
                images.labels,
                study.recipes,
                seed,
                study.batch,
                device=device,
            )
            for seed in range(study.seeds)
        ]
        self._seeds = [_Seed(runs, study) for runs in made]
        for seed in self._seeds:
            seed.look()
        self._gather()

    def _gather(self) -> None:
        looks = min(len(seed.rows) for seed in self._seeds)
        times = np.minimum(EVERY * np.arange(looks), self.study.horizon)
        kinds = range(5 if self.study.spectra else 2)
        fit, penalty, *spectra = (
            np.array([[seed.rows[t][kind] for seed in self._seeds] for t in range(looks)])
            for kind in kinds
        )
        squares, schatten, rank = spectra or [np.empty((0, *fit.shape[1:]))] * 3
        accuracy = np.array([seed.accuracy for seed in self._seeds])
        self._curves = Curves(times, fit, penalty, squares, schatten, rank, accuracy)

    def _forget(self) -> None:
        self._seeds, self._curves = [], None

    def let_go(self) -> None:
        """Forget what was computed, unless it is being computed just now."""
        if self._work.acquire(blocking=False):
            self._forget()
            self.held = 0
            self._work.release()

    def view(self, position: int) -> Curves | None:
        """The study up to an iteration; None before anything is known."""
        self.asked, curves = time.monotonic(), self._curves
        return None if curves is None or position < 0 else curves.until(position)


ROOM = Room(most=100_000_000)  # numbers of all studies being computed: 400 MB
TRAININGS: Registry[Training] = Registry(most=48, make=Training)
