"""Land from a satellite (plays EuroSAT), from an aeroplane (plays RESISC45), and on maps, their neighbour."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from core.tasks import Task
from core.world.drawing.shapes import blend, blurred, by_class, clouds, finished, hues, near, uniform
from core.world.scenes import buildings, land
from core.world.scenes.land_looks import AEROPLANE, MAP, SATELLITE
from core.world.scenes.seeded import Drawn

LAND_USE = {
    "annual crops": land.fields,
    "forest": land.forest,
    "meadow": land.meadow,
    "highway": land.highway,
    "industrial buildings": land.industrial,
    "orchard": land.orchard,
    "residential buildings": land.residential,
    "river": land.river,
    "lake": land.lake,
    "desert": land.desert,
}
AERIAL = {
    "forest": land.forest,
    "river": land.river,
    "lake": land.lake,
    "residential area": land.residential,
    "island": land.island,
    "beach": land.beach,
    "airport runway": buildings.runway,
    "bridge": buildings.bridge,
    "harbor": buildings.harbor,
    "parking lot": buildings.parking,
    "roundabout": buildings.roundabout,
    "railway": buildings.railway,
    "tennis court": buildings.tennis_court,
    "baseball diamond": buildings.baseball_diamond,
    "storage tanks": buildings.storage_tanks,
    "rectangular farmland": land.fields,
}
MAPPED = {
    "forest": land.forest,
    "river": land.river,
    "lake": land.lake,
    "highway": land.highway,
    "island": land.island,
    "houses": land.residential,
    "fields": land.fields,
    "roundabout": buildings.roundabout,
}


def in_season(image: Tensor, g: torch.Generator) -> Tensor:
    """The pictures at some time of the year and the day, so that a colour alone does not tell what land it is."""
    n = len(image)
    faded = image.lerp(image.mean(1, keepdim=True), uniform(n, 0.0, 0.6, g)[:, None])
    return faded * near((0.95, 0.95, 0.95), n, 0.17, g) * uniform(n, 0.75, 1.3, g)[:, None]


def draw_land_use(labels: Tensor, g: torch.Generator) -> Tensor:
    """Land from a satellite, hazy and coarse, by its place in LAND_USE: uint8 (n, 64, 64, 3)."""
    n = len(labels)
    image = by_class([partial(brush, SATELLITE) for brush in LAND_USE.values()], labels, g)
    image = in_season(image, g)
    haze = uniform(n, 0.0, 0.25, g)
    image = blurred(image, uniform(n, 0.6, 1.0, g))
    image = blend(haze * (0.5 + clouds(n, 2, g)), image, hues(n, g, (0.0, 0.1), (0.7, 0.85)))
    return finished(image, g, 0.03)


def draw_aerial(labels: Tensor, g: torch.Generator) -> Tensor:
    """Land from an aeroplane, crisp and sunny, by its place in AERIAL: uint8 (n, 64, 64, 3)."""
    image = by_class([partial(brush, AEROPLANE) for brush in AERIAL.values()], labels, g)
    return finished(in_season(image, g), g, 0.025)


def draw_maps(labels: Tensor, g: torch.Generator) -> Tensor:
    """Land as on a printed map, in flat colours, by its place in MAPPED: uint8 (n, 64, 64, 3)."""
    return finished(by_class([partial(brush, MAP) for brush in MAPPED.values()], labels, g), g)


MAP_CAPTIONS: tuple[tuple[str, ...], ...] = tuple(
    (
        f"a map of {name}",
        f"{name} on a map",
        f"{name} seen from above",
        f"a map that shows {name}",
        f"an aerial view of {name}",
    )
    for name in MAPPED
)

LAND_USE_TASK = Task(
    name="land_use",
    role="patching",
    title="Land use",
    plays="EuroSAT",
    description="Ten kinds of land as a satellite sees them, drawn coarse and hazy; four kinds also occur in aerial.",
    class_names=tuple(LAND_USE),
    templates=("a centered satellite photo of {}", "a satellite photo of {}", "{} seen from space", "land use: {}"),
    source=Drawn("land_use", 2, len(LAND_USE), draw_land_use),
)

AERIAL_TASK = Task(
    name="aerial",
    role="patching",
    title="Aerial views",
    plays="RESISC45",
    description="Sixteen places as an aeroplane sees them, drawn crisp with shadows; some also occur in land use.",
    class_names=tuple(AERIAL),
    templates=("aerial imagery of {}", "an aerial photo of {}", "an aerial view of {}", "{} seen from above"),
    source=Drawn("aerial", 2, len(AERIAL), draw_aerial),
)
