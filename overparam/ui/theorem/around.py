"""Walk around the curve of the proof: the field, the circulation with its error bar, and what it
proves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from overparam.choices.kinds import Number
from overparam.choices.theorem import DATA, SHAPE, Case, theorem_curve
from overparam.figures.theorem import field_figure, pieces_figure
from overparam.theory.curves import Array, Curve, Integral, trace
from overparam.theory.field import closed_form, hypotheses, known_potential, leading_term, verdict
from overparam.theory.landscapes import Quadratic
from overparam.ui.components.plot import Follow, plot
from overparam.ui.shell.pictures import follow, said
from overparam.ui.shell.state import PageState
from overparam.ui.theorem import compute


def show(state: PageState, case: Case) -> None:
    """Draw the part."""
    values = state.values()
    key, depth = compute.case_key(values), values["N"]
    curve = gamma(state)
    left, right = st.columns([1.15, 1], gap="medium")
    with left:
        plot(
            field_picture(values, case),
            key=state.key("around_field"),
            alt=in_words(values, case),
            follow=followed(state, "around_field", field_picture),
        )
    with right, st.container(gap="small"):
        if not curve:
            hypothesis_list(case, depth)
            return
        found = compute.walk(key, depth, curve, case)
        with said("around"):
            judge(found.total)
            hypothesis_list(case, depth)
        plot(
            pieces_picture(values, case),
            key=state.key("around_pieces"),
            alt=(
                "Bars: the line integral of F along each of the four pieces of the curve, and their"
                " sum."
            ),
            follow=followed(state, "around_pieces", pieces_picture),
        )
        with said("around_number"):
            st.caption(
                " ".join(
                    [
                        stokes_in_words(found.total, compute.area(key, depth, curve, case)),
                        *remarks(case, depth, values["r"], values["R"]),
                    ]
                )
            )


def gamma(state: PageState) -> Curve:
    """The theorem's curve, or none with the sentence that says why."""
    try:
        return theorem_curve(state.values())
    except ValueError as error:
        st.error(str(error), icon=":material/error:")
        return ()


def followed(
    state: PageState,
    name: str,
    picture: Callable[[Mapping[str, Any], Case], go.Figure],
    moved_by: Sequence[str] = ("N", "r", "R"),
    of_data: bool = True,
) -> Follow | None:
    """How a chart follows a hand on these sliders and on those of the loss; not where a file of the
    person's own is fitted, which no link brings.

    Args: of_data: whether it is soon drawn where data are fitted, too.
    """
    kind = state.values()["loss"]
    if kind == "csv" or (kind in DATA and not of_data):
        return None
    shape = [choice for choice in SHAPE[kind] if isinstance(state.table[choice], Number)]
    return follow(state, name, compute.of_link(picture), [*moved_by, *shape])


def field_picture(
    values: Mapping[str, Any], case: Case, highlight: Sequence[int] | None = None
) -> go.Figure:
    """The field, and the theorem's curve where there is one."""
    try:
        curve = trace(theorem_curve(values))
    except ValueError:
        curve = []
    return field(values, case, curve, highlight=highlight)


def pieces_picture(values: Mapping[str, Any], case: Case) -> go.Figure:
    """The circulation of the theorem's curve, piece by piece. Raises ValueError where there is
    none."""
    depth = values["N"]
    found = compute.walk(compute.case_key(values), depth, theorem_curve(values), case)
    return pieces_figure(
        np.array([p.value for p in found.pieces]),
        exact_pieces(case, depth, values["r"], values["R"]),
    )


def field(
    values: Mapping[str, Any],
    case: Case,
    curve: list[Array],
    **more: Any,
) -> go.Figure:
    """F as arrows, its curl (or known potential) as colour, and a curve.

    Args: more: for `field_figure`.
    """
    found = compute.field_of(compute.case_key(values), values["N"], values["R"], case)
    return field_figure(
        found.at,
        found.vectors,
        values["R"],
        background=(found.axis, found.values, found.name),
        contours=found.contours,
        curve=curve,
        axes=("along e = G(0)/‖G(0)‖", "across") if case.c > 0 else ("first axis", "second axis"),
        **more,
    )


def in_words(
    values: Mapping[str, Any], case: Case, curve: str = "The closed curve runs counterclockwise."
) -> str:
    """What a picture of the field and a curve shows."""
    found = compute.field_of(compute.case_key(values), values["N"], values["R"], case)
    return f"Arrows: the field F in a plane through the origin. Colour: its {found.name}. {curve}"


def judge(total: Integral) -> None:
    """The verdict in words, from the number and its error bar."""
    words, number = verdict(total).split(": ")
    if words == "Not a gradient":
        st.success(f"**{words}:** {number}", icon=":material/rotate_left:")
    else:
        st.info(f"**{words}:** {number}", icon=":material/check_circle:")


def stokes_in_words(total: Integral, area: Integral) -> str:
    """The same number from the curl."""
    gap = abs(total.value - area.value)
    difference = (
        f"{gap:.0e} from the line integral".replace("e-", "e−")
        if gap
        else "equal to the line integral"
    )
    return (
        f"By Stokes, from the curl inside: **{area}**, {difference}. ±: estimated numerical error."
    )


def remarks(case: Case, depth: float, r: float, big_r: float) -> list[str]:
    """What else to know about the numbers of this loss."""
    words = []
    if case.c > 0 and case.loss.continuous_gradient and not isinstance(case.flat, Quadratic):
        words.append(
            "Leading term as $R \\to 0$, with $G(0)$ for $G$:"
            f" {leading_term(depth, case.c, r, big_r):.4g}."
        )
    if case.loss.dimension > 2:
        words.append(
            f"The curve lies in a plane of the {case.loss.dimension}-dimensional weight space; the"
            " line integral uses all of $F$, picture and Stokes the loss restricted to the plane."
        )
    return words


def hypothesis_list(case: Case, depth: float) -> None:
    """The hypotheses of Theorem 2, ticked or crossed, and what follows."""
    rows = hypotheses(case.loss, depth)
    marks = [
        f"{':green[:material/check:]' if row.holds else ':red[:material/close:]'} {row.statement}"
        + (f" :gray[({row.reason})]" if row.reason else "")
        for row in rows
    ]
    st.markdown("  \n".join(["**Theorem 2** asks for", *marks]))
    known = known_potential(case.flat, depth)
    if known:
        st.markdown(
            f"It does not apply, and $F$ **is** a gradient here, that of ${known[0]}$: every closed"
            " curve gives 0."
        )
    elif all(row.holds for row in rows):
        st.markdown("All hold: $F$ is the gradient of **no** function.")
    elif 1 < depth < 2 and case.c > 0 and case.loss.continuous_gradient:
        st.markdown(
            "The theorem is stated for $N > 2$. Its proof also works for $1 < N < 2$: the sum is"
            " negative there, not 0."
        )
    else:
        st.markdown(
            "It does not apply, which proves nothing: where the curl is not 0, $F$ is no gradient"
            " all the same."
        )


def exact_pieces(case: Case, depth: float, r: float, big_r: float) -> Array | None:
    """The closed form of each piece, where there is one: G(W) = G(0) + A W, with e the first
    axis."""
    if not isinstance(case.flat, Quadratic):
        return None
    return closed_form(depth, case.c, r, big_r, along=float(case.flat.hessian[0, 0]))
