"""Features, logits and answers of recipes on tasks: computed once, then read under keys of their content."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from core.models import BIAS, WEIGHT, choice_logits, features, largest, logits, mixed_head
from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.storage import LRU, Store, digest_of, files
from core.tasks import Answers, FileSource, Task, TaskError
from core.workspace.evaluation.encoders import Encoders
from core.workspace.evaluation.heads import Heads
from core.workspace.evaluation.pictures import PictureCache

ANSWERS_IN_MEMORY = 4096
ARITHMETIC: Mapping[str, object] = {"arithmetic": "fp32"}  # of features, logits and what follows; in every key
CHOOSING = 256  # pictures whose own candidates are read and held together; a soup's judge asks for as many at once


class Evaluation:
    """Evaluates recipes on tasks; answers are always kept, and of ``keeps`` ("features", "logits") what it names.

    Answers are made from float32 logits of float32 features, fresh or kept: what is kept is float32, too, so that both
    give the same answers. Of an answer the probabilities alone are kept in half precision.
    """

    def __init__(self, store: Store, pictures: PictureCache, heads: Heads, encoders: Encoders, keeps: set[str]) -> None:
        self.store, self.pictures, self.heads, self.encoders, self.keeps = store, pictures, heads, encoders, keeps
        self._answers: LRU[str, Answers] = LRU(ANSWERS_IN_MEMORY)
        self._contents: dict[tuple[str, str], dict[str, str]] = {}

    # keys

    def content(self, task: Task, split: str, progress: Progress = SILENT) -> dict[str, str]:
        """Digests of a split's ``data`` and of the task's ``head``; tasks never change, so they are worked out once."""
        if (task.name, split) not in self._contents:
            task.size(split)
            self.pictures.hash_files([task], progress, [split])
            if task.per_picture and self.heads.closed:
                raise TaskError(
                    f"{self.encoders.folder.name} has a closed vocabulary and cannot read the answers of {task.title}."
                )
            if self.heads.closed:
                head = files.digest_tensors({"head": self.heads.of(task)})
                return {"data": task.source.digest(split), "head": head}
            head = self.heads.digest(task.prompts())
            if task.per_picture:
                head = digest_of(text=self.heads.text_digest, candidates="own")  # which they are is part of the data
            self._contents[task.name, split] = {"data": task.source.digest(split), "head": head}
        return self._contents[task.name, split]

    def key(
        self,
        kind: str,
        recipe: Recipe,
        task: Task,
        split: str,
        progress: Progress = SILENT,
        arithmetic: Mapping[str, object] = ARITHMETIC,
    ) -> str:
        """The key of a task's ``kind``: "features", "logits" or "answers"."""
        content = self.content(task, split, progress)
        if kind == "features":
            return self.key_of(kind, recipe, content["data"])
        more: dict[str, object] = {**arithmetic, "head": content["head"]}
        if masks := self.heads.masks(recipe, task):
            more["masks"] = masks
            if others := task.stands_for:
                more["groups"] = [len(group) for group in others]  # of the rows that the masks name
        return self._key_of(kind, recipe, content["data"], more)

    def key_of(self, kind: str, recipe: Recipe, data: str, **more: object) -> str:
        """The key of anything computed from a recipe's weights and the pictures with the digest ``data``."""
        return self._key_of(kind, recipe, data, {**ARITHMETIC, **more})

    def _key_of(self, kind: str, recipe: Recipe, data: str, more: dict[str, object]) -> str:
        if self.encoders.precision != "float32":  # other arithmetic, other numbers
            more["precision"] = self.encoders.precision
        return self.store.key(kind=kind, weights=self.encoders.weights_key(recipe), data=data, **more)

    def is_cached(self, recipe: Recipe, task: Task, split: str) -> bool:
        """Whether the answers are there without computing anything."""
        key = self._answers_key(recipe, task, split)
        return key in self._answers or key in self.store

    def _answers_key(self, recipe: Recipe, task: Task, split: str, progress: Progress = SILENT) -> str:
        """The key of answers, or that of earlier ones where only those are there.

        What ships with the present base was answered before logits were float32 (one or two pictures in a thousand
        differ); it is read until the next base, with which everything is computed anew and this goes.
        """
        key = self.key("answers", recipe, task, split, progress)
        if key not in self.store and key not in self._answers:
            earlier = self.key("answers", recipe, task, split, progress, arithmetic={})
            return earlier if earlier in self.store else key
        return key

    # results

    def features(self, recipe: Recipe, task: Task, split: str, progress: Progress = SILENT) -> torch.Tensor:
        """Unit-length image features float32 (n, embed_dim), kept if the workspace keeps features."""
        return self._kept(
            "features", recipe, task, split, lambda: self._forward(recipe, task, split, progress), progress
        )

    def _forward(self, recipe: Recipe, task: Task, split: str, progress: Progress) -> torch.Tensor:
        images = self.pictures.of(task, split, progress).images
        with self.encoders.holding(recipe) as encoder:
            return features(encoder, images, progress=progress)

    def logits(self, recipe: Recipe, task: Task, split: str, progress: Progress = SILENT) -> torch.Tensor:
        """Logits float32 (n, classes), from features and the task's head; kept if the workspace keeps logits."""

        def make() -> torch.Tensor:
            seen = self.features(recipe, task, split, progress)
            return self.classified(recipe, task, split, seen, progress=progress)

        return self._kept("logits", recipe, task, split, make, progress)

    def _kept(
        self,
        kind: str,
        recipe: Recipe,
        task: Task,
        split: str,
        make: Callable[[], torch.Tensor],
        progress: Progress,
    ) -> torch.Tensor:
        key = self.key(kind, recipe, task, split, progress)
        if kind in self.keeps:
            return self.store.get_or_make(key, lambda: {kind: make()}, label(recipe, task, split))[kind]
        kept = self.store.get(key)
        return kept[kind] if kept else make()

    def classified(
        self,
        recipe: Recipe,
        task: Task,
        split: str,
        seen: torch.Tensor,
        rows: np.ndarray | None = None,
        progress: Progress = SILENT,
    ) -> torch.Tensor:
        """Logits float32 (n, classes) of the features ``seen`` of a split's first n pictures, or of those in ``rows``.

        By the mix of the models' own heads where those know this task's classes (the text tower's stands in for a model
        without), else by the text tower's; by the candidates of each picture where it has its own. Where the classes
        stand for others, own heads are asked for all of those and each class has the largest of its logits; the text
        tower's row for a class stands in for each that it stands for (``scatter_weights`` in the code of model soups).
        """
        if task.per_picture:
            return self._chosen(task, split, seen, rows, progress)
        own = {model: mine for model in recipe.models if (mine := self.heads.own(model, task))}
        scale = self.encoders.logit_scale
        if not own:
            return logits(seen, self.heads.of(task, progress), scale)
        text, sizes = self.heads.of(task, progress), [len(group) for group in task.stands_for]
        mixed = mixed_head(recipe, own, text.repeat_interleave(torch.tensor(sizes), dim=0) if sizes else text)
        answered = logits(seen, mixed[WEIGHT], scale, mixed[BIAS])
        return largest(answered, sizes) if sizes else answered

    def _chosen(
        self, task: Task, split: str, seen: torch.Tensor, rows: np.ndarray | None, progress: Progress
    ) -> torch.Tensor:
        """Logits of each picture's own candidates, a block at a time; its texts are read once and kept on disk."""
        source, parts = task.source, []
        assert isinstance(source, FileSource)
        asked = self.pictures.of(task, split).notes["row"][slice(len(seen)) if rows is None else rows]
        for first in progress(range(0, len(seen), CHOOSING)):
            block = slice(first, first + CHOOSING)
            own = self.heads.candidates(source.prompts(split, asked[block]), task.name)
            parts.append(choice_logits(seen[block], own["texts"], own["which"], self.encoders.logit_scale))
        return torch.cat(parts)

    def answers(self, recipe: Recipe, task: Task, split: str, progress: Progress = SILENT) -> Answers:
        """What some weights answer on a split: remembered, stored, from stored logits or features, or computed now."""
        key = self._answers_key(recipe, task, split, progress)
        if (remembered := self._answers.get(key)) is not None:
            return remembered

        def make() -> dict[str, torch.Tensor]:
            scores = self.logits(recipe, task, split, progress).numpy()
            return Answers.from_logits(scores, self.pictures.of(task, split).labels).tensors()

        kept = self.store.get_or_make(key, make, label(recipe, task, split))
        return self._answers.put(key, Answers.from_tensors(kept))


def label(recipe: Recipe, task: Task, split: str) -> dict[str, str]:
    """What a stored file says of itself, for people."""
    return {"recipe": recipe.to_json(), "task": task.name, "split": split}
