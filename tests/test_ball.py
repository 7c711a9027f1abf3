"""The share that no regularizer supplies in a ball or shell of R^d, against a finite-element
solution and the reference table."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

from overparam.theory.ball import ball_share, shell_share


def by_finite_elements(depth: float, d: int, inner: float, s: float, nodes: int = 4000) -> float:
    """The one-dimensional problem for the radial profile, on a grid even in log radius, midpoint
    rule."""
    a, x = 2 - 2 / depth, np.geomspace(inner, 1, nodes + 1)
    middle, width = (x[1:] + x[:-1]) / 2, np.diff(x)
    weight = middle**s * width
    slope = sp.diags([-1 / width, 1 / width], [0, 1], shape=(nodes, nodes + 1))
    level = sp.diags([0.5 / middle, 0.5 / middle], [0, 1], shape=(nodes, nodes + 1))
    radial, across = sp.diags(weight / d), sp.diags(weight * (d - 1) / d)
    matrix = (slope.T @ radial @ slope + level.T @ across @ level).tocsc()
    f = spsolve(matrix, slope.T @ radial @ (depth * middle**a) + level.T @ across @ middle**a)
    rest = weight @ (
        (slope @ f - depth * middle**a) ** 2 / d + (d - 1) / d * (level @ f - middle**a) ** 2
    )
    return rest / (weight @ middle ** (2 * a) * (depth**2 + d - 1) / d)


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (3, (0.00400, 0.00430, 0.00173, 2.5e-5)),
        (4, (0.01080, 0.01235, 0.00612, 1.2e-4)),
        (8, (0.03015, 0.03702, 0.02461, 0.00109)),
        (50, (0.0564, 0.0719, 0.0555, 0.0063)),
    ],
)
def test_the_table_of_the_ball(depth, expected):
    digits = [
        0.5 * 10 ** -len(np.format_float_positional(value).split(".")[1]) for value in expected
    ]
    for d, value, half in zip((2, 3, 10, 128), expected, digits, strict=True):
        assert abs(ball_share(depth, d) - value) <= half + 1e-12, (depth, d)


def test_a_gradient_at_depth_one_and_two_in_any_dimension_and_always_on_a_line():
    for d in (1, 2, 3, 10, 128):
        assert ball_share(1, d) == 0
        assert ball_share(2, d) == pytest.approx(0, abs=1e-15)
        assert shell_share(2, d, 0.01) == pytest.approx(0, abs=1e-13)
    assert ball_share(7.5, 1) == 0
    assert ball_share(1.5, 2) == pytest.approx(
        0.0012, abs=5e-5
    )  # between 1 and 2 it is none either


@pytest.mark.parametrize(
    ("depth", "expected"),
    [(3, (0.0059, 0.0110, 0.0026)), (4, (0.0156, 0.0373, 0.0122)), (8, (0.0423, 0.1408, 0.1074))],
)
def test_the_table_of_radii_that_count_alike(depth, expected):
    found = [shell_share(depth, d, 0.01) for d in (2, 10, 128)]
    np.testing.assert_allclose(found, expected, atol=5.1e-5)


@pytest.mark.parametrize("d", [2, 3, 10])
@pytest.mark.parametrize("depth", [1.5, 3, 8])
@pytest.mark.parametrize("power", ["log radius", "volume"])
def test_shells_against_finite_elements(depth, d, power):
    s = -1 if power == "log radius" else d - 1
    assert shell_share(depth, d, 0.1, s) == pytest.approx(
        by_finite_elements(depth, d, 0.1, s), rel=2e-4, abs=1e-9
    )


def test_a_shell_that_is_nearly_the_ball_has_its_share():
    assert shell_share(4, 3, 1e-4, 2) == pytest.approx(ball_share(4, 3), rel=1e-6)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="Depth"):
        ball_share(0.5, 3)
    with pytest.raises(ValueError, match="dimension"):
        shell_share(3, 0, 0.1)
    with pytest.raises(ValueError, match="inner radius"):
        shell_share(3, 2, 1.0)
