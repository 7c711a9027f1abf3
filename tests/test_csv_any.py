"""Any file at all: usable data or one clear message; and what was written is what is read."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from overparam.data import Data, DataError, read_csv, standardise
from overparam.data.table.names import MAX_NAME
from tests.csv_files import check, read, refusal


def outcome(raw: bytes, **said) -> str:
    """Read a file of any kind; what comes back must be usable data or one clear message. Anything
    else fails the test."""
    try:
        data = read(raw, **said)
    except DataError as error:
        check(str(error))
        return "refused"
    (m, d), (m_too, k) = data.inputs.shape, data.targets.shape
    assert m == m_too >= 2 and d >= 1 and k == 1
    names = data.feature_names + data.target_names
    assert len(set(names)) == d + k and all(
        0 < len(n) <= MAX_NAME + 1 and n.isprintable() for n in names
    )
    for table in (data.inputs, data.targets):
        np.testing.assert_allclose(table.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(table.std(axis=0), 1, rtol=1e-12)
    return "read"


cells = (
    st.floats(-1e6, 1e6).map(repr)
    | st.integers(-9, 9).map(str)
    | st.sampled_from(
        [
            "",
            "nan",
            "inf",
            "x",
            "1,5",
            '"',
            '"1"',
            "1e99",
            "1e308",
            " 2 ",
            "-",
            "é",
            "\0",
            "a;b",
            "#",
            "'",
        ]
    )
    | st.sampled_from(
        [
            "1.000",
            "1,000",
            "#N/A",
            "−1",
            "\u00a01",
            "5 kg",
            "=",
            '="1"',
            "sep=;",
            "`",
            "<b>",
            "9" * 400,
        ]
    )
)


@st.composite
def sloppy_files(draw) -> bytes:
    """Text that is nearly a CSV file: mostly numbers, with now and then a bad cell, a short line,
    an odd encoding."""
    width = draw(st.sampled_from([1, 2, 2, 3, 3, 4]))
    separator = draw(st.sampled_from([",", ";", "\t", ", ", ",", ";", "\t", " ", "|"]))
    number = st.integers(-99, 99).map(str) | st.floats(-1e3, 1e3, width=32).map(str)
    rows = draw(st.lists(st.lists(number, min_size=width, max_size=width), max_size=8))
    if draw(st.booleans()):
        rows.insert(
            0, draw(st.lists(st.text(max_size=6) | st.just("name"), min_size=width, max_size=width))
        )
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        if rows:
            row = draw(st.sampled_from(rows))
            if draw(st.booleans()) and row:
                row[draw(st.integers(0, len(row) - 1))] = draw(cells)
            else:
                draw(st.sampled_from([row.clear, row.reverse, lambda row=row: row.append("1")]))()
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(separator.join(row) for row in rows)
    encoding = draw(
        st.sampled_from(["utf-8"] * 9 + ["utf-8-sig", "utf-16", "latin-1", "utf-16-le"])
    )
    return text.encode(encoding, errors="replace")


said = st.fixed_dictionaries(
    {},
    optional={
        "target": st.sampled_from([1, 2, 9]),
        "leave_out": st.sampled_from([(1,), (2, 3), (9,)]),
        "categories": st.sampled_from([(1,), (1, 2, 3)]),
        "skip": st.booleans(),
        "first": st.sampled_from(["names", "sample"]),
    },
)


@pytest.mark.slow
def test_any_bytes_give_data_or_one_message(capsys):
    """Counted and printed: how many random files were tried, and how many of them were read."""
    count = Counter()

    @settings(max_examples=500, deadline=None)
    @given(
        st.binary(max_size=80)
        | st.text(alphabet='0123456789,;\t\n\r ".-e_aé', max_size=60).map(str.encode),
        said,
    )
    def junk(raw, said):
        count[outcome(raw, **said)] += 1

    @settings(max_examples=1200, deadline=None)
    @given(sloppy_files(), st.just({}) | said)
    def nearly_good(raw, said):
        count[outcome(raw, **said)] += 1

    junk()
    nearly_good()
    with capsys.disabled():
        print(
            f"\nread_csv: {count.total()} random files, {count['read']} read, {count['refused']}"
            " refused in words"
        )
    assert count.total() >= 1700 and min(count["read"], count["refused"]) >= 150


finite = st.floats(-1e100, 1e100) | st.integers(-3, 3).map(float)


@st.composite
def written_tables(draw) -> tuple[np.ndarray, bytes]:
    """A table of numbers, and a CSV file with names that holds it."""
    values = draw(
        npst.arrays(
            float,
            npst.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6),
            elements=finite,
        )
    )
    separator = draw(st.sampled_from([",", ";", "\t", "|", " "]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quote = draw(st.sampled_from(["", '"']))
    comma = separator in ";\t" and draw(st.booleans())
    write = (lambda v: repr(v).replace(".", ",")) if comma else repr
    lines = [separator.join(f"{quote}{write(v)}{quote}" for v in row) for row in values.tolist()]
    lines.insert(0, separator.join(f"{quote}x{j}{quote}" for j in range(values.shape[1])))
    if draw(st.booleans()):
        lines.insert(draw(st.integers(0, len(lines))), "")
    return values, end.join(lines).encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])))


@settings(max_examples=200, deadline=None)
@given(written_tables())
def test_what_was_written_is_what_is_read(case):
    values, raw = case
    varies = values.max(axis=0) > values.min(axis=0)
    if varies.sum() < 2:
        assert "that vary are needed" in refusal(raw)
        return
    table = values[:, varies]
    names = [f"x{j}" for j in np.flatnonzero(varies)]
    expected = standardise(
        Data("", table[:, :-1], table[:, -1:], tuple(names[:-1]), tuple(names[-1:]))
    )
    data = read_csv(raw)
    assert data.feature_names == expected.feature_names
    assert (data.inputs == expected.inputs).all() and (data.targets == expected.targets).all()
