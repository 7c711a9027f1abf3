"""Standardised data: the bundled set, and whatever a person may upload as CSV."""

from __future__ import annotations

import re
import statistics
import tomllib
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from overparam.data import Data, DataError, load_diabetes, predicting, read_csv, standardise, upload

SAFE = re.compile(r"(?!.*(://|www\.))[\w .,:;()'/+=%?±…-]*\.")  # nothing that Markdown or HTML would take for more than words


def refusal(raw: bytes, target: str | None = None) -> str:
    """The message with which a file, or a column to predict, is refused: one line, ending in a full stop, without markup."""
    with pytest.raises(DataError) as caught:
        data = read_csv(raw)
        if target is not None:
            predicting(data, target)
    message = str(caught.value)
    assert SAFE.fullmatch(message), message
    assert len(message) < 400
    return message


def table(inputs, targets=((0.0,), (1.0,))) -> Data:
    inputs, targets = np.array(inputs, dtype=float), np.array(targets, dtype=float)
    names = tuple(f"x{j}" for j in range(inputs.shape[1]))
    return Data("made up", inputs, targets, names, tuple(f"y{j}" for j in range(targets.shape[1])))


# --- standardise ---------------------------------------------------------------------------------------------------------

finite = st.floats(-1e100, 1e100) | st.integers(-3, 3).map(float)
columns = st.lists(finite, min_size=2, max_size=8).filter(lambda c: min(c) < max(c))


@given(columns, st.sampled_from([0.0, 1.0, 1e6, -1e15]))
def test_scores_agree_with_exact_arithmetic(column, offset):
    column = [c + offset for c in column]
    if min(column) == max(column):
        return
    scores = standardise(table([[c] for c in column], [[c] for c in range(len(column))])).inputs[:, 0]
    mean = statistics.mean(map(Fraction, column))
    squares = [(Fraction(c) - mean) ** 2 for c in column]
    exact = [float(s / (sum(squares) / len(squares))) ** 0.5 for s in squares]
    np.testing.assert_allclose(np.abs(scores), exact, rtol=0, atol=1e-12)
    assert all(s == 0 or (s > 0) == (Fraction(c) > mean) for s, c in zip(scores, column, strict=True))
    assert abs(scores.mean()) < 1e-13 and abs(scores.std() - 1) < 1e-13


def test_tiny_huge_and_nearly_constant_columns():
    inputs = np.array([[5e-324, 1e100, 1.0, 1e15], [0.0, -1e100, np.nextafter(1.0, 2), 1e15 + 0.125]])
    scores = standardise(table(inputs)).inputs
    np.testing.assert_allclose(scores, [[1, 1, -1, -1], [-1, -1, 1, 1]], rtol=1e-15)


def test_a_constant_column_is_named():
    with pytest.raises(DataError, match=r"feature 'x1' is 3 in every row.*leave that column out"):
        standardise(table([[1, 3], [2, 3]]))
    with pytest.raises(DataError, match=r"target 'y0' is 0 in every row.*choose another target"):
        standardise(table([[1], [2]], [[0], [0]]))


def test_standardised_data_cannot_be_changed_by_accident():
    data = load_diabetes()
    with pytest.raises(ValueError, match="read-only"):
        data.inputs[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        data.targets[0, 0] = 1


def test_diabetes():
    data = load_diabetes()
    assert data.inputs.shape == (442, 10) and data.targets.shape == (442, 1)
    assert data.feature_names[:4] == ("age", "sex", "bmi", "bp") and "Efron" in data.citation
    for columns in (data.inputs, data.targets):
        assert columns.dtype == np.float64
        np.testing.assert_allclose(columns.mean(axis=0), 0, atol=1e-14)
        np.testing.assert_allclose(columns.std(axis=0), 1, rtol=1e-14)
    slope, *_ = np.linalg.lstsq(data.inputs, data.targets, rcond=None)
    residual = data.inputs @ slope - data.targets
    assert 1 - (residual**2).mean() == pytest.approx(0.5177484222203498, rel=1e-9)  # R² as scikit-learn documents it


# --- read_csv: what is taken ---------------------------------------------------------------------------------------------


def test_the_last_column_is_the_target_unless_another_is_chosen():
    raw = b"a,b,c\n1,2,3\n2,3,7\n4,1,0\n"
    data = read_csv(raw, name="mine")
    assert (data.name, data.feature_names, data.target_names) == ("mine", ("a", "b"), ("c",))
    np.testing.assert_allclose(data.targets[:, 0], (np.array([3, 7, 0]) - 10 / 3) / np.std([3, 7, 0]))
    data = predicting(data, "a")
    assert (data.name, data.feature_names, data.target_names) == ("mine", ("b", "c"), ("a",))
    np.testing.assert_allclose(data.targets[:, 0], (np.array([1, 2, 4]) - 7 / 3) / np.std([1, 2, 4]))
    np.testing.assert_allclose(data.inputs[:, 1], (np.array([3, 7, 0]) - 10 / 3) / np.std([3, 7, 0]))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_separators_line_ends_and_byte_order_mark(separator, end, mark):
    text = end.join(separator.join(row) for row in (["a", "b"], ["1", "2.5"], ["", ""], ["-3e0", "4"]))
    text = text.replace(end + separator + end, end + end) + end  # a blank line in the middle
    data = read_csv(mark + text.encode())
    assert (data.feature_names, data.target_names) == (("a",), ("b",))
    np.testing.assert_allclose(np.hstack([data.inputs, data.targets]), [[1, -1], [-1, 1]])


def test_names_are_optional_quoted_plain_and_short():
    assert read_csv(b"1,2\n3,4\n").feature_names == ("column 1",)
    assert read_csv(b",b\n1,2\n3,4\n").feature_names == ("column 1",)
    assert read_csv(b'"a, b";c\n1;2\n3;4\n').feature_names == ("a, b",)
    assert read_csv(b'"two\nlines \x07",c\n1,2\n3,4\n').feature_names == ("two lines",)
    assert read_csv("ünïcode 名,c\n1,2\n3,4\n".encode()).feature_names == ("ünïcode 名",)
    assert read_csv(b"<b>x</b>,=1+1\n1,2\n3,4\n").target_names == ("=1+1",)
    (long,) = read_csv(b"x" * 1000 + b",c\n1,2\n3,4\n").feature_names
    assert long == "x" * 59 + "…"
    assert predicting(read_csv(long.encode() + b",c\n1,2\n3,4\n"), long).target_names == (long,)


def test_bounds_are_inclusive():
    rows = "".join(f"{i},{i % 7}\n" for i in range(upload.MAX_ROWS))
    assert read_csv(("a,b\n" + rows).encode()).inputs.shape == (upload.MAX_ROWS, 1)
    assert read_csv(rows.encode()).inputs.shape == (upload.MAX_ROWS, 1)
    wide = ",".join(["1"] * upload.MAX_COLUMNS) + "\n" + ",".join(["2"] * upload.MAX_COLUMNS)
    assert read_csv(wide.encode()).inputs.shape == (2, upload.MAX_COLUMNS - 1)
    assert read_csv(b"1e100,-1e100\n-1e100,1e100").inputs.shape == (2, 1)


# --- read_csv: what is refused -------------------------------------------------------------------------------------------

NUMBERS = b"a,b\n1,2\n3,5\n"


@pytest.mark.parametrize(
    "raw, words",
    [
        (b"", "file is empty"),
        (b" \r\n\t\n", "file is empty"),
        (b"\xef\xbb\xbf\n", "file is empty"),
        (b"a,b\n", "line of names but no line of numbers"),
        (b"a,b\n1,2\n", "only one row of numbers; give it at least 2"),
        (b"1,2\n", "only one row of numbers"),
        (b"a,b\n1,2\n3,red\n", "Line 3, column 2 ('b') holds 'red', which is not a number"),
        (b"5,1,rose\n6,2,tulip\n", "Line 2, column 3 ('rose') holds 'tulip', which is not a number"),
        (b"a,b\n1,2\n3,1_000\n", "Line 3, column 2 ('b') holds '1_000', which is not a number"),
        ("a,b\n1,2\n3,٣\n".encode(), "Line 3, column 2 ('b') holds '٣', which is not a number"),
        (b"a,b\n1,0x10\n3,4\n", "Line 2, column 2 ('b') holds '0x10', which is not a number"),
        (b"a,b\n1,2\n\n,4\n", "Line 4, column 1 ('a') has no value; fill it in"),
        (b"a,b\n1,NA\n3,4\n", "Line 2, column 2 ('b') has no value"),
        (b"a,b\nnan,2\n3,4\n", "Line 2, column 1 ('a') has no value"),
        (b"a,b\n1,2\n3,-inf\n", "Line 3, column 2 ('b') holds '-inf'; correct it or rescale the column"),
        (b"a,b\n1,2\n3,1e999\n", "Line 3, column 2 ('b') holds '1e999'; correct it or rescale"),
        (b"a,b\n1e155,2\n3,4\n", "Line 2, column 1 ('a') holds '1e155'; correct it or rescale"),
        (b"a;b\n1,5;2\n3,5;4\n", "Line 2, column 1 ('a') holds '1,5'; write decimal points, not commas"),
        (b"a,b\n1,2\n1,4\n", "feature 'a' is 1 in every row"),
        (b"a,b\n1,2\n3,2\n", "target 'b' is 2 in every row"),
        (b"a,b,a\n1,2,3\n4,5,7\n", "Columns 1 and 3 are both called 'a'; rename one"),
        (b"column 2,\n1,2\n3,4\n", "Columns 1 and 2 are both called 'column 2'"),
        (b"a,b\n1,2\n3,4,5\n", "Line 3 has 3 cells, but line 1 has 2"),
        (b"a,b\n1\n3,4\n", "Line 2 has 1 cell, but line 1 has 2"),
        (b"a\n1\n2\n", "only one column, so nothing is left to predict from"),
        (b"a b\n1 2\n3 4\n", "separate columns by commas, semicolons or tabs"),
        (b'a,b\n"1,2\n3,4\n', "look for a quotation mark that is never closed"),
        (b"a,b\n" + b"1" * 200_000 + b",2\n", "Line 2 cannot be split into cells"),
        (NUMBERS.decode().encode("utf-16"), "UTF-16 text, not UTF-8; save it as CSV UTF-8"),
        (NUMBERS.decode().encode("utf-16-be"), "Line 1 holds a zero byte"),
        (NUMBERS + b"1,\x002\n", "Line 4 holds a zero byte"),
        (NUMBERS + "é,1\n".encode("latin-1"), "Line 4 is not UTF-8 text; save the file as CSV UTF-8"),
        (b"PK\x03\x04" + bytes(100), "is a workbook or a zip archive; save the sheet as CSV UTF-8"),
        (",".join(["1"] * 513).encode(), "The file has 513 columns; leave some out, as at most 512 are taken"),
        (b"a,b\n" + b"1,2\n" * 20_001, "more than 20000 rows of numbers, which is the most with 2 columns; leave out some"),
        (b"1,2\n" * 20_001, "more than 20000 rows of numbers"),
        (b"1,2,3,4\n" * 5 + b"1,2,3\n", "Line 6 has 3 cells, but line 1 has 4"),
        ((b"1," * 499 + b"1\n") * 4_001, "more than 4000 rows of numbers, which is the most with 500 columns"),
        (b"1,2\n" * (upload.MAX_BYTES // 4 + 1), "more than 8 MB; leave out rows or columns"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value[:40],
)
def test_refusals_name_the_place_and_the_remedy(raw, words):
    assert words in refusal(raw)


@pytest.mark.parametrize("target, shown", [("z", "'z'"), ("<script>", "'?script?'")])
def test_a_column_that_is_not_there_cannot_be_predicted(target, shown):
    assert refusal(NUMBERS, target) == f"There is no column called {shown}; choose one of 2 others."


def test_the_server_lets_through_what_is_read_and_no_more():
    config = tomllib.loads((Path(__file__).parents[1] / ".streamlit/config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxUploadSize"] * 1024 * 1024 == upload.MAX_BYTES  # in Streamlit 1 MB is 1024 * 1024 bytes


def test_markup_in_a_file_is_not_repeated():
    refusal(b"a,b\n1,![x](https://example.org/x.png)\n2,3")  # checks every message's characters
    refusal(b"<script>alert(1)</script>,b\n1,$x$\n2,3")
    refusal(b"**a**,**a**\n1,2\n2,3")


# --- read_csv: any file at all -------------------------------------------------------------------------------------------


def outcome(raw: bytes, target: str | None = None) -> str:
    """Read a file of any kind; what comes back must be usable data or one clear sentence. Anything else fails the test."""
    try:
        data = read_csv(raw)
        data = data if target is None else predicting(data, target)
    except DataError as error:
        assert SAFE.fullmatch(str(error)) and len(str(error)) < 400, str(error)
        return "refused"
    (m, d), (m_too, k) = data.inputs.shape, data.targets.shape
    assert m == m_too >= 2 and d >= 1 and k >= 1
    assert (len(data.feature_names), len(data.target_names)) == (d, k)
    names = data.feature_names + data.target_names
    assert len(set(names)) == d + k and all(0 < len(n) <= upload.MAX_NAME and n.isprintable() for n in names)
    for columns in (data.inputs, data.targets):
        np.testing.assert_allclose(columns.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(columns.std(axis=0), 1, rtol=1e-12)
    return "read"


cells = (
    st.floats(-1e6, 1e6).map(repr)
    | st.integers(-9, 9).map(str)
    | st.sampled_from(["", "nan", "inf", "x", "1,5", '"', '"1"', "1e99", "1e308", " 2 ", "-", "é", "\0", "a;b", "#", "'"])
)


@st.composite
def sloppy_files(draw) -> bytes:
    """Text that is nearly a CSV file: mostly numbers, with now and then a bad cell, a short line, an odd encoding."""
    width = draw(st.sampled_from([1, 2, 2, 3, 3, 4]))
    separator = draw(st.sampled_from([",", ";", "\t", ", ", ",", ";", "\t", " "]))
    number = st.integers(-99, 99).map(str) | st.floats(-1e3, 1e3, width=32).map(str)
    rows = draw(st.lists(st.lists(number, min_size=width, max_size=width), max_size=8))
    if draw(st.booleans()):
        rows.insert(0, draw(st.lists(st.text(max_size=6) | st.just("name"), min_size=width, max_size=width)))
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        if rows:
            row = draw(st.sampled_from(rows))
            if draw(st.booleans()) and row:
                row[draw(st.integers(0, len(row) - 1))] = draw(cells)
            else:
                draw(st.sampled_from([row.clear, row.reverse, lambda row=row: row.append("1")]))()
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(separator.join(row) for row in rows)
    encoding = draw(st.sampled_from(["utf-8"] * 9 + ["utf-8-sig", "utf-16", "latin-1", "utf-16-le"]))
    return text.encode(encoding, errors="replace")


@st.composite
def written_tables(draw) -> tuple[np.ndarray, bytes]:
    """A table of numbers, and a CSV file that holds it."""
    values = draw(npst.arrays(float, npst.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=6), elements=finite))
    separator = draw(st.sampled_from([",", ";", "\t"]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quote = draw(st.sampled_from(["", '"']))
    lines = [separator.join(f"{quote}{v!r}{quote}" for v in row) for row in values.tolist()]
    if draw(st.booleans()):
        lines.insert(0, separator.join(f"{quote}x{j}{quote}" for j in range(values.shape[1])))
    if draw(st.booleans()):
        lines.insert(draw(st.integers(0, len(lines))), "")
    return values, end.join(lines).encode(draw(st.sampled_from(["utf-8", "utf-8-sig"])))


def test_any_bytes_give_data_or_one_sentence(capsys):
    """Counted and printed: how many random files were tried, and how many of them were read."""
    count = Counter()

    @settings(max_examples=1000, deadline=None)
    @given(st.binary(max_size=80) | st.text(alphabet='0123456789,;\t\n\r ".-e_aé', max_size=60).map(str.encode))
    def junk(raw):
        count[outcome(raw)] += 1

    @settings(max_examples=2500, deadline=None)
    @given(sloppy_files(), st.sampled_from([None, None, None, "column 1", "column 2", "name", "x"]))
    def nearly_good(raw, target):
        count[outcome(raw, target)] += 1

    junk()
    nearly_good()
    with capsys.disabled():
        print(f"\nread_csv: {count.total()} random files, {count['read']} read, {count['refused']} refused in words")
    assert count.total() >= 3500 and min(count["read"], count["refused"]) >= 300


@settings(max_examples=500, deadline=None)
@given(written_tables())
def test_what_was_written_is_what_is_read(case):
    values, raw = case
    if (values.max(axis=0) == values.min(axis=0)).any():
        assert "in every row" in refusal(raw)
        return
    data = read_csv(raw)
    names = [f"c{j}" for j in range(values.shape[1])]
    expected = standardise(Data("", values[:, :-1], values[:, -1:], tuple(names[:-1]), tuple(names[-1:])))
    assert (data.inputs == expected.inputs).all() and (data.targets == expected.targets).all()


@pytest.mark.parametrize("target", ["a", "b", "c"])
def test_another_target_is_the_file_with_that_column_last(target):
    columns = {"a": [1, 3, 0], "b": [2, 1, 0], "c": [5, 4, 1]}

    def file(names):
        rows = zip(*(columns[name] for name in names), strict=True)
        return read_csv("\n".join(",".join(map(str, row)) for row in [names, *rows]).encode())

    found, wanted = predicting(file("abc"), target), file([*(name for name in "abc" if name != target), target])
    np.testing.assert_array_equal(found.inputs, wanted.inputs)
    np.testing.assert_array_equal(found.targets, wanted.targets)
    assert (found.feature_names, found.target_names) == (wanted.feature_names, wanted.target_names)
