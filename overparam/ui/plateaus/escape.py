"""Plateaus: the family of loss curves, and the escape time against the scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from overparam.choices.plateaus import Family, along
from overparam.figures import plateaus as figures
from overparam.serving.plateaus import FAMILIES, FamilyView
from overparam.theory.activations import ACTIVATIONS
from overparam.theory.plateaus import chain_gain, escape_exponent, pinning_scale
from overparam.ui.components.plot import plot
from overparam.ui.plateaus import export_controls
from overparam.ui.shell.advance import look
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState

HEIGHT = 330


def show(state: PageState, family: Family) -> None:
    """Draw the view."""
    seen = look(FAMILIES.get(family))
    left, right = st.columns(2, gap="medium")
    with left:
        curves = [(c.times, c.loss) for c in seen.curves]
        plot(
            figures.loss_curves(family.eps, curves, seen.scalar, seen.level, height=HEIGHT),
            key=state.key("curves"),
            alt=(
                "The loss of every net against the logarithm of time: a plateau, then a fall, later"
                " for smaller scales."
            ),
            on_click=lambda event: take_apart(state, event),
        )
    with right:
        _times(state, family, seen)
    with role("answer", "verdict"):
        st.markdown(
            "  \n".join(
                [escaped(family, seen), slope_in_words(family, seen), *remarks(family, seen)]
            )
        )
    st.caption(
        "A curve for each run: gradient flow, float64. Dashed: the scalar equation "
        "$\\dot a=-\\frac1r\\,\\partial_a L(a,\\dots,a)$ "
        + (
            "from the same scale. "
            if family.start == "symmetric"
            else (
                "moved along the time axis until it leaves with the net: it says when, not what"
                " follows. "
            )
        )
        + f"Escaped: below {seen.level:g} of the loss at zero. "
        + ("" if family.chain else "Click a run to see what unbalances its layers.")
    )
    export_controls.show(state, family, seen)


def _times(state: PageState, family: Family, seen: FamilyView) -> None:
    eps = np.array(family.eps)
    kept = eps > 0
    positive, times = eps[kept], seen.times[kept]
    if not np.isfinite(times).any():
        st.info(
            "No net has escaped, so there are no escape times to draw.", icon=":material/hourglass:"
        )
        return
    law = None
    if family.r > 2 and seen.slopes is not None and not family.decay:
        exponent = escape_exponent(family.r, family.offset)
        last = int(np.flatnonzero(np.isfinite(times).any(1))[-1])
        at = float(np.exp(np.nanmean(np.log(times[last]))))
        law = positive, at * (positive / positive[last]) ** exponent, "law"
    plot(
        figures.escape_times(positive, times, family.r == 2, law, _threshold(family), HEIGHT),
        key=state.key("times"),
        alt="Escape times against the scale of the small layers, with the line of the law.",
        on_click=lambda event: take_apart(state, event),
    )


def take_apart(state: PageState, event: dict[str, Any]) -> None:
    """Show the imbalance of the run that was clicked (a callback)."""
    if event["custom"] is not None:
        place, draw = event["custom"]
        state.set(view="balance", pick=int(place), draw=int(draw))


def gain(family: Family) -> float | None:
    """The rate c at which the scalar chain leaves its saddle, where there is one."""
    if family.chain or family.data == "digits" or family.start == "random":
        return None
    s, y = along(family.data, family.modes)
    return chain_gain(ACTIVATIONS[family.activation], family.depth, s[0], y[0])


def _threshold(family: Family) -> float | None:
    c = gain(family)
    if not family.decay or family.r < 3 or not c:
        return None
    return pinning_scale(family.decay, c, family.r)


def escaped(family: Family, seen: FamilyView) -> str:
    """How many nets escaped, and what happened to the others."""
    there, all_ = int(np.isfinite(seen.times).sum()), seen.times.size
    if not seen.finished:
        return f"Computing … {there} of {all_} escaped so far."
    if there == all_:
        return f"**All {all_} nets escaped.**"
    return (
        f"**{there} of {all_} nets escaped;** the others were followed to time {_latest(seen):.3g}."
    )


def _latest(seen: FamilyView) -> float:
    stuck = [
        c.times[-1]
        for c, t in zip(seen.curves, seen.times.flat, strict=False)
        if not np.isfinite(t)
    ]
    return float(max(stuck, default=0.0))


def slope_in_words(family: Family, seen: FamilyView) -> str:
    """The fitted slope beside the law's, or why there is none."""
    r, found = family.r, seen.slopes
    if r == 0:
        return "No layer is small, so ε plays no part: all curves of one start are the same."
    if r == 1:
        return (
            "One small layer makes no saddle: there is no plateau, and τ does not grow as ε falls."
        )
    if len([e for e in family.eps if e > 0]) < 2:
        return "One scale has no slope: choose a smaller smallest ε."
    if family.decay and r >= 3:
        return "The law speaks of nets without weight decay: no slope is fitted here."
    if found is None:
        return "There are not enough escapes for a slope."
    where = f"over ε = {found.scales[0]:.3g} to {found.scales[1]:.3g}"
    several = (
        f" (from {found.least:.3f} to {found.most:.3f} over {found.seeds} starts)"
        if found.seeds > 1
        else ""
    )
    several = several.replace("-", "−")
    if found.logarithmic:
        return (
            f"τ grows by **{found.mean:.3f}** for each factor e in 1/ε{several}, {where}: "
            "logarithmic, as the law says for r = 2."
        )
    law = escape_exponent(r, family.offset)
    mean = f"{found.mean:.3f}".replace("-", "−")
    rule = f"−2(r − 2) = −{-law:g}" if family.offset else f"−(r − 2) = −{-law:g}"
    return f"Slope of τ against ε: **{mean}**{several}, {where}; the law says {rule}."


def remarks(family: Family, seen: FamilyView) -> list[str]:
    """What else is true of this family."""
    words = []
    if 0.0 in family.eps and family.r >= 2:
        words.append(
            "ε = 0 stands exactly on the saddle: its gradient is 0, and it stays there for ever."
        )
    if family.decay and family.r >= 3:
        at = _threshold(family)
        edge = (
            f" ε = (λ/c)^(1/(r−2)) = **{at:.3g}**"
            if at
            else " a threshold that depends on the draw"
        )
        words.append(f"Weight decay: below{edge} the small layers shrink faster than they grow.")
    if family.depth == 1:
        words.append("Depth 1 is a linear model: no saddle, whatever the scale.")
    if family.data == "digits":
        words.append(
            "Digits: cross entropy, followed to half the loss at zero; no scalar equation."
        )
    return words
