"""The pictograms of signs: functions of coordinates (n, side, side) that say how much of each pixel is covered."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from core.world.drawing.shapes import box, disc, inside, length, moved, polyline, segment, union
from core.world.drawing.text_masks import bolder, printed, stamp

NUMBERS = ("30", "50", "70", "100", "STOP", "40", "60", "P", "A")
Pictogram = Callable[[Tensor, Tensor], Tensor]  # coordinates in, how much of each pixel it covers out


def written(text: str, size: float) -> Pictogram:
    """A pictogram of bold letters or digits."""

    def cover(x: Tensor, y: Tensor) -> Tensor:
        mask = bolder(printed(NUMBERS)[NUMBERS.index(text)][None], 2).to(x.device)
        return stamp(mask.expand(len(x), -1, -1), x / size, y / size)

    return cover


def arrow(turn: float) -> Pictogram:
    """A straight arrow, turned from upwards."""

    def cover(x: Tensor, y: Tensor) -> Tensor:
        x, y = moved(x, y, 0, 0, turn)
        return inside(
            union(
                segment(x, y, 0.0, 0.5, 0.0, -0.4, 0.1),
                polyline(x, y, [(-0.32, -0.12), (0.0, -0.48), (0.32, -0.12)], 0.1),
            )
        )

    return cover


def bend(side: float) -> Pictogram:
    """An arrow that turns off to the left (-1) or the right (1)."""

    def cover(x: Tensor, y: Tensor) -> Tensor:
        x = x * side
        return inside(
            union(
                polyline(x, y, [(-0.25, 0.5), (-0.25, -0.1), (0.35, -0.1)], 0.1),
                polyline(x, y, [(0.15, -0.4), (0.45, -0.1), (0.15, 0.2)], 0.09),
            )
        )

    return cover


def exclamation(x: Tensor, y: Tensor) -> Tensor:
    """An exclamation mark."""
    return inside(union(segment(x, y, 0.0, -0.3, 0.0, 0.1, 0.09), disc(x, y - 0.36, 0.1)))


def curve(side: float) -> Pictogram:
    """A road that bends."""
    return lambda x, y: inside(polyline(x * side, y, [(-0.15, 0.42), (-0.15, 0.1), (0.02, -0.1), (0.22, -0.3)], 0.09))


def lights(x: Tensor, y: Tensor) -> Tensor:
    """Traffic lights."""
    return inside(box(x, y - 0.03, 0.16, 0.42, 0.05)) * (
        1 - inside(union(*(disc(x, y - c, 0.09) for c in (-0.22, 0.03, 0.28))))
    )


def bumps(x: Tensor, y: Tensor) -> Tensor:
    """Two bumps on a road."""
    return inside(union(box(x, y - 0.35, 0.45, 0.06), torch.maximum(disc(x.abs() - 0.21, y - 0.32, 0.2), y - 0.35)))


def crossroads(x: Tensor, y: Tensor) -> Tensor:
    """A cross of two roads."""
    return inside(union(segment(x, y, -0.24, -0.14, 0.24, 0.34, 0.085), segment(x, y, -0.24, 0.34, 0.24, -0.14, 0.085)))


def ring(x: Tensor, y: Tensor) -> Tensor:
    """Three arrows that chase each other."""
    angle = (torch.atan2(y, x) / math.tau * 3) % 1
    r = length(x, y)
    return inside((r - 0.38).abs() - 0.09 - 0.12 * (angle > 0.5) * (1 - angle) * 2) * (angle > 0.14)


def walker(x: Tensor, y: Tensor) -> Tensor:
    """A person who walks."""
    limbs = [
        polyline(x, y, [(-0.2, 0.45), (0.0, 0.12), (0.02, -0.18)], 0.06),
        segment(x, y, 0.0, 0.12, 0.2, 0.45, 0.06),
        polyline(x, y, [(-0.2, 0.05), (0.02, -0.16), (0.2, 0.06)], 0.05),
        disc(x - 0.03, y + 0.33, 0.09),
    ]
    return inside(union(*limbs))


def nothing(x: Tensor, y: Tensor) -> Tensor:
    """A sign without a pictogram."""
    return torch.zeros_like(x)
