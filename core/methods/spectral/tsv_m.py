"""TSV-Merge: task singular vectors, decorrelated (arXiv 2412.00081)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.methods.spectral.matrix import by_matrix, orthogonal_factor, svd
from core.methods.task_vectors import Direction, Tensors


def tsv_m(task_vectors: Sequence[Tensors]) -> Direction:
    """TSV-M keeps each task's first singular vectors, concatenates them, and makes both sides orthogonal.

    Arxiv 2412.00081, Algorithm 1: of τ_t = U_t Σ_t V_tᵀ the first k = ⌊r/T⌋ triplets; U = [U_1 … U_T], V likewise,
    Σ = diag(Σ_1 … Σ_T); δ = U⊥ Σ V⊥ᵀ with X⊥ = P Qᵀ for X = P D Qᵀ. 1-D weights are averaged. One task vector comes
    back as it is. Where r < T the authors' code keeps nothing; here each task keeps one triplet. It leaves out
    ``text_projection``, which an image tower does not have.
    """

    def rule(name: str, matrices: list[torch.Tensor]) -> torch.Tensor:
        k = max(1, min(matrices[0].shape) // len(matrices))
        parts = [(u[:, :k], s[:k], vh[:k].T) for u, s, vh in (svd(name, m) for m in matrices)]
        u, s, v = (torch.cat(column, dim=-1) for column in zip(*parts, strict=True))
        return (orthogonal_factor(name, u) * s) @ orthogonal_factor(name, v).T

    return Direction(task_vectors, by_matrix(rule))
