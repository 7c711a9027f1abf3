"""Who computes the run that the race shows, and how its curves reach the browser: workers and a
stream where the server has them, else this process and the script."""

from __future__ import annotations

from typing import Any

from streamlit.runtime.scriptrunner import get_script_run_ctx

from overparam.choices.race import Experiment
from overparam.data import Data
from overparam.serving.run import RUNS, Watched
from overparam.ui.components.live_chart import Feed
from overparam.ui.race.pace import REPORT_SHARE, report_seconds
from overparam.ui.shell.server import hall
from overparam.ui.shell.watch import ADDRESS


def streams() -> bool:
    """Whether browsers play by themselves."""
    return hall() is not None


def run_of(experiment: Experiment, upload: Data | None) -> Watched:
    """The run of an experiment, the same for everybody who chooses it."""
    rooms = hall()
    return RUNS.get(experiment, upload) if rooms is None else rooms.run(experiment, upload)


def known_run(experiment: Experiment) -> Watched | None:
    """The run of an experiment, if somebody has looked at it."""
    rooms = hall()
    return RUNS.find(experiment) if rooms is None else rooms.find(experiment)


def feed(
    experiment: Experiment, upload: Data | None, moving: dict[str, Any], worked: float
) -> Feed | None:
    """The stream of a run for this session's browser; None where there are none.

    Args: moving: the viewer's place, which notes the order. worked: seconds that a run of the
    script takes.
    """
    rooms, context = hall(), get_script_run_ctx()
    if rooms is None or context is None:
        return None
    key, number = rooms.offer(context.session_id, experiment, upload)
    moving["token"] = f"{key}.{moving['orders']}"
    return Feed(
        address=ADDRESS,
        key=key,
        run=number,
        limit=experiment.iterations,
        playing=moving["playing"],
        position=moving["position"],
        token=moving["token"],
        pace=report_seconds(rooms.waiting, worked),
        each=worked / REPORT_SHARE,
    )
