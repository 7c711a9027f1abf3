"""The look of every page, as style sheets without their tags."""

from __future__ import annotations

from overparam.figures.style import DARK_BACKGROUND, LIGHT_BACKGROUND, NEUTRAL, PALETTE, readable
from overparam.ui.components.window import icon_only
from overparam.ui.shell.roles import NARROW

PAGE = """
.stMainBlockContainer { padding-inline: clamp(0.75rem, 2.5vw, 3rem); padding-bottom: 1.5rem; }
[class*="_dial"] { flex-wrap: nowrap; > * { min-width: 0; } } /* slider and box side by side */
[data-behind] { opacity: 0.3; } /* a box whose slider a hand moves: see components/hand.js */
/* what stands behind a formula, a full stop say, stays beside it: a line breaks behind any box */
:not(.katex-display) > .katex > .katex-html > .base:last-child { display: inline; }
@media (hover: none) { kbd { display: none !important; } } /* no keyboard */
@media (max-width: 640px) {
  /* columns stand below one another: pictures come before their controls */
  .stButtonGroup > :is([role="radiogroup"], [role="toolbar"], [role="group"]) {
    flex-wrap: wrap; row-gap: 0.25rem;
  }
  NARROW
}
""".replace("NARROW", NARROW)
"""Where everything stands."""

UNTIL_IT_STANDS = """
html:not([data-stands]) {
  --page: hidden; animation: seen-all-the-same 0s 10s forwards;
  .stMainBlockContainer, .stMainBlockContainer *, [data-testid="stSidebarContent"] * {
    visibility: var(--page) !important; /* widgets and text say that they are seen */
  }
}
@keyframes seen-all-the-same { to { --page: visible; } }
"""
"""A page is put together from pieces that find their sizes one after another, and would be seen to
jump: until components/window.js says that it stands, its place is empty, ten seconds at most."""

WITH_SIDEBAR = ("convergence", "where_depth_helps", "no_regularizer", "beyond_linear")
"""Pages by their address."""

ROOM_FOR_SIDEBAR = """
@media (min-width: 769px) { /* below, Streamlit keeps it closed */
  html:not([data-stands]) [data-testid="stAppViewContainer"]:not(:has([data-testid="stSidebar"])) {
    padding-left: 300px;
  }
}
"""
"""Until a sidebar comes that opens by itself."""

# Streamlit's own shades are a little too faint for a lit room (WCAG 2 asks for 4.5:1).
_READABLE = """
[data-testid="stCaptionContainer"] { opacity: 0.75; }
[data-testid="stCaptionContainer"] a { color: inherit; }
button kbd { opacity: 0.95 !important; }
/* a door, not where one is */
[data-testid="stPageLink-NavLink"]:not(:hover, :focus-visible) { background: none !important; }
button[kind="tertiary"]:is(:hover, :active, [aria-expanded="true"]) *,
[data-testid="stButtonGroup"] button[data-selected] *,
[data-testid="stSliderThumbValue"] * { color: light-dark(#0a5cad, #8fbcff); }
"""


def _text_in(colour: str) -> str:
    """Style for text in a curve's colour: that colour, as far towards the theme's text as reading
    asks."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    shade = (
        f"light-dark({readable(colour, LIGHT_BACKGROUND)}, {readable(colour, DARK_BACKGROUND)})"
        " !important"
    )
    value = f"rgb({red}, {green}, {blue})"
    return (
        f'.stMarkdown :is([style*="color: {value}"], [style*="color:{colour}"],'
        f' [mathcolor="{colour}"]) {{ color: {shade}; }}.plot text[style*="fill: {value}"] {{ fill:'
        f" {shade}; }}"
    )


_COLOURS = "\n".join(map(_text_in, (*PALETTE, NEUTRAL)))
_HEADER = """
[data-testid="stLayoutWrapper"]:has(> .st-key-app_tools) {
  position: fixed; top: var(--tools-top, 0.9rem); right: 10.5rem; width: auto; z-index: 1000000;
}
.st-key-app_tools button { padding: 0.25rem; min-height: 0; }
[data-testid="stTopNav"] { margin-right: 10rem; }
"""
_REST = """
[data-testid="stLayoutWrapper"]:has(> .st-key-app_window) { display: none; }
@media print { /* the sheet is as wide as the window: see components/window.js */
  [data-testid="stHeader"], [data-testid="stLayoutWrapper"]:has(> .st-key-app_tools) {
    display: none;
  }
  .plot, .live-chart, .stElementContainer { break-inside: avoid; }
}
""" + icon_only("app_projector_switch")

# In a frame on somebody else's page: the picture and its buttons, nothing around them.
_EMBEDDED = """
[data-testid="stHeader"], [data-testid="stSidebar"] { display: none; }
.stMain .stMainBlockContainer { padding-top: 0.5rem; }
"""


def shared(embedded: bool) -> str:
    """Colours, what is out of sight, the printed sheet, and the tools in the header; nothing around
    the page where it stands in somebody else's frame."""
    return _READABLE + _COLOURS + _REST + (_EMBEDDED if embedded else _HEADER)
