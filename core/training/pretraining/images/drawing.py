"""The drawn part of a step: icons, words, words on icons, and the patching tasks' neighbours, at the base's size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from core.models import enlarge as enlarge_pixels
from core.training.pretraining.images.writing import overlay
from core.training.pretraining.mixture import LARGE, Batch, Mixture
from core.world import LOOKS, THINGS, captions, lettering, render

NAMES_THE_WORD = 0.75  # how often "a photo of a ..." names the word on a photograph, not what it shows


def enlarge(images: torch.Tensor, size: int) -> torch.Tensor:
    """Drawn pictures uint8 (n, SIDE, SIDE, 3) as an encoder enlarges them, uint8 (n, size, size, 3)."""
    return enlarge_pixels(images.permute(0, 3, 1, 2), size).permute(0, 2, 3, 1).contiguous()


class Drawing(Mixture):
    """Draws a step's drawn pictures; ``counts`` says how many of each kind, ``further`` which words are written too."""

    def __init__(self, counts: dict[str, int], further: Sequence[str]) -> None:
        super().__init__(1, None)
        self.counts = {"all": counts}
        self.written = (*THINGS, *further)
        self.vocabularies["word"] = captions.fill(captions.WORD_TEMPLATES, self.written)
        self.all_letters = lettering(self.written)

    def _some_words(self, n: int, known: float = 0.85) -> torch.Tensor:
        """Words int64 (n,): mostly the drawn world's, else any."""
        own, any_one = self._below(n, len(THINGS)), self._below(n, len(self.written))
        return torch.where(self._rarely(n, known), own, any_one)

    def _words(self, n: int, step: int) -> tuple:
        word, ground = self._some_words(n), self._below(n, len(render.colours.NAMES))
        canvas = render.grounds(ground, render.Manner(), self.generator)
        writing = LARGE if step % 2 else render.Writing(height=(10, 24), plate=0.25, tilt=12)
        render.write(canvas, self.all_letters, word, self._below(n, len(LOOKS)), self.generator, writing, ground)
        thing = torch.where(self._rarely(n, 0.5) & (word < len(THINGS)), word, -1)
        return render.develop(canvas, self.generator), {"word": word, "thing": thing, "ground": ground}, {}

    def on_photographs(self, images: np.ndarray) -> tuple[np.ndarray, torch.Tensor]:
        """Photographs uint8 (n, size, size, 3) with a word written on each, and which word, int64 (n,)."""
        word = self._some_words(len(images))
        return overlay(images, self.all_letters, word, self._below(len(images), len(LOOKS)), self.generator), word

    def drawn(self, seed: int, step: int, size: int) -> Batch:
        """The drawn pictures of one step, enlarged to ``size``."""
        batch = self.draw(seed, step, 0, "all")
        return Batch(enlarge(batch.images, size), batch.targets)
