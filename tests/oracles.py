"""Outside oracles: slow, direct transcriptions of the definitions, sharing no code with the
package."""

import numpy as np
from scipy.linalg import fractional_matrix_power


def matrix_power(gram: np.ndarray, power: float) -> np.ndarray:
    """A fractional power of a symmetric PSD matrix by its eigenvectors; power 0 is the identity,
    singular or not.

    Round-off eigenvalues of a singular matrix are set to 0 first. `scipy_power` needs no such care,
    but full rank.
    """
    if power == 0:
        return np.eye(len(gram))
    values, vectors = np.linalg.eigh(gram)
    values = np.where(values > 1e-14 * max(values.max(), 0.0), values, 0.0)
    return (vectors * values**power) @ vectors.T


def scipy_power(gram: np.ndarray, power: float) -> np.ndarray:
    """The same by scipy's Schur-Padé algorithm; for well-conditioned full-rank matrices only."""
    return np.real(fractional_matrix_power(gram, power))


def theorem_1(w: np.ndarray, grad: np.ndarray, depth: int, power=matrix_power) -> np.ndarray:
    """sum_{j=1..N} [W Wᵀ]^{(j-1)/N} G [Wᵀ W]^{(N-j)/N}, term by term, for one matrix (k, d)."""
    return sum(
        power(w @ w.T, (j - 1) / depth) @ grad @ power(w.T @ w, (depth - j) / depth)
        for j in range(1, depth + 1)
    )


def claim_1_matrix(w: np.ndarray, depth: int) -> np.ndarray:
    """P = sum_j [Wᵀ W]^{(N-j)/N} (x) [W Wᵀ]^{(j-1)/N}, a dk×dk matrix acting on column-first
    vec."""
    return sum(
        np.kron(matrix_power(w.T @ w, (depth - j) / depth), matrix_power(w @ w.T, (j - 1) / depth))
        for j in range(1, depth + 1)
    )


def vec(matrix: np.ndarray) -> np.ndarray:
    """Stack the columns."""
    return matrix.flatten(order="F")
