"""Words written on photographs, in the drawn world's lettering."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import interpolate

from core.world import LOOKS, SIDE, lettering, render

WRITING = render.Writing(height=(9, 20))


def overlay(
    images: np.ndarray, letters: render.Lettering, word: torch.Tensor, look: torch.Tensor, generator: torch.Generator
) -> np.ndarray:
    """Photographs uint8 (n, size, size, 3) with words, by their place in the lettering int64 (n,), written on them.

    Written on black and on white: where these differ the photograph shows through.
    """
    n, size = images.shape[:2]
    state, sides = generator.get_state(), []
    for shade in (0.0, 1.0):
        generator.set_state(state)
        canvas = torch.full((n, 3, SIDE, SIDE), shade)
        render.write(canvas, letters, word, look, generator, WRITING)
        sides.append(interpolate(canvas, (size, size), mode="bicubic", antialias=True).clamp_(0, 1))
    clear = (sides[1] - sides[0]).clamp_(0, 1)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    written = (sides[0] * 255 + pixels * clear).round_().clamp_(0, 255)
    return written.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


def written_on(images: np.ndarray, words: Sequence[str], generator: torch.Generator) -> np.ndarray:
    """Photographs uint8 (n, size, size, 3) with a word each, in random looks."""
    known = tuple(dict.fromkeys(words))
    place = torch.tensor([known.index(word) for word in words])
    look = torch.randint(0, len(LOOKS), (len(images),), generator=generator)
    return overlay(images, lettering(known), place, look, generator)
