"""Closed curves and integrals along them: closed forms, scipy's own quadrature, one sentence per
bad curve."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from overparam.theory.curves import (
    Arc,
    Segment,
    accumulate,
    distance_from_origin,
    ellipse,
    gamma,
    half_disc,
    integrate,
    polygon,
    simplified,
    trace,
)

CURVES = {
    "gamma": gamma(0.2, 1.0),
    "half disc": half_disc(1.3),
    "ellipse": ellipse((0.4, 1.0), (0.7, 0.3), 0.6),
    "triangle": polygon([(0.2, 0.1), (1.0, 0.4), (0.5, 1.5)]),
}


@given(power=st.floats(-0.5, 6), low=st.floats(0, 2), high=st.floats(2.5, 9))
@settings(max_examples=60, deadline=None)
def test_powers_are_integrated_within_the_stated_error(power, low, high):
    found = integrate(lambda t: (high - low) * (low + (high - low) * t) ** power)
    exact = (high ** (power + 1) - low ** (power + 1)) / (power + 1)
    assert abs(found.value - exact) <= found.error
    assert found.error <= 2e-11 * found.absolute or power < 0 or low == 0


@example(
    where=0.00411231615274832, power=0.5
)  # there the two rules agree by accident on the panel with the kink
@given(where=st.floats(0, 1), power=st.floats(0.5, 3))
@settings(max_examples=60, deadline=None)
def test_a_kink_is_found_by_bisection(where, power):
    found = integrate(lambda t: np.abs(t - where) ** power)
    exact = (where ** (power + 1) + (1 - where) ** (power + 1)) / (power + 1)
    assert abs(found.value - exact) <= found.error <= 1e-9 * exact


def test_agrees_with_quadpack_and_knows_when_it_gave_up():
    def wiggle(t):
        return np.exp(-3 * t) * np.sin(40 * t) ** 2

    found = integrate(wiggle)
    assert found.value == pytest.approx(quad(wiggle, 0, 1, epsabs=1e-13, limit=200)[0], abs=1e-12)

    def hard(t):  # more kinks than the panels allow
        return np.abs(np.sin(2000 * t))

    given_up = integrate(hard, most=30)
    exact = (
        636 * 2 + 1 - np.cos(2000 - 636 * np.pi)
    ) / 2000  # 636 full half waves and a part of the next
    assert abs(given_up.value - exact) <= given_up.error
    assert given_up.error > 1e-4


@given(st.lists(st.floats(0, 1), min_size=2, max_size=9, unique=True))
@settings(deadline=None)
def test_accumulated_integrals_are_differences_of_the_antiderivative(edges):
    edges = np.sort(edges)
    found = accumulate(lambda t: 3 * t**2 - np.sin(5 * t), edges)
    primitive = edges**3 + np.cos(5 * edges) / 5
    np.testing.assert_allclose(found, primitive - primitive[0], atol=1e-14)


points = st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), max_size=60)


@given(points, st.integers(3, 40), st.sampled_from([0.0, 1.0, 8.0]))
@settings(deadline=None)
def test_a_simplified_polygon_keeps_few_of_its_corners_in_their_order(corners, most, smallest):
    given_corners = np.array(corners, dtype=float).reshape(-1, 2)
    kept = simplified(given_corners, most, smallest)
    assert len(kept) <= max(most, 2)
    rest = iter(given_corners.tolist())
    assert all(corner in rest for corner in kept.tolist())  # a subsequence
    if len(kept) > 2:
        one, other = np.roll(kept, 1, axis=0) - kept, np.roll(kept, -1, axis=0) - kept
        assert np.abs(np.linalg.det(np.stack((one, other), axis=1))).min() / 2 >= smallest - 1e-9


def test_a_simplified_square_is_its_four_corners_and_a_stroke_there_and_back_is_no_polygon():
    sides = [np.linspace(a, b, 25)[:-1] for a, b in [((0, 0), (1, 0)), ((1, 0), (1, 1))]]
    square = np.concatenate([*sides, *(1 - side for side in sides)])
    np.testing.assert_allclose(
        simplified(square, 40, 1e-9), [[0, 0], [1, 0], [1, 1], [0, 1]], atol=1e-12
    )
    there = np.stack((np.linspace(0, 1, 30), np.linspace(0, 2, 30)), axis=1)
    assert len(simplified(np.concatenate((there, there[::-1])), 40, 1e-9)) < 3


def test_integral_of_nothing_is_zero():
    assert integrate(np.zeros_like).value == 0 and integrate(np.zeros_like).error == 0


@pytest.mark.parametrize("name", CURVES)
def test_curves_are_closed_counterclockwise_and_move_as_their_velocity_says(name):
    curve = CURVES[name]
    ends = [piece.point(np.array([0.0, 1.0])) for piece in curve]
    for end, start in zip(ends, ends[1:] + ends[:1], strict=True):
        np.testing.assert_allclose(end[1], start[0], atol=1e-14)
    t, h = np.linspace(0.1, 0.9, 9), 1e-6
    area = 0.0
    for piece in curve:
        difference = (piece.point(t + h) - piece.point(t - h)) / (2 * h)
        np.testing.assert_allclose(piece.velocity(t), difference, atol=1e-8)
        area += integrate(
            lambda t, p=piece: 0.5 * np.linalg.det(np.stack((p.point(t), p.velocity(t)), axis=1))
        ).value
    known = {
        "gamma": math.pi * (1 - 0.04) / 2,
        "half disc": math.pi * 1.69 / 2,
        "ellipse": math.pi * 0.21,
    }
    assert area == pytest.approx(
        known.get(name, 0.5 * np.linalg.det([[0.8, 0.3], [0.3, 1.4]])), rel=1e-12
    )


def test_distance_from_the_origin():
    assert distance_from_origin(ellipse((3.0, 0.0), (1.0, 1.0))) == pytest.approx(2, rel=1e-9)
    assert distance_from_origin(polygon([(1, -5), (1, 5), (9, 0)])) == pytest.approx(1, rel=1e-9)
    assert distance_from_origin((Arc((0.3, 0.4), (0.5, 0.5), 0.0, 2 * math.pi),)) == pytest.approx(
        0, abs=1e-9
    )


def test_a_traced_segment_ends_where_it_should():
    first, *_ = trace((Segment((0.0, 1.0), (2.0, 3.0)),))
    np.testing.assert_allclose(first, [[0, 1], [1, 2], [2, 3]])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: gamma(1.0, 1.0), "r must be smaller than R"),
        (lambda: gamma(2.0, 1.0), "r must be smaller than R"),
        (lambda: gamma(0.0, 1.0), "r must be above 0"),
        (lambda: gamma(-0.1, 1.0), "r must be above 0"),
        (lambda: gamma(float("nan"), 1.0), "r must be above 0"),
        (lambda: gamma(0.1, float("nan")), "r must be smaller than R"),
        (lambda: ellipse((0.0, 0.0), (0.0, 1.0)), "half axes"),
        (lambda: ellipse((0.6, 0.8), (1.0, 1.0)), "passes through the origin"),
        (lambda: polygon([(0, 0), (1, 0)]), "at least three corners"),
        (lambda: polygon([(1, 0), (1, 0), (0, 1)]), "coincide"),
        (lambda: polygon([(-1, -1), (2, 2), (0, 3)]), "passes through the origin"),
    ],
)
def test_one_sentence_for_each_bad_curve(make, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        make()
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")
