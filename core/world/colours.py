"""The mini world's colours: twelve that have a plain name, and which of them stand out on which."""

from __future__ import annotations

import torch

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 30, 34),
    "orange": (247, 138, 20),
    "yellow": (248, 221, 44),
    "green": (44, 160, 52),
    "teal": (28, 178, 178),
    "blue": (34, 78, 214),
    "purple": (132, 46, 178),
    "pink": (250, 132, 186),
    "brown": (122, 74, 34),
    "black": (18, 18, 20),
    "white": (246, 246, 246),
    "gray": (132, 134, 138),
}
NAMES: tuple[str, ...] = tuple(COLOURS)
JITTER = 16 / 255  # a named colour is drawn with up to this much added to or taken from each channel
_APART = 0.34  # how different a colour must be from what it is drawn on, as a share of black against white


def rgb() -> torch.Tensor:
    """The named colours, float32 (12, 3) in [0, 1]."""
    return torch.tensor(list(COLOURS.values()), dtype=torch.float32) / 255


def stands_out() -> torch.Tensor:
    """bool (12, 12): whether the colour of the row can be told from the colour of the column behind it."""
    weights = torch.tensor([0.30, 0.50, 0.20]).sqrt()  # green counts most for the eye
    return torch.cdist(rgb() * weights, rgb() * weights) > _APART


def behind(colour: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """For each colour index int64 (n,), a random other one that it stands out on, int64 (n,)."""
    chances = stands_out().to(colour.device)[colour].float()
    return torch.multinomial(chances, 1, generator=generator)[:, 0]


def shades(colour: torch.Tensor, generator: torch.Generator, jitter: float = JITTER) -> torch.Tensor:
    """For each colour index int64 (n,), one shade of that name, float32 (n, 3) in [0, 1]."""
    base = rgb().to(colour.device)[colour]
    spread = torch.rand(base.shape, generator=generator, device=colour.device) * 2 - 1
    return (base + spread * jitter).clamp_(0, 1)
