"""Whatever the address bar says, a page gets values within bounds and a person at most clear sentences."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overparam.choices import ChoiceError, Flag, Number, Option, read_choices, write_choices
from overparam.data import DataError
from overparam.experiment import CHOICES, MOST_METHODS, Experiment
from overparam.optimizers import OPTIMIZERS
from overparam.simulate import KINDS, STARTS

SAFE = re.compile(r"[\w .,:;()'/+=%?±…~λ₁₂-]*\.")  # nothing that Markdown or HTML would take for more than words

numbers = (
    st.sampled_from(["0", "-0", "1", "2", "-1", "1.5", "99", "1e9", "1e-9", "nan", "NaN", "inf", "-inf", "1e999", "-1e999"])
    | st.sampled_from(["", " ", "+3", "0x10", "1_0", "1,5", "٣", "³", "½", "1e", "--1", "two", "None", "true", "9" * 400])
    | st.floats().map(repr)
    | st.floats(0, 20).map(repr)
    | st.integers().map(str)
    | st.integers(0, 300).map(str)
)
words = st.sampled_from(sorted({*OPTIMIZERS, *KINDS, *STARTS, "x", "", "GD", "network ", "rule_rule", "../..", "<b>", "i", "s"}))
tags = st.tuples(st.sampled_from(["s", "w", "h", "i", "q", ""]), numbers | words).map("".join)
methods = st.lists(
    st.tuples(numbers, st.lists(words | tags, max_size=4)).map(lambda m: "_".join([m[0], *m[1]])), max_size=MOST_METHODS + 2
).map("~".join)
junk = st.text(max_size=30) | st.sampled_from(["<script>alert(1)</script>", "![x](//e.org/x)", "$x$", ":red[x]", "'", "\0", "\n"])


def value_for(choice) -> st.SearchStrategy[str]:
    """Text for one choice: often a good value, sometimes nearly one, sometimes anything."""
    if isinstance(choice, Number):
        good = st.floats(choice.low, choice.high).map(repr) | st.sampled_from([repr(choice.low), repr(choice.high)])
        return good | numbers | junk
    if isinstance(choice, Option):
        return st.sampled_from(sorted(choice.options)) | words | junk
    if isinstance(choice, Flag):
        return st.sampled_from(["0", "1"]) | numbers | junk
    if choice.name == "methods":
        return st.just(choice.write(choice.default)) | methods | junk
    return st.text("0123456789abcdef", min_size=16, max_size=16) | junk


def query_strings(table) -> st.SearchStrategy[str]:
    """What may stand behind the question mark: some of the page's names and some others, or anything at all."""
    own = st.one_of([st.tuples(st.just(c.name), value_for(c)) for c in table])
    other = st.tuples(st.sampled_from(["lesson", "embed", "P", "problem "]) | junk, junk)
    garble = st.sampled_from([("%", "%%"), ("&", ";"), ("=", "=="), ("=", "")])

    def join(pairs, garbling):
        text = urlencode([(n.encode(errors="replace"), v.encode(errors="replace")) for n, v in pairs])
        return text.replace(*garbling, 1) if garbling else text

    joined = st.builds(join, st.lists(own, max_size=8) | st.lists(own | other, max_size=3), st.none() | garble)
    return st.one_of(joined, joined, joined, st.text(max_size=60))


def as_streamlit_reads(query: str) -> dict[str, str]:
    """Name -> text, as st.query_params gives it: the last of several values."""
    return {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}


def check_query(table, query: dict[str, str]) -> int:
    """The properties of every reading, good or bad. Returns the number of sentences."""
    values, sentences = read_choices(table, query)
    assert list(values) == [c.name for c in table]
    for choice in table:
        checked = choice.check(values[choice.name])  # raises unless within bounds
        assert checked == values[choice.name] and type(checked) is type(values[choice.name])
        if choice.name not in query:
            assert values[choice.name] == choice.default
    for sentence in sentences:
        assert SAFE.fullmatch(sentence), sentence
        assert len(sentence) < 400
    wrong = sum(values[c.name] == c.default for c in table if c.name in query)
    assert len(sentences) <= wrong, "a value that was refused is replaced by the default, and only that is complained about"
    written = write_choices(table, values)
    assert read_choices(table, written) == (values, [])
    assert written.keys() <= query.keys()
    return len(sentences)


def test_any_query_string_gives_values_within_bounds(capsys):
    """Counted and printed: how many random query strings were read, and how many had something to complain about."""
    count = Counter()

    @settings(max_examples=5000, deadline=None)
    @given(query_strings(CHOICES))
    def read(query):
        complaints = check_query(CHOICES, as_streamlit_reads(query))
        count["refused in part" if complaints else "taken whole"] += 1
        values, _ = read_choices(CHOICES, as_streamlit_reads(query))
        experiment = Experiment.of(values)
        assert hash(experiment) == hash(Experiment.of(dict(values))) and experiment == Experiment.of(values)

    read()
    with capsys.disabled():
        print(f"\nquery strings: {count.total()} random ones, " + ", ".join(f"{n} {what}" for what, n in count.items()))
    assert count.total() >= 5000 and min(count.values()) >= 500


CHEAP = {"problem": st.sampled_from(["two", "synthetic", "csv"]), "m": st.integers(2, 300), "d": st.integers(1, 40)}


@settings(max_examples=150, deadline=None)
@given(query_strings(CHOICES), st.fixed_dictionaries(CHEAP))
def test_an_experiment_from_any_link_is_built_or_refused_in_a_sentence(query, cheap):
    query = as_streamlit_reads(query) | {name: str(value) for name, value in cheap.items()}
    experiment = Experiment.of(read_choices(CHOICES, query)[0])
    try:
        problem = experiment.build("cpu")
        experiment.check_fit(problem, rows=len(experiment.methods))
    except (ChoiceError, DataError) as error:
        assert SAFE.fullmatch(str(error)), str(error)
    else:
        assert problem.loss_at_zero > 0
        assert [experiment.method(entry) for entry in experiment.methods]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: c.name)
def test_a_bad_value_is_answered_with_its_name_and_its_range(choice):
    (sentence,) = read_choices(CHOICES, {choice.name: "<b>nonsense</b>"})[1]
    if isinstance(choice, Number):
        assert choice.label in sentence and choice.range in sentence and "?b?nonsense" in sentence
    if isinstance(choice, Option):
        assert choice.label in sentence and all(option in sentence for option in choice.options)
