"""How many things there are (plays CLEVR counts): lit solids on a table, 3 to 10; and flat dots, 1 to 5."""

from __future__ import annotations

import torch
from torch import Tensor

from core.tasks import Task
from core.world.drawing.shapes import (
    blend,
    blurred,
    box,
    canvas,
    clouds,
    finished,
    grey,
    hues,
    inside,
    jittered,
    length,
    paint,
    uniform,
    union,
)
from core.world.drawing.text_masks import WORDS
from core.world.scenes.seeded import Drawn

COUNTS = tuple(range(3, 11))
NAMES = (*WORDS[3:], "ten")
PATCHED, TRANSFER = (4, 5, 6, 8, 9), (3, 7, 10)  # counts to patch on, and to try broad transfer on
DOTS = (1, 2, 3, 4, 5)
SIDE = 4  # things stand in cells of a 4 x 4 grid, so none hides another


def _occupied(counts: Tensor, g: torch.Generator) -> Tensor:
    """Which of the 16 cells hold a thing: bool (n, 16), ``counts`` of them true."""
    rank = torch.rand((len(counts), SIDE * SIDE), generator=g, device=g.device).argsort(1).argsort(1)
    return rank < counts[:, None]


class _Table:
    """The grid of places: ``u``, ``v`` run from -1 to 1 in each; numbers per place are looked up per pixel."""

    def __init__(self, x: Tensor, y: Tensor):
        s, t = (x + 1) / 2 * SIDE, (y + 1) / 2 * SIDE
        column, row = s.floor().clamp(0, SIDE - 1), t.floor().clamp(0, SIDE - 1)
        self.u, self.v = (s - column) * 2 - 1, (t - row) * 2 - 1
        self._place = (row * SIDE + column).long().flatten(1)

    def of(self, table: Tensor) -> Tensor:
        return table.gather(1, self._place).view(self.u.shape)

    def random(self, g: torch.Generator, low: float, high: float) -> Tensor:
        n = len(self._place)
        return self.of(torch.rand((n, SIDE * SIDE), generator=g, device=g.device) * (high - low) + low)


def _tints(t: _Table, n: int, g: torch.Generator, value: tuple[float, float]) -> Tensor:
    """A colour for every thing: (n, 3, 64, 64)."""
    palette = hues(n * SIDE * SIDE, g, (0.3, 1.0), value).view(n, SIDE * SIDE, 3)
    return torch.stack([t.of(palette[..., channel]) for channel in range(3)], 1)


def draw_counting(labels: Tensor, g: torch.Generator) -> Tensor:
    """Balls, boxes and cylinders on a grey table, lit from the left, ``labels + 3`` of them: uint8 (n, 64, 64, 3)."""
    n = len(labels)
    x, y = jittered(n, g, 0.03, 0.12, 0.86, 0.94)
    image = blend((y + 1) / 2 * 0.6 + 0.4 * clouds(n, 2, g), grey(n, 0.35, 0.55, g), grey(n, 0.6, 0.85, g))
    t = _Table(x, y)
    here = t.of(_occupied(labels + COUNTS[0], g).float())
    r = t.random(g, 0.55, 0.82)
    u, v = t.u - t.random(g, -1, 1) * (0.95 - r), t.v - t.random(g, -1, 1) * (0.95 - r)
    shape, metal = t.random(g, 0, 3).floor(), t.random(g, 0, 1) < 0.4
    soft = 0.2
    ball = length(u, v) - r
    cube = box(u, v, r * 0.85, r * 0.85, 0.08)
    lid = length(u, (v + r * 0.66) * 2.4) - r * 0.72
    base = length(u, (v - r * 0.66) * 2.4) - r * 0.72
    drum = union(box(u, v, r * 0.72, r * 0.66), lid, base)
    d = torch.where(shape == 0, ball, torch.where(shape == 1, cube, drum))
    shadow = length((u - 0.18) / 1.1, (v - r * 0.75) / 0.5) - r
    paint(image, inside(shadow, 0.5) * here * 0.45, image * 0.3)
    round_light = 1.0 - 0.5 * ((u + v * 0.7) / r).clamp(-1, 1)
    sides = torch.where(
        shape == 1,
        torch.where(v < -r * 0.4, 1.25, 0.85) - 0.15 * (u > 0.15 * r),
        torch.where(lid < 0, 1.25, 1.0 - 0.4 * u / r),
    )
    light = torch.where(shape == 0, round_light, sides)
    shine = inside(length(u + r * 0.35, v + r * 0.4) - r * 0.2, 0.3) * metal * (shape != 1)
    tint = (_tints(t, n, g, (0.35, 0.95)) * light[:, None] + 0.7 * shine[:, None]).clamp(0, 1)
    paint(image, inside(d, soft) * here, tint)
    return finished(blurred(image, uniform(n, 0, 0.5, g)), g, 0.02)


def draw_dots(labels: Tensor, g: torch.Generator) -> Tensor:
    """Flat dots of one colour on paper, ``labels + 1`` of them: uint8 (n, 64, 64, 3)."""
    n = len(labels)
    x, y = jittered(n, g, 0.0, 0.1, 0.9, 1.0)
    t = _Table(x, y)
    here = t.of(_occupied(labels + DOTS[0], g).float())
    d = length(t.u, t.v) - uniform(n, 0.5, 0.8, g)
    back, front = hues(n, g, (0.0, 0.3), (0.85, 1.0)), hues(n, g, (0.5, 1.0), (0.1, 0.7))
    return finished(paint(canvas(back), inside(d, 0.15) * here, front), g)


def _notes(labels: Tensor) -> dict[str, Tensor]:
    return {"count": labels + COUNTS[0]}


DOT_CAPTIONS: tuple[tuple[str, ...], ...] = tuple(
    (
        f"{WORDS[c]} dot{s}",
        f"a picture of {WORDS[c]} dot{s}",
        f"there {verb} {WORDS[c]} object{s}",
        f"{WORDS[c]} object{s}",
    )
    for c, s, verb in ((c, "s" * (c > 1), "are" if c > 1 else "is") for c in DOTS)
)

COUNTING = Task(
    name="counting",
    role="patching",
    title="How many?",
    plays="CLEVR counts",
    description='Three to ten drawn balls, boxes and cylinders on a table; the note "count" tells the number, so that '
    "patching can leave out 3, 7 and 10 and try them later.",
    class_names=NAMES,
    templates=("a photo of {} objects", "{} objects", "there are {} objects", "a picture of {} things"),
    source=Drawn("counting", 2, len(NAMES), draw_counting, notes=_notes),
)
