"""Files of the kinds that people report as read wrongly by such apps, where the folder with them
stands beside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from overparam.data import DataError, read_csv

CASES = Path(__file__).parents[2] / "shared" / "cases"

# What each file is: rows and inputs, the names of a few columns, a piece of what is said about it;
# or a piece of the refusal.
READ: dict[str, tuple[int, int, str]] = {
    "c01": (3, 2, ""),
    "c02": (3, 1, "Line 2 (`1, 2`) is taken for a sample"),
    "c03": (2, 1, ""),
    "c04": (3, 2, "Line 1 (`Measurements of May`) above the table left out"),
    "c05": (3, 2, "2 lines beginning with # left out"),
    "c06": (3, 1, "1 line beginning with # left out"),
    "c07": (3, 2, "Line 1 (`Phenotype ID: 11`) and 1 other line above the table left out"),
    **dict.fromkeys(("c08", "c09", "c10", "c11", "c83", "c97"), (3, 2, "")),
    "c12": (4, 1, "Column 1, without a name, holds row numbers"),
    "c13": (5, 1, "Column 1, without a name, holds row numbers"),
    "c14": (3, 1, "Column 1, without a name, holds row names"),
    "c15": (3, 1, "holds row numbers"),
    "c16": (3, 1, "holds row numbers"),
    "c17": (4, 2, "Line 1 (`0, 1, 2`) is taken for names"),
    "c18": (4, 2, "holds row numbers"),
    "c19": (3, 2, "Line 1 (`2010, 2011, 2012`) is taken for names"),
    "c20": (3, 1, "`1,234` is read as 1234"),
    "c22": (3, 1, "`1.000,92` is 1000.92"),
    "c23": (3, 1, "`1.000` is read as 1000"),
    "c25": (3, 2, "`1,1` is 1.1"),
    **dict.fromkeys(("c26", "c27"), (3, 1, "`1,5` is 1.5")),
    "c28": (3, 1, "`1,5E-03` is 0.0015"),
    **dict.fromkeys(("c21", "c29", "c30", "c35", "c36", "c37", "c84", "c85", "c87"), (3, 1, "")),
    "c45": (3, 1, "is -999; where it stands for a missing value"),
    **dict.fromkeys(
        ("c53", "c55", "c56", "c57", "c58", "c59", "c60", "c61", "c74", "c98"), (3, 1, "")
    ),
    "c68": (3, 2, ""),
    "c69": (3, 2, "is taken for a sample"),
    "c70": (3, 2, ""),
    "c72": (3, 2, ""),
    "c73": (3, 3, ""),
    "c79": (3, 1, "left out: column 1 (`const`)"),
    "c80": (6, 3, "left out: column 1 (`p0`), column 2 (`p1`), column 5 (`p4`) and 2 more"),
    "c88": (3, 1, "more than 15 digits"),
    "c89": (3, 2, "`70,5` is 70.5"),
    "c91": (20_640, 8, ""),
    "c92": (6, 40, ""),
    "c94": (3, 2, "Line 1 (`1, 2, 3`) is taken for names"),
}
REFUSED: dict[str, str] = {
    "c24": "which may be 1000 or 1",
    "c31": "`0.14-270` in line 2, which is not a number",
    **dict.fromkeys(
        ("c32", "c33", "c34", "c38", "c86"), "which is more than a number: write the number alone"
    ),
    "c39": (
        "Line 3, column 1 (`a`) has no value (`#N/A`). Line 5, column 1 (`a`) has no value"
        " (`#DIV/0!`)"
    ),
    "c40": "Line 3, column 1 (`ozone`) has no value (`NA`)",
    "c41": "Line 3, column 1 (`hp`) has no value (`?`)",
    "c42": "Line 3, column 2 (`sa`) has no value",
    "c43": "3 cells in 3 lines in all",
    "c44": "has no value (`.`)",
    **dict.fromkeys(("c46", "c47", "c48", "c49", "c50", "c90", "c95"), "or take it as categories"),
    "c51": "Line 1 is not UTF-8 text; save the file as CSV UTF-8",
    "c52": "Line 1 is not UTF-8 text; save the file as CSV UTF-8",
    "c54": "save it as CSV UTF-8",
    "c62": "is compressed; unpack it first",
    "c63": "is a workbook or a zip archive",
    "c64": "is an old workbook",
    "c65": "is a web page",
    "c66": "is JSON",
    "c67": "is a Parquet file",
    **dict.fromkeys(("c71", "c76"), "are both called `x`; rename one of them"),
    "c75": "Line 2, column 1 (`time`) holds `s`",
    "c77": "Line 4, column 1 (`item`) holds `Total`",
    "c78": (
        "Line 6 has 1 cell, but line 1 has 2; give every line the same number, and leave out lines"
        " below the table"
    ),
    "c81": "Line 1 holds the number `4` and the text `no`",
    "c82": "Line 1 holds the number `150` and the text `setosa`",
    "c93": "Line 4 has 2 cells, but line 1 has 3",
    "c96": "Line 3, column 1 (`a`) holds `inf`",
    "c99": "Column 2 (`Species`) holds text: `setosa` in line 2",
}

if not CASES.is_dir():
    pytest.skip(
        f"the folder with the cases is not beside the project: {CASES}", allow_module_level=True
    )


@pytest.mark.parametrize("path", sorted(CASES.glob("c*.csv")), ids=lambda path: path.stem)
def test_a_case_is_read_as_it_is_meant_or_refused_with_place_and_remedy(path):
    case = path.name.partition("_")[0]
    if case in REFUSED:
        with pytest.raises(DataError) as caught:
            read_csv(path.read_bytes())
        assert REFUSED[case] in str(caught.value)
        return
    rows, inputs, note = READ[case]
    data = read_csv(path.read_bytes())
    assert data.inputs.shape == (rows, inputs)
    assert note in " ".join(data.notes) and (note or not data.notes), data.notes
