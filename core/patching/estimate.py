"""A mix at a glance: its accuracy on a few fixed pictures of each task, fast enough for a hand that drags."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from core.metrics import Accuracy, accuracy
from core.models import features
from core.progress import Progress
from core.recipes import Recipe
from core.storage import LRU
from core.workspace import Lab

PICTURES, FEWEST, REMEMBERED = 256, 8, 1024


class Estimate:
    """Estimates of any recipe's accuracies from about ``pictures`` *val* pictures in all, the same ones every time.

    They are drawn from each task's val split with a seed, as many from each; the answer is a real accuracy of the real
    weights, and only its n is small.
    """

    def __init__(self, lab: Lab, tasks: Sequence[str], pictures: int = PICTURES, seed: int = 0) -> None:
        self.lab, self.tasks = lab, tuple(tasks)
        self._guard = threading.Lock()
        self._known: LRU[str, dict[str, Accuracy]] = LRU(REMEMBERED)
        each, images = max(FEWEST, pictures // len(tasks)), []
        self._labels: list[np.ndarray] = []
        self._rows: list[np.ndarray] = []
        for i, task in enumerate(tasks):
            found = lab.pictures(task, "val")
            rows = np.sort(np.random.default_rng([seed, i]).permutation(len(found.labels))[:each])
            images.append(found.images[rows])
            self._rows.append(rows)
            self._labels.append(found.labels[rows])
        self._images = np.concatenate(images)

    def __call__(self, recipe: Recipe) -> dict[str, Accuracy]:
        """Accuracy of each task on the few pictures: one merge and one forward pass, or remembered."""
        key = self.lab.weights_key(recipe)
        with self._guard:
            return self._known.get(key) or self._known.put(key, self._look(recipe))

    def _look(self, recipe: Recipe) -> dict[str, Accuracy]:
        with self.lab.encoders.holding(recipe) as encoder:
            seen = features(encoder, self._images)
        parts = seen.split([len(labels) for labels in self._labels])
        return {
            task: accuracy(self.lab.classified(recipe, task, "val", part, rows).numpy(), labels)
            for task, part, rows, labels in zip(self.tasks, parts, self._rows, self._labels, strict=True)
        }


def evaluate_on(lab: Lab, recipe: Recipe, tasks: Sequence[str], split: str, progress: Progress) -> None:
    """Evaluate a recipe on whole splits, one task after the other; each is in the store as soon as it is done."""
    for task in progress(tasks, f"Evaluating on {split}", [lab.task(t).size(split) for t in tasks]):
        lab.evaluate(recipe, task, split, progress)
