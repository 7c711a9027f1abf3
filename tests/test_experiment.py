"""Experiments: the text of the list of methods, equality of equal choices, and what does not fit
together."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from overparam.choices.kinds import ChoiceError, Number, Option, read_choices, write_choices
from overparam.choices.methods import (
    Entry,
    format_changes,
    format_methods,
    parse_changes,
    parse_methods,
)
from overparam.choices.race import CHOICES, Experiment
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.simulation import KINDS, STARTS

positive = st.floats(1e-6, 10)
entries = st.builds(
    Entry,
    depth=st.integers(1, 16),
    optimizer=st.sampled_from(list(OPTIMIZERS)),
    kind=st.sampled_from(list(KINDS)),
    step=st.none() | positive,
    scale=st.none() | positive,
    start=st.none() | st.sampled_from(list(STARTS)),
    width=st.none() | st.integers(1, 256),
) | st.builds(Entry, depth=st.floats(1, 16), kind=st.sampled_from(["rule", "scale", "stretch"]))


def experiment(**values):
    return Experiment.of(read_choices(CHOICES, {})[0] | values)


@given(st.lists(entries, min_size=1, max_size=12).map(tuple))
def test_a_list_of_methods_reads_back_from_its_text(methods):
    assert parse_methods(format_methods(methods)) == methods


@given(st.text(alphabet="0123456789._~gdrulestepnwhi-x", max_size=60) | st.text(max_size=40))
def test_any_text_is_a_list_of_methods_or_one_sentence(text):
    try:
        methods = parse_methods(text)
    except ChoiceError as error:
        assert str(error).endswith("list instead.") and "\n" not in str(error)
    else:
        assert parse_methods(format_methods(methods)) == methods


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0_gd", "Depth must be from 1 to 16, not 0"),
        ("99_gd", "Depth must be from 1 to 16, not 99"),
        ("2.5_gd", "A network's depth must be a whole number, not 2.5"),
        ("2_gd_s0", "Step size must be above 0"),
        ("2_gd_s-1", "Step size must be above 0"),
        ("2_gd_snan", "Step size must be a number"),
        ("2_sgd", "'sgd' is no optimizer"),
        ("~".join(["1_gd"] * 13), "At most 12 methods can race, not 13"),
        ("2_gd_izero", "start must be one of"),
        ("", "'' is not a number"),
    ],
)
def test_a_bad_method_is_told_in_one_sentence(text, says):
    values, sentences = read_choices(CHOICES, {"methods": text})
    assert (
        len(sentences) == 1
        and says in sentences[0]
        and values["methods"] == read_choices(CHOICES, {})[0]["methods"]
    )


numbers = {
    c.name: (
        st.integers(int(c.low), int(c.high))
        if c.integer
        else st.floats(c.low, c.high, exclude_min=c.low_open)
    )
    for c in CHOICES
    if isinstance(c, Number)
}
changes = st.dictionaries(st.integers(1, 1_000_000), st.floats(1e-9, 1000), max_size=20).map(
    lambda c: tuple(sorted(c.items()))
)
options = {c.name: st.sampled_from(list(c.options)) for c in CHOICES if isinstance(c, Option)}
rest = {
    "csv": st.just("") | st.text("0123456789abcdef", min_size=16, max_size=16),
    "methods": st.lists(entries, min_size=1, max_size=12).map(tuple),
    "changes": changes,
}


@given(st.fixed_dictionaries(numbers | options | rest))
def test_a_link_restores_every_choice(values):
    assert read_choices(CHOICES, write_choices(CHOICES, values)) == (values, [])


def test_choices_without_effect_do_not_tell_experiments_apart():
    assert experiment(ratio=50.0, m=900, step=0.5) == experiment()
    assert experiment(problem="two", ratio=50.0) != experiment(problem="two")
    assert len({experiment(), experiment(noise=1.0), experiment(p=6.0)}) == 2


def test_a_methods_own_step_counts_only_where_each_has_its_own():
    entry = Entry(2, step=0.5)
    assert experiment(steps="each", step=0.1).method(entry).step == 0.5
    assert experiment(steps="shared", step=0.1).method(entry).step == 0.1
    assert experiment(steps="each", step=0.1).method(Entry(2)).step == 0.1


def test_scale_start_and_width_of_a_method_take_precedence():
    method = experiment(scale=0.3, start="balanced").method(
        Entry(2, scale=0.04, start="identity", width=7)
    )
    assert (method.scale, method.start, method.width) == (0.04, "identity", 7)


def test_precision_is_that_of_the_tensors():
    problem = experiment(problem="two", precision="float32").build("cpu")
    assert problem.value_and_grad(torch.zeros(1, 1, 2))[0].dtype == torch.float32


@pytest.mark.parametrize(
    ("values", "rows", "says"),
    [
        (
            {"methods": (Entry(2, kind="scale"),), "problem": "synthetic", "k": 3},
            1,
            "defined for one output",
        ),
        (
            {"methods": (Entry(2, width=2),), "problem": "synthetic", "k": 3},
            1,
            "hidden width of 3 or more",
        ),
        ({"methods": (Entry(16, width=256),)}, 1000, "too much memory|take too much memory"),
    ],
)
def test_what_does_not_fit_together_is_told_in_one_sentence(values, rows, says):
    chosen = experiment(**values)
    with pytest.raises(ChoiceError, match=says):
        chosen.check_fit(chosen.build("cpu"), rows)


def test_synthetic_data_need_as_many_samples_as_inputs():
    with pytest.raises(ChoiceError, match="at least as many samples as inputs"):
        experiment(problem="synthetic", m=5, d=20).build("cpu")


def test_a_file_that_is_not_here_is_told():
    with pytest.raises(ChoiceError, match="upload the CSV file again"):
        experiment(problem="csv", csv="0123456789abcdef").build("cpu")


def test_labels_name_what_differs():
    assert Entry(2).label() == "depth 2"
    assert Entry(2.5, "adam", "rule").label() == "depth 2.5, Adam, end-to-end rule"
    assert (
        len(
            {
                replace(Entry(2), **{f: v}).label()
                for f, v in [("width", 5), ("scale", 0.5), ("start", "identity")]
            }
        )
        == 3
    )


@given(changes)
def test_changes_of_step_size_read_back_from_their_text(changes):
    assert parse_changes(format_changes(changes)) == changes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("500", "'' is not a number"),
        ("0x2", "must be from 1 to 1e.06, not 0"),
        ("5x0", "must be above 0"),
        ("5x500~5x500", "must be above 0 and at most 1000, not 250000"),
        ("1.5x2", "must be a whole number"),
        ("~".join(f"{i}x2" for i in range(1, 22)), "At most 20 step-size changes"),
    ],
)
def test_changes_that_are_none_are_refused_in_a_sentence(text, says):
    with pytest.raises(ChoiceError, match=says):
        parse_changes(text)


def test_changes_have_no_effect_on_tuned_step_sizes():
    assert experiment(changes=((5, 0.5),)) == experiment()
    assert experiment(steps="shared", changes=((5, 0.5),)) != experiment(steps="shared")


@given(
    st.floats(2, 8),
    st.floats(1e-3, 10),
    st.sampled_from(["tuned", "shared", "each"]),
    st.integers(10, 10_000),
)
def test_a_glance_is_the_same_race_but_short(p, step, steps, iterations):
    race = experiment(steps=steps, iterations=iterations, seed=3)
    asked = race.glance({"p": str(p)})
    assert (asked.p, asked.steps, asked.seed, asked.methods) == (p, steps, 3, race.methods)
    assert asked.iterations <= min(iterations, 1000) and asked.grid <= max(2, race.grid)
    assert asked.iterations * len(asked.methods) <= 3000  # whoever races
    assert asked.tuning_horizon in (0, asked.iterations)
    shared = race.glance({"steps": "shared", "step": str(step)})
    assert (shared.steps, shared.step, shared.p) == ("shared", step, race.p)


def test_a_glance_takes_only_what_a_hand_moves():
    race = experiment()
    assert race.glance({"seed": "9", "iterations": "1000000", "m": "5"}) == race.glance({})
    with pytest.raises(ChoiceError):
        race.glance({"p": "1000"})
