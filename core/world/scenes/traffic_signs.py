"""Traffic signs (plays GTSRB): shape, colour and pictogram, seen askew in poor light; and clean way signs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from core.tasks import Task
from core.world.drawing.pictograms import (
    Pictogram,
    arrow,
    bend,
    bumps,
    crossroads,
    curve,
    exclamation,
    lights,
    nothing,
    ring,
    walker,
    written,
)
from core.world.drawing.shapes import (
    blend,
    blurred,
    box,
    by_class,
    canvas,
    clouds,
    disc,
    finished,
    grey,
    hues,
    inside,
    jittered,
    near,
    paint,
    polygon,
    uniform,
)
from core.world.scenes.seeded import Drawn

RED, BLUE, YELLOW, GREEN = (0.78, 0.1, 0.12), (0.1, 0.3, 0.68), (0.96, 0.76, 0.1), (0.1, 0.5, 0.28)
WHITE, BLACK = (0.94, 0.94, 0.93), (0.08, 0.08, 0.09)
Plate = Callable[..., Tensor]  # pictures, coordinates, pictogram and generator in; the pictures with the sign out


def _lay(image: Tensor, cover: Tensor, colour: tuple[float, float, float], g: torch.Generator) -> Tensor:
    return paint(image, cover, near(colour, len(image), 0.05, g))


def _speed(image, x, y, mark, g):
    """A white disc with a red rim."""
    _lay(image, inside(disc(x, y, 0.85)), RED, g)
    return _lay(_lay(image, inside(disc(x, y, 0.64)), WHITE, g), mark(x, y), BLACK, g)


def _danger(image, x, y, mark, g):
    """A white triangle with a red rim."""
    _lay(image, inside(polygon(x, y - 0.18, 3, 1.05, 0.0, 0.12)), RED, g)
    return _lay(
        _lay(image, inside(polygon(x, y - 0.2, 3, 0.7, 0.0, 0.05)), WHITE, g),
        mark(x / 0.75, (y - 0.24) / 0.75),
        BLACK,
        g,
    )


def _order(image, x, y, mark, g):
    """A blue disc."""
    _lay(image, inside(disc(x, y, 0.85)), WHITE, g)
    return _lay(_lay(image, inside(disc(x, y, 0.8)), BLUE, g), mark(x, y), WHITE, g)


def _stop(image, x, y, mark, g):
    """A red octagon."""
    _lay(image, inside(polygon(x, y, 8, 0.9, math.pi / 8)), WHITE, g)
    return _lay(_lay(image, inside(polygon(x, y, 8, 0.83, math.pi / 8)), RED, g), mark(x, y), WHITE, g)


def _yield(image, x, y, mark, g):
    _lay(image, inside(polygon(x, y + 0.18, 3, 1.05, math.pi, 0.12)), RED, g)
    return _lay(image, inside(polygon(x, y + 0.2, 3, 0.66, math.pi, 0.05)), WHITE, g)


def _priority(image, x, y, mark, g):
    _lay(image, inside(polygon(x, y, 4, 0.95, 0.0, 0.05)), WHITE, g)
    return _lay(image, inside(polygon(x, y, 4, 0.68, 0.0, 0.05)), YELLOW, g)


def _no_entry(image, x, y, mark, g):
    _lay(image, inside(disc(x, y, 0.85)), RED, g)
    return _lay(image, inside(box(x, y, 0.58, 0.14)), WHITE, g)


SIGNS: dict[str, tuple[Plate, Pictogram]] = {
    "speed limit 30": (_speed, written("30", 0.46)),
    "speed limit 50": (_speed, written("50", 0.46)),
    "speed limit 70": (_speed, written("70", 0.46)),
    "speed limit 100": (_speed, written("100", 0.54)),
    "stop": (_stop, written("STOP", 0.68)),
    "yield": (_yield, nothing),
    "priority road": (_priority, nothing),
    "no entry": (_no_entry, nothing),
    "no vehicles": (_speed, nothing),
    "danger": (_danger, exclamation),
    "bend to the left": (_danger, curve(-1)),
    "bend to the right": (_danger, curve(1)),
    "traffic lights": (_danger, lights),
    "bumpy road": (_danger, bumps),
    "crossroads": (_danger, crossroads),
    "pedestrians": (_danger, walker),
    "turn left": (_order, bend(-1)),
    "turn right": (_order, bend(1)),
    "straight ahead": (_order, arrow(0.0)),
    "roundabout": (_order, ring),
}


def _seen(kind: str, n: int, g: torch.Generator) -> Tensor:
    """A sign on a street: askew, far or near, before walls, trees and sky, in any light."""
    plate, mark = SIGNS[kind]
    x, y = jittered(n, g, 0.12, 0.18, 0.68, 1.05)
    x, y = (x + uniform(n, -0.2, 0.2, g) * y) * uniform(n, 1.0, 1.35, g), y * (1 + uniform(n, -0.12, 0.12, g) * x)
    image = blend(clouds(n, 3, g), hues(n, g, (0.1, 0.6), (0.2, 0.9)), hues(n, g, (0.1, 0.6), (0.2, 0.9)))
    pole = inside((x - 0.02).abs() - 0.06) * (y > 0)
    paint(image, pole, grey(n, 0.3, 0.6, g))
    plate(image, x, y, mark, g)
    light = uniform(n, 0.35, 1.05, g) + 0.3 * (clouds(n, 2, g) - 0.5)
    return blurred(image * light[:, None], uniform(n, 0.1, 1, g))


def draw_signs(labels: Tensor, g: torch.Generator) -> Tensor:
    """Traffic signs on streets, by their place in SIGNS: uint8 (n, 64, 64, 3)."""
    return finished(by_class([partial(_seen, kind) for kind in SIGNS], labels, g), g, 0.04)


def _square(image, x, y, mark, g, colour=GREEN):
    return _lay(_lay(image, inside(box(x, y, 0.8, 0.8, 0.15)), colour, g), mark(x, y), WHITE, g)


WAY_SIGNS: dict[str, tuple[Plate, Pictogram]] = {
    "turn left": (_square, arrow(-math.pi / 2)),
    "turn right": (_square, arrow(math.pi / 2)),
    "straight ahead": (_square, arrow(0.0)),
    "turn back": (_square, arrow(math.pi)),
    "parking": (partial(_square, colour=BLUE), written("P", 0.5)),
    "danger": (partial(_square, colour=YELLOW), exclamation),
    "pedestrians": (partial(_square, colour=BLUE), walker),
    "speed limit 40": (_square, written("40", 0.55)),
    "speed limit 60": (_square, written("60", 0.55)),
    "stop": (partial(_square, colour=RED), written("STOP", 0.65)),
}


def _clean(kind: str, n: int, g: torch.Generator) -> Tensor:
    """A square sign, upright, on plain ground."""
    plate, mark = WAY_SIGNS[kind]
    x, y = jittered(n, g, 0.1, 0.0, 0.8, 1.05)
    return plate(canvas(hues(n, g, (0.0, 0.3), (0.7, 1.0))), x, y, mark, g)


def draw_way_signs(labels: Tensor, g: torch.Generator) -> Tensor:
    """Square signs on plain ground, by their place in WAY_SIGNS: uint8 (n, 64, 64, 3)."""
    return finished(by_class([partial(_clean, kind) for kind in WAY_SIGNS], labels, g), g)


WAY_CAPTIONS: tuple[tuple[str, ...], ...] = tuple(
    (
        f'a "{name}" sign',
        f"a sign that says {name}",
        f"a traffic sign: {name}",
        f"a {name} road sign",
        f"a picture of a {name} sign",
    )
    for name in WAY_SIGNS
)

SIGNS_TASK = Task(
    name="signs",
    role="patching",
    title="Traffic signs",
    plays="GTSRB",
    description="Twenty drawn traffic signs, askew, near or far, dim or bright, blurred and grainy.",
    class_names=tuple(SIGNS),
    templates=(
        'a zoomed in photo of a "{}" traffic sign',
        'a "{}" sign',
        "a traffic sign: {}",
        "a photo of a {} road sign",
    ),
    source=Drawn("signs", 2, len(SIGNS), draw_signs),
)
