"""Every page, view and lesson step as one picture each, to be looked at: contact sheets.

    python -m tests.browser.contact_sheet pictures
    python -m tests.browser.contact_sheet pictures --projector --size 1920x1080 --only demo home

Starts the app, opens every view of every page by its link, walks the courses by keyboard, and
writes NAME-THEME-SIZE.png for each page and course, one PNG for each view and step, and the
server's log into the folder. It says which pages scroll, and by how much.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from overparam.choices import beyond_linear, plateaus, theorem
from overparam.story.lessons import COURSES
from tests.browser.chromium import FLAGS, installed
from tests.browser.server import ROOT, serving
from tests.browser.walk import overflow, settle, walk

SHEET_WIDTH = 1920
SCREENS = 6  # of a page that scrolls
VIEWS = {
    "preconditioner": ("one", "matrix", "paths", "run", "align"),
    "no_regularizer": tuple(theorem.VIEWS),
    "plateaus": tuple(plateaus.VIEWS),
    "beyond_linear": tuple(beyond_linear.VIEWS),
}
PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))


def sheet(pictures: list[Path], target: Path) -> None:
    """The pictures side by side, in reading order."""
    images = [Image.open(path) for path in pictures]
    columns = 2 if images[0].width > 600 else 5
    width = SHEET_WIDTH // columns
    small = [image.resize((width, width * image.height // image.width)) for image in images]
    rows = [small[i : i + columns] for i in range(0, len(small), columns)]
    heights = [max(image.height for image in row) for row in rows]
    whole = Image.new("RGB", (SHEET_WIDTH, sum(heights)), "gray")
    for row, images_of_row in enumerate(rows):
        for column, image in enumerate(images_of_row):
            whole.paste(image, (column * width, sum(heights[:row])))
    whole.save(target)


def screens(page, path: Path) -> None:
    """Write what a page shows as it is scrolled, one screen below the other."""
    main = "document.querySelector('[data-testid=stMain]')"
    high, whole = page.evaluate(f"[{main}.clientHeight, {main}.scrollHeight]")
    parts = []
    for i in range(min(SCREENS, -(-whole // high))):
        page.evaluate(f"{main}.scrollTo(0, {i * high})")
        page.wait_for_timeout(200 if i else 0)
        page.screenshot(path=path)
        parts.append(Image.open(path).copy())
    stacked = Image.new("RGB", (parts[0].width, sum(part.height for part in parts)))
    for i, part in enumerate(parts):
        stacked.paste(part, (0, sum(part.height for part in parts[:i])))
    stacked.save(path)


def views(page, address: str, name: str, more: str) -> Iterator[tuple[str, str]]:
    """Open each view of a page by its link: its name, and nothing to be said of it."""
    for view in VIEWS.get(name, ("",)):
        query = (f"view={view}" if view else "") + more
        page.goto(f"{address}/{'' if name == 'home' else name}?{query}")
        if view != "limits":  # words alone
            page.locator(".main-svg").first.wait_for(state="attached")
        settle(page)
        yield view or "page", ""


def steps(page, address: str, name: str, more: str) -> Iterator[tuple[str, str]]:
    """Walk a course: each step answered, and its claim."""
    for place, step, moment in walk(page, address, COURSES[name], more):
        if moment == "answered":
            yield f"{place + 1:02}", step.claim


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--projector", action="store_true")
    everything = [*PAGES, *COURSES]
    parser.add_argument("--only", nargs="*", choices=everything, default=everything)
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    width, height = map(int, chosen.size.split("x"))
    with (
        serving("app.py", chosen.folder / "server.log") as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=installed(), args=FLAGS)
        for name in chosen.only:
            page = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=chosen.theme
            ).new_page()
            page.on("pageerror", lambda error: print("exception:", error))
            pictures = []
            look = f"{chosen.theme}-{chosen.size}{'-projector' if chosen.projector else ''}"
            opened = steps if name in COURSES else views
            more = "&projector=1" if chosen.projector else ""
            for part, words in opened(page, address, name, more):
                path = chosen.folder / f"{name}-{part}-{look}.png"
                beyond = overflow(page)
                screens(page, path)
                pictures.append(path)
                said = f"  SCROLLS {beyond}" if any(beyond.values()) else ""
                print(f"{path.name}: {words}{said}", flush=True)
            sheet(pictures, chosen.folder / f"{name}-{look}.png")
            page.context.close()
        browser.close()


if __name__ == "__main__":
    main()
