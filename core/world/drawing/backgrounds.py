"""Grounds to draw on: a bank of grey patterns, made once, from which every picture cuts its own piece."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch.nn import functional

EDGE = 112  # patterns are EDGE × EDGE; pieces are smaller, so that each lies elsewhere
PATTERNS = 480
_SEED = 20_517


@lru_cache(maxsize=2)
def bank(device: str = "cpu") -> torch.Tensor:
    """All patterns, float32 (PATTERNS, EDGE, EDGE) in [0, 1].

    In equal parts flat, slopes, rings, stripes, checks, dots, clouds and blots.
    """
    generator = torch.Generator().manual_seed(_SEED)
    each = PATTERNS // 8
    y, x = torch.meshgrid(torch.linspace(-1, 1, EDGE), torch.linspace(-1, 1, EDGE), indexing="ij")

    def some(low: float, high: float) -> torch.Tensor:
        return (torch.rand((each, 1, 1), generator=generator) * (high - low)) + low

    def along() -> tuple[torch.Tensor, torch.Tensor]:
        turn = some(0, math.pi)
        return x * turn.cos() + y * turn.sin(), y * turn.cos() - x * turn.sin()

    def clouds(cells: int) -> torch.Tensor:
        coarse = torch.rand((each, 1, cells, cells), generator=generator)
        return functional.interpolate(coarse, size=(EDGE, EDGE), mode="bicubic", align_corners=True)[:, 0].clamp(0, 1)

    flat = torch.zeros((each, EDGE, EDGE))
    slopes = (along()[0] / 2.2 + 0.5).clamp(0, 1)
    rings = ((x - some(-0.6, 0.6)).square() + (y - some(-0.6, 0.6)).square()).sqrt().div(1.4).clamp(0, 1)
    stripes = (torch.sin(along()[0] * some(12, 40)) * 4).clamp(-1, 1) / 2 + 0.5
    u, v = along()
    pitch = some(10, 26)
    checks = ((torch.sin(u * pitch) * torch.sin(v * pitch)) * 12).clamp(-1, 1) / 2 + 0.5
    u, v = along()
    pitch = some(12, 34)
    dots = ((torch.sin(u * pitch) + torch.sin(v * pitch) - some(0.6, 1.4)) * 4).clamp(0, 1)
    cloudy = clouds(9) * 0.7 + clouds(28) * 0.3
    blots = ((clouds(12) - 0.5) * 12).clamp(-1, 1) / 2 + 0.5
    return torch.cat([flat, slopes, rings, stripes, checks, dots, cloudy, blots]).contiguous().to(device)


def pieces(n: int, side: int, generator: torch.Generator, plain: float = 0.3) -> torch.Tensor:
    """Random pieces of random patterns, float32 (n, side, side) in [0, 1]; a share ``plain`` of them is flat."""
    device = generator.device
    patterns = bank(str(device))
    which = torch.randint(PATTERNS // 8, PATTERNS, (n,), generator=generator, device=device)
    which = torch.where(torch.rand(n, generator=generator, device=device) < plain, 0, which)
    corner = torch.randint(0, EDGE - side + 1, (2, n, 1), generator=generator, device=device)
    steps = torch.arange(side, device=device)
    rows, columns = corner[0] + steps, corner[1] + steps
    return patterns[which[:, None, None], rows[:, :, None], columns[:, None, :]]


def grain(n: int, side: int, generator: torch.Generator) -> torch.Tensor:
    """Camera-like noise of standard deviation 1, float32 (n, side, side), cut from one sheet at random places."""
    device = generator.device
    sheet = _grain_sheet(str(device))
    corner = torch.randint(0, sheet.shape[0] - side + 1, (2, n, 1), generator=generator, device=device)
    steps = torch.arange(side, device=device)
    return sheet[(corner[0] + steps)[:, :, None], (corner[1] + steps)[:, None, :]]


@lru_cache(maxsize=2)
def _grain_sheet(device: str) -> torch.Tensor:
    return torch.randn((512, 512), generator=torch.Generator().manual_seed(_SEED + 1)).to(device)
