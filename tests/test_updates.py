"""Forces read off real runs, in the cases whose regularizer is known: the answers come back, and so
do the known failures."""

from collections.abc import Generator

import numpy as np
import pytest

from overparam.data import load_diabetes
from overparam.measure.exact_force import exact_matrix
from overparam.measure.forces import Sample, endpoint_sample, update_sample
from overparam.measure.updates import RunError, Task, Way, noisy_gradient, random_targets, step_size
from overparam.theory.estimators import (
    Diagonal,
    Symmetric,
    fit,
    gradient_penalty,
    power,
    radial,
    ridge,
    share_left,
    signal,
)
from overparam.theory.field import field
from overparam.theory.known import momentum_penalty


def done(work: Generator):
    """The result of a computation that reports its progress."""
    shares = []
    while True:
        try:
            shares.append(next(work))
        except StopIteration as end:
            assert shares == sorted(shares) and 0 <= shares[0] and shares[-1] <= 1
            return end.value


@pytest.fixture(scope="module")
def tasks():
    data = load_diabetes()
    return {p: Task(data.inputs, data.targets[:, 0], p, 1 / 442) for p in (2, 3, 4)}


def left(sample: Sample, family, free_scale: bool = False) -> float:
    return share_left(sample.rest(sample.fit(family, free_scale)), sample.force).value


def interval(sample: Sample, family) -> tuple[np.ndarray, np.ndarray]:
    found = sample.fit(family).parameters
    return found.mean(0), found.std(0, ddof=1) / np.sqrt(len(found))


@pytest.mark.parametrize("p", [2, 3, 4])
@pytest.mark.parametrize("decay", [0.3, 0.01, 1e-4])
def test_weight_decay_is_recovered_from_one_run(tasks, p, decay):
    sample = done(update_sample(tasks[p], Way("decay", decay), 1, 1, seed=0))
    assert sample.fit(ridge()).parameters[0, 0] == pytest.approx(decay, rel=1e-9)
    assert left(sample, ridge()) < 1e-17
    np.testing.assert_allclose(
        sample.force[0], sample.exact, atol=1e-8 * np.abs(sample.exact).max()
    )


def test_weight_decay_in_128_dimensions():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(400, 128)) @ (rng.normal(size=(128, 128)) / 8)
    task = Task(inputs, inputs[:, 0] + rng.normal(size=400), 4, 1 / 400)
    sample = done(update_sample(task, Way("decay", 0.01), 1, 1, seed=0))
    assert sample.fit(ridge()).parameters[0, 0] == pytest.approx(0.01, rel=1e-9)


@pytest.mark.parametrize("q", [1.5, 3.0])
def test_the_exponent_of_a_penalty_is_found_on_a_grid(tasks, q):
    sample = done(update_sample(tasks[2], Way("decay", 0.05), 1, 1, seed=1))
    where = sample.points[0]
    force = 0.05 * np.sign(where.w) * np.abs(where.w) ** (q - 1)
    shares = {}
    for tried in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0):
        shares[tried] = share_left(
            force[None] - fit(power(tried), where, force[None]).force(where), force[None]
        ).value
    assert shares[q] < 1e-25 and min(share for tried, share in shares.items() if tried != q) > 0.01


def test_early_stopping_answers_nothing_to_the_first_question_and_a_matrix_to_the_second(tasks):
    way = Way("stop", 300)
    sample = done(update_sample(tasks[2], way, 3, 1, seed=0))
    assert np.linalg.norm(sample.force) < 1e-12 * np.linalg.norm(sample.points[0].gradient)
    ends = done(endpoint_sample(tasks[2], way, 10, 1, seed=0))
    assert share_left(ends.force - ends.exact, ends.force).value < 1e-20
    first = ends.of(ends.runs == 0)
    eta = step_size(tasks[2], way)
    assert first.fit(ridge()).parameters[0, 0] * eta * 300 == pytest.approx(
        0.17, abs=0.005
    )  # of the ceiling 1/(eta t)
    assert left(first, ridge()) == pytest.approx(0.77, abs=0.005)
    exact = exact_matrix(tasks[2], way, endpoint=True)
    np.testing.assert_allclose(
        ends.fit(Symmetric()).parameters[0], exact, atol=1e-10 * np.linalg.norm(exact)
    )
    assert (first.fit(Diagonal()).parameters < 0).any() and left(
        first, Diagonal()
    ) < 1e-20  # fits, and is no penalty


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5])
def test_dropout_is_a_ridge_at_p_2(tasks, rate):
    sample = done(update_sample(tasks[2], Way("dropout", rate), 1, 16, seed=0))
    mean, error = interval(sample, ridge())
    assert abs(mean[0] - rate / (1 - rate)) < 3 * error[0] and error[0] < 0.03 * mean[0]
    assert share_left(sample.rest(sample.fit(ridge())), sample.force).chance > 0.05
    assert (
        left(Sample(sample.points, sample.force[:1], None, sample.runs, sample.iterations), ridge())
        > 0.1
    )  # one draw: noise


def test_dropout_of_unequal_columns_is_diagonal(tasks):
    scaled = Task(tasks[2].inputs * np.geomspace(0.2, 2, 10), tasks[2].targets, 2, 1 / 442)
    sample = done(update_sample(scaled, Way("dropout", 0.2), 2, 24, seed=1))
    mean, error = interval(sample, Diagonal())
    exact = np.diag(exact_matrix(scaled, Way("dropout", 0.2)))
    np.testing.assert_allclose(exact, 0.25 * (scaled.inputs**2).mean(0))
    assert (np.abs(mean - exact) < 3.5 * error).all()


def test_dropout_at_p_4_is_a_gradient_but_no_ridge(tasks):
    sample = done(update_sample(tasks[4], Way("dropout", 0.5), 1, 16, seed=0))
    wrong = share_left(sample.rest(sample.fit(ridge())), sample.force)
    assert wrong.chance < 0.01 and wrong.value > wrong.band
    assert share_left(sample.force - sample.exact, sample.force).chance > 0.05


def test_dropout_to_the_end_is_a_ridge_at_p_2(tasks):
    sample = done(endpoint_sample(tasks[2], Way("dropout", 0.2), 1, 12, seed=0, iterations=300))
    mean, error = interval(sample, ridge())
    assert abs(mean[0] - 0.25) < 3.5 * error[0] and error[0] < 0.01
    assert len(sample.points) == 12  # every repeat ends at a point of its own


def test_label_noise_gives_nothing_at_p_2_and_a_multiple_of_least_squares_at_p_4(tasks):
    quiet = done(update_sample(tasks[2], Way("noise", 0.5), 1, 16, seed=0))
    assert signal(quiet.force) > 0.05
    sample = done(update_sample(tasks[4], Way("noise", 0.5), 2, 24, seed=0))
    assert signal(sample.force) < 0.01
    # the coefficient of the gradient of L_2, which is 3 sigma^2
    where = sample.points[0]
    column = tasks[2].loss.gradient(where.w)
    draws = (sample.force * column).sum((1, 2)) / (column**2).sum()
    assert abs(draws.mean() - 0.75) < 3 * draws.std(ddof=1) / np.sqrt(24) < 0.05
    assert share_left(sample.force - sample.exact, sample.force).chance > 0.05


@pytest.mark.parametrize("p", [2, 4])
def test_minibatches_with_replacement_add_no_force(tasks, p):
    samples = [
        done(update_sample(tasks[p], Way("batch", 32), 1, 8, seed, points=8)) for seed in range(60)
    ]
    assert not samples[0].exact.any()
    assert (
        np.mean([signal(sample.force) <= 0.05 for sample in samples]) <= 0.12
    )  # false alarms, nominal rate 1/20


def test_noise_is_drawn_for_every_point_and_does_not_depend_on_how_points_are_cut(
    tasks, monkeypatch
):
    w = np.random.default_rng(0).normal(size=(7, 10))
    for way in (Way("dropout", 0.3), Way("noise", 0.5), Way("batch", 8)):
        many = random_targets(tasks[4], 7, 0)
        mean = np.mean(
            [noisy_gradient(many, way, w, np.random.default_rng(s)) for s in range(400)], axis=0
        )
        spread = np.std(
            [noisy_gradient(many, way, w, np.random.default_rng(s)) for s in range(50)], axis=0
        )
        exact = many.loss.gradient(w)
        if way.kind == "batch":
            assert (np.abs(mean - exact) < 5 * spread / 20).all()
        monkeypatch.setattr("overparam.measure.updates.CHUNK", 10_000)
        again = np.mean(
            [noisy_gradient(many, way, w, np.random.default_rng(s)) for s in range(400)], axis=0
        )
        monkeypatch.undo()
        assert (np.abs(mean - again) < 7 * spread / 20).all()


@pytest.mark.parametrize(("pace", "ratio", "share"), [(0.1, 1.05, 1e-3), (0.5, 1.2, 0.03)])
def test_overdamped_momentum_is_a_quadratic_about_the_solution(tasks, pace, ratio, share):
    way = Way("momentum", 0.9, pace)
    sample = done(update_sample(tasks[2], way, 4, 1, seed=0))
    found = sample.fit(gradient_penalty()).parameters[0, 0]
    assert found / momentum_penalty(step_size(tasks[2], way), 0.9) == pytest.approx(ratio, abs=0.06)
    assert left(sample, gradient_penalty()) < share
    assert left(sample, Symmetric(linear=True)) < 1e-9
    assert share_left(sample.force - sample.exact, sample.force).value < 1e-9


@pytest.mark.parametrize("pace", [3, 30])
def test_momentum_beyond_its_limit_is_no_function_of_where_it_is(tasks, pace):
    sample = done(update_sample(tasks[2], Way("momentum", 0.9, pace), 4, 1, seed=0))
    assert left(sample, Symmetric(linear=True)) > 1e-6 and sample.exact is None


@pytest.mark.parametrize(("share_of_limit", "ratio"), [(0.5, 0.856), (0.1, 0.969), (0.01, 0.997)])
def test_a_step_against_the_flow_is_a_penalty_on_the_gradient(tasks, share_of_limit, ratio):
    way = Way("step", share_of_limit)
    sample = done(update_sample(tasks[2], way, 4, 1, seed=0))
    half = step_size(tasks[2], way) / 2
    assert sample.fit(gradient_penalty()).parameters[0, 0] / half == pytest.approx(ratio, abs=0.003)
    assert left(sample, Symmetric(linear=True)) < 1e-20
    assert share_left(sample.force - sample.exact, sample.force).value < 1e-12


def test_depth_is_no_gradient_that_the_families_know(tasks):
    for kind in ("rule", "network"):
        shares = []
        for depth in (1, 2, 3, 8):
            sample = done(
                update_sample(tasks[4], Way(kind, depth), 4, 1, seed=0, points=12, iterations=600)
            )
            here = sample.points[0]
            shares.append(left(sample, ridge(), free_scale=True))
            assert left(sample, radial(here), free_scale=True) <= shares[-1] + 1e-20
        assert shares[0] < 1e-20 and shares == sorted(shares) and 0.4 < shares[-1] < 0.8


def test_the_answer_depends_on_the_base(tasks):
    """Decay on each of N layers: N lambda W beyond F, and nothing of the kind beyond G."""
    gradient, eta, decay, depth = tasks[4].loss.gradient, 0.003, 0.01, 3
    w, ways = np.random.default_rng(0).normal(size=(1, 10)) * 0.1, []
    for _ in range(300):
        ways.append(w)
        w = w - eta * (field(gradient, depth, w) + depth * decay * w)
    w = np.concatenate([*ways, w])
    where = tasks[4].points(w[:-1])
    beyond_f = -np.diff(w, axis=0) / eta - field(gradient, depth, w[:-1])
    assert fit(ridge(), where, beyond_f[None]).parameters[0, 0] == pytest.approx(
        depth * decay, rel=1e-9
    )
    beyond_g = (-np.diff(w, axis=0) / eta - where.gradient)[None]
    assert share_left(beyond_g - fit(ridge(), where, beyond_g).force(where), beyond_g).value > 0.9


def test_a_run_that_diverges_is_said_in_one_sentence(tasks):
    with pytest.raises(RunError, match=r"^A run diverged[^.]*\.$"):
        done(update_sample(tasks[4], Way("noise", 1e3), 1, 2, seed=0))


def test_samples_are_cut_by_runs_and_reproducible(tasks):
    one, two = (done(update_sample(tasks[2], Way("dropout", 0.2), 3, 4, seed=5)) for _ in range(2))
    np.testing.assert_array_equal(one.force, two.force)
    part = one.of(one.runs == 1)
    assert part.force.shape == (4, (one.runs == 1).sum(), 10) and (part.runs == 1).all()
    np.testing.assert_array_equal(part.points[0].w, one.points[0].w[one.runs == 1])
