"""Whatever the address bar says, a page gets values within bounds and a person at most clear
sentences."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from streamlit import config
from streamlit.testing.v1 import AppTest

from overparam.choices.kinds import ChoiceError, Flag, Number, Option, read_choices, write_choices
from overparam.choices.methods import MOST_METHODS
from overparam.choices.race import CHOICES, Experiment
from overparam.data import DataError, download, read_csv
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.simulation import KINDS, STARTS
from overparam.serving.run import Run, RunError
from overparam.ui.shell.state import PageState

SAFE = re.compile(
    r"(?!.*(://|www\.))[\w .,:;()'/+=%?±…~λ₁₂-]*\."
)  # nothing that Markdown or HTML would take for more than words

numbers = (
    st.sampled_from(
        [
            "0",
            "-0",
            "1",
            "2",
            "-1",
            "1.5",
            "99",
            "1e9",
            "1e-9",
            "nan",
            "NaN",
            "inf",
            "-inf",
            "1e999",
            "-1e999",
        ]
    )
    | st.sampled_from(
        [
            "",
            " ",
            "+3",
            "0x10",
            "1_0",
            "1,5",
            "٣",
            "³",
            "½",
            "1e",
            "--1",
            "two",
            "None",
            "true",
            "9" * 400,
        ]
    )
    | st.floats().map(repr)
    | st.floats(0, 20).map(repr)
    | st.integers().map(str)
    | st.integers(0, 300).map(str)
)
words = st.sampled_from(
    sorted(
        {
            *OPTIMIZERS,
            *KINDS,
            *STARTS,
            "x",
            "",
            "GD",
            "network ",
            "rule_rule",
            "../..",
            "<b>zqz",
            "i",
            "s",
        }
    )
)
tags = st.tuples(st.sampled_from(["s", "w", "h", "i", "q", ""]), numbers | words).map("".join)
methods = st.lists(
    st.tuples(numbers, st.lists(words | tags, max_size=4)).map(lambda m: "_".join([m[0], *m[1]])),
    max_size=MOST_METHODS + 2,
).map("~".join)
junk = st.text(max_size=30) | st.sampled_from(
    ["<script>alert(1)</script>", "![zqz](http://e.org/x)", "$zqz$", ":red[zqz]", "'", "\0", "\n"]
)


def value_for(choice) -> st.SearchStrategy[str]:
    """Text for one choice: often a good value, sometimes nearly one, sometimes anything."""
    if isinstance(choice, Number):
        good = st.floats(choice.low, choice.high).map(repr) | st.sampled_from(
            [repr(choice.low), repr(choice.high)]
        )
        return good | numbers | junk
    if isinstance(choice, Option):
        return st.sampled_from(sorted(choice.options)) | words | junk
    if isinstance(choice, Flag):
        return st.sampled_from(["0", "1"]) | numbers | junk
    if choice.name == "methods":
        return st.just(choice.write(choice.default)) | methods | junk
    return st.text("0123456789abcdef", min_size=16, max_size=16) | junk


def query_strings(table) -> st.SearchStrategy[str]:
    """What may stand behind the question mark: some of the page's names and some others, or
    anything at all."""
    own = st.one_of([st.tuples(st.just(c.name), value_for(c)) for c in table])
    other = st.tuples(st.sampled_from(["lesson", "embed", "P", "problem "]) | junk, junk)
    garble = st.sampled_from([("%", "%%"), ("&", ";"), ("=", "=="), ("=", "")])

    def join(pairs, garbling):
        text = urlencode(
            [(n.encode(errors="replace"), v.encode(errors="replace")) for n, v in pairs]
        )
        return text.replace(*garbling, 1) if garbling else text

    joined = st.builds(
        join, st.lists(own, max_size=8) | st.lists(own | other, max_size=3), st.none() | garble
    )
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
    assert len(sentences) <= wrong, (
        "a value that was refused is replaced by the default, and only that is complained about"
    )
    written = write_choices(table, values)
    assert read_choices(table, written) == (values, [])
    assert written.keys() <= query.keys()
    return len(sentences)


def test_any_query_string_gives_values_within_bounds(capsys):
    """Counted and printed: how many random query strings were read, and how many had something to
    complain about."""
    count = Counter()

    @settings(max_examples=2000, deadline=None)
    @given(query_strings(CHOICES))
    def read(query):
        complaints = check_query(CHOICES, as_streamlit_reads(query))
        count["refused in part" if complaints else "taken whole"] += 1
        values, _ = read_choices(CHOICES, as_streamlit_reads(query))
        experiment = Experiment.of(values)
        assert hash(experiment) == hash(
            Experiment.of(dict(values))
        ) and experiment == Experiment.of(values)

    read()
    with capsys.disabled():
        print(
            f"\nquery strings: {count.total()} random ones, "
            + ", ".join(f"{n} {what}" for what, n in count.items())
        )
    assert count.total() >= 2000 and min(count.values()) >= 200


CHEAP = {
    "problem": st.sampled_from(["two", "synthetic", "csv"]),
    "m": st.integers(2, 300),
    "d": st.integers(1, 40),
}


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


# --- the pages themselves
# ------------------------------------------------------------------------------------------------

PREVIEW = 100  # iterations that a page may show of a run before anybody presses Run
SHORT = 500  # a run of no more may be shown whole
PHASES = (
    Phase.explicit,
    Phase.reuse,
    Phase.generate,
)  # no shrinking: opening a page takes its time
ROOT = Path(__file__).parents[1]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pages").glob("*.py"))
# what `junk` and `words` try to smuggle in, and where nothing is taken for markup
MARKUP = re.compile(r"<script|<b>zqz|\[zqz|\$zqz|e\.org")
CODE = re.compile(r"`[^`]*`")


@pytest.fixture(autouse=True)
def tracebacks():
    """A person never sees one; whoever reads a failed test does."""
    kept = config.get_option("client.showErrorDetails")
    config.set_option("client.showErrorDetails", "full")
    yield
    config.set_option("client.showErrorDetails", kept)


def open_page(page: str, query: dict[str, str]) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for name, value in query.items():
        at.query_params[name] = value
    return at.switch_page(page).run()


def check_page(at: AppTest) -> None:
    """No exception on it, none of the text that came from outside is markup, and nothing runs by
    itself."""
    assert [f"{e.message}\n{e.stack_trace}" for e in at.exception] == []
    for kind in ("markdown", "caption", "warning", "error", "info", "title", "subheader"):
        for element in at.get(kind):
            assert not MARKUP.search(CODE.sub("", element.value)), element.value
    if "race__transport" in at.session_state:
        moving = at.session_state["race__transport"]
        assert not moving["playing"]
        short = moving["experiment"].iterations <= SHORT  # then all of it is seen at once
        assert moving["position"] <= (moving["experiment"].iterations if short else PREVIEW)


@pytest.fixture
def tables(monkeypatch) -> dict[str, tuple]:
    """The table of choices of every page that is opened, as it hands it to PageState."""
    tables, init = {}, PageState.__init__

    def watched(self, prefix, table, *more):
        tables[prefix] = tuple(table)
        init(self, prefix, table, *more)

    monkeypatch.setattr(PageState, "__init__", watched)
    return tables


@pytest.fixture
def no_download(monkeypatch, tmp_path):
    def fetch(*args):
        raise AssertionError("a link must not start a download")

    monkeypatch.setattr(download, "fetch", fetch)
    monkeypatch.setenv("OVERPARAM_DATA", str(tmp_path))


@pytest.mark.parametrize("page", PAGES)
def test_any_link_to_a_page_opens_it(page, tables, no_download):
    check_page(open_page(page, {}))
    table = tuple(choice for table in tables.values() for choice in table) or CHOICES[:1]

    @settings(
        max_examples=10, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck)
    )
    @given(query_strings(table), query_strings(table))
    def opened(first, second):
        at = open_page(page, as_streamlit_reads(first))
        check_page(at)
        at.query_params.clear()
        for name, value in as_streamlit_reads(second).items():
            at.query_params[name] = value
        check_page(at.run())

    opened()


UPLOADS = [
    b"",
    b"a,b\n1,2\n3,x\n",
    b"<b>zqz</b>,$zqz$\n1,2\n2,![zqz](//e.org)\n",
    b"a,b\n1,2\n3,4\n",
    b"<b>zqz</b>,$zqz$\n1,2\n2,5\n4,1\n",
]


@settings(max_examples=30, deadline=None, phases=PHASES)
@given(st.binary(max_size=60) | st.sampled_from(UPLOADS))
def test_any_upload_is_raced_or_refused_in_its_own_sentence(raw):
    at = open_page("pages/convergence.py", {"problem": "csv"})
    at.file_uploader[0].upload("<b>zqz</b>.csv", raw, "text/csv")
    check_page(at.run())
    try:
        data = read_csv(raw)
    except DataError as error:
        (told,) = (e.value for e in at.error)
        assert told.startswith("`<b>zqz</b>.csv`") and told.endswith(f" {error}")
    else:
        assert at.error.len == 0
        assert at.session_state["race__transport"]["experiment"].problem == "csv"
        assert any(f"{data.inputs.shape[0]} rows" in c.value for c in at.caption)


@pytest.mark.parametrize("p", [2.0, 3.3, 4.0])
def test_data_from_which_nothing_can_be_learnt_are_named_so(p):
    """Each input comes with a target and with its opposite: W = 0 is the optimum for every p, up to
    rounding."""
    rng = np.random.default_rng(0)
    for _ in range(10):
        x, y = rng.normal(size=(20, 3)), rng.normal(size=20)
        rows = np.vstack([np.column_stack([x, y]), np.column_stack([x, -y])])
        data = read_csv("\n".join(",".join(map(repr, row)) for row in rows.tolist()).encode())
        experiment = Experiment.of(
            read_choices(CHOICES, {"problem": "csv", "csv": "0" * 16, "p": str(p)})[0]
        )
        with pytest.raises(RunError, match=r"nothing to learn here: W = 0 is already the optimum"):
            Run(experiment, data).advance(10)


wild = (
    st.floats(-1e3, 1e3)
    | st.sampled_from([0.0, -1.0, 1e308, -1e308, 1e-300, math.inf, math.nan])
    | st.integers(0, 9)
)


def use(widget, choice, number: float, which: int) -> None:
    """Set a widget to some value, which for sliders and boxes may lie outside its bounds."""
    if isinstance(choice, Option):
        widget.set_value(sorted(choice.options)[which % len(choice.options)])
    elif isinstance(choice, Flag):
        widget.set_value(bool(which % 2))
    elif widget.type == "select_slider":  # takes only what stands on it
        marks = [
            cast(mark.replace(",", ""))
            for mark in widget.options
            for cast in (int, float)
            if mark.isdecimal() or cast is float
        ]
        widget.set_value(
            next(
                m
                for m in marks[which % len(marks) :] + marks
                if widget.format_func(m) in widget.options
            )
        )
    else:
        if choice.integer:
            number = (
                int(number) if math.isfinite(number) else -1
            )  # int(nan) fails in Streamlit, before any page is asked
        widget.set_value(number)


@pytest.mark.parametrize("page", PAGES)
def test_any_widget_values_even_impossible_ones_leave_a_page_standing(
    page, tables, no_download, monkeypatch
):
    """A browser sends only values within bounds; a broken or hostile one sends any."""
    # AppTest would follow a large family of nets to its end, picture after picture
    monkeypatch.setattr("overparam.ui.shell.advance.again", lambda: None)

    @settings(max_examples=3, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(
            st.tuples(st.integers(0, 10**6), wild, st.integers(0, 10**6)), min_size=6, max_size=12
        )
    )
    def used(actions):
        at = open_page(page, {})
        choices = {f"{prefix}_{c.name}": c for prefix, table in tables.items() for c in table}
        for which, number, option in actions:
            kinds = (
                at.slider,
                at.number_input,
                at.select_slider,
                at.selectbox,
                at.get("button_group"),
                at.toggle,
            )
            widgets = [
                w
                for widgets in kinds
                for w in widgets
                if isinstance(choices.get(w.key), Number | Option | Flag)
            ]
            if not widgets:
                return
            widget = widgets[which % len(widgets)]
            use(widget, choices[widget.key], number, option)
            check_page(at.run())

    used()
