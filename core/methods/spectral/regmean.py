"""RegMean: least squares on what each layer sees (arXiv 2212.09849)."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.methods.spectral.matrix import by_matrix, solve_right
from core.methods.task_vectors import Direction, MethodError, Tensors, mean


def regmean(
    task_vectors: Sequence[Tensors], *, statistics: Sequence[Tensors], shrink: float = 0.9, ridge: float = 1e-6
) -> Direction:
    """RegMean makes each linear layer answer its models' inputs as they do: δ = (Σ τ_t G_t)(Σ G_t)⁻¹, G_t = X_tᵀ X_t.

    Arxiv 2212.09849, eq. 2 (there W is in × out, and models instead of task vectors: subtracting θ_0 on both sides
    leaves the form), with the off-diagonal entries of G_t multiplied by ``shrink`` (§4.2). ``statistics`` holds G_t
    (in·h·w, in·h·w) for each task vector, under the weight's name; weights without, and 1-D ones, are averaged.
    ``ridge`` is relative to the diagonal's mean. One task vector comes back as it is, but for what ridge shrinks.
    Raises MethodError unless there are statistics for every task vector, and where the equations are singular.
    """
    if len(statistics) != len(task_vectors):
        raise MethodError("RegMean needs the layer inputs of every model that it merges.")

    def rule(name: str, matrices: list[torch.Tensor]) -> torch.Tensor:
        if not all(name in one for one in statistics):
            return mean(name, matrices)
        columns = matrices[0].shape[1]
        gram = torch.zeros(columns, columns, dtype=torch.float64)
        aimed = torch.zeros(matrices[0].shape, dtype=torch.float64)
        for matrix, seen in zip(matrices, (one[name].double() for one in statistics), strict=True):
            own = shrink * seen + (1 - shrink) * torch.diag(seen.diagonal())
            gram += own
            aimed += matrix.double() @ own
        return solve_right(name, aimed, gram, ridge)

    return Direction(task_vectors, by_matrix(rule))
