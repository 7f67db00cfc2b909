"""Places that people built, from above: the brushes that only the aerial task and the maps use."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core.world.drawing.cells import Cells
from core.world.drawing.shapes import box, chance, clouds, disc, edge, inside, jittered, length, moved, paint, uniform
from core.world.scenes import land
from core.world.scenes.land import Look


def runway(look: Look, n: int, g: torch.Generator) -> Tensor:
    """A runway with its middle line and the bars at its head."""
    image = look.ground("grass", n, g)
    x, y = jittered(n, g, 0.15, math.pi, 0.9, 1.2)
    wide = uniform(n, 0.22, 0.32, g)
    paint(image, inside(y.abs() - wide), look.colour("road", n, g))
    white, head = look.colour("steel", n, g), uniform(n, -0.5, 0.0, g)
    paint(image, inside(y.abs() - 0.025) * (((x * 3) % 1) < 0.6) * (x > head + 0.3), white)
    bars = (((y / wide * 3.5) % 1) < 0.5) * inside(y.abs() - wide * 0.86)
    return paint(image, inside((x - head).abs() - 0.15) * bars, white)


def bridge(look: Look, n: int, g: torch.Generator) -> Tensor:
    """A road that crosses a river."""
    image = land.river(look, n, g)
    x, y = jittered(n, g, 0.2, 0.0, 1.0, 1.0)
    x, y = moved(x, y, 0, 0, uniform(n, 0, math.pi, g))
    image = look.ground("grass", n, g, 4)
    water = inside(x.abs() - uniform(n, 0.3, 0.5, g) - 0.1 * clouds(n, 4, g))
    paint(image, water, look.ground("water", n, g, 3))
    wide = uniform(n, 0.1, 0.16, g)
    paint(image, inside((y - 0.09).abs() - wide) * water * 0.6, image * 0.35)
    return land.road(look, image, y, wide, g)


def harbor(look: Look, n: int, g: torch.Generator) -> Tensor:
    """Boats moored on both sides of jetties."""
    x, y = jittered(n, g, 0.3, math.pi, 0.9, 1.1)
    image = look.ground("water", n, g, 3)
    c = Cells(x, y, torch.cat([uniform(n, 5, 6.5, g)]))
    pier = c.column % 3 == 0
    boat = inside(box(c.u, c.v, 0.75, 0.36, 0.3), 0.25) * ~pier * (c.random(g) < 0.8)
    paint(image, boat, look.colour("steel", n, g) * (0.85 + 0.15 * c.random(g))[:, None])
    paint(image, inside(box(c.u, c.v, 0.3, 0.12), 0.25) * boat, look.colour("water", n, g) * 0.8)
    return paint(image, inside(c.u.abs() - 0.45, 0.2) * pier, look.colour("deck", n, g))


def parking(look: Look, n: int, g: torch.Generator) -> Tensor:
    """Rows of parked cars of all colours on asphalt."""
    x, y = jittered(n, g, 0.3, math.pi, 0.9, 1.1)
    image = look.ground("road", n, g)
    c = Cells(x * 1.8, y, uniform(n, 4.2, 5.2, g))
    lane = c.row % 3 == 0
    paint(image, inside(1 - c.u.abs() - 0.08, 0.2) * ~lane * 0.8, look.colour("steel", n, g))
    paint(image, inside(box(c.u, c.v, 0.62, 0.78, 0.3), 0.25) * ~lane * (c.random(g) < 0.75), _paintwork(c, g))
    return image


def _paintwork(c: Cells, g: torch.Generator) -> Tensor:
    """The colours of cars: mostly greys, some red and blue; their windows dark."""
    tone, hue = c.random(g, 0.1, 1.0), c.random(g)
    red, blue = (hue < 0.2).float() * 0.5, (hue > 0.8).float() * 0.5
    colour = torch.stack([tone - blue * tone, tone - (red + blue) * tone, tone - red * tone], 1)
    window = inside(box(c.u, c.v - 0.25, 0.45, 0.2), 0.25)[:, None]
    return colour * (1 - 0.7 * window)


def roundabout(look: Look, n: int, g: torch.Generator) -> Tensor:
    """Roads that meet in a ring with a green middle."""
    image = look.ground("grass", n, g)
    x, y = jittered(n, g, 0.15, math.pi, 0.9, 1.1)
    r, wide = uniform(n, 0.36, 0.46, g), uniform(n, 0.1, 0.14, g)
    cross = torch.minimum(x.abs(), torch.where(chance(n, 0.5, g) > 0, y.abs(), torch.where(y > 0, y.abs(), 9.0)))
    land.road(look, image, cross, wide, g)
    land.road(look, image, disc(x, y, r), wide, g, middle=False)
    paint(image, inside(disc(x, y, r - wide)), look.colour("grass", n, g))
    return paint(image, inside(disc(x, y, 0.12), 0.08), look.colour("tree", n, g))


def railway(look: Look, n: int, g: torch.Generator) -> Tensor:
    """Parallel tracks with sleepers."""
    image = look.ground("grass", n, g)
    d = land.way(n, g, 0.08)
    x, y = jittered(n, g)
    tracks = uniform(n, 0.2, 0.34, g)
    paint(image, inside(d.abs() - tracks - 0.08, 0.06), look.ground("paved", n, g, 8))
    apart = ((d / 0.24) % 1 - 0.5).abs() * 0.24
    bed = inside(d.abs() - tracks - 0.02)
    paint(image, inside(apart - 0.07) * ((((x + y) * 8) % 1) < 0.5) * bed * 0.7, look.colour("deck", n, g) * 0.7)
    return paint(image, inside((apart - 0.045).abs() - 0.013) * bed, look.colour("rail", n, g))


def tennis_court(look: Look, n: int, g: torch.Generator) -> Tensor:
    """A court with its white lines and net."""
    x, y = jittered(n, g, 0.12, math.pi, 0.85, 1.15)
    image = look.ground("grass", n, g)
    paint(image, inside(box(x, y, 0.85, 0.55)), look.colour("court", n, g))
    paint(image, inside(box(x, y, 0.66, 0.34)), look.colour("clay", n, g))
    white = look.colour("steel", n, g)
    for line in (
        edge(box(x, y, 0.66, 0.34), 0.02),
        edge(box(x, y, 0.66, 0.25), 0.015),
        edge(box(x, y, 0.35, 0.25), 0.015),
        inside(box(x, y, 0.35, 0.015)),
        inside(box(x, y, 0.02, 0.4)),
    ):
        paint(image, line, white)
    return image


def baseball_diamond(look: Look, n: int, g: torch.Generator) -> Tensor:
    """A quarter circle of clay with a green diamond in it."""
    image = look.ground("grass", n, g)
    x, y = jittered(n, g, 0.12, math.pi, 0.85, 1.15)
    x, y = x + 0.45, y + 0.45
    clay = look.ground("clay", n, g)
    fan = torch.maximum(disc(x, y, uniform(n, 0.95, 1.1, g)), -torch.minimum(x, y) - 0.1)
    paint(image, inside(fan), clay)
    paint(image, inside(box(x - 0.36, y - 0.36, 0.28, 0.28)), look.colour("grass", n, g))
    for px, py in ((0.02, 0.02), (0.7, 0.02), (0.02, 0.7), (0.7, 0.7)):
        paint(image, inside(box(x - px, y - py, 0.045, 0.045)), look.colour("steel", n, g))
    return paint(image, inside(disc(x - 0.36, y - 0.36, 0.08)), clay)


def storage_tanks(look: Look, n: int, g: torch.Generator) -> Tensor:
    """Round white tanks with long shadows."""
    image = look.ground("paved", n, g)
    x, y = jittered(n, g, 0.4, math.pi, 0.9, 1.1)
    c = Cells(x, y, uniform(n, 2.4, 3.4, g))
    here, r = c.random(g) < 0.85, c.random(g, 0.55, 0.8)
    u, v = c.u, c.v
    paint(image, inside(segment_shadow(u, v, r), 0.1) * here * look.shadow, image * 0.3)
    roof = look.colour("steel", n, g) * (0.95 + 0.08 * (-u - v))[:, None]
    paint(image, inside(length(u, v) - r, 0.1) * here, roof)
    return paint(image, inside((length(u, v) - r + 0.06).abs() - 0.04, 0.1) * here * 0.5, roof * 0.6)


def segment_shadow(u: Tensor, v: Tensor, r: Tensor) -> Tensor:
    """Distance to a disc of radius ``r`` and its copy to the lower right."""
    return length(u - 0.22, v - 0.22) - r
