"""Land from above, painted by one set of brushes in three looks: a satellite's, an aeroplane's and a printed map's."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from core.world.drawing.cells import Cells
from core.world.drawing.shapes import blend, box, canvas, clouds, inside, jittered, length, near, paint, uniform


@dataclass(frozen=True)
class Look:
    """How land is drawn: ``colours`` by what they cover, how much they vary, how rough, how large things are."""

    colours: dict[str, tuple[float, float, float]] = field(hash=False)
    spread: float  # how far a colour strays from picture to picture
    rough: float  # how uneven a surface is within a picture
    zoom: float  # how large houses, trees and roads are
    shadow: float  # how dark a shadow is

    def colour(self, name: str, n: int, g: torch.Generator) -> Tensor:
        """The colour of a thing in each picture: (n, 3, 1, 1)."""
        return near(self.colours[name], n, self.spread, g)

    def ground(self, name: str, n: int, g: torch.Generator, cells: int = 4) -> Tensor:
        """A surface all over the pictures: (n, 3, 64, 64)."""
        base = self.colour(name, n, g)
        if not self.rough:
            return canvas(base)
        return blend(clouds(n, cells, g), base * (1 - self.rough), (base * (1 + self.rough)).clamp(max=1))


def way(n: int, g: torch.Generator, bend: float) -> Tensor:
    """Signed distance to the middle of a way that winds across the picture at any angle."""
    x, y = jittered(n, g, 0.3, math.pi, 1.0, 1.0)
    wave, swing = uniform(n, 1.5, 3.5, g), uniform(n, 0.5, 1.0, g) * bend
    return y - swing * torch.sin(x * wave + uniform(n, 0, math.tau, g)) - 0.3 * swing * torch.sin(x * 2.3 * wave)


def _shore(n: int, g: torch.Generator, r, rugged: float = 0.35) -> Tensor:
    """Distance to a patch of about radius ``r`` with a rugged rim."""
    x, y = jittered(n, g, 0.25, math.pi, 0.9, 1.1)
    return length(x, y * uniform(n, 0.9, 1.5, g)) - r + rugged * (clouds(n, 4, g) - 0.5) * 2


def road(look: Look, image: Tensor, d: Tensor, width, g: torch.Generator, middle: bool = True) -> Tensor:
    """Lay a road along ``d`` = 0, with a kerb and a line in the middle."""
    n = len(image)
    paint(image, inside(d.abs() - width - 0.04), look.colour("kerb", n, g))
    paint(image, inside(d.abs() - width), look.colour("road", n, g))
    return paint(image, inside(d.abs() - 0.012) * 0.8, look.colour("line", n, g)) if middle else image


def forest(look: Look, n: int, g: torch.Generator) -> Tensor:
    """Tree crowns close together, lit from the upper left."""
    x, y = jittered(n, g, 0.2, math.pi, 0.9, 1.2)
    image = look.ground("forest", n, g, 3) * 0.75
    c = Cells(x, y, uniform(n, 9, 12, g) / look.zoom, stagger=0.5)
    r = c.random(g, 0.7, 1.1)
    u, v = c.u, c.v
    if look.rough:  # outside of maps, trees do not stand in line
        u, v = u - c.random(g, -0.4, 0.4), v - c.random(g, -0.4, 0.4)
    crown = inside(length(u, v) - r, 0.35)
    tint = look.colour("tree", n, g) * (0.85 + 0.3 * c.random(g) + 0.25 * look.rough * (-u - v))[:, None]
    return paint(image, crown, tint)


def meadow(look: Look, n: int, g: torch.Generator) -> Tensor:
    """Grass with soft patches and a few bushes."""
    image = look.ground("grass", n, g, 3)
    x, y = jittered(n, g, 0.5, math.pi, 1.0, 1.2)
    c = Cells(x, y, 6.0, stagger=0.5)
    bush = inside(length(c.u - c.random(g, -0.5, 0.5), c.v - c.random(g, -0.5, 0.5)) - c.random(g, 0.15, 0.5), 0.3)
    return paint(image, bush * (c.random(g) < 0.2), look.colour("tree", n, g))


def fields(look: Look, n: int, g: torch.Generator) -> Tensor:
    """Fields of a few crops, each ploughed its own way."""
    x, y = jittered(n, g, 0.5, math.pi, 0.9, 1.2)
    x = x + 0.3 * y
    c = Cells(x * 0.8, y, uniform(n, 2.2, 3.4, g))
    crop, lie = c.random(g), c.random(g)
    image = blend(crop, look.colour("crop", n, g), look.colour("soil", n, g))
    along = torch.where(lie < 0.5, x, y)
    furrow = ((along * uniform(n, 9, 13, g)) % 1 - 0.5).abs() * 2
    image = image * (1 - (0.12 + look.rough * 0.6) * furrow * (c.random(g) < 0.8))[:, None]
    border = 1 - torch.maximum(c.u.abs(), c.v.abs())
    return paint(image, inside(border - 0.05, 0.1) * 0.7, look.colour("grass", n, g) * 0.8)


def orchard(look: Look, n: int, g: torch.Generator) -> Tensor:
    """Round trees in straight rows on pale ground."""
    x, y = jittered(n, g, 0.3, math.pi, 0.9, 1.1)
    image = look.ground("soil", n, g, 3)
    c = Cells(x, y * uniform(n, 1.0, 1.5, g), uniform(n, 6.5, 9, g) / look.zoom)
    paint(image, inside(length(c.u - 0.25, c.v - 0.25) - 0.6, 0.3) * look.shadow, image * 0.4)
    return paint(image, inside(length(c.u, c.v) - c.random(g, 0.5, 0.7), 0.3), look.colour("tree", n, g))


def river(look: Look, n: int, g: torch.Generator) -> Tensor:
    """A winding river through woods and meadows."""
    green = inside(clouds(n, 4, g) - 0.5, 0.1)
    image = look.ground("grass", n, g).lerp(look.ground("forest", n, g, 8), green[:, None])
    d, wide = way(n, g, 0.35).abs(), uniform(n, 0.14, 0.3, g)
    paint(image, inside(d - wide - 0.05, 0.06), look.colour("sand", n, g))
    return paint(image, inside(d - wide), look.ground("water", n, g, 3))


def lake(look: Look, n: int, g: torch.Generator) -> Tensor:
    """One sheet of water with a rugged shore."""
    image = look.ground("grass", n, g).lerp(look.ground("forest", n, g, 8), inside(clouds(n, 5, g) - 0.5, 0.1)[:, None])
    d = _shore(n, g, uniform(n, 0.55, 0.85, g))
    paint(image, inside(d - 0.05, 0.06), look.colour("sand", n, g))
    return paint(image, inside(d), look.ground("water", n, g, 3))


def island(look: Look, n: int, g: torch.Generator) -> Tensor:
    """A green island with a beach around it, in the sea."""
    image = look.ground("water", n, g, 3)
    d = _shore(n, g, uniform(n, 0.4, 0.65, g))
    paint(image, inside(d - 0.12, 0.2) * 0.5, look.colour("shallow", n, g))
    paint(image, inside(d - 0.07, 0.05), look.colour("sand", n, g))
    return paint(image, inside(d), look.ground("forest", n, g, 6))


def beach(look: Look, n: int, g: torch.Generator) -> Tensor:
    """Sea on one side, surf, sand, and green on the other."""
    d = way(n, g, 0.12)
    image = look.ground("grass", n, g)
    wide = uniform(n, 0.3, 0.5, g)
    paint(image, inside(d.abs() - wide), look.ground("sand", n, g))
    sea = inside(d + wide * 0.4, 0.04)
    paint(image, inside(d + wide * 0.4 - 0.08) * 0.8, look.colour("foam", n, g))
    return paint(image, sea, look.ground("water", n, g, 3))


def desert(look: Look, n: int, g: torch.Generator) -> Tensor:
    """Dunes in long ripples."""
    d = way(n, g, 0.15) + 0.15 * clouds(n, 4, g)
    ripple = (d * uniform(n, 2.0, 3.5, g)) % 1
    sand = look.colour("sand", n, g)
    return blend(ripple.pow(2) * (0.4 + clouds(n, 3, g)), canvas(sand), sand * 0.62)


def highway(look: Look, n: int, g: torch.Generator) -> Tensor:
    """A wide road through open country, with cars in its lanes."""
    image = look.ground("grass", n, g).lerp(look.ground("soil", n, g), inside(clouds(n, 3, g) - 0.5, 0.15)[:, None])
    d = way(n, g, 0.12)
    road(look, image, d, uniform(n, 0.1, 0.17, g) * look.zoom, g)
    return image


def _houses(
    look: Look, image: Tensor, c: Cells, w: float, h: float, share: float, roof: str, g: torch.Generator
) -> None:
    """One house per cell on a share of the cells, its roof lit on one side, its shadow to the lower right."""
    n = len(image)
    here = c.random(g) < share
    across, down = w * c.random(g, 0.75, 1.1), h * c.random(g, 0.75, 1.1)
    paint(image, inside(box(c.u - 0.2, c.v - 0.2, across, down), 0.25) * here * look.shadow, image * 0.3)
    tint = look.colour(roof, n, g) * (0.8 + 0.4 * c.random(g) - 0.25 * (c.u > 0) * (look.rough > 0))[:, None]
    paint(image, inside(box(c.u, c.v, across, down), 0.25) * here, tint)


def residential(look: Look, n: int, g: torch.Generator) -> Tensor:
    """Houses with gardens along a grid of streets."""
    x, y = jittered(n, g, 0.5, math.pi, 0.9, 1.2)
    k = 5.5 / look.zoom
    image = look.ground("grass", n, g)
    trees = Cells(x, y, 2 * k, stagger=0.5)
    paint(image, inside(length(trees.u, trees.v) - 0.7, 0.4) * (trees.random(g) < 0.3), look.colour("tree", n, g))
    c = Cells(x, y, k)
    _houses(look, image, c, 0.62, 0.5, 0.95, "roof", g)
    street = torch.minimum((c.row % 2) * 9 + (c.v + 1), (c.column % 3) * 9 + (c.u + 1))
    return paint(image, inside(street - 0.38, 0.2), look.colour("road", n, g))


def industrial(look: Look, n: int, g: torch.Generator) -> Tensor:
    """Large flat halls on paved yards."""
    x, y = jittered(n, g, 0.5, math.pi, 0.9, 1.2)
    image = look.ground("paved", n, g)
    c = Cells(x, y * 1.3, uniform(n, 2.3, 3.0, g))
    _houses(look, image, c, 0.72, 0.75, 0.9, "hall", g)
    ribs = inside((((c.u * 4) % 1) - 0.5).abs() - 0.12, 0.15) * inside(box(c.u, c.v, 0.5, 0.5), 0.1)
    return paint(image, ribs * 0.35, image * 0.5)
