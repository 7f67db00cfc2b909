"""Tiny task vectors for the tests of merge methods."""

from __future__ import annotations

import torch

SHAPES = {
    "visual.conv1.weight": (4, 3, 2, 2),
    "visual.layer1.0.bn1.running_mean": (4,),
    "visual.layer1.0.bn1.weight": (4,),
    "visual.layer1.0.conv1.weight": (6, 4, 1, 1),
    "visual.layer1.1.conv1.weight": (6, 6, 1, 1),
    "visual.layer2.0.conv1.weight": (5, 6, 1, 1),
    "visual.attnpool.c_proj.weight": (3, 5),
}
MATRIX = "visual.layer1.1.conv1.weight"


def some(count: int, seed: int = 0) -> list[dict[str, torch.Tensor]]:
    """So many random task vectors over ``SHAPES``."""
    generator = torch.Generator().manual_seed(seed)
    return [{n: torch.randn(shape, generator=generator) for n, shape in SHAPES.items()} for _ in range(count)]


def statistics(kind: str, count: int) -> dict[str, list[dict[str, torch.Tensor]]]:
    """What a method that needs pictures takes besides, at random: nothing for any other method."""
    if kind == "none":
        return {}
    if kind == "fisher":
        return {"statistics": [{n: t.square() for n, t in one.items()} for one in some(count, 9)]}
    flat = [{n: t.flatten(1) for n, t in one.items() if t.dim() > 1} for one in some(count, 9)]
    return {"statistics": [{n: t.T @ t + 0.1 * torch.eye(t.shape[1]) for n, t in one.items()} for one in flat]}
