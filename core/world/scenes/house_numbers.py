"""Digits on house plates (plays SVHN): varied letterings and colours, cut-off digits at both sides, blur and shade."""

from __future__ import annotations

import torch
from torch import Tensor

from core.tasks import Task
from core.world.drawing.shapes import (
    SIZE,
    blend,
    blurred,
    box,
    canvas,
    chance,
    choice,
    clouds,
    finished,
    hues,
    inside,
    jittered,
    moved,
    paint,
    uniform,
)
from core.world.drawing.text_masks import plate_digits, stamp, stamps_digest
from core.world.scenes.digits import NAMES
from core.world.scenes.seeded import Drawn


def draw_house_numbers(labels: Tensor, g: torch.Generator) -> Tensor:
    """The labelled digit in the middle of a plate, others cut off at its sides: uint8 (n, 64, 64, 3)."""
    n = len(labels)
    x, y = jittered(n, g, 0.08, 0.15, 0.9, 1.15)
    x = x + uniform(n, -0.2, 0.2, g) * y
    masks = plate_digits().to(g.device)
    lettering = choice(n, len(masks), g)
    high, wide = uniform(n, 0.6, 0.8, g), uniform(n, 0.75, 1.15, g)
    step = uniform(n, 1.2, 1.4, g) * high * wide
    ink = torch.zeros((n, SIZE, SIZE), device=g.device)
    for side, p in ((-1, 0.75), (0, 1.0), (1, 0.75)):
        digit = labels if side == 0 else choice(n, 10, g)
        u, v = moved(x, y, side * step, 0.0, 0.0, high)
        ink = torch.maximum(ink, stamp(masks[lettering, digit], u / wide, v) * chance(n, p, g))

    wall = hues(n, g, (0.0, 0.4), (0.2, 0.9))
    plate = hues(n, g, (0.0, 0.9), (0.15, 0.95))
    bright = (plate * torch.tensor([0.3, 0.6, 0.1], device=g.device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    away = uniform(n, 0.3, 0.6, g)[:, None] * torch.where(bright > 0.5, -1.0, 1.0)
    front = (plate * 0.4 + hues(n, g, (0.0, 0.9), (0.3, 0.8)) * 0.1 + bright * 0.5 + away).clamp(0, 1)

    image = blend(clouds(n, 4, g), canvas(wall * 0.6), wall)
    shape = box(x, y, uniform(n, 0.75, 1.8, g), uniform(n, 0.85, 1.4, g), 0.12)
    paint(image, inside(shape + 0.04, 0.06) * 0.6, plate * 0.3)
    paint(image, inside(shape), plate)
    paint(image, stamp_shadow(ink), plate * 0.5)
    paint(image, ink, front)
    image = image * (0.65 + 0.5 * clouds(n, 2, g))[:, None]
    return finished(blurred(image, uniform(n, 0, 1, g)), g, 0.05)


def stamp_shadow(ink: Tensor) -> Tensor:
    """The ink's shadow, a pixel to the lower right."""
    return ink.roll((1, 1), (1, 2)) * 0.5


HOUSE_NUMBERS = Task(
    name="house_numbers",
    role="patching",
    title="House numbers",
    plays="SVHN",
    description="The digit in the middle of a drawn house plate, in the letterings of five icon fonts, with other "
    "digits cut off at its sides, shade, blur and grain.",
    class_names=NAMES,
    templates=(
        'a photo of the number "{}"',
        'a street sign of the number "{}"',
        'the number "{}"',
        'a house number with the digit "{}"',
    ),
    source=Drawn("house_numbers", 1, 10, draw_house_numbers, facts=stamps_digest),
)
