"""How far away the nearest car is (plays KITTI distance): a road in perspective; and a cartoon of a few cars."""

from __future__ import annotations

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
    finished,
    grey,
    hues,
    inside,
    length,
    moved,
    near,
    noise,
    paint,
    plane,
    uniform,
    union,
)
from core.world.scenes.seeded import Drawn

DISTANCES = ("a car right in front of me", "a car nearby", "a car in the distance", "no car")
METRES = ((4.0, 7.0), (9.5, 15.0), (18.0, 28.0))  # how far each of the first three is, with gaps between them
FOCAL, EYE = 2.6, 1.5  # the camera's focal length in half picture widths, and its height in metres


def _add_cars(image: Tensor, x: Tensor, y: Tensor, metres: Tensor, aside: Tensor, some: Tensor, g) -> None:
    """Draw a car into those pictures where ``some`` (n,) is true, so far ahead and aside of the road's middle."""
    here = some.nonzero()[:, 0]
    image[here] = _car(image[here], *_place(x[here], y[here], metres[here], aside[here]), g)


def _car(image: Tensor, x: Tensor, y: Tensor, g: torch.Generator) -> Tensor:
    """A car from behind; x and y are in metres from the middle of its lower edge, y downwards."""
    n = len(image)
    soft = (x[:, :, 1:2] - x[:, :, :1]).abs()
    body = hues(n, g, (0.0, 0.9), (0.15, 0.95))
    high = uniform(n, 0.62, 0.85, g)
    paint(image, inside(box(x, y + 0.02, 0.95, 0.14), soft) * 0.7, canvas(grey(n, 0.03, 0.08, g)))
    cabin = box(x, y + high + 0.3, 0.66 + 0.15 * (y + high + 0.3), 0.36, 0.12)
    paint(image, inside(union(box(x, y + 0.2 + high / 2, 0.85, high / 2, 0.15), cabin), soft), body)
    paint(
        image,
        inside(box(x, y + high + 0.33, 0.55 + 0.15 * (y + high + 0.3), 0.21), soft),
        grey(n, 0.1, 0.35, g),
    )
    aside = x.abs()  # both sides at once
    paint(image, inside(box(aside - 0.65, y + 0.12, 0.13, 0.16), soft), grey(n, 0.02, 0.1, g))
    lamps = inside(box(aside - 0.7, y + 0.2 + high * 0.72, 0.12, 0.08), soft)
    paint(image, lamps, near((0.85, 0.1, 0.08), n, 0.1, g))
    return paint(image, inside(box(x, y + 0.45, 0.22, 0.07), soft), grey(n, 0.75, 0.95, g))


def _country(n: int, g: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A road to the horizon: the pictures, and coordinates x and y about the point where the road vanishes."""
    x, y = plane(n, g)
    x, y = moved(x, y, uniform(n, -0.12, 0.12, g), uniform(n, -0.25, 0.1, g), uniform(n, -0.03, 0.03, g))
    down = y.clamp(min=1e-3)
    sky = blend(clouds(n, 3, g), hues(n, g, (0.0, 0.5), (0.6, 1.0), (0.5, 0.65)), grey(n, 0.7, 1.0, g))
    image = sky.clone()
    hills = y + 0.05 + 0.35 * noise(n, 5, g) * uniform(n, 0.3, 1.0, g)
    paint(image, inside(-hills), hues(n, g, (0.1, 0.5), (0.2, 0.6), (0.2, 0.5)))
    ground = blend(
        clouds(n, 6, g),
        hues(n, g, (0.2, 0.5), (0.3, 0.7), (0.1, 0.35)),
        hues(n, g, (0.2, 0.5), (0.3, 0.6), (0.1, 0.35)),
    )
    paint(image, inside(-y), ground)
    depth = EYE * FOCAL / down
    curve = uniform(n, -0.004, 0.004, g) * (depth - 4).clamp(0, 60) ** 2 / 2
    across = x * depth / FOCAL - curve
    road = (y > 0) * inside(across.abs() - 4.2, depth * 0.03)
    paint(image, road, grey(n, 0.25, 0.5, g))
    dashes = inside(across.abs() - 0.09, depth * 0.03) * (((depth + uniform(n, 0, 8, g)) / 4 % 1) < 0.5)
    lines = torch.maximum(inside((across.abs() - 3.8).abs() - 0.1, depth * 0.03), dashes)
    return paint(image, lines * (y > 0) * 0.85, grey(n, 0.75, 0.95, g)), x, y


def _place(x: Tensor, y: Tensor, metres: Tensor, aside: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates in metres about a car that stands ``metres`` ahead and ``aside`` of the road's middle."""
    scale = metres / FOCAL
    return x * scale - aside, y * scale - EYE


def draw_distance(labels: Tensor, g: torch.Generator) -> Tensor:
    """A road with the nearest car as far as the label says, often a further one, and trees: uint8 (n, 64, 64, 3)."""
    n = len(labels)
    image, x, y = _country(n, g)
    left = x < 0  # one tree on either side, so that something large is not always a car
    metres, aside, here = (
        torch.where(left, one, other)
        for one, other in (
            (uniform(n, 7, 30, g), uniform(n, 7, 30, g)),
            (uniform(n, -9, -6, g), uniform(n, 6, 9, g)),
            (chance(n, 0.6, g), chance(n, 0.6, g)),
        )
    )
    u, v = _place(x, y, metres, aside)
    paint(image, inside(box(u, v + 1, 0.2, 1.2), 0.1) * here, hues(n, g, (0.3, 0.6), (0.15, 0.35), (0.05, 0.1)))
    crown = length(u, (v + 3.4) * 0.8) - 1.7 + 0.8 * (noise(n, 14, g) - 0.5)
    paint(image, inside(crown, 0.3) * here, hues(n, g, (0.3, 0.7), (0.15, 0.5), (0.2, 0.4)))
    low, high = (
        torch.tensor([span[i] for span in METRES] + [50.0], device=g.device)[labels].view(n, 1, 1) for i in (0, 1)
    )
    nearest = low + (high - low) * uniform(n, 0, 1, g)
    further = nearest * uniform(n, 1.6, 3.5, g)
    lane = (chance(n, 0.75, g) * 2 - 1) * uniform(n, 1.5, 2.3, g)
    _add_cars(image, x, y, further, -lane, (chance(n, 0.5, g).flatten() > 0) & (labels < 3), g)
    aside = lane * torch.minimum(uniform(n, 0.5, 1.1, g), 0.25 * nearest / FOCAL)  # near cars stay in the picture
    _add_cars(image, x, y, nearest, aside, labels < 3, g)
    image = image * (uniform(n, 0.6, 1.1, g) + 0.15 * (noise(n, 2, g) - 0.5))[:, None]
    return finished(blurred(image, uniform(n, 0, 0.6, g)), g, 0.03)


CARTOONS: tuple[tuple[str, ...], ...] = (
    ("a big car close by", "a car nearby", "a car that is very near", "a picture of a car up close"),
    ("a small car far away", "a car in the distance", "a tiny car on the road", "a picture of a car far off"),
    ("an empty road", "a road with no car", "no car", "a picture of a road without cars"),
)


def draw_cartoon_cars(labels: Tensor, g: torch.Generator) -> Tensor:
    """A car from the side, large or small, or only the road, in flat colours: uint8 (n, 64, 64, 3)."""
    n = len(labels)
    x, y = plane(n, g)
    horizon = uniform(n, -0.3, 0.1, g)
    image = canvas(hues(n, g, (0.2, 0.5), (0.85, 1.0), (0.5, 0.6)))
    paint(image, inside(horizon - y), hues(n, g, (0.4, 0.7), (0.6, 0.9), (0.2, 0.4)))
    far = (labels == 1).view(n, 1, 1)
    at = torch.where(far, horizon + 0.15, horizon + 0.62)
    paint(image, inside((y - horizon - 0.45).abs() - 0.35), grey(n, 0.4, 0.6, g))
    size = torch.where(far, uniform(n, 0.12, 0.2, g), uniform(n, 0.5, 0.75, g))
    u, v = moved(x, y, uniform(n, -0.3, 0.3, g), at, 0.0, size)
    here, soft = (labels < 2).float().view(n, 1, 1), 2 / 64 / size
    body = union(box(u, v + 0.3, 1.0, 0.22, 0.12), box(u + 0.1, v + 0.62, 0.55, 0.25, 0.15))
    paint(image, inside(body, soft) * here, hues(n, g, (0.7, 1.0), (0.6, 1.0)))
    paint(
        image,
        inside(box((u + 0.1).abs() - 0.26, v + 0.62, 0.2, 0.15, 0.05), soft) * here,
        near((0.8, 0.92, 1.0), n, 0.05, g),
    )
    for wheel in (-0.55, 0.55):
        paint(image, inside(disc(u - wheel, v + 0.1, 0.2), soft) * here, grey(n, 0.05, 0.2, g))
    return finished(image, g)


DISTANCE = Task(
    name="distance",
    role="patching",
    title="How far is the car?",
    plays="KITTI distance",
    description="A drawn road in perspective, with the nearest car 4 to 7, 9 to 15 or 18 to 28 metres away, or none; "
    "trees, further cars, weather and blur distract.",
    class_names=DISTANCES,
    templates=("a photo I took with {}", "{} on the road", "a road with {}", "{}"),
    source=Drawn("distance", 1, 4, draw_distance),
)
