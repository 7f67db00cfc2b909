"""Fisher merging: averages weighted by how much each model minds (arXiv 2111.09832)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.methods.task_vectors import Direction, MethodError, Tensors, mean, total


def fisher(task_vectors: Sequence[Tensors], *, statistics: Sequence[Tensors], floor: float = 1e-3) -> Direction:
    """Fisher merging weighs every number by the diagonal of its model's Fisher information: δ = Σ F_t τ_t / Σ F_t.

    Arxiv 2111.09832, eq. 4 and 5, with equal task weights; subtracting θ_0 turns the models there into task vectors.
    ``statistics`` holds F_t for each task vector, same names and shapes, none negative; a weight without them is
    averaged, and so are places where every F is 0. ``floor``, times the tensor's mean F, is added to each F_t, so that
    places that no model minds are averaged (the authors: a constant 1e-6). Every tensor takes part, 1-D ones too. One
    task vector comes back as it is. Raises MethodError unless there are statistics for every task vector.
    """
    if len(statistics) != len(task_vectors):
        raise MethodError("Fisher merging needs the Fisher information of every model that it merges.")

    def rule(name: str, tensors: list[torch.Tensor]) -> torch.Tensor:
        if not all(name in one for one in statistics):
            return mean(name, tensors)
        found = [one[name].float() for one in statistics]
        typical = float(total(name, found).mean()) / len(found)
        if not typical > 0:
            return mean(name, tensors)
        weights = [(f / typical + floor).double() for f in found]  # beyond float32's range before it is divided again
        whole, weighed = total(name, weights), total(name, [w * t for w, t in zip(weights, tensors, strict=True)])
        return torch.where(whole > 0, weighed / whole, mean(name, tensors)).float()

    return Direction(task_vectors, rule)
