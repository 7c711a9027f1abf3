"""Projector mode and lessons know a page's parts by their roles, and no page by the names of its
widgets."""

import re
from pathlib import Path

from overparam.ui.shell.roles import LESSON, PROJECTOR, column, css, place

SHELL = Path(__file__).parents[1] / "overparam" / "ui" / "shell"
OWN = ("app", "lesson", "role", "said")  # what the shell itself puts on a page


def test_the_shell_names_no_widget_of_a_page():
    named = {
        (file.name, name)
        for file in SHELL.glob("*.py")
        for name in re.findall(r"st-key-([a-z]+)_", file.read_text(encoding="utf-8"))
        if name not in OWN
    }
    assert not named


def test_a_column_goes_only_where_it_holds_the_part_and_nothing_else():
    assert css("aside") in column("aside") and ":only-child" in column("aside")
    assert (
        column("aside").count(">") == 3
    )  # each a child: the column around the column of doors is another


def test_a_part_that_is_hidden_leaves_no_gap():
    assert css("aside") in place("aside") and "stLayoutWrapper" in place("aside")
    assert place("aside") in PROJECTOR and place("aside") in LESSON
