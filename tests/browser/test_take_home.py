"""What a person carries away from the race, through a real browser: files, links, and keys that
work without the mouse."""

import csv
import json
import re
import runpy
from pathlib import Path

import pytest

SMALL = (
    "convergence?problem=two&steps=shared&step=0.003&iterations=200&methods=1_gd~2_gd&scale=0.3"
    "&ratio=3"
)


def position(page) -> int:
    words = page.get_by_text(re.compile(r"^iteration [\d,]+ of")).inner_text()
    return int(re.search(r"iteration ([\d,]+) of", words)[1].replace(",", ""))


def wait_for_position(page, iteration: int) -> None:
    page.get_by_text(re.compile(rf"^iteration {iteration} of")).wait_for()


@pytest.fixture
def race(open_page, serve):
    page = open_page(f"{serve('app.py')}/{SMALL}")
    page.wait_for_function("Number(document.querySelector('.live-chart')?.dataset.painted) > 0")
    return page


@pytest.fixture
def finished(race):
    race.keyboard.press("Space")
    # it was complete before, too: the words alone do not say that the run has ended
    race.get_by_role("button", name="Pause").wait_for()
    race.get_by_role("button", name="Run", exact=False).wait_for()
    wait_for_position(race, 200)
    race.locator(".st-key-race_home button").first.click()
    return race


def save(page, label: str, folder: Path) -> Path:
    with page.expect_download() as saving:
        page.get_by_role("button", name=label).click()
    path = folder / saving.value.suggested_filename
    saving.value.save_as(path)
    return path


def numbers(path: Path) -> list[list[float]]:
    rows = csv.reader(
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    )
    next(rows)
    return [[float(cell) for cell in row] for row in rows]


def test_the_script_saved_from_the_page_writes_the_numbers_saved_from_it(
    finished, tmp_path, monkeypatch
):
    table = save(finished, "Numbers, CSV", tmp_path)
    script = save(finished, "Script, Python", tmp_path)
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    wanted, found = numbers(table), numbers(tmp_path / "losses.csv")
    assert wanted[-1][0] == 200 and len(wanted) == len(found)
    for row, again in zip(wanted, found, strict=True):
        assert again == pytest.approx(row, rel=1e-9, abs=0)
    document = json.loads(save(finished, "Numbers, JSON", tmp_path).read_text(encoding="utf-8"))
    assert document["iterations"][-1] == 200 and document["choices"]["ratio"] == 3.0


def test_the_saved_figure_opens_by_itself(finished, tmp_path, browser):
    path = save(finished, "Figure, HTML", tmp_path)
    alone = browser.new_context(offline=True).new_page()
    asked = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(path.as_uri())
    alone.locator(".main-svg").first.wait_for()
    assert alone.locator(".legendtext").all_text_contents() == ["depth 1", "depth 2"]
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    alone.context.close()


def test_the_link_and_the_frame_show_the_same_run(finished, open_page):
    finished.get_by_test_id("stCode").nth(1).wait_for()
    link, frame = finished.get_by_test_id("stCode").all_inner_texts()
    assert link == finished.url and f'src="{link.replace("&", "&amp;")}&amp;embed=true"' in frame
    framed = open_page(f"{link}&embed=true")
    framed.wait_for_function("Number(document.querySelector('.live-chart')?.dataset.painted) > 0")
    assert framed.get_by_test_id("stHeader").filter(visible=True).count() == 0
    assert framed.locator(".live-chart li:visible").count() == 2


def test_keys_move_the_run(race):
    race.keyboard.press("0")
    wait_for_position(race, 0)
    for key, iteration in (("1", 1), ("2", 11), ("3", 111), ("1", 112)):
        race.keyboard.press(key)
        wait_for_position(race, iteration)
    race.keyboard.press("p")
    faint = (
        "document.querySelector('.live-chart .js-plotly-plot').data.filter((t) => t.opacity < 1)"
    )
    race.wait_for_function(f"{faint}.length === 2")
    race.keyboard.press("0")
    wait_for_position(race, 0)
    assert race.evaluate(f"{faint}[0].x.length") > 50  # the pinned run stays as it was
    assert (
        race.locator(".live-chart li:visible").count() == 2
    )  # the faint curves need no names of their own
