"""A person's CSV file: what is read, what is left out and said, and what is refused with its place
and the remedy."""

from __future__ import annotations

import gzip
import hashlib
import re
import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from overparam.data import Data, DataError, Reading, Upload, read_csv, standardise
from overparam.data.table.names import MAX_NAME
from overparam.data.table.rows import MAX_COLUMNS, MAX_NUMBERS
from overparam.data.table.text import MAX_BYTES

# What a file says is repeated as code only, without the sign that would end it; outside there is
# nothing that Markdown or HTML would take for more than words.
CODE = re.compile(r"`[^`\n]*`")
SAFE = re.compile(r"(?!.*(://|www\.))[\w .,:;()'/+=%#±…-]*\.")

NUMBERS = b"a,b\n1,2\n3,5\n"


def check(sentence: str) -> None:
    assert SAFE.fullmatch(CODE.sub("x", sentence)), sentence
    assert all(code.isprintable() for code in CODE.findall(sentence))
    assert len(sentence) < 700


def read(text: str | bytes, **said) -> Data:
    """The data in a file; what is said about them on the way is fit to be shown."""
    data = read_csv(text.encode() if isinstance(text, str) else text, reading=Reading(**said))
    for note in data.notes:
        check(note)
    return data


def refusal(text: str | bytes, **said) -> str:
    with pytest.raises(DataError) as caught:
        read(text, **said)
    check(str(caught.value))
    return str(caught.value)


def columns(data: Data) -> dict[str, list[float]]:
    """All columns by name, the target last."""
    table = np.hstack([data.inputs, data.targets]).T.tolist()
    return dict(zip((*data.feature_names, *data.target_names), table, strict=True))


def is_read_as(text: str | bytes, table: dict[str, list[float]], note: str = "", **said) -> None:
    """A file gives these columns, standardised, and says so of them."""
    data = read(text, **said)
    names, values = tuple(table), np.array(list(table.values())).T
    wanted = standardise(Data("", values[:, :-1], values[:, -1:], names[:-1], names[-1:]))
    assert (*data.feature_names, *data.target_names) == names
    np.testing.assert_allclose(data.inputs, wanted.inputs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(data.targets, wanted.targets, rtol=0, atol=1e-12)
    assert note in " ".join(data.notes), data.notes
    if not note:
        assert not data.notes


AY = {"a": [1.5, 2.5, 4], "y": [2, 5, 1]}
ABY = {"a": [1, 4, 2], "b": [2, 1, 2], "y": [3, 6, 9]}

# --- the frame of the table
# ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", "   "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff", "\ufeff\ufeff"])
def test_separators_line_ends_and_byte_order_marks(separator, end, mark):
    text = end.join(separator.join(row) for row in (["a", "b"], ["1", "2.5"], ["-3e0", "4"])) + end
    is_read_as(mark + text, {"a": [1, -3], "b": [2.5, 4]})


@pytest.mark.parametrize(
    "text",
    [
        "a,b,y\n1,2,3\n\n4,1,6\n2,2,9",
        "sep=;\r\na;b;y\r\n1;2;3\r\n4;1;6\r\n2;2;9\r\n",
        '"sep=;"\na;b;y\n1;2;3\n4;1;6\n2;2;9\n',
        "sep=\t\na\tb\ty\n1\t2\t3\n4\t1\t6\n2\t2\t9\n",
        "a,b,y,\n1,2,3,\n4,1,6,\n2,2,9,\n",
        "a,b,y\n1,2,3,\n4,1,6,\n2,2,9,\n",
        "a;b;y;;\n1;2;3;;\n4;1;6;;\n2;2;9;;\n",
        "a,b,,y\n1,2,,3\n4,1,,6\n2,2,,9\n",
        "a,b,y\n1,2,3\n,,\n4,1,6\n2,2,9\n , ,\n",
        "'a','b','y'\n'1','2','3'\n'4','1','6'\n'2','2','9'\n",
        'a, b, "y"\n1, 2, 3\n4, 1, 6\n2, 2, 9\n',
        "a,b,y\n1,2,3\n4,1,6\n2,2,9\n\x1a",
    ],
)
def test_what_stands_around_a_table_is_no_part_of_it(text):
    is_read_as(text, ABY)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "Measurements of May\na,b,y\n1,2,3\n4,1,6\n2,2,9\n",
            "Line 1 (`Measurements of May`) above the table left out.",
        ),
        (
            "Report;\nGroup: B;\n\na;b;y\n1;2;3\n4;1;6\n2;2;9\n",
            "Line 1 (`Report,`) and 1 other line above the table left out.",
        ),
        (
            "# site: somewhere, 3 m\n# ppm\na,b,y\n1,2,3\n4,1,6\n2,2,9\n",
            "2 lines beginning with # left out.",
        ),
        ("a,b,y\n1,2,3\n# moved\n4,1,6\n2,2,9\n", "1 line beginning with # left out."),
        ("# a,b,y\n1,2,3\n4,1,6\n2,2,9\n", "taken from the line with # above them."),
    ],
)
def test_lines_of_words_above_or_within_a_table_are_left_out_and_said(text, note):
    is_read_as(text, ABY, note)


def test_utf16_that_says_so_is_read():
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        mark = "" if encoding == "utf-16" else "\ufeff"
        is_read_as((mark + "a\ty\n1.5\t2\n2.5\t5\n4\t1\n").encode(encoding), AY)


# --- names
# --------------------------------------------------------------------------------------------------


def test_the_last_column_is_the_target_unless_another_is_chosen():
    raw = b"a,b,c\n1,2,3\n2,3,7\n4,1,0\n"
    data = read_csv(raw, name="mine")
    assert (data.name, data.feature_names, data.target_names) == ("mine", ("a", "b"), ("c",))
    is_read_as(raw, {"b": [2, 3, 1], "c": [3, 7, 0], "a": [1, 2, 4]}, target=1)
    is_read_as(raw, {"a": [1, 2, 4], "c": [3, 7, 0], "b": [2, 3, 1]}, target=2)
    assert "Column 7 cannot be predicted" in refusal(raw, target=7)


def test_names_are_optional_quoted_plain_and_short():
    assert read(b"1,3\n3,4\n").feature_names == ("column 1",)
    assert read(b",b\n2,2\n3,4\n").feature_names == ("column 1",)
    assert read(b'"a, b";c\n1;2\n3;4\n').feature_names == ("a, b",)
    assert read(b'"two\nlines \x07",c\n1,2\n3,4\n').feature_names == ("two lines",)
    assert read("ünïcode 名,c\n1,2\n3,4\n".encode()).feature_names == ("ünïcode 名",)
    assert read(b"<b>x</b>,=1+1\n1,2\n3,4\n").target_names == ("=1+1",)
    assert read(b"x" * 1000 + b",c\n1,2\n3,4\n").feature_names == ("x" * 59 + "…",)


def test_long_names_that_begin_alike_stay_apart():
    question = "How satisfied are you with the following aspects of the course in this semester"
    names = read(f"{question} [pace],{question} [room],y\n1,2,3\n4,1,6\n").feature_names
    assert [name[-7:] for name in names] == [" [pace]", " [room]"] and max(
        map(len, names)
    ) <= MAX_NAME
    middle = read(f"{'x' * 70}1{'x' * 70},{'x' * 70}2{'x' * 70},y\n1,2,3\n4,1,6\n").feature_names
    assert len(set(middle)) == 2 and max(map(len, middle)) <= MAX_NAME


ROWS = {"speed": [4, 4, 7, 7, 8], "dist": [2, 10, 4, 22, 16]}
LINES = [f"{a},{b}" for a, b in zip(*ROWS.values(), strict=True)]


@pytest.mark.parametrize(
    "head",
    [
        '"","speed","dist"',
        ",speed,dist",
        "Unnamed: 0,speed,dist",
        "rownames,speed,dist",
        "speed,dist",
    ],
)
@pytest.mark.parametrize("label", ["{}", '"{}"', '"car {}"'])
@pytest.mark.parametrize("start", [0, 1])
def test_row_numbers_and_row_names_are_no_input(head, label, start):
    if (head, start, "car" in label) == ("speed,dist", 0, False):
        return  # R counts from 1
    lines = [f"{label.format(i)},{line}" for i, line in enumerate(LINES, start=start)]
    is_read_as("\n".join([head, *lines]), ROWS, "Column 1, ")


def test_a_column_that_may_be_row_numbers_is_an_input_and_said():
    named = "\n".join(["t,speed,dist", *(f"{i},{line}" for i, line in enumerate(LINES, start=1))])
    is_read_as(named, {"t": [1, 2, 3, 4, 5], **ROWS}, "Column 1 (`t`) counts the lines")
    unnamed = "\n".join(
        [",speed,dist", *(f"{7 * i},{line}" for i, line in enumerate(LINES, start=1))]
    )
    is_read_as(
        unnamed,
        {"column 1": [7, 14, 21, 28, 35], **ROWS},
        "Column 1 has no name and is taken as an input",
    )


VALUES = [[1.5, 2.5, 4, 3], [20, 10, 30, 15], [3, 7, 1, 2]]
BODY = "".join(f"{a},{b},{c}\n" for a, b, c in zip(*VALUES, strict=True))


@pytest.mark.parametrize("head", ["0,1,2", "1,2,3", "2010,2011,2012", "0.0,1.0,2.0", '"7","9","8"'])
def test_numbers_that_count_or_stand_alone_in_quotes_are_names(head):
    names = [name.strip('"') for name in head.split(",")]
    is_read_as(f"{head}\n{BODY}", dict(zip(names, VALUES, strict=True)), "is taken for names.")
    numbered = "".join(f"{i},{line}\n" for i, line in enumerate(BODY.splitlines()))
    is_read_as(f",{head}\n{numbered}", dict(zip(names, VALUES, strict=True)), "holds row numbers")
    as_sample = read(f"{head}\n{BODY}", first="sample")
    assert as_sample.inputs.shape == (5, 2) and as_sample.feature_names == ("column 1", "column 2")


def test_a_first_line_of_other_numbers_is_a_sample_and_said():
    data = read("7,9,8\n" + BODY)
    assert data.inputs.shape == (5, 2) and data.notes == (
        "Line 1 (`7, 9, 8`) is taken for a sample.",
    )
    assert read("7,9,8\n" + BODY, first="names").feature_names == ("7", "9")
    assert read("1,2\n5,3\n4,1\n").inputs.shape == (3, 1)  # two numbers count too easily
    assert read("0,1\n.5,3\n4,1\n").feature_names == ("0",)  # as pandas writes an array, though
    assert read("city,2010,2011\nx,1,2\ny,2,3\nz,4,4\n", leave_out=(1,)).feature_names == ("2010",)


@pytest.mark.parametrize("cell", ["<0.5", "about 3", "1.2.3"])
def test_a_first_line_with_one_odd_cell_is_asked_about_and_not_taken_for_names(cell):
    text = f"{cell},2\n3,4\n1,1\n"
    assert f"Line 1 holds the number `2` and the text `{cell}`: say whether" in refusal(text)
    is_read_as(text, {cell: [3, 1], "2": [4, 1]}, "Line 1", first="names")
    assert f"Line 1, column 1 (`column 1`) holds `{cell}`" in refusal(text, first="sample")
    is_read_as(
        text,
        {"column 1": [3, 1], "column 2": [4, 1]},
        "1 line with a cell",
        first="sample",
        skip=True,
    )


def test_a_missing_value_in_the_first_line_is_a_missing_value():
    assert "Line 1, column 3 (`column 3`) has no value (`#N/A`)" in refusal(
        "1.5,2,#N/A\n2.5,3,4\n1,2,7"
    )
    assert read(
        "5.1,3.5,setosa\n4.9,3.0,setosa\n6,3.1,virginica\n", leave_out=(3,)
    ).inputs.shape == (3, 1)


# --- numbers
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("a,y\n−1.5,2\n2.5,5\n4,1\n", ""),
        ("a,y\n\u00a0-1.5,2\n2.5\u2009,5\n\u202f4\u3000,1\n", ""),
        ("a,y\n-1.5\x85,2\n\x1c2.5,5\n\u200b4,1\n", ""),
        ("a,y\n-1.5D0,2\n25d-1,5\n4.0E+00,1\n", ""),
        ('a,y\n="-1.5",2\n="2.5",5\n="4",1\n', ""),
        ("a;y\n-1,5;2\n2,5;5\n4;1\n", "Commas are read as decimal points: `-1,5` is -1.5."),
        ("a\ty\n-1,5\t2\n2,5\t5\n4\t1\n", "Commas are read as decimal points"),
        ("a y\n-1,5 2\n2,5 5\n4 1\n", "Commas are read as decimal points"),
        ('a,y\n"-1,5",2\n"2,5",5\n"4,0",1\n', "Commas are read as decimal points"),
        ("a;y\n-1,5E+00;2\n25E-1;5\n4;1\n", "Commas are read as decimal points"),
    ],
)
def test_ways_to_write_a_number(text, note):
    is_read_as(text, {"a": [-1.5, 2.5, 4], "y": [2, 5, 1]}, note)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ('a,y\n"1,234",2\n"2,500",5\n"987",1\n', "`1,234` is read as 1234."),
        ('a,y\n"1,234.00",2\n"2,500",5\n987.0,1\n', "`2,500` is read as 2500."),
        (
            "a;y\n1.234,00;2\n2.500,00;5\n987,00;1\n",
            "Commas are read as decimal points: `1.234,00` is 1234.",
        ),
        ("a;y\n1.234;2,0\n2.500;5,0\n987;1,0\n", "`1.234` is read as 1234."),
        ("a;y\n1\u00a0234;2\n2\u202f500;5\n987;1\n", ""),
        ("a,y\n1'234,2\n2’500,5\n987,1\n", ""),
        ('a,y\n"1 234",2\n"2 500",5\n987,1\n', ""),
    ],
)
def test_thousands(text, note):
    is_read_as(text, {"a": [1234, 2500, 987], "y": [2, 5, 1]}, note)


def test_what_may_be_thousands_or_decimals_is_asked_about():
    message = refusal("a;y\n1.000;2\n2.500;5\n987;1\n")
    assert (
        "Line 2, column 1 (`a`) holds `1.000`, which may be 1000 or 1; leave out the sign between"
        " thousands" in message
    )
    is_read_as(
        "a;y\n1.125;2\n2.500;5\n3.375;1\n",
        {"a": [1.125, 2.5, 3.375], "y": [2, 5, 1]},
        "`1.125` is read as 1.125.",
    )
    assert "Line 3, column 1 (`a`) holds `2,5`, whose commas and points" in refusal(
        'a,y\n1.5,2\n"2,5",3\n4.5,1\n'
    )


def test_numbers_that_are_not_what_they_seem_are_said():
    is_read_as(
        "id,y\n9007199254740993,2\n9007199254740995,5\n9007199254740999,1\n",
        {"id": [9007199254740992, 9007199254740996, 9007199254741000], "y": [2, 5, 1]},
        "Whole numbers in column 1 (`id`) have more than 15 digits",
    )
    is_read_as(
        "a,y\n1,2\n-999,3\n4,1\n",
        {"a": [1, -999, 4], "y": [2, 3, 1]},
        "The least number in column 1 (`a`) is -999",
    )


# --- faults, all at once, and what a person may say about them
# --------------------------------------------------------------


def test_constant_and_empty_columns_are_left_out_and_said():
    note = "The same in every line, and left out: column 1 (`p0`) and column 3 (`p2`)."
    is_read_as("p0,a,p2,y\n0,1.5,255,2\n0,2.5,255,5\n0,4,255,1\n", AY, note)
    is_read_as(
        "a,void,y\n1.5,,2\n2.5,NA,5\n4,,1\n",
        AY,
        "Column 2 (`void`) holds no value and is left out.",
    )
    assert "The same in every line, and left out: column 1 (`a`)" in refusal("a,b\n1,2\n1,4\n")


SURVEY = (
    "id,flag,ozone,island,y\n"
    "1,True,1,T,2\n3,False,NA,B,3\n2,True,4,D,?\n5,False,2,B,7\n4,True,7,T,9\n"
)


def test_all_faults_are_told_at_once_and_each_has_a_way_out():
    message = refusal(SURVEY)
    for words in (
        "Column 2 (`flag`) and column 4 (`island`) hold text: `True` in line 2",
        "Leave them out, or take them as categories.",
        (
            "Line 3, column 3 (`ozone`) has no value (`NA`). Line 4, column 5 (`y`) has no value"
            " (`?`)."
        ),
        "Correct them, or leave out those lines or columns.",
    ):
        assert words in message
    assert "hold text" not in refusal(SURVEY, leave_out=(2, 4)) and "has no value" in refusal(
        SURVEY, leave_out=(2, 4)
    )
    assert "has no value" not in refusal(SURVEY, skip=True)
    left = {"id": [1, 5, 4], "ozone": [1, 2, 7], "y": [2, 7, 9]}
    is_read_as(
        SURVEY,
        left,
        "Left out: column 2 (`flag`) and column 4 (`island`).",
        leave_out=(2, 4),
        skip=True,
    )
    is_read_as(
        SURVEY, left, "2 lines with a cell that is no number left out.", leave_out=(2, 4), skip=True
    )
    is_read_as(
        SURVEY,
        {"id": [1, 3, 2, 5, 4]} | {"flag = True": [1, 0, 1, 0, 1]},
        "Left",
        leave_out=(3, 4, 5),
        categories=(2,),
    )


def test_categories_are_columns_of_0_and_1_for_each_text_but_the_first():
    wanted = {"id": [1, 3, 2, 5, 4], "island = D": [0, 0, 1, 0, 0], "island = T": [1, 0, 0, 0, 1]}
    data = read(SURVEY, leave_out=(2, 3, 5), categories=(4,))
    assert data.target_names == (
        "id",
    )  # what stands for three texts together is no one column to predict
    for name, values in wanted.items():
        expected = (np.array(values) - np.mean(values)) / np.std(values)
        np.testing.assert_allclose(columns(data)[name], expected, atol=1e-12)
    assert "Column 4 (`island`) is taken as 3 categories; `B` is 0 in all of them." in data.notes
    assert read(SURVEY, leave_out=(3, 4, 5), categories=(2,), target=2).target_names == (
        "flag = True",
    )
    many = "name,y,z\n" + "".join(f"n{i},{i},{i * i}\n" for i in range(60))
    assert "Column 1 (`name`) has 60 different texts, more than 50: leave it out." in refusal(
        many, categories=(1,)
    )


def test_a_line_of_units_and_a_line_of_sums_are_left_out_as_lines():
    is_read_as(
        "time,force\ns,N\n0.5,1\n1,3\n2,2\n",
        {"time": [0.5, 1, 2], "force": [1, 3, 2]},
        "1 line",
        skip=True,
    )
    is_read_as(
        "item,price\n1,2\n3,5\nTotal,7\n", {"item": [1, 3], "price": [2, 5]}, "1 line", skip=True
    )


def test_leaving_out_too_much_is_told():
    assert "At least two columns of numbers that vary are needed" in refusal(
        NUMBERS, leave_out=(1, 2)
    )
    assert "no row of numbers" in refusal("a,b\nx,1\n2,y\nz,3\n4,w\n", skip=True)


# --- what is refused
# --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw, words",
    [
        (b"", "file is empty"),
        (b" \r\n\t\n", "file is empty"),
        (b"\xef\xbb\xbf\n", "file is empty"),
        (b"# only, words\n", "holds no table"),
        (b"a,b\n", "line of names but no line of numbers"),
        (b"a,b\n1,2\n", "only one row of numbers; give it at least 2"),
        (b"7,2\n", "only one row of numbers"),
        (b"a,b\n1,2\n3,red\n", "Line 3, column 2 (`b`) holds `red`, which is not a number"),
        (b"a,b\n1,2\n3,1_000\n", "Line 3, column 2 (`b`) holds `1_000`, which is not a number"),
        ("a,b\n1,2\n3,٣\n".encode(), "Line 3, column 2 (`b`) holds `٣`, which is"),
        (b"a,b\n1,0x10\n3,4\n", "Line 2, column 2 (`b`) holds `0x10`, which is not a number"),
        (
            b"a,b\n1,2\n\n,4\n",
            "Line 4, column 1 (`a`) has no value. Correct it, or leave out that line or column.",
        ),
        (b"a,b\n1,NA\n3,4\n", "Line 2, column 2 (`b`) has no value (`NA`)"),
        (b"a,b\nnan,2\n3,4\n", "Line 2, column 1 (`a`) has no value (`nan`)"),
        (
            b"a,b\n1.#IND,2\n3,<NA>\n5,6\n",
            "(`1.#IND`). Line 3, column 2 (`b`) has no value (`<NA>`)",
        ),
        (
            b"a,b\n1,2\n3,-inf\n",
            "Line 3, column 2 (`b`) holds `-inf`, but numbers must lie within ±1e+100",
        ),
        (b"a,b\n1,2\n3,1e999\n", "Line 3, column 2 (`b`) holds `1e999`, but numbers must lie"),
        (b"a,b\n1e155,2\n3,4\n", "Line 2, column 1 (`a`) holds `1e155`, but numbers must lie"),
        (
            b"a,b\n1,2\n(1.50),4\n5,6\n",
            "holds `(1.50)`, which is more than a number: write the number alone",
        ),
        (
            b"mass,b\n5 kg,2\n7 kg,4\n",
            "Column 1 (`mass`) holds text: `5 kg` in line 2, which is more than a number",
        ),
        (
            "a;b\n1200,50 €;2\n7,50 €;4\n".encode(),
            "`1200,50 €` in line 2, which is more than a number",
        ),
        (b'a,b\n"$1,200.50",2\n$3.10,4\n', "`$1,200.50` in line 2, which is more than a number"),
        (
            b"a,b\n12%,2\n3%,4\n",
            "`12%` in line 2, which is more than a number: write the number alone",
        ),
        (b"date,b\n1/1/85,2\n1/2/85,4\n", "`1/1/85` in line 2, which is not a number"),
        (b"Sepal.Length,Species\n5,setosa\n6,setosa\n", "Column 2 (`Species`) holds text"),
        (b"a,b,a\n1,2,3\n4,5,7\n", "Columns 1 and 3 are both called `a`; rename one"),
        (b"column 2,\n1,2\n3,4\n", "Columns 1 and 2 are both called `column 2`"),
        (b"a,b\n1,2\n3,4,5\n", "Line 3 has 3 cells, but line 1 has 2"),
        (b"a,b\n1\n3,4\n", "Line 2 has 1 cell, but line 1 has 2"),
        (
            b"a,b\n1,2\n3,4\n\nSource: somebody\n",
            "Line 5 has 1 cell, but line 1 has 2; give every line the same number, and leave",
        ),
        (
            b"5\n1,2\n3,4\n7,8\n",
            (
                "Line 1 has 1 cell, but line 2 has 2; give every line the same number, and leave"
                " out lines above"
            ),
        ),
        (b"a\n1\n2\n", "only one column, so nothing is left to predict from; separate columns by"),
        (b'a,b\n"1,2\n3,4\n', "look for a quotation mark that is never closed"),
        (
            b'"a" ,"b"\n1,2\n3,4\n',
            "Line 1 cannot be split into cells: a quotation mark is followed by something else",
        ),
        (b"a,b\n" + b"1" * 200_000 + b",2\n", "Line 2 cannot be split into cells"),
        (NUMBERS.decode().encode("utf-16-be"), "Line 1 holds a zero byte"),
        (b"\xff\xfea", "begins as UTF-16 text but is not"),
        (NUMBERS + b"1,\x002\n", "Line 4 holds a zero byte"),
        (
            NUMBERS + "é,1\n".encode("latin-1"),
            "Line 4 is not UTF-8 text; save the file as CSV UTF-8",
        ),
        (b"PK\x03\x04" + bytes(100), "is a workbook or a zip archive; save the table as CSV UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "is an old workbook (xls); save"),
        (gzip.compress(NUMBERS), "is compressed; unpack it first"),
        (b"PAR1\x15\x04" + bytes(9), "is a Parquet file"),
        (b"<!DOCTYPE html>\n<title>Sign in</title>", "is a web page or XML"),
        (b'[{"a":1,"y":2},{"a":2,"y":5}]', "is JSON, not CSV"),
        (b'{"a":1,"y":2}\n{"a":2,"y":5}\n', "is JSON, not CSV"),
        (
            ",".join(["7"] * 513).encode(),
            "The file has 513 columns; leave some out, as at most 512 are taken",
        ),
        (b"1,2,3,4\n" * 5 + b"1,2,3\n", "Line 6 has 3 cells, but line 1 has 4"),
        (
            (b"1," * 499 + b"1\n") * 4_001,
            "more than 4000 rows of numbers, which is the most with 500 columns",
        ),
        (b"1,2\n" * (MAX_BYTES // 4 + 1), "more than 8 MB; leave out rows or columns"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value[:40],
)
def test_refusals_name_the_place_and_the_remedy(raw, words):
    assert words in refusal(raw)


def test_bounds_are_inclusive():
    wide = ",".join(["7"] * MAX_COLUMNS) + "\n" + ",".join(["2"] * MAX_COLUMNS)
    assert read(wide.encode()).inputs.shape == (2, MAX_COLUMNS - 1)
    assert read(b"1e100,-1e100\n-1e100,1e100").inputs.shape == (2, 1)
    housing = "".join(
        f"{i},{i % 7},{i % 11}\n" for i in range(20_640)
    )  # as many rows as a well-known data set of houses
    assert read(("a,b,c\n" + housing).encode()).inputs.shape == (20_640, 2)
    assert MAX_NUMBERS // 3 > 20_640


def test_the_server_lets_through_what_is_read_and_no_more():
    config = tomllib.loads(
        (Path(__file__).parents[1] / ".streamlit/config.toml").read_text(encoding="utf-8")
    )
    assert (
        config["server"]["maxUploadSize"] * 1024 * 1024 == MAX_BYTES
    )  # in Streamlit 1 MB is 1024 * 1024 bytes


def test_what_a_file_says_is_shown_as_it_stands_there_and_as_code():
    assert "`![x](https://example.org/x.png)`" in refusal(
        b"a,b\n1,![x](https://example.org/x.png)\n2,3"
    )
    assert "`$x$`" in refusal(b"<script>alert(1)</script>,b\n1,$x$\n2,3")
    assert "`**a**`" in refusal(b"**a**,**a**\n1,2\n2,3")
    assert r"`\u0060\u202ex`" in refusal("a,b\n1,`\u202ex\n2,3".encode())
    assert f"`{'x' * 40}…`" in refusal(f"a,b\n1,{'x' * 99}\n2,3")


# --- what a person says about a file, as text
# ---------------------------------------------------------------------------------

places = st.lists(st.integers(1, MAX_COLUMNS), unique=True, max_size=5).map(sorted).map(tuple)
readings = st.builds(
    Reading,
    st.text("0123456789abcdef", min_size=16, max_size=16),
    st.none() | st.integers(1, MAX_COLUMNS),
    places,
    places,
    st.booleans(),
    st.sampled_from(["", "names", "sample"]),
)


@given(readings)
def test_a_reading_is_found_again_from_its_text(reading):
    assert Reading.parse(reading.format()) == reading


@given(st.text(max_size=40) | readings.map(Reading.format).map(lambda text: text + "_x"))
def test_any_other_text_is_refused_or_means_one_reading(text):
    try:
        reading = Reading.parse(text)
    except DataError as error:
        assert "not one of ours" in str(error)
    else:
        assert Reading.parse(reading.format()) == reading


def test_a_link_is_about_one_file_and_finds_its_column_again():
    raw, other = b"a,b,c\n1,2,3\n2,3,7\n4,1,0\n", b"a,b,c\n1,2,3\n2,3,7\n4,1,1\n"
    upload = Upload("0123456789abcdef", raw)
    assert upload.linked("0123456789abcdef_2") == Reading("0123456789abcdef", target=2)
    assert upload.linked("fedcba9876543210_2") == Reading("0123456789abcdef")
    old = "7f0bd0dbd2e2b4b4"
    assert upload.linked(old) == Reading("0123456789abcdef")  # the link of another file
    whole = hashlib.sha256(raw).hexdigest()
    for place, name in enumerate("abc", start=1):  # links from before the reading stood in them
        link = hashlib.sha256(f"{whole} {name}".encode()).hexdigest()[:16]
        assert upload.linked(link).target == place
        assert Upload("1123456789abcdef", other).linked(link).target is None


# --- any file at all
# --------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("target", ["a", "b", "c"])
def test_another_target_is_the_file_with_that_column_last(target):
    table = {"a": [1, 3, 0], "b": [2, 1, 0], "c": [5, 4, 1]}

    def file(names: str | list[str], **said) -> Data:
        rows = zip(*(table[name] for name in names), strict=True)
        return read("\n".join(",".join(map(str, row)) for row in [names, *rows]), **said)

    found = file("abc", target="abc".index(target) + 1)
    wanted = file([*(name for name in "abc" if name != target), target])
    np.testing.assert_array_equal(found.inputs, wanted.inputs)
    np.testing.assert_array_equal(found.targets, wanted.targets)
    assert (found.feature_names, found.target_names) == (wanted.feature_names, wanted.target_names)
