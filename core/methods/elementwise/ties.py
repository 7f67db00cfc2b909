"""TIES-Merging: trim, elect a sign, merge what agrees (arXiv 2306.01708)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.methods.elementwise.threshold import kth_largest
from core.methods.task_vectors import STATISTICS, Direction, Tensors


def ties(task_vectors: Sequence[Tensors], *, keep: float = 0.2) -> Direction:
    """TIES keeps each task vector's largest numbers, elects a sign for every place, and averages those that agree.

    Algorithm 1 of arXiv 2306.01708: τ̂_t = τ_t where |τ_t| is among the ``keep`` largest share of the *whole* vector,
    else 0; γ = sgn(Σ_t τ̂_t); δ = mean of the τ̂_t with sgn(τ̂_t) = γ ≠ 0. Every tensor takes part, 1-D ones too.
    One task vector comes back trimmed. The authors' code keeps one number more (``kthvalue`` of d - k) and gives a sum
    of exactly 0 the most frequent sign of all; here such a place is 0.
    """
    limits = [_limit(vector, keep) for vector in task_vectors]

    def rule(_name: str, tensors: list[torch.Tensor]) -> torch.Tensor:
        trimmed = [t * (t.abs() >= limit) for t, limit in zip(tensors, limits, strict=True)]
        elected = torch.stack(trimmed).sum(0).sign()
        agreeing = [t * (t.sign() == elected) for t in trimmed]
        count = torch.stack([t != 0 for t in agreeing]).sum(0)
        return torch.stack(agreeing).sum(0) / count.clamp(min=1)

    return Direction(task_vectors, rule)


def _limit(vector: Tensors, keep: float) -> float:
    names = [name for name in vector if name.rpartition(".")[2] not in STATISTICS]
    numbers = sum(vector[name].numel() for name in names)
    limit = kth_largest(_Parts(vector, names), max(1, round(keep * numbers)))
    return limit or torch.finfo(torch.float32).tiny  # numbers that are 0 need not be kept


class _Parts:
    """Some tensors of a task vector, which can be gone through more than once."""

    def __init__(self, vector: Tensors, names: list[str]) -> None:
        self._vector, self._names = vector, names

    def __iter__(self):
        return (self._vector[name] for name in self._names)
