"""The app as a script alone, without the routes that `app` in app.py adds: the race then plays
through runs of the script."""

from tests.browser.server import ROOT
from tests.browser.test_race import CHART, ENDLESS, iteration, wait_painted


def test_the_race_plays_without_streams(open_page, serve, tmp_path):
    script, routes, _ = (ROOT / "app.py").read_text(encoding="utf-8").partition("else:\n")
    assert routes
    (tmp_path / "app.py").write_text(script, encoding="utf-8")
    (tmp_path / "pages").symlink_to(ROOT / "pages")
    page = open_page(f"{serve(str(tmp_path / 'app.py'))}/")
    streams = []
    page.on("websocket", lambda socket: streams.append(socket.url))
    page.goto(f"{page.url}{ENDLESS}")
    page.wait_for_function(f"Number(document.querySelector('{CHART}')?.dataset.painted) > 0")
    page.keyboard.press("Space")
    wait_painted(page, 10)
    page.keyboard.press("Space")
    page.get_by_role("button", name="Run").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    stopped = iteration(page)
    page.get_by_role("button", name="+10", exact=True).click()
    page.wait_for_function(f"document.body.innerText.includes('iteration {stopped + 10:,} of')")
    assert [url for url in streams if not url.endswith("/_stcore/stream")] == []
