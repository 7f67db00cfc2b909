"""MagMax: the largest change wins (arXiv 2407.06322)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.methods.task_vectors import Direction, Tensors


def magmax(task_vectors: Sequence[Tensors]) -> Direction:
    """MagMax takes, at every place, the number of largest magnitude: δ_i = τ_{t*,i}, t* = argmax_t |τ_{t,i}|.

    Arxiv 2407.06322, eq. 2; there the task vectors are of *sequential* fine-tuning. Every tensor takes part, 1-D ones
    too. Of two equal magnitudes with opposite signs the positive one wins, so that order does not matter. One task
    vector comes back as it is.
    """

    def rule(_name: str, tensors: list[torch.Tensor]) -> torch.Tensor:
        most, least = tensors[0], tensors[0]
        for tensor in tensors[1:]:
            most, least = torch.maximum(most, tensor), torch.minimum(least, tensor)
        return torch.where(most >= -least, most, least)

    return Direction(task_vectors, rule)
