"""The desk: one workspace behind the few questions that pages and commands ask; the work is done by what it owns."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core import PaletteError
from core.models import Encoder, device_of_choice
from core.progress import SILENT, Progress
from core.recipes import Recipe, check_alpha, lerp, single
from core.storage import Store, files
from core.tasks import SPLITS, Answers, Pictures, Task, TaskError, group_named
from core.workspace.checkpoints import BASE, Zoo
from core.workspace.evaluation import Encoders, Evaluation, Heads, PictureCache
from core.workspace.facts import Facts
from core.workspace.tasks import tasks_of

CACHE = Path(os.environ.get("PALETTE_CACHE") or Path(__file__).resolve().parents[2] / "cache")


def workspaces(cache: Path = CACHE) -> list[str]:
    """Names of the workspaces in the cache, the built-in one first."""
    names = sorted(p.parent.name for p in cache.glob("*/workspace.json"))
    return sorted(names, key=lambda name: name != "mini")


class Lab:
    """A workspace in ``cache/<name>/``: its facts, tasks, checkpoints (``zoo``) and results (``store``). Thread-safe.

    Raises PaletteError (one sentence for people) for whatever is missing, unknown or damaged.
    """

    def __init__(
        self,
        name: str = "mini",
        cache: Path = CACHE,
        device: torch.device | str | None = None,
        tasks: Mapping[str, Task] | None = None,
    ) -> None:
        self.name, self.folder = name, Path(cache) / files.safe_name(name)
        try:
            self.facts = Facts.read(self.folder)
        except FileNotFoundError:
            known = ", ".join(workspaces(Path(cache))) or "none"
            raise PaletteError(f"There is no workspace {name!r} in {cache}; there is: {known}.") from None
        self.device, self.precision = device_of_choice(device), self.facts.precision
        self.notices: deque[str] = deque(maxlen=20)
        """What went wrong and was put right on the way (a damaged file, a write refused), for people to read."""
        self.zoo, self.store = Zoo(self.folder), Store(self.folder, self.notices.append)
        self.tasks = dict(tasks) if tasks is not None else tasks_of(self.facts.tasks)
        self._groups: dict[str, Task] = {}
        self.base = single(BASE)
        self.keeps: set[str] = set(self.facts.keep)  # besides answers, which always are
        self.encoders = Encoders(self.folder, self.zoo, self.device, self.precision, self.facts.compile)
        self._pictures = PictureCache(
            self.folder / "images", lambda: self.config["preprocess_cfg"], lambda sentence: self._notify(sentence)
        )

    @cached_property
    def heads(self) -> Heads:
        """The workspace's heads."""
        return Heads(self.folder, self.config, self.store, self.zoo, self.device)

    @cached_property
    def evaluation(self) -> Evaluation:
        """What computes and keeps results."""
        return Evaluation(self.store, self._pictures, self.heads, self.encoders, self.keeps)

    def _notify(self, sentence: str) -> None:
        if sentence not in self.notices:
            self.notices.append(sentence)

    # tasks and recipes

    @property
    def knows(self) -> str:
        """What the base has seen and what not, in a sentence or two for people; empty if nobody said."""
        return self.facts.knows

    def task(self, name: str) -> Task:
        """The task of that name; ``digits.2of5`` is the second of five groups of the classes of ``digits``.

        Raises TaskError naming the tasks that there are.
        """
        if (
            name not in self.tasks
            and name not in self._groups
            and (group := group_named(name, self.task, self.pictures))
        ):
            self._groups[name] = group
        if task := self.tasks.get(name) or self._groups.get(name):
            return task
        raise TaskError(f"There is no task {name!r} in {self.name}; its tasks are {', '.join(self.tasks)}.")

    def by_role(self, role: str) -> list[str]:
        """Names of the tasks with a role, in the catalogue's order."""
        return [name for name, task in self.tasks.items() if task.role == role]

    def default_supported(self) -> list[str]:
        """The supported tasks that α is chosen with unless a person picks others."""
        return list(self.facts.supported or self.by_role("supported")[:1])

    def patches(self) -> list[str]:
        """Names of the checkpoints that this workspace is meant to have: one per patching task, and its joint ones."""
        return [*self.by_role("patching"), *self.facts.zoo]

    def trained_on(self, name: str) -> list[str]:
        """The tasks behind a checkpoint: those that its header names, or, while there is none, that it is meant for.

        Raises TaskError if there is neither.
        """
        if name not in self.zoo:
            return list(self.facts.zoo.get(name) or [self.task(name).name])
        if known := [task for task in self.zoo[name].tasks or (name,) if task in self.tasks]:
            return known
        raise TaskError(
            f"The checkpoint {name!r} does not say which of the tasks of {self.name} it was trained on; "
            "bring it in again and name them."
        )

    def tuned(self, name: str) -> Recipe:
        """A checkpoint (the base fine-tuned on a task, jointly on several, or one brought in), as a recipe.

        Raises CheckpointError if it is not trained yet, TaskError if nothing is called so.
        """
        if name not in self.zoo:
            self.trained_on(name)
        return single(self.zoo[name].name)

    def patch(self, name: str, alpha: float) -> Recipe:
        """PAINT: (1 - α)·base + α·tuned, for any checkpoint. Raises PaletteError for α outside [0, 1]."""
        if name not in self.zoo:
            self.trained_on(name)
        return lerp(self.base, single(name), check_alpha(alpha))

    # what it owns, by names of tasks

    @property
    def config(self) -> dict[str, Any]:
        """The base's ``open_clip_config.json``: keys ``model_cfg`` and ``preprocess_cfg``."""
        return self.encoders.config

    @property
    def closed(self) -> bool:
        """Whether the base has a closed vocabulary: no texts, and heads that are trained."""
        return self.heads.closed

    def pictures(self, task: str, split: str, progress: Progress = SILENT) -> Pictures:
        """Pictures of a split, memory-mapped; drawn or decoded once, then read from disk."""
        return self._pictures.of(self.task(task), split, progress)

    def hash_files(self, tasks: Iterable[str], progress: Progress = SILENT, splits: Sequence[str] = SPLITS) -> None:
        """Read the files of real data once, so that keys of its content are at hand; quick if no file has changed."""
        self._pictures.hash_files([self.task(name) for name in dict.fromkeys(tasks)], progress, splits)

    def encoder(self, precision: str = "float32", compiler: str = "") -> Encoder:
        """A fresh encoder with the base's weights, for training; it shares nothing with those that evaluate."""
        return self.encoders.fresh(precision, compiler)

    def load(self, recipe: Recipe, into: Encoder) -> None:
        """Merge a recipe into an encoder. Raises CheckpointError or MergeError."""
        self.encoders.load(recipe, into)

    def weights_key(self, recipe: Recipe) -> str:
        """Digest of the weights that a recipe describes: by content, so that two routes to one model meet."""
        return self.encoders.weights_key(recipe)

    def head(self, task: str, progress: Progress = SILENT) -> torch.Tensor:
        """The zero-shot head of a task, float32 (classes, embed_dim), kept on disk; see ``Heads.of``."""
        return self.heads.of(self.task(task), progress)

    def class_features(self, prompts: Sequence[Sequence[str]]) -> torch.Tensor:
        """The zero-shot head of any prompts, one list per class, float32 (classes, embed_dim); nothing is kept."""
        return self.heads.class_features(prompts)

    def prompts_cut(self, prompts: Sequence[str]) -> int:
        """How many of these prompts have more tokens than the text tower reads, so that their ends are cut."""
        return self.heads.prompts_cut(prompts)

    def own_head(self, model: str, task: str) -> dict[str, torch.Tensor]:
        """The rows of a model's trained head for a task's classes; see ``Heads.own``."""
        return self.heads.own(model, self.task(task))

    def is_cached(self, recipe: Recipe, task: str, split: str) -> bool:
        """Whether the answers are there without computing anything."""
        return self.evaluation.is_cached(recipe, self.task(task), split)

    def features(self, recipe: Recipe, task: str, split: str, progress: Progress = SILENT) -> torch.Tensor:
        """Unit-length image features (n, embed_dim); see ``Evaluation.features``."""
        return self.evaluation.features(recipe, self.task(task), split, progress)

    def logits(self, recipe: Recipe, task: str, split: str, progress: Progress = SILENT) -> torch.Tensor:
        """Logits (n, classes); see ``Evaluation.logits``."""
        return self.evaluation.logits(recipe, self.task(task), split, progress)

    def classified(
        self,
        recipe: Recipe,
        task: str,
        split: str,
        seen: torch.Tensor,
        rows: np.ndarray | None = None,
        progress: Progress = SILENT,
    ) -> torch.Tensor:
        """Logits (n, classes) of features; see ``Evaluation.classified``."""
        return self.evaluation.classified(recipe, self.task(task), split, seen, rows, progress)

    def evaluate(self, recipe: Recipe, task: str, split: str, progress: Progress = SILENT) -> Answers:
        """What some weights answer on a split; see ``Evaluation.answers``."""
        return self.evaluation.answers(recipe, self.task(task), split, progress)
