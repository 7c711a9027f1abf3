"""Contrast as it is on the screen (WCAG 2): every text at least 4.5:1, or 3:1 where it is large, in
both themes."""

from pathlib import Path

import pytest

from tests.browser.walk import settle

# Exempt: what a person cannot use just now (WCAG 1.4.3), names of icons, which are drawn as
# pictures, and numbers in the cells of a map, which do not stand on the page's background. A sign
# in a curve's colour counts as part of the curve: 3:1.
MEASURE = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
VIEWS = (  # beside the pages as they open, of which test_every_page.py asks the same
    "preconditioner?view=run",
    "no_regularizer?view=proof&step=5",
    "no_regularizer?view=limits",
    "?lesson=why-7",
)


def all_text_can_be_read(page) -> None:
    """In both themes, of a page that is at rest in the first."""
    for theme in ("light", "dark"):
        if theme == "dark":
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(1500)  # charts are drawn anew in its colours
            settle(page)
        texts = page.evaluate(MEASURE)
        assert len(texts) > 20
        faint = {
            (t["text"], round(t["ratio"], 2), t["where"])
            for t in texts
            if t["ratio"] < (3 if t["large"] else 4.5)
        }
        assert not faint, theme


@pytest.mark.parametrize("address", VIEWS)
def test_text_can_be_read(open_page, serve, address):
    page = open_page(f"{serve('app.py')}/{address}")
    page.locator(".main-svg, [data-testid=stMarkdown]").first.wait_for(state="attached")
    settle(page)
    all_text_can_be_read(page)
