"""A link copied on any page restores every control."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from overparam.choices.kinds import Flag, Number, Option, Structured, read_choices, write_choices
from overparam.choices.methods import Entry
from overparam.engine.optimizers import OPTIMIZERS
from overparam.engine.simulation import KINDS, STARTS
from overparam.ui.shell.state import PageState

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pages").glob("*.py"))

entries = st.builds(
    Entry,
    depth=st.integers(1, 16),
    optimizer=st.sampled_from(list(OPTIMIZERS)),
    kind=st.sampled_from(list(KINDS)),
    step=st.none() | st.floats(1e-6, 10),
    scale=st.none() | st.floats(1e-3, 10),
    start=st.none() | st.sampled_from(list(STARTS)),
    width=st.none() | st.integers(1, 16),
)
STRUCTURED = {
    "methods": st.lists(entries, min_size=1, max_size=4).map(tuple),
    "changes": (
        st.dictionaries(st.integers(1, 9999), st.floats(1e-3, 1000), max_size=3).map(
            lambda c: tuple(sorted(c.items()))
        )
    ),
    "csv": st.just("") | st.text("0123456789abcdef", min_size=16, max_size=16),
    "paths": st.lists(st.sampled_from(["1", "2", "3", "4", "8", "momentum", "adam"]), unique=True),
    "corners": (
        st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=6).map(
            lambda points: "; ".join(f"{x / 10:g},{y / 10:g}" for x, y in points)
        )
    ),
    "small": st.sets(st.integers(1, 6)).map(lambda layers: tuple(sorted(layers))),
    "cell": st.none() | st.tuples(st.integers(0, 12), st.integers(0, 7)),
    "atlas": st.sampled_from(["", "of another server"]),
}
# What a page computes before anybody presses Run, kept short; every other choice takes any value
# within its bounds.
SMALL = {
    "iterations": st.integers(10, 200),
    "horizon": st.integers(10, 200),
    "m": st.integers(50, 100),
    "d": st.integers(1, 6),
    "k": st.integers(1, 3),
    "grid": st.integers(2, 4),
    "seeds": st.integers(1, 2),
    "width": st.integers(1, 4),
    "layers": st.integers(2, 3),
    "h": st.integers(1, 8),
    "length": st.integers(10, 100),
    "hidden": st.integers(16, 24),
    "factors": st.integers(2, 3),
    "rates": st.just(9),
}


def value_of(choice) -> st.SearchStrategy:
    """Any value of a choice, as its widget or a click can give it."""
    if choice.name in SMALL:
        low, high = int(choice.low), int(choice.high)
        return SMALL[choice.name].map(lambda value: min(max(value, low), high))
    if isinstance(choice, Number):
        if choice.integer:
            return st.integers(int(choice.low), int(choice.high))
        return st.floats(
            choice.low, choice.high, exclude_min=choice.low_open, allow_subnormal=False
        )
    if isinstance(choice, Option):
        return st.sampled_from(list(choice.options))
    return st.booleans() if isinstance(choice, Flag) else STRUCTURED[choice.name].map(choice.check)


@pytest.fixture(scope="module")
def tables() -> dict[str, tuple[str, tuple]]:
    """Prefix and table of choices of every page, as it hands them to PageState."""
    found, init = {}, PageState.__init__

    def watched(self, prefix, table, *opening):
        if prefix != "app":
            found[page] = prefix, tuple(table)
        init(self, prefix, table, *opening)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PageState, "__init__", watched)
        for page in PAGES:
            open_page(page, {})
    return found


def open_page(page: str, query: dict[str, str]) -> AppTest:
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for name, value in query.items():
        at.query_params[name] = value
    at.switch_page(page).run()
    assert [f"{e.message}\n{e.stack_trace}" for e in at.exception] == []
    return at


def url(at: AppTest) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else value[-1]
        for name, value in at.query_params.items()
    }


def test_every_kind_of_choice_is_covered(tables):
    assert set(tables) == set(PAGES)
    structured = {
        choice.name
        for _, table in tables.values()
        for choice in table
        if isinstance(choice, Structured)
    }
    assert structured <= STRUCTURED.keys()


@pytest.mark.parametrize("page", PAGES)
def test_a_link_restores_every_control(page, tables, monkeypatch):
    # what is computed after the first picture is not what a link restores
    monkeypatch.setattr("overparam.ui.shell.advance.again", lambda: None)

    prefix, table = tables[page]

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.fixed_dictionaries({choice.name: value_of(choice) for choice in table}))
    def restored(values):
        link = write_choices(table, values)
        assert read_choices(table, link) == (values, [])
        at = open_page(page, link)
        assert at.session_state[f"{prefix}__memory"].values == values
        for widget in (
            *at.slider,
            *at.select_slider,
            *at.number_input,
            *at.selectbox,
            *at.toggle,
            *at.button_group,
        ):
            name = (widget.key or "").removeprefix(f"{prefix}_")
            if name in values and not isinstance(values[name], (list, tuple)):
                assert widget.value == values[name], name
        assert (
            url(at) == link
        )  # the link to be copied from the address bar is the one that was followed

    restored()
