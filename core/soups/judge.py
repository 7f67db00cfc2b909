"""Judging mixes by the hundred: pictures prepared once, one merge and the forward passes for each, nothing stored."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from core import metrics
from core.models import Encoder
from core.recipes import Recipe
from core.workspace import Lab

# Bytes of prepared float32 pictures that may be held; more stay uint8, on the device, and are prepared in passing.
IN_MEMORY = 2**30
GIVE_UP = 3.0  # racing: standard errors by which a mix must be behind before the rest of the pictures is spared it
BATCH = 256  # pictures that a judge prepares and looks at together; racing may stop between batches


@dataclass(frozen=True)
class JudgedRecipe:
    """What a mix scored: accuracy and mean probability of the right class in [0, 1], and how many pictures it saw.

    If it saw fewer than all, the accuracy is the incumbent's less how far it was behind on those.
    """

    score: float
    tie: float
    seen: int


class Judge:
    """Accuracy of recipes on one split of a task, the same numbers as ``Lab.evaluate`` gives.

    ``check`` is called between batches and may raise to stop. ``most`` bounds how many pictures are looked at.
    ``seconds`` adds up what evaluating took.
    """

    def __init__(
        self,
        lab: Lab,
        task: str,
        split: str = "val",
        check: Callable[[], object] = lambda: None,
        most: int | None = None,
    ) -> None:
        self.lab, self.task, self.split, self.check = lab, task, split, check
        pictures = lab.pictures(task, split)
        images, labels = pictures.images[:most], pictures.labels[:most]
        self.labels = torch.from_numpy(labels.astype(np.int64))
        self.seconds, self.evaluations, self.pictures = 0.0, 0, 0
        self._incumbent: tuple[float, np.ndarray] | None = None
        with lab.encoders.holding(lab.base) as encoder:
            cuts = [torch.from_numpy(images[i : i + BATCH]) for i in range(0, len(labels), BATCH)]
            self._prepared = 4 * images.size <= IN_MEMORY
            self._batches = [encoder.prepare(cut) if self._prepared else cut.to(encoder.device) for cut in cuts]

    def __len__(self) -> int:
        return len(self.labels)

    def judge(self, recipe: Recipe, racing: bool = False) -> JudgedRecipe:
        """Merge a recipe and see how it does; ``racing`` gives up once the incumbent is clearly out of reach."""
        started = time.perf_counter()
        parts, given_up = list[torch.Tensor](), None
        with self.lab.encoders.holding(recipe) as encoder:
            for part in self._features(encoder):
                parts.append(part)
                if racing and len(parts) < len(self._batches) and (given_up := self._hopeless(recipe, parts)):
                    break
        judged = given_up or self._whole(recipe, parts)
        self.seconds += time.perf_counter() - started
        self.evaluations, self.pictures = self.evaluations + 1, self.pictures + judged.seen
        return judged

    def defend(self, recipe: Recipe) -> None:
        """Make a mix that was judged before the incumbent again, as it was when a trace ended that was replayed."""
        self._incumbent = None
        with self.lab.encoders.holding(recipe) as encoder:
            self._whole(recipe, list(self._features(encoder)))

    @torch.inference_mode()
    def _features(self, encoder: Encoder) -> Iterator[torch.Tensor]:
        for batch in self._batches:
            self.check()
            pixels = batch if self._prepared else encoder.prepare(batch)
            yield encoder.features(pixels).half().cpu()

    def _right(self, recipe: Recipe, parts: list[torch.Tensor]) -> tuple[np.ndarray, float]:
        logits = self.lab.classified(recipe, self.task, self.split, torch.cat(parts))
        labels = self.labels[: len(logits)]
        likely = torch.log_softmax(logits.float(), dim=1).gather(1, labels[:, None]).exp()
        return metrics.correct(logits.numpy(), labels.numpy()), round(float(likely.mean()), 6)

    def _whole(self, recipe: Recipe, parts: list[torch.Tensor]) -> JudgedRecipe:
        right, tie = self._right(recipe, parts)
        score = float(right.mean())
        if self._incumbent is None or score > self._incumbent[0]:
            self._incumbent = (score, right)
        return JudgedRecipe(score, tie, len(right))

    def _hopeless(self, recipe: Recipe, parts: list[torch.Tensor]) -> JudgedRecipe | None:
        """The verdict on a mix that is behind the incumbent by more than noise on the pictures seen, else None."""
        if self._incumbent is None:
            return None
        right, tie = self._right(recipe, parts)
        best, incumbent = self._incumbent[0], self._incumbent[1][: len(right)]
        fixed, broken = int((right & ~incumbent).sum()), int((~right & incumbent).sum())
        if broken - fixed <= GIVE_UP * math.sqrt(fixed + broken):
            return None
        return JudgedRecipe(max(0.0, best - (broken - fixed) / len(right)), tie, len(right))
