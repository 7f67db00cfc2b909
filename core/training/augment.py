"""Augmentation of pictures on their way into training, many at once, seeded."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True)
class Strength:
    """How far pictures are changed: greatest turn in degrees, shift and zoom as shares of the picture, the spread of
    brightness and contrast, and the side of the square that is blanked out, as a share."""

    turn: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0
    light: float = 0.0
    blank: float = 0.0


STRENGTHS: dict[str, Strength] = {
    "none": Strength(),
    "light": Strength(shift=0.06, zoom=0.1, light=0.2),
    "strong": Strength(turn=40, shift=0.12, zoom=0.25, light=0.4, blank=0.3),
}


def augment(pixels: torch.Tensor, strength: Strength, generator: torch.Generator) -> torch.Tensor:
    """Normalised pictures float32 (n, 3, h, w), each changed in its own way; a function of the generator alone.

    Turned, moved and zoomed with mirrored edges, then brighter or darker, then a square of it blanked to the mean.
    """
    if strength == STRENGTHS["none"]:
        return pixels
    n, side = len(pixels), pixels.shape[-1]

    def between(reach: float, *shape: int) -> torch.Tensor:
        return ((torch.rand(n, *shape, generator=generator) * 2 - 1) * reach).to(pixels)

    angle, zoom, move = torch.deg2rad(between(strength.turn)), 1 + between(strength.zoom), between(strength.shift, 2)
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    theta = torch.stack([torch.stack([cos, -sin, 2 * move[:, 0]], 1), torch.stack([sin, cos, 2 * move[:, 1]], 1)], 1)
    grid = affine_grid(theta, list(pixels.shape), align_corners=False)
    changed = grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)
    changed = changed * (1 + between(strength.light, 1, 1, 1)) + between(strength.light, 1, 1, 1)
    corner = torch.rand(n, 2, generator=generator).to(pixels) * (1 - strength.blank) * side
    place = torch.arange(side, device=pixels.device)
    inside = (place >= corner[..., None]) & (place < corner[..., None] + strength.blank * side)
    return changed.masked_fill((inside[:, 1, :, None] & inside[:, 0, None, :])[:, None], 0.0)
