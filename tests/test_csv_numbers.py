"""Numbers in a CSV file, in the many ways in which people write them."""

import pytest

from tests.csv_files import is_read_as, refusal


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
