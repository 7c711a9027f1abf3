"""The table in a CSV file: its frame, and the names of its columns."""

import pytest

from overparam.data import read_csv
from overparam.data.table.names import MAX_NAME
from tests.csv_files import ABY, AY, is_read_as, read, refusal


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
