"""The picture that plays: level curves by a closed form, frames that grow into axes which stand
still."""

import numpy as np
import pytest

from overparam.figures.paths import LEVELS, Path, level_curves, trajectories


@pytest.mark.parametrize("p", [2, 3, 4, 6.5])
def test_the_loss_is_constant_along_a_level_curve(p):
    target = np.array([10.0, 1.0])
    curves = level_curves(p, target, highest=500.0)
    assert len(curves) == LEVELS
    for i, curve in enumerate(curves):
        loss = (np.abs(curve - target) ** p).sum(axis=1) / p
        np.testing.assert_allclose(loss, 500.0 * 10 ** (-i / 2), rtol=1e-9)
        np.testing.assert_allclose(curve[0], curve[-1], atol=1e-9)


def path(name: str, count: int) -> Path:
    times = np.arange(count)
    weights = np.stack([10 * (1 - 0.5**times), 1 - 0.7**times], axis=1)
    return Path(name, "#123456", "solid", times, weights, 0.5**times)


def test_frames_show_every_path_up_to_their_iteration_and_the_last_one_all():
    paths = [path("short", 5), path("long", 40)]
    figure = trajectories(paths, ((-1, 11), (-0.1, 1.1)), 4, np.array([10.0, 1.0]), goal=1e-3)
    assert len(figure.frames) > 10
    for frame in figure.frames:
        t = int(frame.name)
        lengths = [len(part.x) for part in frame.data]
        assert lengths == [min(t, 4) + 1, min(t, 39) + 1] * 2
    assert int(figure.frames[-1].name) == 39
    moving = [figure.data[i] for i in figure.frames[0].traces]
    assert [trace.name for trace in moving] == ["short", "long"] * 2
    for axis in (
        figure.layout.xaxis,
        figure.layout.yaxis,
        figure.layout.xaxis2,
        figure.layout.yaxis2,
    ):
        assert axis.range is not None


def test_on_a_narrow_screen_the_losses_stand_below_the_map():
    layout = trajectories(
        [path("one", 5)], ((-1, 11), (-0.1, 1.1)), 4, np.array([10.0, 1.0]), goal=1e-3
    ).layout
    assert layout.xaxis.domain[1] < layout.xaxis2.domain[0]  # side by side where there is room
    slim = layout.meta["narrow"]["figure"]["layout"]
    assert slim["xaxis"]["domain"] == slim["xaxis2"]["domain"] == [0, 1]
    assert (
        slim["yaxis2"]["domain"][1] < slim["yaxis"]["domain"][0] and slim["height"] > layout.height
    )


def test_what_diverges_or_arrives_exactly_can_be_drawn():
    wild = Path(
        "wild",
        "#123456",
        "solid",
        np.arange(3),
        np.array([[0, 0], [1e60, 1], [-1e200, 1]]),
        np.array([1.0, 1e200, 0.0]),
    )
    figure = trajectories([wild], ((0, 1), (0, 1)), 2, np.array([1.0, 1.0]), goal=1e-3)
    for trace in figure.data:
        assert np.isfinite(np.asarray(trace.y, dtype=float)).all()
