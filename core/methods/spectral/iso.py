"""Isotropic merging: all directions alike (arXiv 2502.04959)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.methods.spectral.matrix import ZERO, by_matrix, orthogonal_factor, svd
from core.methods.task_vectors import Direction, Tensors, total


def iso_c(task_vectors: Sequence[Tensors]) -> Direction:
    """Iso-C gives all singular values of the sum their mean: δ = σ̄ U Vᵀ for Στ_t = U Σ Vᵀ, σ̄ = (1/r) Σ_i σ_i.

    Arxiv 2502.04959, eq. 6 and 7. Directions whose singular value is 0 are not defined and stay 0. 1-D weights are
    averaged, as in the authors' code. One task vector comes back with a flat spectrum.
    """

    def rule(name: str, matrices: list[torch.Tensor]) -> torch.Tensor:
        u, s, vh = svd(name, total(name, matrices))
        sure = s > ZERO * s[0]
        return s.mean() * (u[:, sure] @ vh[sure])

    return Direction(task_vectors, by_matrix(rule))


def iso_cts(task_vectors: Sequence[Tensors], *, common: float = 0.8) -> Direction:
    """Iso-CTS keeps the sum's first directions and fills up with directions of each task's own, all equally strong.

    Arxiv 2502.04959, Algorithm 2: U_c, Σ_c, V_c are the first k triplets of Στ_t; of τ_t - U_c U_cᵀ τ_t each task adds
    its first s = (r - k)/T; with all of them side by side, δ = σ̄ U⊥ V⊥ᵀ, σ̄ the mean of their singular values. As in
    the authors' code s is rounded to whole triplets, and k = r - s·T is about ``common``·r. 1-D weights are averaged.
    One task vector comes back with a flat spectrum, as from Iso-C.
    """

    def rule(name: str, matrices: list[torch.Tensor]) -> torch.Tensor:
        rank, tasks = min(matrices[0].shape), len(matrices)
        own = min(round((rank - int(common * rank)) / tasks), rank // tasks)
        shared = rank - own * tasks
        u, s, vh = svd(name, total(name, matrices))
        parts = [(u[:, :shared], s[:shared], vh[:shared].T)]
        for matrix in matrices if own else []:
            left, sizes, right = svd(name, matrix - parts[0][0] @ (parts[0][0].T @ matrix))
            parts.append((left[:, :own], sizes[:own], right[:own].T))
        # A triplet of strength 0 has no direction of its own.
        limit = ZERO * max(float(sizes.max()) for _, sizes, _ in parts if len(sizes))
        sides = [torch.cat([side * (sizes > limit) for side, sizes in pairs], 1) for pairs in _sides(parts)]
        mean = torch.cat([sizes for _, sizes, _ in parts]).mean()
        return mean * orthogonal_factor(name, sides[0]) @ orthogonal_factor(name, sides[1]).T

    return Direction(task_vectors, by_matrix(rule))


def _sides(
    parts: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]],
) -> list[list[tuple[torch.Tensor, torch.Tensor]]]:
    return [[(left, sizes) for left, sizes, _ in parts], [(right, sizes) for _, sizes, right in parts]]
