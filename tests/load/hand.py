"""In Chromium: what follows a hand that drags a slider, and how often a run that plays is painted.

    python -m tests.load.hand --url http://127.0.0.1:8501

Each slider is dragged for two seconds, on a page at rest. What a picture took is counted from the
moment when the slider took the value that it shows to the screen's next frame.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

from tests.browser.chromium import FLAGS, installed
from tests.browser.walk import settle
from tests.load.client import loopback
from tests.load.report import percentile

DRAGS = (
    ("convergence", "race_p"),
    ("preconditioner", "pre_w"),
    ("no_regularizer?R=2", "reg_r"),
    ("no_regularizer?r=0.04", "reg_R"),
    ("no_regularizer", "reg_N"),
)
PLAYS = "convergence?problem=two&steps=shared&step=0.001&iterations=100000&methods=1_gd~2_gd"
SECONDS = 2.0
WATCH = """slider => {
    const box = document.querySelector(`.st-key-${slider}`)
    const taken = new Map(), asked = {}, took = {} // when a value was; charts: of what, how long
    const thumb = box.querySelector("input[type=range]"), now = () => performance.now()
    const look = () => taken.has(thumb.value) || taken.set(thumb.value, now())
    look()
    new MutationObserver(look).observe(box, { attributes: true, subtree: true })
    const asks = (key, value) => (asked[key] ??= []).push(taken.get(value))
    const { fetch } = window, { send } = WebSocket.prototype
    window.fetch = async (at, ...more) => {
        const { value } = thumb, answer = await fetch(at, ...more)
        const [, key] = /[/]picture[/](\\w+)/.exec(String(at)) ?? []
        if (key && answer.ok) asks(key, value)
        return answer
    }
    WebSocket.prototype.send = function (said) {
        if (typeof said === "string" && said.includes('"glance"')) asks("race", thumb.value)
        return send.call(this, said)
    }
    for (const chart of document.querySelectorAll(".plot, .live-chart")) {
        const [, key] = /st-key-(\\w+)/.exec(chart.closest("[class*=st-key-]").className)
        took[key] = []
        const shown = () => {
            const since = asked[key][took[key].length], i = took[key].push(Infinity) - 1
            requestAnimationFrame(() => { took[key][i] = now() - since })
        }
        const attributeFilter = ["data-followed", "data-glances"]
        new MutationObserver(shown).observe(chart, { attributes: true, attributeFilter })
    }
    window.followed = () => ({ values: taken.size - 1, took })
}"""
PAINTS = """() => new Promise((done) => {
    const chart = document.querySelector(".live-chart"), times = []
    const watch = new MutationObserver(() => times.push(performance.now()))
    watch.observe(chart, { attributes: true, attributeFilter: ["data-painted"] })
    setTimeout(() => done((times.length - 1) / (times.at(-1) - times[0]) * 1000), 1500)
})"""


def drag(page: Any, slider: str, seconds: float = SECONDS) -> dict[str, Any]:
    """Drag a slider to its further end. How many values it took, and for each chart of the page
    the milliseconds that each of its pictures took."""
    box = page.locator(f".st-key-{slider}")
    x, y, width, height = box.locator("[style*='left:']").first.bounding_box().values()
    left, _, across, _ = box.get_by_role("group").first.bounding_box().values()
    start, middle = x + width / 2, y + height / 2
    end = left if start - left > across / 2 else left + across
    page.evaluate(WATCH, slider)
    page.mouse.move(start, middle)
    page.mouse.down()
    begun = time.monotonic()
    while (share := (time.monotonic() - begun) / seconds) < 1:
        page.mouse.move(start + share * (end - start), middle)
        time.sleep(0.008)
    found = page.evaluate("window.followed()")
    page.mouse.up()
    return {"values": found["values"], "took": {k: v for k, v in found["took"].items() if v}}


def paints(page: Any) -> float:
    """Paintings a second, from Run on."""
    page.get_by_role("button", name="Run").click()
    return float(page.evaluate(PAINTS))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.load.hand",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--url", required=True, help="the server, on this machine: http://127.0.0.1:PORT"
    )
    a = parser.parse_args(arguments)
    try:
        a.url = loopback(a.url)
    except ValueError as error:
        parser.error(str(error))
    from playwright.sync_api import sync_playwright

    if installed() is None:
        parser.error("no Chromium on the path: install it, as README says for the tests.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=installed(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        for where, slider in DRAGS:
            opened(page, f"{a.url}/{where}")
            seen = drag(page, slider)
            print(f"{slider:<10} {seen['values']} values")
            for chart, took in seen["took"].items():
                half = f"half of them within {percentile(took, 0.5):.0f} ms"
                print(f"    {chart:<20} {len(took)} pictures, {half}")
        opened(page, f"{a.url}/{PLAYS}")
        print(f"{'a run':<10} painted {paints(page):.0f} times a second")
        browser.close()
    return 0


def opened(page: Any, address: str) -> None:
    page.goto(address)
    page.wait_for_load_state("networkidle")
    settle(page)
    page.wait_for_timeout(1000)  # pictures below the window are drawn when nothing else is


if __name__ == "__main__":
    sys.exit(main())
