"""Drawing on many small pictures at once: coordinates, anti-aliased shapes, noise fields and paint.

Pictures are float (n, 3, 64, 64) while they are drawn. Points lie in [-1, 1] on both axes, y downwards. A shape is a
signed distance (n, 64, 64), negative inside, in the same unit. One number per picture is a tensor (n, 1, 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

import torch
from torch import Tensor, nn

SIZE = 64
PIXEL = 2 / SIZE
BLOCK = 64  # pictures drawn at a time: their planes then stay in the processor's cache

Draw = Callable[[int, torch.Generator], Tensor]


def uniform(n: int, low: float, high: float, g: torch.Generator) -> Tensor:
    """One random number per picture: (n, 1, 1)."""
    return torch.rand((n, 1, 1), generator=g, device=g.device) * (high - low) + low


def choice(n: int, k: int, g: torch.Generator) -> Tensor:
    """One random whole number below ``k`` per picture: int64 (n,)."""
    return torch.randint(k, (n,), generator=g, device=g.device)


def chance(n: int, p: float, g: torch.Generator) -> Tensor:
    """1 with probability ``p``, else 0, per picture: float (n, 1, 1)."""
    return (torch.rand((n, 1, 1), generator=g, device=g.device) < p).float()


def plane(n: int, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """The coordinates x and y of every pixel's middle, (n, 64, 64) each."""
    line = (torch.arange(SIZE, device=g.device) + 0.5) * PIXEL - 1
    return line.view(1, 1, SIZE).expand(n, SIZE, SIZE), line.view(1, SIZE, 1).expand(n, SIZE, SIZE)


def moved(x: Tensor, y: Tensor, cx=0.0, cy=0.0, turn=0.0, scale=1.0) -> tuple[Tensor, Tensor]:
    """Coordinates in a frame that is centred on (cx, cy), turned by ``turn`` radians and ``scale`` times as large."""
    c, s = _cos_sin(turn)
    u, v = x - cx, y - cy
    return (u * c + v * s) / scale, (v * c - u * s) / scale


def _cos_sin(turn) -> tuple:
    return (turn.cos(), turn.sin()) if isinstance(turn, Tensor) else (math.cos(turn), math.sin(turn))


def jittered(n: int, g: torch.Generator, shift=0.1, turn=0.1, low=0.9, high=1.1) -> tuple[Tensor, Tensor]:
    """Coordinates in a frame that lies a little differently in every picture."""
    x, y = plane(n, g)
    cx, cy = uniform(n, -shift, shift, g), uniform(n, -shift, shift, g)
    return moved(x, y, cx, cy, uniform(n, -turn, turn, g), uniform(n, low, high, g))


def length(x: Tensor, y: Tensor) -> Tensor:
    """The length of the vector (x, y); several times faster than torch.hypot, whose care for overflow is not needed."""
    return (x * x + y * y).sqrt_()


def disc(x: Tensor, y: Tensor, r) -> Tensor:
    """Distance to a disc of radius ``r`` about the origin."""
    return length(x, y) - r


def box(x: Tensor, y: Tensor, w, h, corner=0.0) -> Tensor:
    """Distance to a box of half width ``w`` and half height ``h``, its corners rounded by ``corner``."""
    if not corner:
        return torch.maximum(x.abs() - w, y.abs() - h)
    qx, qy = x.abs() - (w - corner), y.abs() - (h - corner)
    return length(qx.clamp(min=0), qy.clamp(min=0)) + torch.maximum(qx, qy).clamp(max=0) - corner


def segment(x: Tensor, y: Tensor, ax, ay, bx, by, width) -> Tensor:
    """Distance to a stroke from a to b with round ends and half width ``width``."""
    px, py, dx, dy = x - ax, y - ay, bx - ax, by - ay
    t = ((px * dx + py * dy) / (dx * dx + dy * dy + 1e-9)).clamp(0, 1)
    return length(px - dx * t, py - dy * t) - width


def polyline(x: Tensor, y: Tensor, points: Sequence[tuple[float, float]], width) -> Tensor:
    """Distance to the strokes through ``points``."""
    parts = [segment(x, y, *a, *b, width) for a, b in pairwise(points)]
    return _nearest(parts)


def polygon(x: Tensor, y: Tensor, sides: int, r, turn=0.0, corner=0.0) -> Tensor:
    """Distance to a regular polygon with its first corner at angle ``turn`` from upwards, corners ``r`` away."""
    apothem = (r - corner) * math.cos(math.pi / sides)
    angles = [turn + (2 * k + 1) * math.pi / sides for k in range(sides)]
    walls = [x * math.sin(a) - y * math.cos(a) for a in angles]
    furthest = walls[0]
    for wall in walls[1:]:
        furthest = torch.maximum(furthest, wall)
    return furthest - apothem - corner


def union(*distances: Tensor) -> Tensor:
    """Distance to all of the shapes together."""
    return _nearest(distances)


def _nearest(distances: Sequence[Tensor]) -> Tensor:
    nearest = distances[0]
    for d in distances[1:]:
        nearest = torch.minimum(nearest, d)
    return nearest


def inside(distance: Tensor, soft=PIXEL) -> Tensor:
    """How much of each pixel a shape covers, 0 to 1; ``soft`` is the width of its edge."""
    return (0.5 - distance / soft).clamp(0, 1)


def edge(distance: Tensor, width, soft=PIXEL) -> Tensor:
    """How much of each pixel a shape's outline of half width ``width`` covers."""
    return inside(distance.abs() - width, soft)


def noise(n: int, cells: int, g: torch.Generator) -> Tensor:
    """A smooth random field in 0 to 1 with about ``cells`` bumps along a side: (n, 64, 64)."""
    coarse = torch.rand((n, cells + 1, cells + 1), generator=g, device=g.device)
    spread = _spread(cells + 1).to(g.device)
    return (spread @ coarse @ spread.T).clamp_(0, 1)


@cache
def _spread(points: int) -> Tensor:
    """Bicubic interpolation of ``points`` values to 64, as a matrix: two products are faster than torch's own."""
    eye = torch.eye(points).view(1, points, points, 1)
    return nn.functional.interpolate(eye, (SIZE, 1), mode="bicubic", align_corners=True)[0, :, :, 0].T.contiguous()


def clouds(n: int, cells: int, g: torch.Generator) -> Tensor:
    """Noise of three octaves, about 0 to 1: (n, 64, 64)."""
    return (noise(n, cells, g) + noise(n, 2 * cells, g) / 2 + noise(n, 4 * cells, g) / 4) / 1.75


def grey(n: int, low: float, high: float, g: torch.Generator) -> Tensor:
    """A random grey per picture as a colour: (n, 3, 1, 1)."""
    return uniform(n, low, high, g)[:, None].expand(n, 3, 1, 1)


def hues(n: int, g: torch.Generator, saturation=(0.4, 1.0), value=(0.3, 1.0), hue=(0.0, 1.0)) -> Tensor:
    """A random colour per picture, by hue, saturation and value: (n, 3, 1, 1)."""
    h, s, v = (uniform(n, low, high, g) for low, high in (hue, saturation, value))
    offsets = torch.tensor([5.0, 3.0, 1.0], device=g.device).view(1, 3, 1, 1)
    k = (offsets + 6 * h[:, None]) % 6
    return v[:, None] * (1 - s[:, None] * torch.minimum(k, 4 - k).clamp(0, 1))


def near(colour: Sequence[float], n: int, spread: float, g: torch.Generator) -> Tensor:
    """A colour close to ``colour`` (red, green, blue in 0 to 1) per picture: (n, 3, 1, 1)."""
    centre = torch.tensor(colour, device=g.device).view(1, 3, 1, 1)
    return (centre + (torch.rand((n, 3, 1, 1), generator=g, device=g.device) - 0.5) * 2 * spread).clamp(0, 1)


def canvas(colour: Tensor) -> Tensor:
    """Pictures of one colour each: (n, 3, 64, 64) from (n, 3, 1, 1)."""
    return colour.expand(-1, 3, SIZE, SIZE).clone()


def paint(image: Tensor, cover: Tensor, colour: Tensor) -> Tensor:
    """Lay ``colour`` over ``image``, in place, where ``cover`` (n, 64, 64) is 1; returns the image."""
    return image.lerp_(colour.expand_as(image), cover.expand(-1, SIZE, SIZE)[:, None])


def blend(field: Tensor, one: Tensor, other: Tensor) -> Tensor:
    """Pictures that go from colour ``one`` where ``field`` is 0 to ``other`` where it is 1."""
    return one + (other - one) * field[:, None]


def blurred(image: Tensor, amount: Tensor) -> Tensor:
    """``image`` mixed with a smoothed copy of itself by ``amount`` (n, 1, 1) in 0 to 1."""
    small = nn.functional.avg_pool2d(image, 2)
    smooth = nn.functional.interpolate(small, (SIZE, SIZE), mode="bilinear", align_corners=False)
    return image.lerp(smooth, amount[:, None])


def finished(image: Tensor, g: torch.Generator, grain: float = 0.0) -> Tensor:
    """Bytes (n, 64, 64, 3) of pictures in 0 to 1, with film grain of that strength."""
    if grain:
        rough = torch.rand((len(image), 1, SIZE, SIZE), generator=g, device=g.device) - 0.5
        image = image.add(rough, alpha=2 * grain)
    return image.mul(255).add_(0.5).clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def by_class(painters: Sequence[Draw], labels: Tensor, g: torch.Generator) -> Tensor:
    """Draw picture i with ``painters[labels[i]]``: (n, 3, 64, 64); a painter draws its whole class at once."""
    out = torch.empty((len(labels), 3, SIZE, SIZE), device=g.device)
    for k, painter in enumerate(painters):
        here = (labels == k).nonzero()[:, 0]
        if len(here):
            out[here] = painter(len(here), g)
    return out
