"""Which Chromium this machine has, and how it is started."""

import shutil

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
_NAMES = "chromium", "chromium-browser", "google-chrome"


def installed() -> str | None:
    """The program, or None."""
    return next(filter(None, map(shutil.which, _NAMES)), None)
