"""Pictures take the room that the window has, and give it back; a projector shows each page without
scrolling."""

import pytest

from tests.browser.walk import HIGHEST, overflow, settle

PAGES = (
    "",
    "convergence",
    "where_depth_helps",
    "preconditioner",
    "preconditioner?view=paths",
    "preconditioner?view=run",
    "no_regularizer",
    "no_regularizer?view=beat",
    "beyond_linear",
    "beyond_linear?view=tuned",
    "beyond_linear?view=penalty",
)
FITS = "(m => m.scrollHeight <= m.clientHeight)(document.querySelector('[data-testid=stMain]'))"


def height_at_rest(page) -> int:
    """The highest picture's height, once it has not changed for 0.7 s."""
    same = (
        f"() => {{ const before = window.height; window.height = {HIGHEST}; return window.height"
        " > 0 && window.height === before }"
    )
    page.wait_for_function(same, polling=700)
    return page.evaluate(HIGHEST)


@pytest.mark.parametrize("path", PAGES)
def test_a_projector_shows_the_page_without_scrolling_at_any_resolution(open_page, serve, path):
    page = open_page(f"{serve('app.py')}/{path}{'&' if '?' in path else '?'}projector=1")
    page.set_viewport_size({"width": 1280, "height": 720})
    settle(page)
    page.wait_for_function(FITS)
    height = height_at_rest(page)
    page.set_viewport_size({"width": 1920, "height": 1080})
    settle(page)
    page.wait_for_function(f"{FITS} && {HIGHEST} > 1.3 * {height}")
    assert max(overflow(page).values()) <= 0


def test_a_picture_grows_with_the_window_and_shrinks_again(open_page, serve):
    page = open_page(f"{serve('app.py')}/convergence")
    settle(page)
    page.wait_for_function(FITS)
    height = height_at_rest(page)
    for more in (280, 0):
        page.set_viewport_size({"width": 1280, "height": 720 + more})
        page.wait_for_function(f"{FITS} && Math.abs({HIGHEST} - {height + more}) <= 2")
    others = """async () => {
        pictureHeights.inTurn(document.body, () => new Promise(() => {}))
        return pictureHeights.inTurn(document.body, async () => "drawn")
    }"""
    assert page.evaluate(others) == "drawn"  # after one that never is
