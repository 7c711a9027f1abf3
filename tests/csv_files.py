"""How tests read a person's CSV file: whatever is said of it is fit to be shown."""

import re

import numpy as np
import pytest

from overparam.data import Data, DataError, Reading, read_csv, standardise

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
