"""DARE: drop and rescale (arXiv 2311.03099)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from core.methods.task_vectors import Direction, Tensors, total


def dare(task_vectors: Sequence[Tensors], *, drop: float = 0.9, seed: int = 0) -> Direction:
    """DARE drops numbers at random and rescales the rest, then adds: δ = Σ_t m_t ⊙ τ_t / (1 - p).

    Arxiv 2311.03099, eq. 3 and 4, with m_t ~ Bernoulli(1 - p), followed by task arithmetic. The expectation of δ is
    Σ τ_t. Every tensor takes part, 1-D ones too. The draw depends on ``seed``, the weight's name and the signs of its
    numbers alone: neither the order of the task vectors nor a positive factor changes it. One task vector comes back
    thinned out; with ``drop`` 0, as it is.
    """

    def rule(name: str, tensors: list[torch.Tensor]) -> torch.Tensor:
        return total(name, [t * _kept(name, t, drop, seed) / (1 - drop) for t in tensors])

    return Direction(task_vectors, rule)


def _kept(name: str, tensor: torch.Tensor, drop: float, seed: int) -> torch.Tensor:
    sha = hashlib.sha256(f"{seed}\0{name}\0".encode())
    sha.update(np.packbits((tensor > 0).numpy()).tobytes())
    generator = torch.Generator().manual_seed(int.from_bytes(sha.digest()[:7]))
    return torch.rand(tensor.shape, generator=generator) >= drop
