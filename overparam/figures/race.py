"""How the methods of a race look: one colour and dash each, the same in every picture of the page."""

from __future__ import annotations

from collections.abc import Sequence

from overparam.experiment import Entry
from overparam.figures.style import DASHES, PALETTE, depth_colour, depth_dash


def method_styles(entries: Sequence[Entry]) -> list[tuple[str, str]]:
    """Colour and dash of each method: gradient descent on a network of depth N looks as depth N does on every page.

    The other methods take the colours that are left, then repeat colours with other dashes.
    """
    own = [e.kind == "network" and e.optimizer == "gd" and e.depth <= len(PALETTE) for e in entries]
    styles: list[tuple[str, str] | None] = []
    for plain, e in zip(own, entries, strict=True):
        style = (depth_colour(e.depth), depth_dash(e.depth)) if plain else None
        styles.append(None if style in styles else style)
    # same colour, another dash: a combination that no depth has
    spare = [(colour, DASHES[i]) for i, colour in enumerate(PALETTE)]
    spare += [(colour, DASHES[(i + shift) % len(DASHES)]) for shift in range(1, len(DASHES)) for i, colour in enumerate(PALETTE)]
    for i, style in enumerate(styles):
        if style is None:
            used = {s[0] for s in styles if s}
            fresh = [s for s in spare if s[0] not in used] or [s for s in spare if s not in styles]
            styles[i] = fresh[0]
    return styles
