"""WUDI-Merging, its minimum in closed form (arXiv 2503.08099)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.methods.spectral.matrix import by_matrix, solve_right
from core.methods.task_vectors import Direction, Tensors


def wudi(task_vectors: Sequence[Tensors], *, ridge: float = 1e-8) -> Direction:
    """WUDI makes the direction differ from each task vector only where that task vector does not look.

    Arxiv 2503.08099, eq. 11: δ minimises Σ_t ‖(δ - τ_t) τ_tᵀ‖² / ‖τ_t‖². The authors' code takes 300 steps of Adam
    from Σ τ_t; setting the gradient to 0 gives δ = (Σ τ_t C_t)(Σ C_t)⁻¹ with C_t = τ_tᵀ τ_t / ‖τ_t‖², and ``ridge``,
    relative to the diagonal's mean, picks the small one among many answers. Solved in float64. 1-D weights are
    averaged. One task vector comes back but for what ridge shrinks: singular values far below √ridge·σ_max.
    """

    def rule(name: str, matrices: list[torch.Tensor]) -> torch.Tensor:
        columns = matrices[0].shape[1]
        gram = torch.zeros(columns, columns, dtype=torch.float64)
        aimed = torch.zeros(matrices[0].shape, dtype=torch.float64)
        for matrix in (m.double() for m in matrices if m.any()):  # one that is 0 asks for nothing
            own = matrix.T @ matrix / matrix.square().sum()
            gram += own
            aimed += matrix @ own
        return solve_right(name, aimed, gram, ridge)

    return Direction(task_vectors, by_matrix(rule))
