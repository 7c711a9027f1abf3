"""Curvature of the loss, and of the loss as depth sees it: the stability limit of a step.

Gradient descent with step size eta on a quadratic of Hessian H is stable while eta lambda_max(H) <
2. A depth-N linear network moves W by -eta P(G) (Claim 1), so that what counts for it is eta
lambda_max(P^{1/2} H P^{1/2}). Both eigenvalues come from Lanczos iteration on products with H: two
passes over the data each, for many matrices W at once, and no matrix of the size of H is formed.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from overparam.engine.problem import Problem
from overparam.theory.preconditioner import precondition_root

STABILITY_LIMIT = 2.0  # of the product of step size and curvature
_RESIDUALS = 2_000_000  # numbers held at once per chunk of matrices: 16 MB in float64
_CHECK_EVERY = 4  # Lanczos steps between two looks at convergence


def sharpness(
    problem: Problem, w_e: Tensor, depth: float | Tensor | None = None, tolerance: float = 1e-6
) -> Tensor:
    """Largest eigenvalue of the Hessian H of the loss at each W, or of P^{1/2} H P^{1/2} where a
    depth is given.

        H = for each output o:  (1/m) Xᵀ diag((p-1) |r_o|^{p-2}) X,   r = W x - y

    Args:
        problem: data and loss.
        w_e: end-to-end matrices W, shape (R, k, d).
        depth: N >= 1, real, or one per matrix, shape (R,); None leaves H as it is.
        tolerance: size of the residual H v - lambda v, relative to lambda, at which the iteration
            stops.
    Returns: shape (R,), nan where W is not finite or so large that H is not.
    """
    rows = max(1, _RESIDUALS // (problem.m * problem.k))
    parts = []
    for first in range(0, w_e.shape[0], rows):
        w = w_e[first : first + rows]
        product = hessian_product(problem, w)
        if depth is not None:
            own_depth = depth[first : first + rows] if isinstance(depth, Tensor) else depth
            product = _between_roots(product, w, own_depth)
        parts.append(largest_eigenvalue(product, w.shape, w.dtype, w.device, tolerance))
    return torch.cat(parts)


def hessian_product(problem: Problem, w_e: Tensor) -> Callable[[Tensor], Tensor]:
    """The map V -> H V of `sharpness` at each W, for V of shape (R, k, d); two passes over the data
    a call."""
    inputs = problem.scaled_inputs.to(w_e.dtype)
    weight = problem.bends(w_e)
    return lambda v: (weight * (v @ inputs)) @ inputs.mT


def largest_eigenvalue(
    product: Callable[[Tensor], Tensor],
    shape: torch.Size,
    dtype: torch.dtype,
    device: torch.device,
    tolerance: float = 1e-6,
) -> Tensor:
    """Largest eigenvalue of R symmetric positive semidefinite maps at once, by Lanczos with full
    reorthogonalisation.

    Starts from one fixed random vector and stops when the residual of the leading Ritz pair is
    below `tolerance` times its value for every map (the error of the value is of the order of the
    residual's square), at the latest after as many steps as the space has dimensions.

    Args:
        product: the maps, taking and returning shape (R, ...).
        shape: the shape (R, ...) of their argument.
        dtype, device: of their argument.
        tolerance: relative, as above.
    Returns: shape (R,), nan for a map that gives non-finite numbers.
    """
    runs, size = shape[0], shape[1:].numel()
    tiny = torch.finfo(dtype).tiny
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(size, generator=generator, dtype=dtype).to(device)
    basis = (start / start.norm()).expand(runs, 1, size)
    diagonal, off_diagonal = [], []
    while True:
        image = product(basis[:, -1].reshape(shape)).reshape(runs, 1, size)
        diagonal.append((basis[:, -1:] * image).sum((-2, -1)))
        for _ in range(2):  # twice is enough (Kahan, Parlett)
            image = image - (image @ basis.mT) @ basis
        off_diagonal.append(image.norm(dim=(-2, -1)))
        steps = len(diagonal)
        if steps == size or steps % _CHECK_EVERY == 0:
            value, residual = _leading_ritz(
                torch.stack(diagonal, -1), torch.stack(off_diagonal, -1)
            )
            if steps == size or not bool((residual > tolerance * value + tiny).any()):
                return value
        # An exhausted space leaves rounding noise: set to 0, it adds only zero eigenvalues, never
        # the largest.
        scale = torch.stack([d.abs() for d in diagonal] + off_diagonal[:-1]).amax(0)
        alive = off_diagonal[-1] > 1e-14 * scale
        off_diagonal[-1] = torch.where(alive, off_diagonal[-1], 0.0)
        following = torch.where(
            alive[:, None, None], image / off_diagonal[-1].clamp_min(tiny)[:, None, None], 0.0
        )
        basis = torch.cat((basis, following), dim=1)


def _leading_ritz(diagonal: Tensor, off_diagonal: Tensor) -> tuple[Tensor, Tensor]:
    """Largest eigenvalue of the tridiagonal matrices, and the residual norm of its Ritz pair."""
    inner = off_diagonal[:, :-1]
    tridiagonal = (
        torch.diag_embed(diagonal) + torch.diag_embed(inner, 1) + torch.diag_embed(inner, -1)
    )
    finite = tridiagonal.isfinite().all(-1).all(-1)
    values, vectors = torch.linalg.eigh(
        torch.where(finite[:, None, None], tridiagonal, 0.0)
    )  # raises on non-finite
    return (
        torch.where(finite, values[:, -1], torch.nan),
        off_diagonal[:, -1] * vectors[:, -1, -1].abs(),
    )


def _between_roots(
    product: Callable[[Tensor], Tensor], w: Tensor, depth: float | Tensor
) -> Callable[[Tensor], Tensor]:
    return lambda v: precondition_root(w, product(precondition_root(w, v, depth)), depth)
