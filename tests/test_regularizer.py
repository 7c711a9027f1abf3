"""Theorem 2 in numbers: circulation against its closed form, Stokes against the line, curl against
autograd."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from sklearn.datasets import load_diabetes

from overparam.theory.curves import ellipse, gamma, half_disc, polygon, trace
from overparam.theory.field import (
    circulation,
    closed_form,
    curl,
    field,
    force,
    hypotheses,
    known_potential,
    leading_term,
    observed_order,
    plane_through,
    remainder,
    slope_at_zero,
    stokes,
    verdict,
    work_along,
)
from overparam.theory.landscapes import Cone, Quadratic, linear, regression, separable
from overparam.theory.preconditioner import precondition

ETHANOL = Path(__file__).resolve().parents[1] / "../shared/data/gas_ethanol.npz"
DEPTHS = (1, 1.5, 2, 3, 4, 8, 10)
RNG = np.random.default_rng(11)
BOWL = np.array([[2.0, 0.6], [0.6, 0.5]])
PLANAR = {
    "linear": linear(np.array([1.3, 0.0])),
    "round": Quadratic(np.array([0.8, 0.0]), 0.8 * np.eye(2)),
    "anisotropic": Quadratic(np.array([1.3, 0.0]), BOWL),
    "p = 4": separable(np.array([3.0, 1.0]), 4.0),
    "p = 2.5": separable(np.array([3.0, 1.0]), 2.5),
}


def standardised_diabetes():
    x, y = load_diabetes(return_X_y=True)
    return (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("d", [2, 3, 128])
@pytest.mark.parametrize(("c", "r", "big_r"), [(1.3, 0.2, 1.0), (0.4, 1e-3, 2.5), (7.0, 0.9, 1.0)])
def test_circulation_of_a_constant_gradient_is_the_closed_form(depth, d, c, r, big_r):
    e, other = RNG.normal(size=(2, d))
    slope = c * e / np.linalg.norm(e)
    plane = plane_through(slope, None if d == 2 else other)
    total, pieces = circulation(force(linear(slope).gradient, depth, plane), gamma(r, big_r))
    exact = closed_form(depth, c, r, big_r)
    np.testing.assert_allclose([p.value for p in pieces], exact, rtol=0, atol=1e-9)
    assert total.value == pytest.approx(leading_term(depth, c, r, big_r), abs=1e-9)
    assert abs(total.value - exact.sum()) <= total.error <= 1e-9 * max(1.0, total.absolute)


@pytest.mark.parametrize(
    ("depth", "value"), [(1, 0), (2, 0), (3, 0.72548), (4, 1.53209), (8, 4.90426)]
)
def test_published_circulations(depth, value):
    total, _ = circulation(force(PLANAR["linear"].gradient, depth), gamma(0.2, 1.0))
    assert total.value == pytest.approx(value, abs=5e-6)


@pytest.mark.parametrize("depth", [1.5, 2, 3, 8])
def test_pieces_for_a_linear_gradient_and_a_total_that_does_not_see_the_hessian(depth):
    loss = PLANAR["anisotropic"]
    total, pieces = circulation(force(loss.gradient, depth), gamma(0.1, 1.5))
    np.testing.assert_allclose(
        [p.value for p in pieces], closed_form(depth, 1.3, 0.1, 1.5, along=2.0), atol=1e-9
    )
    assert total.value == pytest.approx(leading_term(depth, 1.3, 0.1, 1.5), abs=1e-9)


@given(
    depth=st.floats(1, 10),
    c=st.floats(0.01, 20),
    big_r=st.floats(0.05, 5),
    ratio=st.floats(1e-4, 0.99),
)
@settings(max_examples=60, deadline=None)
def test_the_error_estimate_holds(depth, c, big_r, ratio):
    total, pieces = circulation(
        force(linear(np.array([c, 0.0])).gradient, depth), gamma(ratio * big_r, big_r)
    )
    exact = closed_form(depth, c, ratio * big_r, big_r)
    assert abs(total.value - exact.sum()) <= total.error
    for piece, value in zip(pieces, exact, strict=True):
        assert abs(piece.value - value) <= piece.error


@pytest.mark.parametrize("name", PLANAR)
@pytest.mark.parametrize("depth", [1, 1.5, 2, 3, 10])
@pytest.mark.parametrize(
    "curve",
    [
        gamma(0.2, 1.0),
        half_disc(1.0),
        ellipse((0.5, 0.4), (0.3, 0.2), 0.7),
        ellipse((0.1, 0.2), (1.0, 0.7)),
        polygon(
            [(1.0, 0.2), (-0.3, 0.9), (-0.6, -0.8), (0.7, -0.4), (-0.9, 0.3)]
        ),  # crosses itself
    ],
    ids=["gamma", "half disc", "ellipse", "around 0", "star"],
)
def test_stokes_agrees_with_the_line_integral(name, depth, curve):
    loss = PLANAR[name]
    line, _ = circulation(force(loss.gradient, depth), curve)
    area = stokes(loss, depth, curve)
    assert abs(line.value - area.value) <= line.error + area.error
    assert line.error + area.error <= 1e-9 * max(1.0, line.absolute)


LOOP = polygon([(0.2, 0.1), (1.0, 0.4), (0.6, 1.2), (-0.7, 0.9)])


@pytest.mark.parametrize("curve", [LOOP, gamma(0.2, 1.0), ellipse((0.4, 1.0), (0.7, 0.3), 0.6)])
@pytest.mark.parametrize(
    ("depth", "loss"), [(1, PLANAR["p = 4"]), (2, PLANAR["round"]), (3, Cone(1.3, np.eye(2)[0]))]
)
def test_on_the_way_the_work_of_a_gradient_is_the_rise_of_its_potential(curve, depth, loss):
    way = work_along(force(loss.gradient, depth), curve, 100)
    _, potential = known_potential(loss, depth)
    heights = potential(way.points)
    np.testing.assert_allclose(way.work, heights - heights[0], atol=1e-9)
    assert way.share[0] == 0 and way.share[-1] == 1
    np.testing.assert_allclose(way.points[-1], way.points[0], atol=1e-12)


@pytest.mark.parametrize("name", PLANAR)
@pytest.mark.parametrize("curve", [LOOP, gamma(0.2, 1.0)])
def test_the_work_on_the_way_ends_at_the_circulation(name, curve):
    f = force(PLANAR[name].gradient, 3)
    total, pieces = circulation(f, curve)
    way = work_along(f, curve, 240)
    assert way.work[-1] == pytest.approx(total.value, abs=1e-9)
    corner = int(np.linalg.norm(way.points - trace(curve)[1][0], axis=1).argmin())
    assert way.work[corner] == pytest.approx(pieces[0].value, abs=1e-9)
    steps = np.diff(way.share)
    assert (steps > 0).all() and steps.max() < 1.5 / 240


def test_stokes_and_the_line_integral_agree_on_data_with_kinks():
    loss = regression(*standardised_diabetes(), 2.5)
    plane = plane_through(slope_at_zero(loss), loss.minimum())
    line, _ = circulation(force(loss.gradient, 3, plane), gamma(0.2, 1.0))
    area = stokes(loss.restricted(plane.basis), 3, gamma(0.2, 1.0))
    assert abs(line.value - area.value) <= line.error + area.error <= 1e-3 * abs(line.value)


@pytest.mark.parametrize("name", PLANAR)
@pytest.mark.parametrize("depth", DEPTHS)
def test_curl_is_the_one_that_autograd_finds(name, depth):
    loss = PLANAR[name]

    def torch_gradient(w):
        if isinstance(loss, Quadratic):
            return torch.from_numpy(loss.slope) + w @ torch.from_numpy(loss.hessian)
        r = w @ torch.from_numpy(loss.inputs.T) - torch.from_numpy(loss.targets)
        return (r.abs() ** (loss.p - 1) * r.sign()) @ torch.from_numpy(loss.inputs)

    def torch_field(w):
        g, norm = torch_gradient(w), w.norm()
        return norm ** (2 - 2 / depth) * (g + (depth - 1) * (w @ g) * w / norm**2)

    for z in RNG.normal(size=(5, 2)):
        point = torch.from_numpy(z)
        np.testing.assert_allclose(
            field(loss.gradient, depth, z[None])[0],
            torch_field(point).numpy(),
            rtol=1e-12,
            atol=1e-13,
        )
        jacobian = torch.autograd.functional.jacobian(torch_field, point).numpy()
        assert curl(loss, depth, z[None])[0] == pytest.approx(
            jacobian[1, 0] - jacobian[0, 1], rel=1e-9, abs=1e-10
        )


def test_at_depth_two_the_curl_is_minus_that_of_norm_times_hessian():
    z = RNG.normal(size=(20, 2))
    turned = z[:, 0] * (z @ BOWL)[:, 1] - z[:, 1] * (z @ BOWL)[:, 0]
    np.testing.assert_allclose(
        curl(PLANAR["anisotropic"], 2, z),
        -turned / np.linalg.norm(z, axis=1),
        rtol=1e-12,
        atol=1e-13,
    )


def test_depth_two_and_an_anisotropic_bowl_escape_gamma_but_not_another_circle():
    loss = PLANAR["anisotropic"]
    on_gamma, _ = circulation(force(loss.gradient, 2), gamma(0.2, 1.0))
    assert abs(on_gamma.value) <= on_gamma.error and verdict(on_gamma).startswith(
        "No contradiction on this curve"
    )
    elsewhere, _ = circulation(force(loss.gradient, 2), ellipse((0.6, 0.6), (0.3, 0.3)))
    assert abs(elsewhere.value) > 1e6 * elsewhere.error and verdict(elsewhere).startswith(
        "Not a gradient"
    )


GRADIENTS = [
    ("N = 1", PLANAR["p = 4"], 1),
    ("N = 2, linear", linear(np.array([0.5, -1.2])), 2),
    ("N = 2, round bowl", PLANAR["round"], 2),
    ("bowl at 0", Quadratic(np.zeros(2), 1.4 * np.eye(2)), 3.7),
    ("cone", Cone(1.3, np.array([1.0, 0.0])), 5),
]


@pytest.mark.parametrize(
    ("loss", "depth"), [case[1:] for case in GRADIENTS], ids=[case[0] for case in GRADIENTS]
)
def test_where_a_hypothesis_fails_f_can_be_a_gradient(loss, depth):
    formula, potential = known_potential(loss, depth)
    z, h = RNG.normal(size=(30, 2)), 1e-5
    steps = h * np.eye(2)
    slopes = np.stack([(potential(z + s) - potential(z - s)) / (2 * h) for s in steps], axis=1)
    np.testing.assert_allclose(slopes, field(loss.gradient, depth, z), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(curl(loss, depth, z), 0, atol=1e-10)
    assert formula
    assert not all(h.holds for h in hypotheses(loss, depth))


def test_the_potential_at_depth_two_is_norm_times_slope_and_differentiates_to_f():
    slope = np.array([0.5, -1.2])
    formula, potential = known_potential(linear(slope), 2)
    assert formula == r"\|W\|\langle W, G(0)\rangle"
    z = RNG.normal(size=(8, 2))
    np.testing.assert_allclose(potential(z), np.linalg.norm(z, axis=1) * (z @ slope), rtol=1e-14)
    points = torch.from_numpy(z).requires_grad_()
    (points.norm(dim=1) * (points @ torch.from_numpy(slope))).sum().backward()
    np.testing.assert_allclose(
        points.grad.numpy(), field(linear(slope).gradient, 2, z), rtol=1e-12, atol=1e-14
    )


@pytest.mark.parametrize(
    ("loss", "depth"),
    [(PLANAR["linear"], 3), (PLANAR["anisotropic"], 2), (PLANAR["p = 4"], 2), (PLANAR["round"], 3)],
)
def test_where_no_potential_is_known_there_is_none(loss, depth):
    assert known_potential(loss, depth) is None
    assert np.abs(curl(loss, depth, RNG.normal(size=(30, 2)))).max() > 0.01


def test_f_at_the_origin():
    origin = np.zeros((1, 2))
    np.testing.assert_array_equal(field(PLANAR["linear"].gradient, 2.5, origin), [[0, 0]])
    np.testing.assert_array_equal(field(PLANAR["linear"].gradient, 1, origin), [[1.3, 0]])


@pytest.mark.parametrize("p", [2.0, 2.5, 4.0])
def test_real_data_in_ten_dimensions_through_the_same_code(p):
    _compare_with_scipy(*standardised_diabetes(), p)


@pytest.mark.skipif(not ETHANOL.exists(), reason="the Ethanol data set is not here")
@pytest.mark.parametrize("p", [2.0, 4.0])
def test_real_data_in_128_dimensions_through_the_same_code(p):
    with np.load(ETHANOL) as data:
        x, y = data["X"].astype(float), data["y"].astype(float).ravel()
    x, y = (x - x.mean(0)) / x.std(0), (y - y.mean()) / y.std()
    assert x.shape == (2565, 128)
    _compare_with_scipy(x, y, p)


def _compare_with_scipy(x, y, p):
    """The d-dimensional line integral equals that of the restricted loss, and its arc scipy's quad
    of F written out."""
    loss = regression(x, y, p)
    plane = plane_through(slope_at_zero(loss), x[0])
    curve, depth = gamma(0.1, 0.5), 3
    full, pieces = circulation(force(loss.gradient, depth, plane), curve)
    flat, _ = circulation(force(loss.restricted(plane.basis).gradient, depth), curve)
    assert abs(full.value - flat.value) <= full.error + flat.error

    def outer_arc(angle):
        u, v = plane.basis
        w, turn = (
            0.5 * (np.cos(angle) * u + np.sin(angle) * v),
            0.5 * (np.cos(angle) * v - np.sin(angle) * u),
        )
        r = x @ w - y
        g = x.T @ (np.abs(r) ** (p - 1) * np.sign(r)) / len(y)
        return 0.5 ** (2 - 2 / depth) * (g + (depth - 1) * (g @ w) * w / (w @ w)) @ turn

    expected, tolerance = quad(outer_arc, 0, np.pi, epsabs=1e-7, epsrel=1e-7, limit=400)
    assert abs(pieces[3].value - expected) <= pieces[3].error + tolerance
    assert verdict(full).startswith("Not a gradient")


@pytest.mark.parametrize("depth", [1.5, 3, 4])
def test_the_remainder_is_of_higher_order_than_the_theorem_needs(depth):
    loss = separable(np.array([3.0, 1.0]), 4.0)
    flat = loss.restricted(plane_through(slope_at_zero(loss)).basis)
    radii = np.geomspace(1e-3, 0.3, 9)
    rest = [remainder(flat, depth, r / 5, r) for r in radii]
    # first-order terms of G cancel on a half ring by symmetry, second-order ones do not: R^{a+2}, a
    # = 3 - 2/N
    assert observed_order(radii, rest) == pytest.approx(3 - 2 / depth + 2, abs=0.02)
    c = np.linalg.norm(slope_at_zero(loss))
    whole, _ = circulation(force(flat.gradient, depth), gamma(0.06, 0.3))
    assert whole.value - leading_term(depth, c, 0.06, 0.3) == pytest.approx(
        rest[-1].value, abs=1e-9
    )


def test_no_order_where_the_remainder_is_rounding():
    radii = np.geomspace(1e-3, 1, 7)
    assert (
        observed_order(radii, [remainder(PLANAR["anisotropic"], 3, r / 5, r) for r in radii])
        is None
    )


@pytest.mark.parametrize("depth", [1.5, 3, 8])
def test_the_limit_r_to_zero_is_reached_like_r_to_the_a(depth):
    f = force(PLANAR["p = 4"].gradient, depth)
    limit = circulation(f, half_disc(1.0))[0].value
    gaps = [abs(circulation(f, gamma(r, 1.0))[0].value - limit) for r in (1e-2, 1e-3)]
    assert np.log10(gaps[0] / gaps[1]) == pytest.approx(3 - 2 / depth, abs=0.05)


def test_hypotheses_say_what_holds():
    assert [h.holds for h in hypotheses(PLANAR["linear"], 3)] == [True, True, True]
    assert [h.holds for h in hypotheses(PLANAR["linear"], 2)] == [True, True, False]
    assert [h.holds for h in hypotheses(Quadratic(np.zeros(2), BOWL), 3)] == [True, False, True]
    assert [h.holds for h in hypotheses(Cone(1.0, np.array([1.0, 0.0])), 3)] == [False, True, True]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: plane_through(np.zeros(3)), r"G\(0\) = 0"),
        (lambda: plane_through(np.ones(3)), "second direction"),
        (lambda: plane_through(np.ones(3), -2 * np.ones(3)), "parallel"),
        (lambda: field(PLANAR["linear"].gradient, 0.5, np.ones((1, 2))), "Depth must be 1 or more"),
    ],
)
def test_one_sentence_for_each_bad_input(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_rounding_in_the_slope_at_zero_counts_as_zero():
    x = RNG.normal(size=(50, 3))
    y = RNG.normal(size=50)
    y -= x @ np.linalg.lstsq(x, y, rcond=None)[0]  # the best weights are 0
    assert not slope_at_zero(regression(x, y, 2)).any()
    with pytest.raises(ValueError, match=r"G\(0\) = 0"):
        plane_through(slope_at_zero(regression(x, y, 2)), x[0])


@pytest.mark.parametrize("depth", [1, 1.5, 2, 7])
def test_the_field_is_the_preconditioner_of_claim_2(depth):
    w, slope = RNG.normal(size=(2, 40, 6))
    w[0] = 0
    rows = (torch.from_numpy(each)[:, None] for each in (w, slope))
    expected = precondition(*rows, depth)[:, 0].numpy()
    np.testing.assert_allclose(field(lambda _: slope, depth, w), expected, rtol=1e-13, atol=1e-15)
