"""What depth does to a gradient: the implicit preconditioner of a deep linear network (Theorem 1,
Claims 1 and 2).

A depth-N linear network with end-to-end matrix W, started balanced, moves W by  -eta P(G),  where G
is the loss gradient at W and P depends on W and N alone. Everything here is a pure function of (W,
G, N). N may be any real number >= 1: the sums over layers have closed forms in N, so depth is a
continuous quantity.
"""

import math

import torch
from torch import Tensor

# A singular value below this share of the largest one is round-off. It has to be dropped before a
# small power is taken: the 1e-17 of a rank-deficient Gram matrix, raised to 1/8, is 1e-2. In
# float32 round-off is larger and grows with the size.
ROUND_OFF = 1e-12


def precondition(w_e: Tensor, grad: Tensor, depth: float | Tensor) -> Tensor:
    """Apply the implicit preconditioner of a depth-N linear network to a gradient.

        sum_{j=1..N} [W Wᵀ]^{(j-1)/N}  G  [Wᵀ W]^{(N-j)/N}          (Theorem 1)

    Real N uses the closed form of the sum in the singular basis of W (Claim 1); one output (k = 1)
    uses ||W||^{2-2/N} (G + (N-1) Pr_W G)  (Claim 2), a handful of tensor operations and no
    decomposition. At W = 0 the result is 0 for N > 1 and G for N = 1.

    Args:
        w_e: end-to-end matrices W, shape (R, k, d). A row holding a non-finite number gives a
            non-finite row and leaves the other rows alone.
        grad: loss gradients G at W, shape (R, k, d).
        depth: N >= 1, real: one number, or a tensor of shape (R,) (not range-checked, as this runs
            at every step).
    Returns: preconditioned gradients, shape (R, k, d); equals `grad` where N = 1.
    Raises: ValueError if a number `depth` is below 1.
    """
    depth = _per_row(depth)
    if w_e.shape[-2] == 1:
        return _claim_2(w_e, grad, depth)
    return _in_singular_basis(w_e, grad, depth, root=False)


def precondition_root(w_e: Tensor, grad: Tensor, depth: float | Tensor) -> Tensor:
    """Apply P^{1/2}, the symmetric square root of the implicit preconditioner (Claim 1): twice this
    is `precondition`.

    P^{1/2} H P^{1/2} has the eigenvalues of P H but is symmetric, which is what a stability
    analysis needs.

    Args, returns, errors: as `precondition`.
    """
    depth = _per_row(depth)
    if w_e.shape[-2] > 1:
        return _in_singular_basis(w_e, grad, depth, root=True)
    norm2 = (w_e * w_e).sum(-1, keepdim=True)
    return norm2 ** (0.5 - 0.5 / depth) * _stretch(w_e, grad, depth**0.5, norm2)


def scale_only(w_e: Tensor, grad: Tensor, depth: float | Tensor) -> Tensor:
    """The first half of Claim 2 alone, an adaptive rate without the stretch:  ||W||^{2-2/N} G.

    Args, shapes: as `precondition`, for one output (k = 1).
    Raises: ValueError if W has more than one output or a number `depth` is below 1.
    """
    _require_one_output(w_e, "Scale only")
    return (w_e * w_e).sum(-1, keepdim=True) ** (1 - 1 / _per_row(depth)) * grad


def stretch_only(w_e: Tensor, grad: Tensor, depth: float | Tensor) -> Tensor:
    """The second half of Claim 2 alone, the stretch along W without the adaptive rate:  G + (N-1)
    Pr_W G.

    Args, shapes: as `precondition`, for one output (k = 1). At W = 0 the projection is 0 and the
    result G.
    Raises: ValueError if W has more than one output or a number `depth` is below 1.
    """
    _require_one_output(w_e, "Stretch only")
    return _stretch(w_e, grad, _per_row(depth), (w_e * w_e).sum(-1, keepdim=True))


def eigenvalues(sigma: Tensor, k: int, d: int, depth: float | Tensor) -> Tensor:
    """Eigenvalues of the implicit preconditioner of a k×d matrix with singular values sigma (Claim
    1).

        lambda(r, s) = sum_{j=1..N} sigma_r^{2(j-1)/N} sigma_s^{2(N-j)/N}
                     = (sigma_r² - sigma_s²) / (sigma_r^{2/N} - sigma_s^{2/N})

    with eigenvector vec(u_r v_sᵀ). Singular values that are missing count as 0. Equal ones give N
    sigma^{2-2/N}, one zero gives sigma^{2-2/N}, two zeros give 0 (1 at N = 1).

    Args:
        sigma: singular values, shape (..., q) with q <= min(k, d), finite and >= 0, in any order.
        k, d: number of outputs and inputs.
        depth: N >= 1, real: one number, or a tensor of shape (...).
    Returns: shape (..., k, d), entry (r, s) belonging to u_r v_sᵀ.
    Raises: ValueError if more than min(k, d) are given, one is negative, or a number `depth` is
    below 1.
    """
    if sigma.shape[-1] > min(k, d):
        raise ValueError(
            f"A {k}×{d} matrix has {min(k, d)} singular values, but {sigma.shape[-1]} were given."
        )
    if bool((sigma < 0).any()):
        raise ValueError("Singular values must be 0 or positive.")
    missing = sigma.shape[-1]
    rows = torch.nn.functional.pad(sigma, (0, k - missing))
    columns = torch.nn.functional.pad(sigma, (0, d - missing))
    return _pair(rows.unsqueeze(-1), columns.unsqueeze(-2), _per_row(depth))


def dense(w_e: Tensor, depth: float) -> Tensor:
    """The implicit preconditioner written out as a matrix (Claim 1), for small sizes only.

        P = sum_{r,s} lambda(r, s) vec(u_r v_sᵀ) vec(u_r v_sᵀ)ᵀ,    vec(precondition(W, G, N)) = P
        vec(G)

    vec stacks columns: entry (o, i) of a k×d matrix stands at position o + k i.

    Args:
        w_e: one end-to-end matrix W, shape (k, d), finite.
        depth: N >= 1, real.
    Returns: symmetric positive semidefinite matrix, shape (dk, dk).
    Raises: ValueError if `depth` is below 1.
    """
    k, d = w_e.shape
    u, sigma, vh = torch.linalg.svd(w_e, full_matrices=True)
    values = eigenvalues(_without_round_off(sigma), k, d, depth)
    vectors = torch.kron(vh.mT.contiguous(), u.contiguous())  # column r + k s is vec(u_r v_sᵀ)
    return vectors * values.mT.reshape(-1) @ vectors.mT


def ellipse(w: Tensor, depth: float, points: int = 181) -> Tensor:
    """The ellipse that the implicit preconditioner makes of the unit circle, for one output and two
    inputs (Claim 2).

    Its half axes are N ||W||^{2-2/N} along W and ||W||^{2-2/N} across.

    Args:
        w: W, shape (2,).
        depth: N >= 1, real.
        points: number of points; the first and the last coincide.
    Returns: P(cos a, sin a) for equally spaced angles a from 0 to 2 pi, shape (points, 2).
    Raises: ValueError if `depth` is below 1.
    """
    angles = torch.linspace(0, 2 * math.pi, points, dtype=w.dtype)
    circle = torch.stack((angles.cos(), angles.sin()), dim=-1).unsqueeze(-2)
    return precondition(w.expand(points, 1, 2), circle, depth).squeeze(-2)


def _per_row(depth: float | Tensor) -> float | Tensor:
    """Depth in a shape that broadcasts against (..., k, d); a number is checked, a tensor is
    trusted."""
    if isinstance(depth, Tensor):
        return depth[..., None, None]
    if not depth >= 1:
        raise ValueError(f"Depth must be 1 or more, but it is {depth}.")
    return float(depth)


def _require_one_output(w_e: Tensor, name: str) -> None:
    if w_e.shape[-2] != 1:
        raise ValueError(
            f"{name} is defined for one output (Claim 2), but this problem has {w_e.shape[-2]}"
            " outputs."
        )


def _claim_2(w: Tensor, grad: Tensor, depth: float | Tensor) -> Tensor:
    norm2 = (w * w).sum(-1, keepdim=True)
    return norm2 ** (1 - 1 / depth) * _stretch(w, grad, depth, norm2)


def _stretch(w: Tensor, grad: Tensor, factor: float | Tensor, norm2: Tensor) -> Tensor:
    """grad with its component along w multiplied by `factor`; the clamp makes the projection 0, not
    0/0, at w = 0."""
    along = (w * grad).sum(-1, keepdim=True) / norm2.clamp_min(torch.finfo(w.dtype).tiny)
    return torch.addcmul(grad, w, (factor - 1) * along)


def _in_singular_basis(w_e: Tensor, grad: Tensor, depth: float | Tensor, root: bool) -> Tensor:
    """P or its square root for any shape, from the reduced SVD: no d×d basis is formed.

    Inside the spans of U and V the coefficient of u_r v_sᵀ is multiplied by lambda(sigma_r,
    sigma_s). With k <= d the columns of U are complete, and what remains is the part of u_r's row
    outside the span of V, multiplied by lambda(sigma_r, 0).
    """
    if (
        w_e.shape[-2] > w_e.shape[-1]
    ):  # lambda(r, s) = lambda(s, r): transposing the problem transposes the answer
        return _in_singular_basis(w_e.mT, grad.mT, depth, root).mT
    finite = w_e.isfinite().all(-1).all(-1)[..., None, None]
    u, sigma, vh = torch.linalg.svd(
        torch.where(finite, w_e, 0.0), full_matrices=False
    )  # raises on non-finite numbers
    sigma = _without_round_off(sigma).unsqueeze(-1)
    inside, outside = _pair(sigma, sigma.mT, depth), _pair(sigma, torch.zeros_like(sigma), depth)
    if root:
        inside, outside = inside.sqrt(), outside.sqrt()
    rows = u.mT @ grad
    result = u @ (outside * rows + ((inside - outside) * (rows @ vh.mT)) @ vh)
    exact = torch.where(
        torch.as_tensor(depth == 1, device=grad.device), grad, result
    )  # P is the identity at N = 1
    return torch.where(finite, exact, torch.nan)


def _without_round_off(sigma: Tensor) -> Tensor:
    share = max(ROUND_OFF, 2 * sigma.shape[-1] ** 0.5 * torch.finfo(sigma.dtype).eps)
    return torch.where(sigma > share * sigma.amax(-1, keepdim=True), sigma, 0.0)


def _pair(a: Tensor, b: Tensor, depth: float | Tensor) -> Tensor:
    """lambda(a, b) = (a² - b²) / (a^{2/N} - b^{2/N}) for all a, b >= 0, without cancellation where
    a and b are close.

    With x = ln(small/large):  large^{2-2/N} (1 - e^{2x}) / (1 - e^{2x/N}), and the limit N of the
    fraction at x = 0.
    """
    large, small = torch.maximum(a, b), torch.minimum(a, b)
    x = torch.where(
        large > 0, small / large, 1.0
    ).log()  # two zeros: x = 0, and the power of 0 decides
    fraction = torch.where(x < 0, torch.expm1(2 * x) / torch.expm1(2 * x / depth), depth)
    return large ** (2 - 2 / depth) * fraction
