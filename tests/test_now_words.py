"""What is said of one iteration: its numbers, whichever way it goes."""

import math
from dataclasses import replace

import pytest

from overparam.story.now_words import Moment, now

PLAIN = Moment(1, gap=0.026, falls=0.008, longest=0.04, shortest=0.04, product=0.54)
DEEP = Moment(3, gap=0.0092, falls=0.013, longest=0.36, shortest=0.12, product=1.5)
GONE = replace(DEEP, gap=math.nan, falls=math.nan, longest=math.nan, product=math.nan)


def test_a_moment_of_two_depths():
    assert now(1210, [PLAIN, DEEP], one_output=True) == (
        "At iteration 1,210 depth 3 steps 3 times as far as depth 1 across W, 9 along it. Its"
        " product is 1.5, below 2; depth 1's is 0.54. Depth 3's gap, 0.0092, falls by 1.3 % a"
        " step; depth 1's gap, 0.026, falls by 0.8 % a step."
    )


def test_of_several_outputs_only_the_longest_step_is_compared():
    told = now(3, [PLAIN, DEEP], one_output=False)
    assert "steps up to 9 times as far as depth 1." in told and "across W" not in told


@pytest.mark.parametrize(("product", "side"), [(1.99, "below 2"), (2.4, "above 2")])
def test_the_side_of_the_limit_is_that_of_the_product(product, side):
    told = now(3, [PLAIN, replace(DEEP, product=product)], one_output=True)
    assert f"{product:.2g}, {side};" in told


def test_a_gap_that_grows_is_said_to_rise():
    told = now(3, [PLAIN, replace(DEEP, falls=-0.25)], one_output=True)
    assert "Depth 3's gap, 0.0092, rises by 25 % a step" in told


def test_depth_1_alone_is_compared_with_the_limit():
    assert now(0, [PLAIN], one_output=True) == (
        "At iteration 0 the product of depth 1 is 0.54, below 2. Depth 1's gap, 0.026, falls by"
        " 0.8 % a step."
    )


def test_what_has_diverged_is_named_and_no_number_is_made_of_it():
    told = now(50, [PLAIN, GONE], one_output=True)
    assert told.startswith("At iteration 50 depth 3 has diverged. Depth 1's gap, 0.026,")
    assert "nan" not in told
    both = now(50, [replace(GONE, depth=1), GONE], one_output=True)
    assert both == "At iteration 50 depth 1 and depth 3 have diverged."
