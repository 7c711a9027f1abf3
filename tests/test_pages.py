"""Every page opens, from the navigation and as a deep link."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from overparam.ui.shell.notes import SYMBOLS

ROOT = Path(__file__).parents[1]
PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "pages").glob("*.py"))


def app() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)


def faults(opened: AppTest) -> list[str]:
    return [f"{e.message}\n{e.stack_trace}" for e in opened.exception] + [
        e.value for e in opened.error
    ]


def test_the_first_page_is_home():
    home = app().run()
    assert faults(home) == [] and home.title[0].value == "Depth can speed up optimisation"


@pytest.mark.parametrize("page", PAGES)
def test_page_opens(page):
    opened = app().run().switch_page(page).run()
    assert faults(opened) == []
    assert len(opened.main) > 0


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_what_its_symbols_mean_and_what_it_does_not_show(page):
    opened = app().run().switch_page(page)
    for name in SYMBOLS:
        opened.session_state[f"{name}_notes"] = True
    text = [block.value for block in opened.run().markdown]
    assert (
        sum(
            "What the symbols mean" in words and "What this does not show" in words
            for words in text
        )
        == 1
    )


def test_every_file_in_pages_is_a_page():
    text = (ROOT / "overparam/ui/shell/frame.py").read_text(encoding="utf-8")
    assert [page for page in PAGES if f'"{page}"' not in text] == []
