"""Ensembles: averaging what models answer instead of their weights; as many forward passes as there are members."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.models import features
from core.progress import Progress
from core.recipes import Recipe
from core.workspace import Lab

Key = tuple[str, str]  # task, split


class Ensemble:
    """The logits of models on the pictures of some tasks, computed when first asked for and held in memory."""

    def __init__(self, lab: Lab, progress: Progress) -> None:
        self.lab, self.progress = lab, progress
        self._logits: dict[tuple[Recipe, Key], np.ndarray] = {}

    def logits(self, recipe: Recipe, key: Key) -> np.ndarray:
        """Logits float16 (n, classes) of one model."""
        if (recipe, key) not in self._logits:
            self.progress.check()
            with self.lab.encoders.holding(recipe) as encoder:
                found = features(encoder, self.lab.pictures(*key).images, progress=self.progress.unshown())
            self._logits[recipe, key] = self.lab.classified(recipe, *key, found).numpy()
        return self._logits[recipe, key]

    def right(self, members: Sequence[Recipe], key: Key) -> np.ndarray:
        """Which pictures the mean of the members' logits gets right (model soups, §3.3), bool (n,).

        Where classes stand for several others, a member's logits are already the largest of theirs.
        """
        mean = np.zeros(self.logits(members[0], key).shape, dtype=np.float32)
        for member in members:
            mean += self.logits(member, key)
        return mean.argmax(axis=1) == self.lab.pictures(*key).labels
