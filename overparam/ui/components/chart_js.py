"""The chart's script, put together from its sources: where the browser finds it.

A component brings its script with every message that mounts it, 120 kB for each chart of a page at
each run of the page's script. Where the app has routes of its own the component brings three lines
instead, by which the browser fetches the file, once.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
_SOURCES = (
    "chart.js",
    "live.js",
    "place.js",
    "frames.js",
    "canvas.js",
    "at_rest.js",
    "end_labels.js",
    "arrivals.js",
    "player.js",
    "hand.js",
    "glances.js",
    "stream.js",
    "guess.js",
    "still.js",
    "follower.js",
    "sketch.js",
    "brush.js",
    "bead.js",
    "cursor.js",
    "descent.js",
    "descent_hand.js",
    "heights.js",
    "plotly_js.js",
)
TEXT = "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SOURCES)
ROUTE = f"assets/chart-{hashlib.sha256(TEXT.encode()).hexdigest()[:12]}.js"
"""Address of our own route to it, relative to the address of the app."""

ASKED = f'<link rel="modulepreload" href="./{ROUTE}">'
"""The head of a document asks for it."""

STUB = f"""\
const frontend = document.querySelector('script[src*="static/js/"]') // tells the path of the app
const app = frontend ? new URL("../../", frontend.src) : document.baseURI
const at = new URL("{ROUTE}", app).href
// a poor network may fail once; under the same address the browser would not ask again
export default (await import(at).catch(() => import(at + "?again"))).default
"""


def plain() -> bytes:
    """The script."""
    return TEXT.encode()


@cache
def compressed() -> bytes:
    """The same, by gzip."""
    return gzip.compress(plain(), 9, mtime=0)
