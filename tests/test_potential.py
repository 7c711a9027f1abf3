"""The best potential: against a sparse direct solve, reference shares, refinement, and fields whose
split is known."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

from overparam.theory.field import force
from overparam.theory.landscapes import Quadratic, linear, separable
from overparam.theory.potential import Edges, best_potential, shares, tuned_descent

FLAT = linear(np.array([1.3, 0.0]))
# Shares on [-1, 1]^2, constant gradient, all edges counted equally: 129 x 129 points, 257 x 257
# points, first-order limit.
REFERENCE = {
    3: (0.00347, 0.00342, 0.0034),
    4: (0.00924, 0.00912, 0.0090),
    6: (0.0189, 0.0186, 0.0183),
    10: (0.0297, 0.0293, 0.0288),
    50: (0.0465, 0.0458, 0.0451),
}
LAST_DIGIT = {3: 1e-5, 4: 1e-5, 6: 1e-4, 10: 1e-4, 50: 1e-4}  # one unit of the last digit given


def sparse_share(depth, points, boundary):
    """The share by a sparse direct solve; an edge on the boundary counts `boundary`."""
    edges = Edges.of(1.0, points)
    one, two = edges.sample(force(FLAT.gradient, depth))
    difference = sp.diags([-1.0, 1.0], [0, 1], shape=(points - 1, points))
    quotient = sp.vstack(
        [sp.kron(difference, sp.eye(points)), sp.kron(sp.eye(points), difference)]
    ).tocsc()
    line = np.ones(points)
    line[[0, -1]] = boundary
    weight = np.concatenate([np.tile(line, points - 1), np.repeat(line, points - 1)])
    samples = np.concatenate([one.ravel(), two.ravel()])
    normal, right = quotient.T @ sp.diags(weight) @ quotient, quotient.T @ (weight * samples)
    phi = np.concatenate(
        [[0.0], spsolve(normal.tocsc()[1:, 1:], right[1:])]
    )  # the constant is free: pin one node
    rest = samples - quotient @ phi
    h = edges.axis[1] - edges.axis[0]
    return (weight * rest**2).sum() / (weight * samples**2).sum(), (phi - phi.mean()).reshape(
        points, points
    ) * h


@pytest.mark.parametrize("depth", [3, 4, 6, 10, 50])
def test_reference_shares_where_all_edges_count_equally(depth):
    assert sparse_share(depth, 129, 1.0)[0] == pytest.approx(
        REFERENCE[depth][0], abs=LAST_DIGIT[depth]
    )


@pytest.mark.parametrize("depth", [3, 10])
def test_reference_shares_on_the_finer_grid(depth):
    assert sparse_share(depth, 257, 1.0)[0] == pytest.approx(
        REFERENCE[depth][1], abs=LAST_DIGIT[depth]
    )


@pytest.mark.parametrize("depth", [1.5, 3, 10])
def test_cosine_transform_solves_what_the_sparse_solver_solves(depth):
    share, phi = sparse_share(depth, 65, 0.5)
    found = best_potential(force(FLAT.gradient, depth), 1.0, 65)
    assert found.share == pytest.approx(share, rel=1e-9)
    np.testing.assert_allclose(found.values - found.values.mean(), phi, atol=1e-11)


def test_shares_converge_to_the_limits_under_refinement():
    depths = np.array(list(REFERENCE), dtype=float)
    limits = np.array([values[2] for values in REFERENCE.values()])
    coarse, middle, fine = (shares(FLAT, 1.0, depths, n) for n in (65, 129, 257))
    np.testing.assert_allclose(middle, limits, rtol=0.03)
    np.testing.assert_allclose(fine, limits, rtol=0.03)
    assert (np.abs(fine - middle) < 0.5 * np.abs(middle - coarse)).all()


def test_where_f_is_a_gradient_nothing_is_left():
    one, two = shares(FLAT, 1.0, np.array([1.0, 2.0]))
    assert one < 1e-25  # rounding
    assert (
        two < 1e-8
    )  # the potential ‖W‖⟨W, G⟩ is not smooth at 0: what is left is the grid's error, and shrinks
    assert shares(FLAT, 1.0, np.array([2.0]), 257)[0] < two / 8


def test_shares_do_not_depend_on_the_size_of_the_square_for_a_constant_gradient():
    depths = np.array([1.5, 4.0])
    np.testing.assert_allclose(
        shares(FLAT, 0.01, depths, 65), shares(FLAT, 7.0, depths, 65), rtol=1e-9
    )


def test_one_share_is_that_of_the_potential():
    loss = separable(np.array([2.0, 0.5]), 4.0)
    assert (
        shares(loss, 1.5, np.array([3.0]), 65)[0]
        == best_potential(force(loss.gradient, 3.0), 1.5, 65).share
    )


def test_a_gradient_is_recovered_and_a_rotation_is_left():
    def slope(z):  # of x^2 y + cos y
        return np.stack((2 * z[:, 0] * z[:, 1], z[:, 0] ** 2 - np.sin(z[:, 1])), axis=1)

    found = best_potential(slope, 1.5, 129)
    assert found.share < 1e-8
    x, y = np.meshgrid(found.axis, found.axis, indexing="ij")
    exact = x**2 * y + np.cos(y)
    np.testing.assert_allclose(found.values - found.values.mean(), exact - exact.mean(), atol=1e-4)
    z = np.array([[0.31, -0.72], [1.2, 1.49], [0.0, 0.0]])
    np.testing.assert_allclose(found.gradient()(z), slope(z), atol=2e-3)
    assert np.isnan(found.gradient()(np.array([[1.6, 0.0], [np.nan, 0.0]]))).all()

    # A stream function that vanishes on the boundary: its rotated gradient is orthogonal to every
    # gradient.
    def turned(z):
        (x, y), k = z.T, np.pi / 3
        return np.stack((-np.cos(k * x) * np.sin(k * y), np.sin(k * x) * np.cos(k * y)), axis=1)

    whirl = best_potential(turned, 1.5, 129)
    assert whirl.share == pytest.approx(1, abs=1e-6)
    middle = (whirl.axis[1:] + whirl.axis[:-1]) / 2
    cells = np.stack([g.ravel() for g in np.meshgrid(middle, middle, indexing="ij")], axis=1)
    rest = np.stack((whirl.along.ravel(), whirl.across.ravel()), axis=1)
    np.testing.assert_allclose(rest, turned(cells), atol=1e-3)


def test_a_field_that_is_zero_has_no_rest():
    assert best_potential(np.zeros_like, 1.0, 33).share == 0


@pytest.mark.parametrize(
    ("half_width", "points"), [(0.0, 129), (-1.0, 129), (float("nan"), 129), (1.0, 128), (1.0, 3)]
)
def test_bad_grids_are_refused(half_width, points):
    with pytest.raises(ValueError, match=r"half width|odd number of points"):
        best_potential(force(FLAT.gradient, 3), half_width, points)


def test_descent_on_a_bowl_takes_the_steps_that_its_eigenvalues_say():
    bowl = Quadratic(np.array([-1.0, 4.0]), np.diag([1.0, 4.0]))
    start = np.array([0.0, 0.0])
    found = tuned_descent(
        bowl.gradient, bowl, np.array([1.0, -1.0]), start, goals=(1e-2, 1e-8), steps_per_decade=64
    )
    # each coordinate shrinks by |1 - step * h| per iteration; gap = (h1 d1^2 + h2 d2^2) / (h1 + h2)
    steps = np.logspace(-3, 3, 6 * 64 + 1) / 4.0
    t = np.arange(501)[:, None]
    with np.errstate(over="ignore"):
        gap = ((1 - steps) ** (2 * t) + 4 * (1 - 4 * steps) ** (2 * t)) / 5
    for goal, arrival in zip((1e-2, 1e-8), found.arrivals, strict=True):
        assert arrival == min(int(np.flatnonzero(~(g <= goal))[-1]) + 1 for g in gap.T)
    np.testing.assert_allclose(found.path[-1], [1, -1], atol=1e-6)
    assert found.gap[0] == 1


def test_descent_says_where_it_never_arrives():
    bowl = Quadratic(np.array([-1.0, 0.0]), np.eye(2))
    start = np.array([0.5, 0.5])
    away = tuned_descent(lambda z: -bowl.gradient(z), bowl, np.array([1.0, 0.0]), start, horizon=50)
    assert away.arrivals == (None, None, None)
    assert np.nanmin(away.gap) == away.gap[0] == pytest.approx(0.5)
    lost = tuned_descent(
        lambda z: np.full_like(z, np.nan), bowl, np.array([1.0, 0.0]), start, horizon=50
    )
    assert lost.arrivals == (None, None, None) and np.isnan(lost.gap[1:]).all()


def test_where_f_is_a_gradient_descent_on_its_potential_is_descent_along_f():
    bowl = Quadratic(np.array([1.0, -0.3]), np.eye(2))
    least, start = np.array([-1.0, 0.3]), np.array([-0.3, 0.4])
    f = force(bowl.gradient, 2)
    runs = [
        tuned_descent(g, bowl, least, start) for g in (f, best_potential(f, 1.5, 257).gradient())
    ]
    assert runs[0].arrivals == runs[1].arrivals
    np.testing.assert_allclose(runs[0].path[-1], runs[1].path[-1], atol=1e-3)
