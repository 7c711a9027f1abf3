"""Imbalance: the exact identity along one run, and the drift of a balanced chain against its
scale."""

from __future__ import annotations

import numpy as np
import streamlit as st

from overparam.choices.plateaus import Family
from overparam.engine.turns import GATE
from overparam.figures import plateaus as figures
from overparam.measure.plateaus import (
    DRIFT_SCALES,
    DRIFT_SKEW,
    Curve,
    Drift,
    chain_drift_against_scale,
)
from overparam.serving.plateaus import FAMILIES
from overparam.theory.activations import ACTIVATIONS, CLASSES
from overparam.ui.components.plot import plot
from overparam.ui.shell.advance import look
from overparam.ui.shell.state import PageState

HEIGHT = 330
SHOWN = ("tanh", "sin", "gelu", "silu", "shifted", "sigmoid", "softplus")


@st.cache_data(max_entries=16, ttl=3600, show_spinner=False)
def drift_of(name: str) -> Drift:
    """The drift of one activation's chain."""
    with GATE:
        return chain_drift_against_scale(ACTIVATIONS[name], DRIFT_SCALES, DRIFT_SKEW)


def show(state: PageState, family: Family) -> None:
    """Draw the view."""
    left, right = st.columns(2, gap="medium")
    with left:
        _identity(state, family)
    with right:
        _classes(state, family)


def _identity(state: PageState, family: Family) -> None:
    st.markdown(
        r"**Exact:** $\tfrac{d}{dt}(\|W_{j+1}\|^2-\|W_j\|^2)=2\,\mathbb E\langle\psi(z_j),\partial"
        r" L/\partial h_j\rangle$"
    )
    if family.depth == 1:
        st.info("One layer has no neighbour: raise the depth.", icon=":material/info:")
        return
    if family.chain:
        st.info(
            f"{ACTIVATIONS[family.activation].label} is not 0 at 0; its chain is followed by"
            " another solver, without this integral. Choose another activation, or see the drift"
            " on the right.",
            icon=":material/info:",
        )
        return
    seen = look(FAMILIES.get(family))
    place = min(state.values()["pick"], len(family.eps) - 1)
    draw = min(state.values()["draw"], family.seeds - 1)
    chosen = seen.curves[place * family.seeds + draw]
    kept = until_rest(chosen)
    measured, integral = chosen.imbalance[kept], chosen.integral[kept]
    plot(
        figures.imbalance(
            chosen.times[kept], measured, integral, float(seen.times[place, draw]), HEIGHT
        ),
        key=state.key("imbalance"),
        alt=(
            "The norm imbalance of neighbouring layers over time, with the integral of the identity"
            " on top of it."
        ),
    )
    size = np.abs(measured).max(initial=0.0)
    apart = np.abs(measured - integral).max(initial=0.0)
    kind = ACTIVATIONS[family.activation].kind
    if kind == "homogeneous":
        words = (
            f"ψ = 0: every Δ stands still. Measured: it moves by {size:.1e}, the error of the"
            " integrator."
        )
    else:
        words = (
            f"Largest |Δ|: {size:.3g}; the integral is within {apart:.1e} of it, the error of the"
            " integrator."
        )
    if family.decay:
        words = (
            "With weight decay the bracket also shrinks by 2λ of itself, which the dashed line"
            " leaves out."
        )
    st.markdown(f"**ε = {family.eps[place]:.3g}, start {draw}.** {words.replace('e-', 'e−')}")
    st.caption(
        "$\\psi(z)=z\\varphi'(z)-\\varphi(z)$, for any loss and any activation. Solid:"
        " $\\Delta_j=\\|W_{j+1}\\|^2-\\|W_j\\|^2$ since the start; dashed: the time integral of the"
        " right side. Dotted: the escape."
    )


def until_rest(curve: Curve) -> slice:
    """The part of a curve worth drawing: all of it but time 0."""
    return slice(1, len(curve.times)) if len(curve.times) > 1 else slice(0, 1)


def _classes(state: PageState, family: Family) -> None:
    names = [*SHOWN, *([family.activation] if family.activation not in SHOWN else [])]
    found = {name: drift_of(name) for name in names}
    lines = [
        (ACTIVATIONS[name].label, ACTIVATIONS[name].kind, d.scale, np.abs(d.measured), d.law)
        for name, d in found.items()
        if d.slope is not None
    ]
    st.markdown("**Four classes:** drift of a balanced chain $w_2\\,\\varphi(w_1 s)$")
    plot(
        figures.drift(lines, ACTIVATIONS[family.activation].label, HEIGHT),
        key=state.key("drift"),
        alt=(
            "The imbalance of a chain against its scale, on logarithmic axes: slopes 2, 3 and 4 by"
            " class."
        ),
    )
    own, kind = found[family.activation], ACTIVATIONS[family.activation].kind
    label = ACTIVATIONS[family.activation].label
    slope = (
        f"; measured slope **{own.slope:.2f}**"
        if own.slope is not None
        else "; measured: nothing drifts"
    )
    st.markdown(f"**{label}** is {CLASSES[kind]}{slope}.")
    st.caption(
        "Targets $s+0.3\\,(s^2-1)$ for a normal $s$. Crosses: $-\\frac{a_3}{\\varphi'(0)}\\kappa"
        " a^4$ and $-\\frac23\\frac{a_2}{\\varphi'(0)}\\mu a^3$, $\\kappa=3$, $\\mu=0.6$. Where"
        " $\\varphi(0)\\neq0$ an output bias is trained, too."
    )
