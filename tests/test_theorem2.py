"""The choices of the page on Theorem 2: corners of a polygon, examples, and the loss and plane they
describe."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overparam.choices.kinds import ChoiceError, read_choices, write_choices
from overparam.choices.theorem import (
    CHOICES,
    DATA,
    DEFAULTS,
    EXAMPLES,
    case,
    corners,
    drawn_corners,
    matching_example,
    own_curve,
    points,
)
from overparam.theory.curves import trace
from overparam.theory.field import slope_at_zero

RNG = np.random.default_rng(5)
X, Y = RNG.normal(size=(60, 4)), RNG.normal(size=60)
coordinates = st.floats(-100, 100, allow_nan=False)


@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=40))
def test_corners_read_back(wanted):
    text = corners("; ".join(f"{x!r},{y!r}" for x, y in wanted))
    np.testing.assert_allclose(points(text), wanted, rtol=1e-5, atol=1e-300)
    assert corners(text) == text


pixels = st.floats(-1.1, 1.1)


@given(st.lists(st.tuples(pixels, pixels), max_size=120), st.sampled_from([0.05, 1.0, 4.0]))
@settings(deadline=None)
def test_a_drawn_loop_fits_the_box_and_the_link(stroke, half_width):
    drawn = [(half_width * x, half_width * y) for x, y in stroke]
    text = drawn_corners(drawn, half_width)
    assert corners(text) == text and len(text) <= 15 * 40
    assert all(
        min(np.hypot(x - u, y - v) for u, v in drawn) <= half_width / 100 for x, y in points(text)
    )


@given(st.text(max_size=60))
def test_any_text_gives_corners_or_one_sentence(text):
    try:
        found = points(text)
    except ChoiceError as error:
        assert "\n" not in str(error) and str(error).endswith(".")
    else:
        assert all(abs(v) <= 100 for corner in found for v in corner)


@pytest.mark.parametrize(
    "text",
    ["1,2; 3", "1,2,3; 4,5,6", "a,b; c,d; e,f", "1,nan; 2,2; 3,3", "1e9,0; 0,1; 1,1", "0,1;" * 41],
)
def test_bad_corners_are_refused(text):
    with pytest.raises(ChoiceError):
        points(text)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.label)
def test_examples_are_legal_survive_the_url_and_are_recognised(example):
    values = DEFAULTS | dict(example.values)
    again, sentences = read_choices(CHOICES, write_choices(CHOICES, values))
    assert (again, sentences) == (values, [])
    assert matching_example(values) is example
    assert matching_example(values | {"N": 7.77}) is None


@pytest.mark.parametrize("kind", ["linear", "quadratic", "lp", "cone", *DATA])
def test_the_plane_holds_the_gradient_at_zero_as_its_first_direction(kind):
    found = case(DEFAULTS | {"loss": kind}, X, Y)
    np.testing.assert_allclose(found.plane.basis @ found.plane.basis.T, np.eye(2), atol=1e-14)
    np.testing.assert_allclose(
        found.c * found.plane.basis[0], slope_at_zero(found.loss), atol=1e-13
    )
    np.testing.assert_allclose(found.flat.gradient(np.zeros((1, 2))), [[found.c, 0]], atol=1e-13)


def test_second_directions_of_the_plane():
    values = DEFAULTS | {"loss": "diabetes", "p": 2.0}
    least = np.linalg.lstsq(X, Y, rcond=None)[0]
    plane = case(values, X, Y).plane
    np.testing.assert_allclose(plane.embed(plane.project(least[None]))[0], least, rtol=1e-10)
    steep = np.linalg.eigh(X.T @ X)[1][:, -1]
    plane = case(values | {"across": "steep"}, X, Y).plane
    np.testing.assert_allclose(plane.embed(plane.project(steep[None]))[0], steep, atol=1e-12)
    one, two = (case(values | {"across": "random"}, X, Y).plane.basis for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_the_quadratic_has_the_curvatures_and_the_angle_chosen():
    loss = case(DEFAULTS | {"loss": "quadratic", "h1": 3.0, "h2": 0.5, "turn": 30.0}).loss
    direction = np.array([np.cos(np.pi / 6), np.sin(np.pi / 6)])
    np.testing.assert_allclose(loss.hessian @ direction, 3.0 * direction, atol=1e-14)
    np.testing.assert_allclose(np.linalg.eigvalsh(loss.hessian), [0.5, 3.0], rtol=1e-14)


def test_data_that_span_no_plane_are_refused_in_one_sentence():
    values = DEFAULTS | {"loss": "csv"}
    with pytest.raises(ValueError, match="one input only"):
        case(values, X[:, :1], Y)
    with pytest.raises(ValueError, match="no unique minimum"):
        case(values, X[:, [0, 1, 1]], Y)
    with pytest.raises(
        ValueError, match="parallel"
    ):  # one target direction only: G(0) points at the minimum
        case(values | {"p": 2.0}, np.repeat(np.eye(3), 2, axis=0), np.repeat([1.0, 2.0, 3.0], 2))


def test_curves_of_ones_own():
    (ring,) = trace(
        own_curve(DEFAULTS | {"curve": "circle", "x": 1.0, "y": -0.5, "a": 0.4, "b": 9.0})
    )
    np.testing.assert_allclose(np.linalg.norm(ring - [1.0, -0.5], axis=1), 0.4, rtol=1e-12)
    assert len(own_curve(DEFAULTS | {"curve": "polygon", "corners": "1,1; 2,1; 2,2; 1,2"})) == 4
