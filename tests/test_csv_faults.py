"""What is left out of a CSV file and said, and what is refused with its place and the remedy."""

import gzip
import tomllib
from pathlib import Path

import numpy as np
import pytest

from overparam.data.table.rows import MAX_COLUMNS, MAX_NUMBERS
from overparam.data.table.text import MAX_BYTES
from tests.csv_files import AY, NUMBERS, columns, is_read_as, read, refusal


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
