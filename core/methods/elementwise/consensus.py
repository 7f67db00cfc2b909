"""Consensus task arithmetic: only what several tasks claim (arXiv 2405.07813)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.methods.task_vectors import Direction, Tensors, total


def consensus(task_vectors: Sequence[Tensors], *, claim: float = 0.4, tasks: int = 2) -> Direction:
    """Consensus TA keeps of the sum what enough tasks claim: δ = 1[Σ_t m_t ≥ k] ⊙ Σ_t τ_t.

    Arxiv 2405.07813, eq. 5 and 6: m_t = 1[|τ_t| ≥ λ·|τ_MTL - τ_t|] with τ_MTL = Σ_t τ_t, ``claim`` = λ and ``tasks`` =
    k. The authors choose λ in 0.2 … 0.6 for each task on its val; here it is one number for all, and the inequality is
    strict as in their code, so that 0 is claimed by nobody. Every tensor takes part, 1-D ones too. With fewer than k
    task vectors, all must claim a place: one task vector comes back as it is.
    """
    needed = min(tasks, len(task_vectors))

    def rule(name: str, tensors: list[torch.Tensor]) -> torch.Tensor:
        whole = total(name, tensors)
        claims = torch.stack([t.abs() > claim * (whole - t).abs() for t in tensors]).sum(0)
        return whole * (claims >= needed)

    return Direction(task_vectors, rule)
