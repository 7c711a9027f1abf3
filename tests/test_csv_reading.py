"""What a person says about a CSV file, as text in a link, and what follows from it."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overparam.data import Data, DataError, Reading, Upload
from overparam.data.table.rows import MAX_COLUMNS
from tests.csv_files import read

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
