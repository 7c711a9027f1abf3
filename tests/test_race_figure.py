"""How the methods of a race look."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from overparam.choices.methods import MOST_METHODS, Entry
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.simulation import KINDS
from overparam.figures.race import OPTIMIZER_LOOKS, method_styles, race_figure
from overparam.figures.style import DASHES, PALETTE, depth_colour, depth_dash

DEPTH_LOOKS = list(zip(PALETTE, DASHES, strict=True))
widths = st.sampled_from([None, 3])
entries = st.lists(
    st.builds(
        Entry,
        st.integers(1, 10),
        st.sampled_from(list(OPTIMIZERS)),
        st.sampled_from(list(KINDS)),
        width=widths,
    ),
    min_size=1,
    max_size=MOST_METHODS,
    unique=True,
)


@given(entries)
def test_no_two_methods_look_the_same_and_none_like_a_depth_that_it_is_not(methods):
    styles = method_styles(methods)
    assert len(set(styles)) == len(methods)
    for entry, style in zip(methods, styles, strict=True):
        if style in DEPTH_LOOKS:
            assert style == (depth_colour(entry.depth), depth_dash(entry.depth))
            assert (
                entry.kind == "network" and entry.optimizer == "gd" and entry.depth <= len(PALETTE)
            )


@given(entries, st.sampled_from(list(OPTIMIZER_LOOKS)))
def test_an_optimizer_looks_the_same_in_every_race_of_shallow_nets(others, optimizer):
    mine = Entry(1, optimizer)
    shallow = [e for e in others if e.kind == "network" and e.depth <= 3 and e.optimizer == "gd"]
    assert (
        method_styles([*shallow, mine])[-1]
        == method_styles([mine])[0]
        == OPTIMIZER_LOOKS[optimizer]
    )


def test_every_optimizer_but_gradient_descent_has_a_look():
    assert set(OPTIMIZER_LOOKS) == set(OPTIMIZERS) - {"gd"}


def test_the_rule_of_a_depth_has_its_colour_and_another_dash():
    network, rule = method_styles([Entry(2), Entry(2, "gd", "rule")])
    assert network[0] == rule[0] == depth_colour(2) and network[1] != rule[1]


def test_the_figure_shows_every_method_at_its_iterations():
    gaps = np.array([[1.0, 1.0], [0.5, 0.1], [0.2, -1e-17]])
    figure = race_figure([Entry(1), Entry(2)], np.arange(3), gaps)
    assert [trace.name for trace in figure.data] == ["depth 1", "depth 2"]
    np.testing.assert_array_equal(figure.data[0].y, gaps[:, 0])
    np.testing.assert_array_equal(
        np.isnan(figure.data[1].y), [False, False, True]
    )  # rounding below zero is a gap in the line
