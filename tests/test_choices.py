"""The table of choices: what is written reads back, what is out of bounds is told in one
sentence."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overparam.choices.kinds import (
    ChoiceError,
    Flag,
    Number,
    Option,
    Structured,
    read_choices,
    write_choices,
)
from overparam.words import show

TABLE = (
    Number("p", "Loss exponent", 4.0, 2, 16),
    Number("depth", "Depth", 2, 1, 16, integer=True),
    Number("step", "Step size", 0.01, 0, 100, low_open=True),
    Option("start", "Start", "balanced", {"balanced": "Balanced", "identity": "Identity"}),
    Flag("log", "Logarithmic", True),
    Structured("word", "Word", "", lambda text: text[::-1], lambda value: value[::-1]),
)
VALUES = st.fixed_dictionaries(
    {
        "p": st.floats(2, 16),
        "depth": st.integers(1, 16),
        "step": st.floats(0, 100, exclude_min=True),
        "start": st.sampled_from(["balanced", "identity"]),
        "log": st.booleans(),
        "word": st.text(),
    }
)


@given(VALUES)
def test_what_is_written_reads_back_exactly(values):
    assert read_choices(TABLE, write_choices(TABLE, values)) == (values, [])


def test_defaults_leave_no_trace():
    assert write_choices(TABLE, read_choices(TABLE, {})[0]) == {}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("p", "1.9", "Loss exponent must be from 2 to 16, not 1.9"),
        ("p", "nan", "Loss exponent must be a number from 2 to 16, not 'nan'"),
        ("p", "inf", "must be a number"),
        ("p", "four", "must be a number from 2 to 16, not 'four'"),
        ("depth", "2.5", "Depth must be a whole number from 1 to 16, not 2.5"),
        ("depth", "0", "Depth must be from 1 to 16, not 0"),
        ("depth", "99", "Depth must be from 1 to 16, not 99"),
        ("step", "0", "Step size must be above 0 and at most 100, not 0"),
        ("step", "-1", "Step size must be above 0 and at most 100, not -1"),
        ("start", "<script>", "Start must be one of balanced, identity, not '?script?'"),
        ("log", "yes", "Logarithmic must be 1 or 0, not 'yes'"),
    ],
)
def test_a_bad_value_is_told_in_one_sentence_and_replaced_by_the_default(name, text, says):
    values, sentences = read_choices(TABLE, {name: text})
    assert len(sentences) == 1 and says in sentences[0] and sentences[0].endswith(" instead.")
    assert values == read_choices(TABLE, {})[0]


def test_every_bad_value_is_told_and_the_good_ones_stay():
    values, sentences = read_choices(
        TABLE, {"p": "x", "depth": "3", "log": "?", "not in the table": "1"}
    )
    assert len(sentences) == 2 and values["depth"] == 3


@given(st.text())
def test_nothing_that_a_message_repeats_is_markup(text):
    shown = show(text)
    assert len(shown) <= 43 and not set(shown) & set("<>&*`[]$\\\n")


@given(st.one_of(st.none(), st.text(), st.booleans(), st.floats(allow_nan=True), st.integers()))
def test_check_takes_a_value_or_raises_its_own_error(value):
    for choice in TABLE[:5]:
        try:
            taken = choice.check(value)
        except ChoiceError:
            continue
        assert not isinstance(taken, float) or math.isfinite(taken)
