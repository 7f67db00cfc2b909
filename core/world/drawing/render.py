"""Draws pictures of icons and words, many at once; the same seed gives the same bytes on the same machine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch.nn import functional

from core.world import colours
from core.world.drawing import backgrounds, glyphs
from core.world.drawing.lettering import Lettering

SIDE = 64
VERSION = 1  # raised whenever the same seed would draw something else

Range = tuple[float, float]


@dataclass(frozen=True)
class Manner:
    """How icons are set on a ground: their size as a share of the picture, tilt in degrees (also around the clock),
    shear, the share of flat grounds, how strongly patterns show, and how many other icons lie about."""

    size: Range = (0.55, 0.92)
    tilt: float = 20.0
    shear: float = 0.08
    plain: float = 0.3
    pattern: Range = (0.06, 0.3)
    clutter: int = 0
    grain: float = 0.04
    wander: float = 1.0  # 1: may touch the edge, never leave; above 1: partly outside


@dataclass(frozen=True)
class Writing:
    """How a word is set: its height and greatest width in pixels, where (share of the picture, from the top), tilt in
    degrees, and the share that lies on a plate of contrasting colour."""

    height: Range = (9.0, 18.0)
    width: Range = (44.0, 62.0)
    where: Range = (0.15, 0.85)
    tilt: float = 8.0
    plate: float = 0.6


def _between(n: int, span: Range, generator: torch.Generator) -> torch.Tensor:
    return torch.rand(n, generator=generator, device=generator.device) * (span[1] - span[0]) + span[0]


@lru_cache(maxsize=2)
def _masks(device: str) -> torch.Tensor:
    return torch.from_numpy(glyphs.atlas().masks).to(device)


def coordinates(
    centre: torch.Tensor, half: torch.Tensor, turn: torch.Tensor, shear: torch.Tensor | None = None
) -> torch.Tensor:
    """Where each pixel lies inside a turned box, float32 (n, SIDE, SIDE, 2): (across, down), both -1 to 1 inside it.

    ``centre`` and ``half`` (half of width and height) are float32 (n, 2) in pixels, ``turn`` (n,) in radians.
    """
    cos, sin = turn.cos(), turn.sin()
    skew = torch.zeros_like(cos) if shear is None else shear
    # pixel -> (across, down): undo the shift, then the turn, then the shear, then the size
    across = torch.stack([cos + skew * sin, sin - skew * cos], 1) / half[:, :1]
    down = torch.stack([-sin, cos], 1) / half[:, 1:]
    turned = torch.stack([across, down], 1)
    theta = torch.cat([turned * (SIDE / 2), turned @ (SIDE / 2 - centre)[:, :, None]], 2)
    return functional.affine_grid(theta, [len(theta), 1, SIDE, SIDE], align_corners=False)


def stamp(masks: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """Masks uint8 (n, h, w) laid into pictures at ``coordinates``: coverage float32 (n, 1, SIDE, SIDE) in [0, 1]."""
    return functional.grid_sample(masks[:, None].float().div_(255), where, padding_mode="zeros", align_corners=False)


def grounds(ground: torch.Tensor, manner: Manner, generator: torch.Generator) -> torch.Tensor:
    """Patterned grounds of the colours int64 (n,), float32 (n, 3, SIDE, SIDE) in [0, 1]."""
    n = len(ground)
    near = colours.shades(ground, generator)
    strength = _between(n, manner.pattern, generator)[:, None]
    toward = torch.rand((n, 3), generator=generator, device=ground.device) * 0.5 + (near.mean(1, True) < 0.5) * 0.5
    far = near + (toward - near) * strength
    pattern = backgrounds.pieces(n, SIDE, generator, manner.plain)[:, None]
    return torch.lerp(near[:, :, None, None], far[:, :, None, None], pattern)


def _pose(n: int, manner: Manner, generator: torch.Generator) -> torch.Tensor:
    half = _between(n, manner.size, generator) * (SIDE / 2)
    room = (SIDE / 2 - half).clamp_(min=0) * manner.wander + 1
    centre = SIDE / 2 + torch.stack([_between(n, (-1, 1), generator) * room for _ in "xy"], 1)
    ratio = _between(n, (-manner.shear, manner.shear), generator)
    box = torch.stack([half * (1 + ratio), half * (1 - ratio)], 1)
    turn = _between(n, (-manner.tilt, manner.tilt), generator) * (math.pi / 180)
    return coordinates(centre, box, turn, _between(n, (-manner.shear, manner.shear), generator) * 2)


def icons(
    glyph: torch.Tensor, generator: torch.Generator, manner: Manner = Manner(), colour: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Icons on grounds: canvas float32 (n, 3, SIDE, SIDE) in [0, 1], and the names of the icon's and ground's colours.

    ``glyph`` int64 (n,) are numbers in the atlas; colours are int64 (n,), indices into colours.NAMES, drawn at random
    unless the icon's are given.
    """
    n, device = len(glyph), generator.device
    masks = _masks(str(device))
    if colour is None:
        colour = torch.randint(0, len(colours.NAMES), (n,), generator=generator, device=device)
    ground = colours.behind(colour, generator)
    canvas = grounds(ground, manner, generator)
    for _ in range(manner.clutter):
        other = masks[torch.randint(0, len(masks), (n,), generator=generator, device=device)]
        small = Manner(size=(0.2, 0.42), tilt=180, wander=1.25)
        tone = torch.rand((n, 3), generator=generator, device=device)
        tone = tone * 0.45 + colours.rgb().to(device)[ground] * 0.55  # near the ground, so that the icon still leads
        canvas.lerp_(tone[:, :, None, None], stamp(other, _pose(n, small, generator)))
    cover = stamp(masks[glyph], _pose(n, manner, generator))
    canvas.lerp_(colours.shades(colour, generator)[:, :, None, None], cover)
    return canvas, colour, ground


def write(
    canvas: torch.Tensor,
    lettering: Lettering,
    word: torch.Tensor,
    look: torch.Tensor,
    generator: torch.Generator,
    writing: Writing = Writing(),
    ground: torch.Tensor | None = None,
) -> torch.Tensor:
    """Writes a word on each canvas, in place; gives the colours of the words, int64 (n,), indices into colours.NAMES.

    ``word`` and ``look`` int64 (n,) index into the lettering; ``ground`` is the colour that words without a plate must
    stand out on.
    """
    n, device = len(canvas), canvas.device
    masks = torch.from_numpy(lettering.masks).to(device)[word, look]
    aspect = torch.from_numpy(lettering.aspect).to(device)[word, look]
    ink = torch.from_numpy(lettering.ink).to(device)[word, look]
    height = _between(n, writing.height, generator)
    width = torch.minimum(height * aspect, _between(n, writing.width, generator)).clamp(max=SIDE - 2)
    height = torch.minimum(height, width / aspect * 1.35)  # long words may be drawn a little narrower than they are
    if ground is None:
        ground = torch.randint(0, len(colours.NAMES), (n,), generator=generator, device=device)
    plated = torch.rand(n, generator=generator, device=device) < writing.plate
    plate = torch.randint(0, len(colours.NAMES), (n,), generator=generator, device=device)
    colour = colours.behind(torch.where(plated, plate, ground), generator)
    room_x = ((SIDE - width) / 2 - 1).clamp_(min=0)
    across = SIDE / 2 + _between(n, (-1, 1), generator) * room_x
    down = _between(n, writing.where, generator) * SIDE
    down = torch.minimum(torch.maximum(down, height / 2 + 2), SIDE - height / 2 - 2)
    turn = _between(n, (-writing.tilt, writing.tilt), generator) * (math.pi / 180)
    half = torch.stack([width / ink[:, 1], height / ink[:, 0]], 1) / 2
    where = coordinates(torch.stack([across, down], 1), half, turn)
    edge = (ink.flip(1) + torch.stack([5 / half[:, 0], 4 / half[:, 1]], 1) / 2)[:, None, None]
    inside = ((edge - where.abs()) * half[:, None, None]).clamp_(0, 1).amin(dim=3)[:, None]
    canvas.lerp_(colours.shades(plate, generator)[:, :, None, None], inside * plated[:, None, None, None])
    canvas.lerp_(colours.shades(colour, generator)[:, :, None, None], stamp(masks, where))
    return colour


def develop(canvas: torch.Tensor, generator: torch.Generator, grain: float = 0.04) -> torch.Tensor:
    """Canvas float32 (n, 3, SIDE, SIDE) to pictures uint8 (n, SIDE, SIDE, 3), with up to ``grain`` of camera noise."""
    n = len(canvas)
    noise = backgrounds.grain(n, SIDE, generator) * _between(n, (0, grain), generator)[:, None, None]
    canvas = canvas.add_(noise[:, None]).mul_(255).clamp_(0, 255)
    return canvas.to(torch.uint8).permute(0, 2, 3, 1).contiguous()
