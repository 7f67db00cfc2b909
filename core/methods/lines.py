"""LiNeS: deeper blocks take more of a direction (arXiv 2410.17146)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch

from core.methods.task_vectors import Direction, MethodError, Tensors, total
from core.recipes import blocks, owner


def lines(direction: Tensors, task_vectors: Sequence[Tensors], *, first: float = 0.0, rise: float = 1.0) -> Direction:
    """LiNeS scales a direction by depth: λ_l = a + b·l / (L - 1) in block l = 0 … L - 1, and a outside the blocks.

    Arxiv 2410.17146, eq. 3 and 5. ``first`` is a; 0 stands for the paper's choice for several tasks, a =
    ‖Σ_t τ_t‖₁ / (T·‖δ‖₁), which is 1/T after task arithmetic. ``rise`` is b. For one task the authors take b = 1 - a.
    Blocks are numbered ones (a transformer's, a ResNet's, a timm trunk's); attention pools and projections are outside,
    as in the authors' code. Raises MethodError for a network without numbered blocks. Running statistics are as in the
    direction.
    """
    prefixes = [p for p in blocks(direction) if re.search(r"\.\d+$", p)]
    prefixes.sort(key=lambda p: [int(word) if word.isdigit() else word for word in re.split(r"(\d+)", p)])
    if not prefixes:
        raise MethodError("LiNeS needs a network of numbered blocks, and this one has none.")
    depth = {prefix: place / max(1, len(prefixes) - 1) for place, prefix in enumerate(prefixes)}
    start = first or _start(direction, task_vectors)

    def rule(name: str, tensors: list[torch.Tensor]) -> torch.Tensor:
        return tensors[0] * (start + rise * depth.get(owner(name, (*prefixes, "")), 0.0))

    return Direction([direction], rule)


def _start(direction: Tensors, task_vectors: Sequence[Tensors]) -> float:
    summed = Direction(task_vectors, total)
    size = sum(float(tensor.abs().sum()) for tensor in direction.values())
    return sum(float(tensor.abs().sum()) for tensor in summed.values()) / size / len(task_vectors) if size else 0.0
