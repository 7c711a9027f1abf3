"""The app as a script alone, without the routes that `app` in app.py adds."""

import pytest

from tests.browser.chart import CHART, wait_painted
from tests.browser.server import ROOT
from tests.browser.test_every_page import PAGES
from tests.browser.test_race import ENDLESS, iteration


@pytest.fixture
def plain(serve, tmp_path):
    script, routes, _ = (ROOT / "app.py").read_text(encoding="utf-8").partition("else:\n")
    assert routes
    (tmp_path / "app.py").write_text(script, encoding="utf-8")
    (tmp_path / "pages").symlink_to(ROOT / "pages")
    return serve(str(tmp_path / "app.py"))


def test_every_page_has_its_picture(open_page, plain):
    page = open_page(f"{plain}/")
    for name in PAGES:
        page.goto(f"{plain}/{'' if name == 'home' else name}")
        page.locator(".main-svg").first.wait_for()
        assert page.get_by_test_id("stException").count() == 0


def test_the_race_plays(open_page, plain):
    page = open_page(f"{plain}/{ENDLESS}")
    page.wait_for_function(f"Number(document.querySelector('{CHART}')?.dataset.painted) > 0")
    page.keyboard.press("Space")
    wait_painted(page, 10)
    page.keyboard.press("Space")
    page.get_by_role("button", name="Run").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    stopped = iteration(page)
    page.get_by_role("button", name="+10", exact=True).click()
    page.wait_for_function(f"document.body.innerText.includes('iteration {stopped + 10:,} of')")
