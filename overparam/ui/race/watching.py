"""Who computes the run that the race shows, and how its curves reach the browser: workers and a
stream where the server has them, else this process and the script."""

from __future__ import annotations

from typing import Any

from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.serving.run import RUNS, Watched
from overparam.ui.components.live_chart import Feed
from overparam.ui.shell.running import hall
from overparam.ui.shell.transport import session
from overparam.ui.shell.watch import ADDRESS

BEAT_SECONDS, BEAT_OF_EACH = 0.1, 0.003


def streams(moving: dict[str, Any]) -> bool:
    """Whether the browser plays by itself.

    Args: moving: the viewer's place.
    """
    return hall() is not None and not moving["unheard"]


def run_of(experiment: Experiment, upload: Data | None) -> Watched:
    """The run of an experiment, the same for everybody who chooses it."""
    rooms = hall()
    return RUNS.get(experiment, upload) if rooms is None else rooms.run(experiment, upload)


def known_run(experiment: Experiment) -> Watched | None:
    """The run of an experiment, if somebody has looked at it."""
    rooms = hall()
    return RUNS.find(experiment) if rooms is None else rooms.find(experiment)


def feed(experiment: Experiment, upload: Data | None, moving: dict[str, Any]) -> Feed | None:
    """The stream of a run for this session's browser; None where there are none.

    Args: moving: the viewer's place, which notes the order that the browser has.
    """
    rooms = hall()
    if rooms is None or moving["unheard"]:
        return None
    key, number = rooms.offer(session(), experiment, upload)
    moving["order"] = f"{key}.{moving['placed']}"
    return Feed(
        address=ADDRESS,
        key=key,
        run=number,
        limit=experiment.iterations,
        playing=moving["playing"],
        position=moving["position"],
        order=moving["order"],
    )


def beat_seconds() -> float:
    """How long a script that stands beside a playing browser sleeps before it looks again: 0.1 s,
    more where many viewers' scripts do."""
    rooms = hall()
    return max(BEAT_SECONDS, 0 if rooms is None else BEAT_OF_EACH * len(rooms.viewers))
