"""Weights as matrices (out × rest): singular values, orthogonal factors, systems of equations."""

from __future__ import annotations

from collections.abc import Callable

import torch

from core.methods.task_vectors import MethodError, Rule, mean

MatrixRule = Callable[[str, list[torch.Tensor]], torch.Tensor]
ZERO = 1e-6  # of the largest singular value: below, float32 does not know the direction


def by_matrix(rule: MatrixRule) -> Rule:
    """A rule for matrices as a rule for any weights: (out, in, h, w) is seen as (out, in·h·w), 1-D ones are averaged.

    The published codes average convolutions, too; their transformers have but one.
    """

    def whole(name: str, tensors: list[torch.Tensor]) -> torch.Tensor:
        if tensors[0].dim() < 2 or not tensors[0].numel():
            return mean(name, tensors)
        return rule(name, [t.flatten(1) for t in tensors]).view(tensors[0].shape)

    return whole


def svd(name: str, matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """U (m, r), σ (r,) and Vᵀ (r, n) of a matrix (m, n), r = min(m, n). Raises MethodError where it has none."""
    try:
        return torch.linalg.svd(matrix, full_matrices=False)
    except RuntimeError:  # LAPACK's, for values that are not finite or an iteration that does not end
        raise MethodError(f"The weight {name} has no singular values: some of its numbers are not finite.") from None


def orthogonal_factor(name: str, matrix: torch.Tensor) -> torch.Tensor:
    """U Vᵀ, the orthogonal matrix nearest to U Σ Vᵀ (Procrustes); directions with σ = 0 are not defined and left out.

    So the answer is unique even where columns repeat, and permuting the columns permutes the answer.
    """
    u, s, vh = svd(name, matrix)
    sure = s > ZERO * s[0]
    return u[:, sure] @ vh[sure]


def solve_right(name: str, numerator: torch.Tensor, gram: torch.Tensor, ridge: float) -> torch.Tensor:
    """numerator · (gram + ridge·d·I)⁻¹ in float64, d the mean of gram's diagonal; ``gram`` is symmetric (n, n).

    Raises MethodError where the matrix is singular; 0 where gram is.
    """
    scale = float(gram.diagonal().mean())
    if not scale > 0:
        return torch.zeros_like(numerator, dtype=torch.float32)
    try:
        lower = torch.linalg.cholesky(gram + ridge * scale * torch.eye(len(gram), dtype=gram.dtype))
    except RuntimeError:
        raise MethodError(f"The equations for {name} have no single answer (a singular matrix): raise ridge.") from None
    return torch.cholesky_solve(numerator.T, lower).T.float()
