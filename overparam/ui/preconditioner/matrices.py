"""One step, matrices: the eigenvalues and eigenvectors of Claim 1, and the preconditioner written
out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
import torch

from overparam.choices.kinds import Choice, Flag, Number
from overparam.figures.preconditioner import eigenvalue_map, signed_matrix
from overparam.theory.preconditioner import dense, eigenvalues, precondition
from overparam.ui.components.plot import plot
from overparam.ui.shell.pictures import follow, said
from overparam.ui.shell.roles import role
from overparam.ui.shell.state import PageState
from overparam.ui.shell.trio import dial

MOST_OUTPUTS, MOST_INPUTS = 4, 6
DEFAULT_SIGMA = (1.5, 1.0, 0.5, 0.25)

CHOICES: tuple[Choice, ...] = (
    Number("outputs", "Outputs k", 3, 1, MOST_OUTPUTS, integer=True),
    Number("inputs", "Inputs d", 5, 1, MOST_INPUTS, integer=True),
    *(
        Number(f"s{i + 1}", f"Singular value σ{'₁₂₃₄'[i]}", DEFAULT_SIGMA[i], 0, 2)
        for i in range(MOST_OUTPUTS)
    ),
    Number("r", "Chosen row r", 1, 1, MOST_OUTPUTS, integer=True),
    Number("s", "Chosen column s", 1, 1, MOST_INPUTS, integer=True),
    Number(
        "basis",
        "Singular vectors: random seed",
        1,
        0,
        999,
        integer=True,
        help="0: the coordinate axes.",
    ),
    Flag("dense", "Write P out, and check it", False),
)


def show(state: PageState) -> None:
    """Draw the view."""
    left, middle, right = st.columns([1, 1.6, 1.6], gap="medium")
    with left, role("controls", "view"):
        dial(state, "N", 0.1, format="%.1f")
        outputs, inputs = st.columns(2)
        with outputs:
            k = int(state.number("outputs"))
        with inputs:
            d = int(state.number("inputs"))
        sliders = [f"s{i + 1}" for i in range(min(k, d))]
        for name in sliders:
            state.slider(name, step=0.01)
        state.number("basis")
        wants_dense = state.toggle("dense")
    values = state.values()
    depth, sigma, (r, s) = values["N"], _sigma(values), _cell(values)
    _, u, v = _matrix(values)
    with middle:
        st.markdown("**Eigenvalues** $\\lambda(r, s)$, the factors on $u_r v_s^\\top$. Click one.")
        plot(
            table_picture(values),
            key=state.key("table"),
            alt=(
                f"The {k} by {d} table of eigenvalues of the preconditioner; the chosen one is in"
                f" row {r}, column {s}."
            ),
            on_click=lambda event: _choose(state, event),
            follow=follow(state, "table", table_picture, ("N", *sliders)),
        )
        with said("table"):
            st.latex(_formula(sigma, r - 1, s - 1, depth, _table(values)[r - 1, s - 1]))
            st.markdown(_notes(sigma, k, d, depth))
    with right:
        if wants_dense:
            _show_dense(state, sliders)
            return
        st.markdown(f"**Its eigenvector**, the matrix $u_{r} v_{s}^\\top$")
        plot(
            signed_matrix(np.outer(u[:, r - 1], v[:, s - 1]), ("output", "input")),
            key=state.key("vector"),
            alt=f"The entries of the eigenvector u{r} v{s} transposed, a {k} by {d} matrix.",
        )
        st.markdown(f"**$W$ itself** $= \\sum_r \\sigma_r u_r v_r^\\top$, {k}×{d}")
        plot(
            w_picture(values),
            key=state.key("w_plot"),
            alt="The entries of W.",
            follow=follow(state, "w_plot", w_picture, sliders),
        )


def table_picture(values: Mapping[str, Any]) -> go.Figure:
    """The eigenvalues of the choices, the chosen cell marked."""
    sigma, (r, s) = _sigma(values), _cell(values)
    names = [[_name(sigma, i) for i in range(values[side])] for side in ("outputs", "inputs")]
    return eigenvalue_map(_table(values), (names[0], names[1]), (r - 1, s - 1))


def w_picture(values: Mapping[str, Any]) -> go.Figure:
    """W of the choices."""
    return signed_matrix(_matrix(values)[0].numpy(), ("output", "input"))


def dense_picture(values: Mapping[str, Any]) -> go.Figure:
    """P of the choices, written out."""
    matrix = dense(_matrix(values)[0], values["N"])
    return signed_matrix(matrix.numpy(), ("row", "column"), text=False)


def _sigma(values: Mapping[str, Any]) -> list[float]:
    """The singular values that a matrix of this shape has."""
    return [values[f"s{i + 1}"] for i in range(min(values["outputs"], values["inputs"]))]


def _cell(values: Mapping[str, Any]) -> tuple[int, int]:
    """The chosen row and column, from 1; of a smaller table its last ones."""
    return min(values["r"], values["outputs"]), min(values["s"], values["inputs"])


def _table(values: Mapping[str, Any]) -> np.ndarray:
    sigma = torch.tensor(_sigma(values), dtype=torch.float64)
    return eigenvalues(sigma, values["outputs"], values["inputs"], values["N"]).numpy()


def _matrix(values: Mapping[str, Any]) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """W = U diag(sigma) Vᵀ with orthogonal U and V of a seed, and these."""
    k, d, seed, sigma = values["outputs"], values["inputs"], values["basis"], _sigma(values)
    generator = torch.Generator().manual_seed(seed)
    bases = []
    for size in (k, d):
        gaussian = torch.randn(size, size, generator=generator, dtype=torch.float64)
        bases.append(torch.linalg.qr(gaussian).Q if seed else torch.eye(size, dtype=torch.float64))
    u, v = bases
    q = len(sigma)
    return (u[:, :q] * torch.tensor(sigma, dtype=torch.float64)) @ v[:, :q].mT, u.numpy(), v.numpy()


def _choose(state: PageState, event: dict[str, Any]) -> None:
    if event["custom"] is not None:
        r, s = event["custom"]
        state.set(r=r + 1, s=s + 1)


def _name(sigma: list[float], i: int) -> str:
    """Label of a row or column; a missing singular value counts as 0."""
    number = "₁₂₃₄₅₆"[i]
    return (
        f"σ{number} = {sigma[i]:.3g}" if i < len(sigma) else f"none: 0{' ' * i}"
    )  # categories must differ


def _formula(sigma: list[float], r: int, s: int, depth: float, value: float) -> str:
    """The chosen eigenvalue with the numbers on screen, by the case of Claim 1 that it falls
    under."""
    a, b = ((sigma[i] if i < len(sigma) else 0.0) for i in (r, s))
    head, n = rf"\lambda({r + 1}, {s + 1}) = ", f"{depth:g}"
    tail = rf" = {value:.4g}"
    if depth == 1:
        return head + "1"
    if a == b == 0:
        return head + "0"
    if a == 0 or b == 0:
        return head + rf"\sigma^{{2-2/N}} = {max(a, b):.3g}^{{\,2-2/{n}}}{tail}"
    if a == b:
        return head + rf"N\sigma^{{2-2/N}} = {n} \cdot {a:.3g}^{{\,2-2/{n}}}{tail}"
    return (
        head + r"\frac{\sigma_r^2 - \sigma_s^2}{\sigma_r^{2/N} - \sigma_s^{2/N}} = "
        rf"\frac{{{a:.3g}^2 - {b:.3g}^2}}{{{a:.3g}^{{2/{n}}} - {b:.3g}^{{2/{n}}}}}{tail}"
    )


def _notes(sigma: list[float], k: int, d: int, depth: float) -> str:
    """What is special about the table on screen, one line each."""
    if depth == 1:
        return "**$N = 1$:** $P$ is the identity, every direction is treated alike."
    if not any(sigma):
        return (
            "**$W = 0$:** every eigenvalue is 0. A balanced deep network does not move from here,"
            " whatever the gradient."
        )
    notes = []
    if k == 1 or d == 1:
        side = "One output" if k == 1 else "One input"
        notes.append(
            f"**{side}:** this is Claim 2, $N\\sigma^{{2-2/N}}$ along $W$ and $\\sigma^{{2-2/N}}$"
            " everywhere else."
        )
    positive = [value for value in sigma if value > 0]
    if len(set(positive)) < len(positive):
        notes.append(
            "**Equal singular values:** $N\\sigma^{2-2/N}$ for each pair; their singular vectors"
            " are not unique."
        )
    if len(positive) < len(sigma):
        notes.append(
            "**A singular value is 0:** where $W$ is silent on one side, $\\sigma^{2-2/N}$; on both"
            " sides, 0."
        )
    if k != d and min(k, d) > 1:
        notes.append(f"$W$ has {min(k, d)} singular values; the missing ones count as 0.")
    if not notes:
        notes.append(
            "Large where $W$ is already large: depth favours the directions in which the network"
            " has already moved."
        )
    return "\n\n".join(notes)


def _show_dense(state: PageState, sliders: Sequence[str]) -> None:
    values = state.values()
    w, depth, k, d = _matrix(values)[0], values["N"], values["outputs"], values["inputs"]
    matrix = dense(w, depth)
    grad = torch.randn(1, k, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    product = (matrix @ grad[0].mT.flatten()).view(d, k).mT
    difference = float((product - precondition(w.unsqueeze(0), grad, depth)[0]).abs().max())
    st.markdown(f"**$P$ written out**, {k * d}×{k * d}, columns of $G$ stacked")
    plot(
        dense_picture(values),
        key=state.key("dense_plot"),
        alt="The matrix P.",
        follow=follow(state, "dense_plot", dense_picture, ("N", *sliders)),
    )
    st.caption(
        "Checked with a random $G$: $P\\,\\mathrm{vec}(G)$ and the rule of Theorem 1, which"
        f" never forms $P$, differ by at most {difference:.1e}."
    )
