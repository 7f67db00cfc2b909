"""Clocks (play the fine-grained sets): which hour an analogue clock shows; and a few plain ones at full hours."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from core.tasks import Task
from core.world.drawing.shapes import (
    blend,
    blurred,
    box,
    canvas,
    chance,
    clouds,
    disc,
    edge,
    finished,
    hues,
    inside,
    jittered,
    length,
    near,
    paint,
    segment,
    uniform,
)
from core.world.scenes.seeded import Drawn

HOURS = ("twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
NAMES = tuple(f"{hour} o'clock" for hour in HOURS)
PLAIN = (0, 2, 3, 6, 8, 9)


def _hand(x: Tensor, y: Tensor, angle: Tensor, length, width) -> Tensor:
    return inside(
        segment(x, y, -0.12 * angle.sin(), 0.12 * angle.cos(), length * angle.sin(), -length * angle.cos(), width)
    )


def _ticks(x: Tensor, y: Tensor, count: int, start, width: float) -> Tensor:
    """``count`` strokes along the rim, from radius ``start`` to 0.9."""
    r, angle = length(x, y), torch.atan2(y, x)
    off = ((angle / math.tau * count + 0.5) % 1 - 0.5).abs() / count * math.tau * r
    return inside(off - width) * inside(start - r) * inside(r - 0.9)


def draw_clocks(labels: Tensor, g: torch.Generator) -> Tensor:
    """Clocks and watches of many makes, at any of the labelled hour's first twenty minutes: uint8 (n, 64, 64, 3)."""
    n = len(labels)
    x, y = jittered(n, g, 0.1, 0.12, 0.75, 1.0)
    x = x * uniform(n, 0.95, 1.2, g)
    image = blend(clouds(n, 3, g), hues(n, g, (0.0, 0.6), (0.2, 0.9)), hues(n, g, (0.0, 0.6), (0.2, 0.9)))
    night = chance(n, 0.35, g)[:, None]
    face = night * hues(n, g, (0.0, 0.7), (0.05, 0.3)) + (1 - night) * hues(n, g, (0.0, 0.3), (0.8, 1.0))
    ink = night * hues(n, g, (0.0, 0.4), (0.8, 1.0)) + (1 - night) * hues(n, g, (0.0, 0.9), (0.05, 0.35))
    square = chance(n, 0.3, g)
    case = square * box(x, y, 0.92, 0.92, 0.2) + (1 - square) * disc(x, y, 0.95)
    paint(image, inside(case.roll((2, 2), (1, 2)), 0.15) * 0.5, image * 0.2)
    paint(image, inside(case), hues(n, g, (0.0, 0.8), (0.2, 0.9)))
    paint(image, inside(case + uniform(n, 0.06, 0.14, g)), face)
    start = uniform(n, 0.62, 0.78, g)
    paint(image, _ticks(x, y, 12, start, 0.025) * chance(n, 0.8, g), ink)
    paint(image, _ticks(x, y, 4, start - 0.08, 0.045) * chance(n, 0.7, g), ink)
    minute = uniform(n, 0, 0.35, g)
    hour = (labels.view(n, 1, 1) + minute) / 12 * math.tau
    thick = uniform(n, 0.03, 0.06, g)
    paint(image, _hand(x, y, hour, uniform(n, 0.36, 0.46, g), thick * 1.5), ink)
    paint(image, _hand(x, y, minute * math.tau, uniform(n, 0.64, 0.78, g), thick), ink)
    paint(
        image,
        _hand(x, y, uniform(n, 0, math.tau, g), 0.7, 0.012) * chance(n, 0.4, g),
        near((0.85, 0.15, 0.1), n, 0.1, g),
    )
    paint(image, inside(disc(x, y, 0.08)), ink)
    return finished(blurred(image, uniform(n, 0, 0.8, g)) * uniform(n, 0.6, 1.1, g)[:, None], g, 0.04)


def draw_plain_clocks(labels: Tensor, g: torch.Generator) -> Tensor:
    """Line-drawn clocks at the full hours of PLAIN: uint8 (n, 64, 64, 3)."""
    n = len(labels)
    x, y = jittered(n, g, 0.1, 0.0, 0.8, 1.0)
    image = canvas(hues(n, g, (0.0, 0.25), (0.85, 1.0)))
    ink = hues(n, g, (0.3, 1.0), (0.1, 0.6))
    paint(image, edge(disc(x, y, 0.85), 0.04), ink)
    paint(image, _ticks(x, y, 12, 0.72, 0.02) * inside(disc(x, y, 0.8)), ink)
    hour = torch.tensor(PLAIN, device=g.device)[labels].view(n, 1, 1) / 12 * math.tau
    paint(image, _hand(x, y, hour, 0.4, 0.06), ink)
    return finished(paint(image, _hand(x, y, torch.zeros_like(hour), 0.65, 0.04), ink), g)


PLAIN_CAPTIONS: tuple[tuple[str, ...], ...] = tuple(
    (
        f"a clock that shows {HOURS[h]} o'clock",
        f"a clock at {HOURS[h]} o'clock",
        f"{HOURS[h]} o'clock",
        f"a drawing of a clock, it is {HOURS[h]} o'clock",
    )
    for h in PLAIN
)

CLOCKS = Task(
    name="clocks",
    role="patching",
    title="What hour is it?",
    plays="Cars (fine-grained classes)",
    description="Drawn clocks of many makes; the class is the hour that has struck, up to twenty minutes ago.",
    class_names=NAMES,
    templates=("a clock that shows {}", "a photo of a clock at {}", "{}", "a watch, it is past {}"),
    source=Drawn("clocks", 1, 12, draw_clocks),
)
