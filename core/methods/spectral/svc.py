"""Singular Value Calibration: what several tasks share is counted once (arXiv 2602.05536)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.methods.spectral.matrix import by_matrix, svd
from core.methods.task_vectors import Direction, Tensors


def svc(direction: Tensors, task_vectors: Sequence[Tensors], *, least: float = 0.0) -> Direction:
    """SVC rescales each singular value of a direction by how often the task vectors put it there.

    Arxiv 2602.05536, eq. 17 to 23: for δ = Σ_r σ_r u_r v_rᵀ, s_t,r = ⟨u_rᵀδ, u_rᵀτ_t⟩ / ‖u_rᵀτ_t‖², and σ_r is
    multiplied by γ_r = T / Σ_t max(α, s_t,r). ``least`` is α: 1 can only weaken (the paper's choice after TSV-M); 0
    stands for 1/T, its choice elsewhere. 1-D weights stay as the direction has them. After task arithmetic of one
    vector, or of T equal ones, it gives that vector. Known from a summary and a third party's code, not the paper.
    """
    lowest = least or 1 / len(task_vectors)

    def rule(name: str, matrices: list[torch.Tensor]) -> torch.Tensor:
        merged, *own = matrices
        u, s, vh = svd(name, merged)
        answer, counted = u.T @ merged, torch.zeros_like(s)
        for matrix in own:
            response = u.T @ matrix
            size = response.square().sum(1)
            ratio = (answer * response).sum(1) / size.where(size > 0, torch.ones_like(size))
            counted += ratio.clamp(min=lowest)
        return (u * (s * len(own) / counted)) @ vh

    def whole(name: str, tensors: list[torch.Tensor]) -> torch.Tensor:
        return by_matrix(rule)(name, tensors) if tensors[0].dim() > 1 else tensors[0]

    return Direction([direction, *task_vectors], whole)
