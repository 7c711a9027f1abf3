"""One step, matrices: the eigenvalues and eigenvectors of Claim 1, and the preconditioner written
out."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
import torch

from overparam.choices.kinds import Choice, Flag, Number
from overparam.figures.preconditioner import eigenvalue_map, signed_matrix
from overparam.theory.preconditioner import dense, eigenvalues, precondition
from overparam.ui.components.plot import plot
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
        depth = dial(state, "N", 0.1, format="%.1f")
        outputs, inputs = st.columns(2)
        with outputs:
            k = int(state.number("outputs"))
        with inputs:
            d = int(state.number("inputs"))
        sigma = [state.slider(f"s{i + 1}", step=0.01) for i in range(min(k, d))]
        seed = int(state.number("basis"))
        wants_dense = state.toggle("dense")
    values = state.values()
    r, s = min(values["r"], k), min(values["s"], d)
    w, u, v = _matrix(k, d, sigma, seed)
    table = eigenvalues(torch.tensor(sigma, dtype=torch.float64), k, d, depth).numpy()
    names = [_name(sigma, i) for i in range(k)], [_name(sigma, i) for i in range(d)]
    with middle:
        st.markdown("**Eigenvalues** $\\lambda(r, s)$, the factors on $u_r v_s^\\top$. Click one.")
        plot(
            eigenvalue_map(table, names, (r - 1, s - 1)),
            key=state.key("table"),
            alt=(
                f"The {k} by {d} table of eigenvalues of the preconditioner; the chosen one is in"
                f" row {r}, column {s}."
            ),
            on_click=lambda event: _choose(state, event),
        )
        st.latex(_formula(sigma, r - 1, s - 1, depth, table[r - 1, s - 1]))
        st.markdown(_notes(sigma, k, d, depth))
    with right:
        if wants_dense:
            _show_dense(state, w, depth)
            return
        st.markdown(f"**Its eigenvector**, the matrix $u_{r} v_{s}^\\top$")
        plot(
            signed_matrix(np.outer(u[:, r - 1], v[:, s - 1]), ("output", "input")),
            key=state.key("vector"),
            alt=f"The entries of the eigenvector u{r} v{s} transposed, a {k} by {d} matrix.",
        )
        st.markdown(f"**$W$ itself** $= \\sum_r \\sigma_r u_r v_r^\\top$, {k}×{d}")
        plot(
            signed_matrix(w.numpy(), ("output", "input")),
            key=state.key("w_plot"),
            alt="The entries of W.",
        )


def _matrix(
    k: int, d: int, sigma: list[float], seed: int
) -> tuple[torch.Tensor, np.ndarray, np.ndarray]:
    """W = U diag(sigma) Vᵀ with orthogonal U and V of a seed, and these."""
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


def _show_dense(state: PageState, w: torch.Tensor, depth: float) -> None:
    k, d = w.shape
    matrix = dense(w, depth)
    grad = torch.randn(1, k, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    product = (matrix @ grad[0].mT.flatten()).view(d, k).mT
    difference = float((product - precondition(w.unsqueeze(0), grad, depth)[0]).abs().max())
    st.markdown(f"**$P$ written out**, {k * d}×{k * d}, columns of $G$ stacked")
    plot(
        signed_matrix(matrix.numpy(), ("row", "column"), text=False),
        key=state.key("dense_plot"),
        alt="The matrix P.",
    )
    st.caption(
        "Checked with a random $G$: $P\\,\\mathrm{vec}(G)$ and the rule of Theorem 1, which"
        f" never forms $P$, differ by at most {difference:.1e}."
    )
