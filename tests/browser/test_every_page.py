"""Every page in Chromium: drawn, at rest, nothing asked of another host, nothing to scroll sideways
on a phone."""

from pathlib import Path

import pytest

PAGES = sorted(path.stem for path in (Path(__file__).parents[2] / "pages").glob("*.py"))


@pytest.mark.parametrize(("theme", "size"), [("light", (1280, 720)), ("dark", (390, 844))])
@pytest.mark.parametrize("name", PAGES)
def test_page(open_page, serve, name, theme, size):
    page = open_page(f"{serve('app.py')}/{'' if name == 'home' else name}", theme=theme, size=size)
    page.locator(".main-svg").first.wait_for(state="attached")
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
    assert page.get_by_test_id("stException").count() == 0
    for box in ("document.documentElement", "document.querySelector('[data-testid=stMain]')"):
        assert page.evaluate(f"{box}.scrollWidth - {box}.clientWidth") <= 0
