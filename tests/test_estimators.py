"""Families of regularizers fitted to forces: against scipy, dense least squares and known
potentials; the unbiased share left."""

import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov

from overparam.theory.estimators import (
    Diagonal,
    Kernel,
    Points,
    Symmetric,
    fit,
    gradient_penalty,
    power,
    radial,
    ridge,
    share_left,
    signal,
)


def points(n: int = 30, d: int = 5, seed: int = 0) -> Points:
    rng = np.random.default_rng(seed)
    hessian = np.diag(np.linspace(1, 3, d))
    w = rng.normal(size=(n, d))
    gradient = w @ hessian + rng.normal(size=d)
    return Points(w, gradient, gradient @ hessian)


def dense(columns: np.ndarray, force: np.ndarray) -> np.ndarray:
    """Plain least squares on the columns written out, (n, d, parameters)."""
    return np.linalg.lstsq(columns.reshape(force.size, -1), force.ravel(), rcond=None)[0]


@pytest.mark.parametrize("q", [1.5, 2.0, 3.0])
def test_one_coefficient_is_recovered_and_agrees_with_least_squares(q):
    here = points()
    column = np.sign(here.w) * np.abs(here.w) ** (q - 1)
    found = fit(power(q), here, 0.07 * column[None])
    assert found.parameters[0, 0] == pytest.approx(0.07, rel=1e-14)
    noisy = 0.07 * column + np.random.default_rng(1).normal(size=here.w.shape)
    assert fit(power(q), here, noisy[None]).parameters[0, 0] == pytest.approx(
        dense(column[:, :, None], noisy)[0], rel=1e-12
    )
    assert fit(gradient_penalty(), here, 0.3 * here.bend[None]).parameters[0, 0] == pytest.approx(
        0.3, rel=1e-14
    )


def test_a_force_however_small_is_read_to_rounding():
    here = points()
    small = Points(
        1e-160 * here.w, here.gradient, here.bend
    )  # whose squares are no numbers any more
    assert fit(ridge(), small, 3.0 * small.w[None]).parameters[0, 0] == pytest.approx(
        3.0, rel=1e-14
    )


def test_the_diagonal_family_against_least_squares():
    here, force = points(), np.random.default_rng(2).normal(size=(2, 30, 5))
    columns = np.einsum("nj,jk->njk", here.w, np.eye(5))
    found = fit(Diagonal(), here, force).parameters
    for draw in range(2):
        np.testing.assert_allclose(found[draw], dense(columns, force[draw]), rtol=1e-12)
    still = Points(here.w * [1, 1, 0, 1, 1], here.gradient, here.bend)
    assert (fit(Diagonal(), still, force).parameters[:, 2] == 0).all()


@pytest.mark.parametrize("n", [3, 5, 40])
def test_the_symmetric_family_solves_the_lyapunov_equation(n):
    here, force = points(n), np.random.default_rng(3).normal(size=(1, n, 5))
    found = fit(Symmetric(), here, force).parameters[0]
    np.testing.assert_allclose(found, found.T, atol=1e-14)
    gram, side = here.w.T @ here.w, here.w.T @ force[0]
    np.testing.assert_allclose(
        gram @ found + found @ gram, side + side.T, atol=1e-11 * np.abs(side).max()
    )
    if n >= 5:  # else the equation leaves a part of Q open
        np.testing.assert_allclose(
            found, solve_continuous_lyapunov(gram, side + side.T), rtol=1e-9, atol=1e-11
        )
    # least squares over a basis of the symmetric matrices, written out: the same fitted force
    basis = [
        np.outer(a, b) + np.outer(b, a) for i, a in enumerate(np.eye(5)) for b in np.eye(5)[: i + 1]
    ]
    columns = np.stack([here.w @ q for q in basis], axis=2)
    fitted = columns @ dense(columns, force[0])
    np.testing.assert_allclose(fit(Symmetric(), here, force).force(here)[0], fitted, atol=1e-10)


def test_the_symmetric_family_in_128_dimensions_recovers_its_matrix():
    rng = np.random.default_rng(4)
    q = rng.normal(size=(128, 128))
    q += q.T
    w = rng.normal(size=(256, 128)) * np.geomspace(1, 1e-4, 128)
    here = Points(w, w, w)
    np.testing.assert_allclose(
        fit(Symmetric(), here, (w @ q)[None]).parameters[0], q, rtol=1e-8, atol=1e-8
    )


def test_a_radial_potential_is_recovered_at_the_knots():
    here = points(400, 3)
    family = radial(here)
    slope = np.linspace(-1, 2, family.knots.size) ** 2
    size = np.linalg.norm(here.w, axis=1, keepdims=True)
    force = np.interp(size, family.knots, slope) * here.w / size
    found = fit(family, here, force[None])
    np.testing.assert_allclose(found.parameters[0], slope, rtol=1e-9)
    beyond = Points(9 * here.w, here.gradient, here.bend)
    assert np.isfinite(found.force(beyond)).all()
    one = Points(here.w[:1], here.gradient[:1], here.bend[:1])
    assert np.isfinite(fit(radial(one), one, force[None, :1]).force(one)).all()


@pytest.mark.parametrize(
    "family", [ridge(), Diagonal(), Symmetric()], ids=lambda f: type(f).__name__
)
def test_a_free_scale_of_time_is_least_squares_on_one_more_column(family):
    here, force = points(), np.random.default_rng(5).normal(size=(1, 30, 5))
    units = {
        "OneTerm": lambda: [here.w],
        "Diagonal": lambda: [here.w * row for row in np.eye(5)],
        "Symmetric": lambda: [
            here.w @ (np.outer(a, b) + np.outer(b, a))
            for i, a in enumerate(np.eye(5))
            for b in np.eye(5)[: i + 1]
        ],
    }[type(family).__name__]()
    columns = np.stack([*units, here.gradient], axis=2)
    found = fit(family, here, force, free_scale=True)
    theta = dense(columns, force[0])
    np.testing.assert_allclose(found.force(here)[0], columns @ theta, atol=1e-11)
    assert found.scale[0] == pytest.approx(theta[-1], rel=1e-9)


def test_a_loss_of_the_family_itself_leaves_the_scale_at_zero():
    w = points().w
    here = Points(w, 2 * w, 2 * w)  # G itself is a ridge
    found = fit(ridge(), here, 5 * w[None], free_scale=True)
    assert found.scale[0] == 0 and found.parameters[0, 0] == pytest.approx(5)


@pytest.mark.parametrize("curl_free", [True, False])
def test_free_fields_interpolate_any_vectors_and_only_one_kind_has_no_curl(curl_free):
    rng = np.random.default_rng(6)
    here = points(20, 2)
    force = rng.normal(size=(1, 20, 2))  # no gradient of anything smooth on purpose
    family = Kernel(0.5, 1e-10, curl_free, here.w)
    found = fit(family, here, force)
    np.testing.assert_allclose(found.force(here), force, atol=1e-4)

    def at(w):
        return found.force(Points(w, w, w))[0]

    w, h = rng.normal(size=(15, 2)), 1e-5
    along, across = h * np.eye(2)
    by_x, by_y = ((at(w + move) - at(w - move)) / (2 * h) for move in (along, across))
    curl, scale = by_x[:, 1] - by_y[:, 0], np.abs(by_x).max()
    assert (np.abs(curl).max() < 1e-6 * scale) == curl_free


def test_the_curl_free_kernel_predicts_a_gradient_better_than_any_field_does():
    def field(w):
        return np.stack((np.sin(w[:, 0]) + w[:, 1], w[:, 0] + w[:, 1] ** 2), axis=1)

    square = np.random.default_rng(7).uniform(-1, 1, size=(240, 2))
    here, there = (Points(w, w, w) for w in np.split(square, [25]))
    left = {}
    for curl_free in (True, False):
        found = fit(Kernel(1.5, 1e-10, curl_free, here.w), here, field(here.w)[None])
        left[curl_free] = ((found.force(there)[0] - field(there.w)) ** 2).sum()
    assert left[True] < left[False] / 3


def test_a_free_field_with_too_many_unknowns_is_refused():
    many = points(600, 2)
    with pytest.raises(ValueError, match="1200 unknowns"):
        fit(Kernel(1.0, 1e-9, True, many.w), many, many.w[None])


def test_the_share_left_is_unbiased_where_that_of_one_draw_is_not():
    rng = np.random.default_rng(9)
    here, truth = points(), 0.5 * points().w
    unbiased, naive, chances = [], [], []
    for _ in range(200):
        force = truth + 2 * rng.normal(size=(6, 30, 5))
        rest = force - fit(ridge(), here, force).force(here)
        found = share_left(rest, force)
        unbiased.append(found.value)
        chances.append(found.chance)
        naive.append(share_left(rest[:1], force[:1]).value)
    assert abs(np.mean(unbiased)) < 3 * np.std(unbiased) / np.sqrt(200)
    assert min(naive) > 0.5
    assert (
        0.02 <= np.mean(np.array(chances) <= 0.05) <= 0.09
    )  # false alarms at their nominal rate of 1/20


def test_a_wrong_family_is_seen_through_the_noise():
    rng = np.random.default_rng(10)
    here = points()
    truth = (here.w * [3, 1, 1, -1, 0])[None]
    force = truth + 0.5 * rng.normal(size=(12, 30, 5))
    wrong = share_left(force - fit(ridge(), here, force).force(here), force)
    exact = share_left(truth - fit(ridge(), here, truth).force(here), truth)
    assert (
        wrong.chance < 0.01
        and abs(wrong.value - exact.value) < 4 * wrong.error
        and wrong.value > wrong.band
    )


def test_a_share_without_noise_without_repeats_and_without_force():
    here = points()
    force = here.w[None]
    assert share_left(0 * force, force).value == 0 and share_left(0 * force, force).chance == 1
    assert (
        share_left(0.1 * force, force).value == pytest.approx(0.01)
        and share_left(0.1 * force, force).chance == 0
    )
    assert share_left(0 * force, 0 * force).value == 0
    two = np.random.default_rng(0).normal(size=(2, 30, 5))
    assert share_left(two, two).error == np.inf and share_left(two, two).chance in (0.5, 1.0)
    assert signal(force) == 0 and signal(0 * force) == 1
    noise = np.random.default_rng(1).normal(size=(8, 30, 5))
    assert signal(noise) > 0.05 and signal(noise + 1) < 0.01


def test_the_error_of_a_share_is_the_jackknifes():
    rng = np.random.default_rng(4)
    force = rng.normal(size=(6, 10, 3)) + rng.normal(size=(10, 3))
    rest = force - force.mean(0)
    shares = [
        share_left(np.delete(rest, i, 0), np.delete(force, i, 0)).value for i in range(len(force))
    ]
    expected = np.sqrt((len(force) - 1) * np.var(shares))
    assert share_left(rest, force).error == pytest.approx(expected, rel=1e-9)
