"""Every step of every course as one picture, to be looked at: a contact sheet.

    python -m tests.browser.contact_sheet screenshots
    python -m tests.browser.contact_sheet screenshots --theme dark --projector --courses demo --size
    1280x720

Starts the app, walks the courses by keyboard, and writes COURSE-THEME.png, one PNG a step and the
server's log into the folder.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from overparam.story.lessons import COURSES
from tests.browser.conftest import FLAGS
from tests.browser.server import serving
from tests.browser.walk import overflow, walk

COLUMNS, WIDTH = 2, 960


def sheet(pictures: list[Path], target: Path) -> None:
    """The pictures side by side, in reading order."""
    images = [Image.open(path) for path in pictures]
    height = WIDTH * images[0].height // images[0].width
    rows = -(-len(images) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * WIDTH, rows * height), "white")
    for i, image in enumerate(images):
        whole.paste(image.resize((WIDTH, height)), ((i % COLUMNS) * WIDTH, (i // COLUMNS) * height))
    whole.save(target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--projector", action="store_true")
    parser.add_argument("--courses", nargs="*", choices=COURSES, default=list(COURSES))
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    width, height = map(int, chosen.size.split("x"))
    chromium = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    )
    with (
        serving("app.py", chosen.folder / "server.log") as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name in chosen.courses:
            page = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=chosen.theme
            ).new_page()
            page.on("pageerror", lambda error: print("exception:", error))
            pictures = []
            for place, step, moment in walk(
                page, address, COURSES[name], "&projector=1" if chosen.projector else ""
            ):
                path = chosen.folder / f"{name}-{place + 1:02}-{moment}-{chosen.theme}.png"
                page.screenshot(path=path)
                if moment == "answered":
                    pictures.append(path)
                beyond = overflow(page)
                print(
                    f"{path.name}: {step.claim}"
                    + (f"  SCROLLS {beyond}" if any(beyond.values()) else ""),
                    flush=True,
                )
            sheet(pictures, chosen.folder / f"{name}-{chosen.theme}.png")
            page.context.close()
        browser.close()


if __name__ == "__main__":
    main()
