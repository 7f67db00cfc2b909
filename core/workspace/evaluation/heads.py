"""Heads of a workspace: from class names through the text tower, trained on a closed vocabulary, or a checkpoint's."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from core.models import candidate_texts, class_rows, clip, head, head_digest
from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.storage import LRU, Store, files
from core.tasks import Task, TaskError
from core.workspace.checkpoints import Zoo

OWN_HEAD = "heads/pretrained.safetensors"
HEADS_IN_MEMORY = 256


def trained_path(folder: Path, task: str) -> Path:
    """Where the trained head of a task is, or would be, in a workspace of a closed vocabulary."""
    return folder / "heads" / f"{files.safe_name(task)}.safetensors"


def trained_head(folder: Path, task: str) -> torch.Tensor:
    """The trained head of a task, float32 (classes, features + 1), its bias last. Raises TaskError if there is none."""
    try:
        tensors = files.read_tensors(trained_path(folder, task))
    except (FileNotFoundError, files.DamagedError):
        raise TaskError(
            f"{folder.name} has a closed vocabulary and no head for {task!r} yet; train one with "
            f"`python -m core --workspace {folder.name} head {task}`."
        ) from None
    return torch.cat([tensors["weight"].float(), tensors["bias"].float()[:, None]], dim=1)


class Heads:
    """The heads of a workspace in ``folder`` with a base of that ``config``. Thread-safe."""

    def __init__(self, folder: Path, config: Mapping[str, Any], store: Store, zoo: Zoo, device: torch.device) -> None:
        self.folder, self.store, self.zoo, self.device = folder, store, zoo, device
        self.closed = "text_cfg" not in config["model_cfg"]
        """Whether the base has a closed vocabulary: no texts, and heads that are trained."""
        self._kept: LRU[str, torch.Tensor] = LRU(HEADS_IN_MEMORY)
        self._busy = threading.RLock()

    @cached_property
    def text_digest(self) -> str:
        """Digest of the text tower."""
        return clip.text_digest(self.folder / "base")

    @cached_property
    def text_model(self) -> clip.CLIP:
        """The texts' side of the base, on the CPU; an image tower it has not."""
        with self._busy:
            model = clip.load(self.folder / "base")
            model.visual = torch.nn.Identity()
            return model

    @cached_property
    def _reader(self) -> clip.CLIP:
        """The texts' side on the device that computes: 1,000 classes in 80 templates are many texts."""
        return self.text_model if self.device.type == "cpu" else copy.deepcopy(self.text_model).to(self.device)

    def of(self, task: Task, progress: Progress = SILENT) -> torch.Tensor:
        """The zero-shot head of any task, float32 (classes, embed_dim), kept on disk; the trained one of a closed
        vocabulary.

        Raises TaskError for multiple choice, where each picture has candidates of its own.
        """
        task.check_one_head()
        if self.closed:
            return trained_head(self.folder, task.name)
        prompts = task.prompts()
        key = self.store.key(kind="head", head=self.digest(prompts))
        if (kept := self._kept.get(key)) is not None:
            return kept
        with self._busy:
            made = self.store.get_or_make(
                key, lambda: {"head": head(self._reader, prompts, progress)}, {"task": task.name}
            )
        return self._kept.put(key, made["head"])

    def digest(self, prompts: Sequence[Sequence[str]]) -> str:
        """Digest of what determines the zero-shot head of these prompts; computes no head."""
        return head_digest(self.text_digest, prompts)

    def class_features(self, prompts: Sequence[Sequence[str]]) -> torch.Tensor:
        """The zero-shot head of any prompts, one list per class, float32 (classes, embed_dim); nothing is kept."""
        with self._busy:
            return head(self._reader, prompts)

    def candidates(self, prompts: Sequence[Sequence[str]], task: str) -> dict[str, torch.Tensor]:
        """``texts`` and ``which`` of ``models.candidate_texts`` for some pictures' own candidates, kept on disk."""
        key = self.store.key(kind="candidates", head=self.digest(prompts))
        with self._busy:
            return self.store.get_or_make(key, lambda: candidate_texts(self._reader, prompts), {"task": task})

    def prompts_cut(self, prompts: Sequence[str]) -> int:
        """How many of these prompts have more tokens than the text tower reads, so that their ends are cut."""
        return sum(clip.too_long(prompts, self.text_model.context_length))

    def own(self, model: str, task: Task) -> dict[str, torch.Tensor]:
        """The rows of a model's trained head for a task's classes (or all that they stand for), in the task's order:
        ``head.weight`` (rows, embed_dim) and ``head.bias`` (rows,). Empty if it has none that knows them all."""
        rows = class_rows(self.zoo[model].classes, task.head_names)
        return {n: t[list(rows)] for n, t in self.zoo.head(model).items()} if rows else {}

    def masks(self, recipe: Recipe, task: Task) -> list[tuple[str, tuple[int, ...]]]:
        """Which rows of which trained heads answer a task, where they are not just all of them, each for a class."""
        names, grouped = task.head_names, bool(task.stands_for)
        parents = [self.zoo[model] for model in recipe.models]
        rows = ((p.digest, class_rows(p.classes, names)) for p in parents if grouped or p.classes != names)
        return sorted((digest, mask) for digest, mask in rows if mask)
