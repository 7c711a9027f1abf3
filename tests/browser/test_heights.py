"""Pictures take the room that the window has, and give it back; a projector shows each page without scrolling."""

import pytest

from tests.browser.walk import overflow, settle

PAGES = ("", "convergence", "where_depth_helps", "preconditioner", "preconditioner?view=paths", "no_regularizer")
PICTURE = ".plot, .live-chart-plot"


def highest(page) -> int:
    return page.evaluate(f"Math.max(...[...document.querySelectorAll('{PICTURE}')].map(p => p.clientHeight))")


@pytest.mark.parametrize("path", PAGES)
def test_a_projector_shows_the_page_without_scrolling_at_any_resolution(open_page, serve, path):
    page = open_page(f"{serve('app.py')}/{path}{'&' if '?' in path else '?'}projector=1")
    heights = []
    for width, height in ((1280, 720), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        settle(page)
        page.wait_for_timeout(500)
        assert max(overflow(page).values()) <= 0
        heights.append(highest(page))
    assert heights[1] > 1.3 * heights[0]


def test_a_picture_grows_with_the_window_and_shrinks_again(open_page, serve):
    page = open_page(f"{serve('app.py')}/convergence")
    settle(page)
    seen = []
    for height in (720, 1000, 720):
        page.set_viewport_size({"width": 1280, "height": height})
        page.wait_for_timeout(800)
        assert overflow(page)["down"] <= 0
        seen.append(highest(page))
    assert seen[0] == seen[2] and abs(seen[1] - seen[0] - 280) <= 2
