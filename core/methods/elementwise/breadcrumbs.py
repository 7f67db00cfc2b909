"""Model Breadcrumbs: neither the smallest nor the largest changes (arXiv 2312.06795)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.methods.task_vectors import Direction, MethodError, Tensors, total


def breadcrumbs(task_vectors: Sequence[Tensors], *, low: float = 0.85, high: float = 0.993) -> Direction:
    """Breadcrumbs masks both tails of every task vector, layer by layer, and adds what is left: δ = Σ_t m_t ⊙ τ_t.

    Arxiv 2312.06795, §3: in each tensor m_t is 1 where |τ_t| ranks above the share ``low`` of its numbers and not above
    ``high``, else 0. Ranks are rounded down, so a tensor with few numbers (1-D ones too) may keep only one of them.
    One task vector comes back masked. Numbers equal to a limit share its fate. Raises MethodError unless low < high.
    """
    if not low < high:
        raise MethodError(
            f"Breadcrumbs keeps what lies between its limits: low ({low:g}) must be below high ({high:g})."
        )

    def rule(name: str, tensors: list[torch.Tensor]) -> torch.Tensor:
        return total(name, [t * _middle(t.abs(), low, high) for t in tensors])

    return Direction(task_vectors, rule)


def _middle(sizes: torch.Tensor, low: float, high: float) -> torch.Tensor:
    n = sizes.numel()
    below = sizes.flatten().kthvalue(int(low * n)).values if int(low * n) else torch.tensor(-1.0)
    return (sizes > below) & (sizes <= sizes.flatten().kthvalue(max(1, int(high * n))).values)
