"""What the parts of a page are for; projector mode and lessons hide and arrange parts by their
role, whatever the page.

    with role("controls", "race"):      # what is chosen here
        ...

Roles: `controls`; `picture`; `words`, which a lecturer needs beside the picture; `aside`, which a
lecturer says, or which leads elsewhere; `answer`, what the page itself says in answer to a lesson's
question.
"""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

Role = Literal["controls", "picture", "words", "aside", "answer"]


def role(name: Role, of: str, **how: Any) -> DeltaGenerator:
    """A container for a part of a page; `how` goes to `st.container`.

    Args: name: its role. of: what makes it unique on its page.
    """
    return st.container(key=f"role_{name}_{of}", **how)


def css(name: Role) -> str:
    """The selector of every part of a role."""
    return f'[class*="st-key-role_{name}_"]'


def column(name: Role) -> str:
    """The selector of every column that holds a part of a role and nothing else, and so may go with
    it."""
    return f".stColumn:has(> .stVerticalBlock > :only-child > {css(name)})"


def _holds(name: Role, which: str = "") -> str:
    """Of a row: that its column, `which`, is one of `column`, which has a :has of its own, and one
    cannot stand in another."""
    return f":has(> .stColumn{which} > .stVerticalBlock > :only-child > {css(name)})"


def place(name: Role) -> str:
    """The selector of what every part of a role takes up: hidden with it, no gap stays."""
    return f'[data-testid="stLayoutWrapper"]:has(> {css(name)})'


CAPTION_ALONE = (
    '[data-testid="stLayoutWrapper"]:has(> [class*="st-key-said_"]'
    ' > :only-child [data-testid="stCaptionContainer"])'
)
PROJECTOR = f"""
.stMain :is({place("aside")}, {column("aside")}) {{ display: none; }}
.stMain .stElementContainer:has([data-testid="stCaptionContainer"]):not(
  .st-key-lesson_card *, {css("words")} *
) {{
  display: none;
}}
.stMain {CAPTION_ALONE} {{ display: none; }} /* nor does its gap stay */
{css("controls")} {{ gap: 0.1rem; }}
"""
"""A lecturer's screen: the room belongs to the pictures, and captions are asides unless they stand
among words."""

_TWO = f".stHorizontalBlock{_holds('controls')}:not(:has(> .stColumn:nth-child(3)))"
NARROW = f"""
{column("controls")} {{ order: 1; }}
{column("controls")} ~ .stColumn:nth-child(3) {{ order: 2; }}
/* of two columns the controls stand right below the last picture, what is said of it after them */
{_TWO} {{ flex-flow: column nowrap; > .stColumn, > .stColumn > .stVerticalBlock {{
  display: contents;
}} }}
{_TWO} {place("controls")} {{ order: 1; }}
{_TWO} > .stColumn > .stVerticalBlock > :has(.plot, .live-chart) ~ :not(:has(.plot, .live-chart)) {{
  order: 2;
}}
"""
"""Columns stand below one another: pictures come before their controls."""

LESSON = f"""
.st-key-lesson_stage :is({place("aside")}, {column("aside")}) {{ display: none; }}
@media (min-width: 641px) {{
  /* beside a card three columns are narrow: the words go below the controls */
  .st-key-lesson_stage .stHorizontalBlock{_holds("controls")}{_holds("words", ":nth-child(3)")} {{
    display: grid; grid-template: auto 1fr / minmax(0, 1fr) minmax(0, 1.75fr);
    > .stColumn {{ width: auto; min-width: 0; }}
    > .stColumn:nth-child(2) {{ grid-area: 1 / 2 / 3 / 3; }}
  }}
}}
"""
"""Beside the card of a lesson's step, which says what the page's asides would."""


def hidden(name: Role) -> list[str]:
    """Selectors of what goes where a lesson's step has no use for a role: the parts, and the
    columns that they leave empty."""
    return [f".st-key-lesson_stage {place(name)}", f".st-key-lesson_stage {column(name)}"]
