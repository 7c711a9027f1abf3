"""The pieces of Streamlit's frontend that a page asks for when it is told what stands on it.

By then the document has been there for a second: its head names them, so that they come, and are
read, beside what the page is doing meanwhile.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import streamlit

FOLDER = Path(streamlit.__file__).parent / "static"
_ON_PAGES = (
    "BidiComponent",
    "Html",
    "Button",
    "ButtonGroup",
    "Slider",
    "Selectbox",
    "NumberInput",
    "Checkbox",
    "PageLink",
    "rehype-katex",
)
"""On most of our pages.  Another version of Streamlit may name them otherwise: then they come when
they come."""


@cache
def asked() -> str:
    """HTML for the head of a document: these pieces and what they import, which the document does
    not ask for itself."""
    document = (FOLDER / "index.html").read_text(encoding="utf-8")
    scripts = FOLDER / "static" / "js"
    found: dict[str, None] = {}
    waiting = [path.name for name in _ON_PAGES for path in scripts.glob(f"{name}.*.js")]
    while waiting:
        name = waiting.pop(0)
        if name in found or name in document:
            continue
        found[name] = None
        waiting += re.findall(
            r'(?:from|import)"\./([^"]+\.js)"', (scripts / name).read_text(encoding="utf-8")
        )
    return "".join(
        f'<link rel="modulepreload" crossorigin href="./static/js/{name}">' for name in found
    )
