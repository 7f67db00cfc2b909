"""Textures (plays DTD), each a field of 0 to 1 between two colours; and a plain look of half of them."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from core.tasks import Task
from core.world.drawing.cells import Cells, voronoi
from core.world.drawing.shapes import (
    PIXEL,
    blend,
    blurred,
    by_class,
    clouds,
    finished,
    grey,
    hues,
    inside,
    jittered,
    length,
    moved,
    noise,
    plane,
    uniform,
)
from core.world.scenes.seeded import Drawn


def _wave(t: Tensor) -> Tensor:
    """A triangle wave of period 1, 0 to 1."""
    return ((t % 1) * 2 - 1).abs()


def _striped(x, y, k, g):
    return inside(_wave(x * k) - uniform(len(x), 0.35, 0.65, g), 4 * PIXEL * k)


def _dotted(x, y, k, g):
    c = Cells(x, y, k * 1.6, stagger=0.5)
    return inside(length(c.u, c.v) - uniform(len(x), 0.45, 0.75, g), 3 * PIXEL * k)


def _chequered(x, y, k, g):
    c = Cells(x, y, k * 1.5)
    return (c.row + c.column) % 2


def _gridded(x, y, k, g):
    width = uniform(len(x), 0.12, 0.28, g)
    c = Cells(x, y, k * 1.5)
    return inside(1 - torch.maximum(c.u.abs(), c.v.abs()) - width, 3 * PIXEL * k)


def _zigzagged(x, y, k, g):
    return inside(_wave((y + _wave(x * k * 0.75) * uniform(len(x), 0.3, 0.5, g)) * k) - 0.5, 4 * PIXEL * k)


def _honeycombed(x, y, k, g):
    k, tall = k * 1.1, math.sqrt(3)
    a, b = Cells(x, y / tall, k), Cells(x + 1 / k, y / tall + 1 / k, k)
    first = length(a.u, a.v * tall) < length(b.u, b.v * tall)
    u, v = torch.where(first, a.u, b.u).abs(), torch.where(first, a.v, b.v).abs() * tall
    wall = torch.maximum(u, u / 2 + v * tall / 2)
    return inside(1 - wall - uniform(len(x), 0.15, 0.3, g), 3 * PIXEL * k)


def _spiralled(x, y, k, g):
    x, y = moved(x, y, uniform(len(x), -0.3, 0.3, g), uniform(len(x), -0.3, 0.3, g))
    return inside(_wave(length(x, y) * k + torch.atan2(y, x) / math.tau) - 0.5, 4 * PIXEL * k)


def _blotchy(x, y, k, g):
    return inside(0.5 - clouds(len(x), 5, g) + uniform(len(x), -0.05, 0.08, g), 0.08)


def _woven(x, y, k, g):
    c = Cells(x, y, k * 1.3)
    over = (c.row + c.column) % 2
    along, across = torch.where(over > 0, c.u, c.v), torch.where(over > 0, c.v, c.u)
    strip = inside(across.abs() - 0.85, 3 * PIXEL * k)
    return strip * (1 - 0.55 * along.square()) * (0.7 + 0.3 * over)


def _cracked(x, y, k, g):
    first, second, plate = voronoi(x, y, 5, g)
    return inside(second - first - uniform(len(x), 0.02, 0.06, g), 0.04) * 0.9 + plate * 0.1


def _marbled(x, y, k, g):
    bent = x * k * 0.5 + uniform(len(x), 1.2, 2.0, g) * clouds(len(x), 3, g)
    return (1 - _wave(bent)).pow(3) * 0.8 + 0.2 * clouds(len(x), 4, g)


def _bubbly(x, y, k, g):
    c = Cells(x, y, k * 1.1, stagger=0.5)
    r = c.random(g, 0.45, 0.95)
    u, v = c.u - c.random(g, -1, 1) * (1 - r), c.v - c.random(g, -1, 1) * (1 - r)
    d = length(u, v)
    ring = inside((d - r).abs() - 0.08, 3 * PIXEL * k)
    light = inside(length(u + r * 0.35, v + r * 0.35) - r * 0.22, 3 * PIXEL * k)
    return (0.15 * inside(d - r) + 0.75 * ring + light).clamp(max=1)


def _scaly(x, y, k, g):
    c = Cells(x, y * 1.7, k * 1.1, stagger=0.5)
    d = length(c.u, (c.v + 1) / 2)
    return torch.where(d < 1, 0.3 + 0.7 * (1 - d.square()), 0.05 + 0.15 * (c.v + 1))


def _sprinkled(x, y, k, g):
    c = Cells(x, y, k * 2.2, stagger=0.3)
    turn = c.random(g, 0, math.pi)
    u, v = c.u - c.random(g, -0.4, 0.4), c.v - c.random(g, -0.4, 0.4)
    p, q = u * turn.cos() + v * turn.sin(), v * turn.cos() - u * turn.sin()
    crumb = length(p / c.random(g, 0.25, 0.65), q / 0.22) - 1
    return inside(crumb, 6 * PIXEL * k) * (c.random(g) < 0.75)


def _wrinkled(x, y, k, g):
    bend = clouds(len(x), 4, g) + 0.35 * noise(len(x), 3, g) * y
    slope = bend - bend.roll((1, 1), (1, 2))
    return (0.5 + slope * 7).clamp(0, 1)


def _crosshatched(x, y, k, g):
    rough = 0.5 * (noise(len(x), 12, g) - 0.5)
    fine = uniform(len(x), 0.25, 0.4, g) + rough * 0.4
    lines = [inside(_wave(t * k * 1.7) - fine, 5 * PIXEL * k) for t in (x + 0.35 * y + rough * 0.1, y - 0.35 * x)]
    return torch.maximum(*lines)


FIELDS = {
    "striped": _striped,
    "polka-dotted": _dotted,
    "chequered": _chequered,
    "gridded": _gridded,
    "zigzagged": _zigzagged,
    "honeycombed": _honeycombed,
    "spiralled": _spiralled,
    "blotchy": _blotchy,
    "woven": _woven,
    "cracked": _cracked,
    "marbled": _marbled,
    "bubbly": _bubbly,
    "scaly": _scaly,
    "sprinkled": _sprinkled,
    "wrinkled": _wrinkled,
    "crosshatched": _crosshatched,
}
NAMES = tuple(FIELDS)
PLAIN = NAMES[:8]


def _photographed(field, n: int, g: torch.Generator) -> Tensor:
    """A texture seen at any angle, a little bent, under uneven light, in two colours of any kind."""
    x, y = jittered(n, g, 0.3, math.pi, 0.8, 1.3)
    bend = uniform(n, 0.0, 0.25, g)
    x, y = x + bend * noise(n, 3, g), y + bend * noise(n, 3, g)
    t = field(x, y, uniform(n, 2.2, 4.5, g), g)
    one = hues(n, g, (0.0, 0.8), (0.1, 1.0))
    apart = uniform(n, 0.3, 0.7, g)[:, None]
    lightness = one.mean(1, keepdim=True)
    other = hues(n, g, (0.0, 0.8), (0.2, 0.9)) * 0.35 + (one + torch.where(lightness > 0.5, -apart, apart)) * 0.65
    image = blend(t, one, other.clamp(0, 1)) * (0.7 + 0.5 * clouds(n, 2, g))[:, None]
    return blurred(image, uniform(n, 0, 0.8, g))


def _printed(field, n: int, g: torch.Generator) -> Tensor:
    """A texture as on wrapping paper: straight, clean, one strong colour on near white or near black."""
    x, y = plane(n, g)
    x, y = x + uniform(n, -0.5, 0.5, g), y + uniform(n, -0.5, 0.5, g)
    t = field(x, y, uniform(n, 2.0, 3.2, g), g)
    dark = (torch.rand((n, 1, 1, 1), generator=g, device=g.device) < 0.3).float()
    back = dark * grey(n, 0.0, 0.15, g) + (1 - dark) * grey(n, 0.9, 1.0, g)
    return blend(t, back, hues(n, g, (0.7, 1.0), (0.6, 1.0)))


def draw_textures(labels: Tensor, g: torch.Generator) -> Tensor:
    """Textures as photographed, by their place in NAMES: uint8 (n, 64, 64, 3)."""
    return finished(by_class([partial(_photographed, f) for f in FIELDS.values()], labels, g), g, 0.06)


def draw_plain_textures(labels: Tensor, g: torch.Generator) -> Tensor:
    """Textures as printed on paper, by their place in PLAIN: uint8 (n, 64, 64, 3)."""
    return finished(by_class([partial(_printed, FIELDS[name]) for name in PLAIN], labels, g), g)


PLAIN_CAPTIONS: tuple[tuple[str, ...], ...] = tuple(
    (f"a {name} pattern", f"{name} paper", f"a plain {name} texture", f"a picture of a {name} pattern", f"{name}")
    for name in PLAIN
)

TEXTURES = Task(
    name="textures",
    role="patching",
    title="Textures",
    plays="DTD",
    description="Sixteen drawn surfaces, named as describable textures are, in two colours, turned, bent, unevenly "
    "lit and grainy.",
    class_names=NAMES,
    templates=("a photo of a {} texture", "a photo of a {} pattern", "a photo of a {} thing", "a {} surface"),
    source=Drawn("textures", 1, len(NAMES), draw_textures),
)
