"""The picture in README.md: the race as it opens, finished.

python -m tests.browser.readme_picture docs/race.png
"""

from __future__ import annotations

import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser.chromium import FLAGS, installed
from tests.browser.server import serving
from tests.browser.walk import settle


def main() -> None:
    target = Path(sys.argv[1])
    with (
        tempfile.TemporaryDirectory() as folder,
        serving("app.py", Path(folder) / "server.log") as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=installed(), args=FLAGS)
        size = {"width": 1280, "height": 800}
        page = browser.new_context(viewport=size, color_scheme="light").new_page()
        page.goto(f"{address}/convergence")
        page.get_by_text("iteration 500 of 500").first.wait_for(timeout=120_000)
        settle(page)
        picture = Image.open(BytesIO(page.screenshot()))
        browser.close()
    picture.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    main()
