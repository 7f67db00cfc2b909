"""What the base may see of each patching task's neighbourhood before any patch: other styles, classes in part.

A base that has never met anything like a task can be patched only by forgetting; one that has met the task itself needs
no patch. These pictures lie between: never drawn by a task's own drawing function, and with captions of their own.
The shipped base was trained on them: whoever changes what they draw or say trains a new base.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.world.scenes import aerial, clocks, counting, digits, road, textures, traffic_signs
from core.world.scenes.seeded import DrawLabels, in_blocks


@dataclass(frozen=True)
class Neighbour:
    """One kind of pictures for the pre-training mixture.

    ``draw(n, generator)`` gives uint8 pictures (n, 64, 64, 3) and int64 labels (n,), on the generator's device;
    ``captions[label]`` are texts that describe a picture of that label. ``weight`` is its share of all neighbours'
    pictures; the shares sum to 1.
    """

    name: str
    draw: Callable[[int, torch.Generator], tuple[Tensor, Tensor]]
    captions: tuple[tuple[str, ...], ...]
    weight: float


def _neighbour(name: str, draw: DrawLabels, captions: tuple[tuple[str, ...], ...], weight: float) -> Neighbour:
    def random_draw(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        labels = torch.randint(len(captions), (n,), generator=generator, device=generator.device)
        return in_blocks(draw, labels, generator), labels

    return Neighbour(name, random_draw, captions, weight)


NEIGHBOURS: tuple[Neighbour, ...] = (
    _neighbour("printed_digits", digits.draw_printed, digits.PRINTED_CAPTIONS, 0.4),
    _neighbour("plain_textures", textures.draw_plain_textures, textures.PLAIN_CAPTIONS, 0.12),
    _neighbour("maps", aerial.draw_maps, aerial.MAP_CAPTIONS, 0.13),
    _neighbour("way_signs", traffic_signs.draw_way_signs, traffic_signs.WAY_CAPTIONS, 0.12),
    _neighbour("cartoon_cars", road.draw_cartoon_cars, road.CARTOONS, 0.07),
    _neighbour("plain_clocks", clocks.draw_plain_clocks, clocks.PLAIN_CAPTIONS, 0.07),
    _neighbour("dots", counting.draw_dots, counting.DOT_CAPTIONS, 0.09),
)
