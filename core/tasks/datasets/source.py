"""A task's pictures in files: parts on disk, cut into splits, decoded once per workspace."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from core.progress import SILENT, Progress
from core.storage import digest_of
from core.tasks import pictures
from core.tasks.datasets import DataError, decode
from core.tasks.datasets.adapters import DataLocation, open_parts
from core.tasks.datasets.images import StoredPart
from core.tasks.datasets.splits import Cut, rows, usual
from core.tasks.task import Pictures, TaskError


@dataclass(frozen=True)
class FileSource:
    """Where a task's pictures lie, and how they are cut.

    ``classes`` is how many names the task has (its names may be edited, but not their number); ``only`` are the labels
    that are used (all if empty); no ``cuts`` means the usual ones.
    """

    opening: DataLocation
    classes: int
    seed: int = 0
    cuts: tuple[Cut, ...] = ()
    only: tuple[int, ...] = ()

    def sizes(self) -> Mapping[str, int]:
        """Number of pictures per split, before any damaged one is left out. Raises DataError if they are not there."""
        return {split: len(found[1]) for split, found in _splits(self).items()}

    def digest(self, split: str) -> str:
        """Hex SHA-256 of the split's files, rows and labels, and of how pictures are read; the first call reads every
        file, later ones remember."""
        part, chosen = self.split(split)
        rows = hashlib.sha256(chosen.astype("<i8").tobytes()).hexdigest()
        return digest_of(kind="real", part=part.digest, rows=rows, pixels=pictures.VERSION)

    def remember(self, split: str, progress: Progress = SILENT) -> None:
        """Read the files of the part that a split is cut from, if that was not done since they changed.

        ``progress`` follows the reading, and is not asked to if there is nothing to read.
        """
        self.split(split)[0].remember(progress)

    def load(self, split: str) -> Pictures:
        """Raises TaskError: how large a picture is depends on the model, so ask the lab for them."""
        raise TaskError(f"The {split} pictures of this task are decoded for a model: ask its workspace for them.")

    def pictures(
        self,
        split: str,
        preprocess: Mapping[str, Any],
        folder: Path,
        progress: Progress = SILENT,
        notice: Callable[[str], None] = lambda _: None,
    ) -> Pictures:
        """The pictures of a split as the model with this ``preprocess_cfg`` sees them, decoded once into ``folder``."""
        part, chosen = self.split(split)
        return decode.pictures(part, chosen, self.digest(split), preprocess, folder, progress, notice)

    def prompts(self, split: str, rows: np.ndarray) -> list[list[str]]:
        """The candidates of some pictures of a split, by the note ``row`` that they have.

        Raises TaskError if the pictures have none of their own.
        """
        part, _ = self.split(split)
        if part.candidates is None:
            raise TaskError(f"The pictures in {self.opening.root} have no candidate answers of their own.")
        return part.candidates.prompts(rows)

    def split(self, split: str) -> tuple[StoredPart, np.ndarray]:
        """The part that a split is cut from, and its rows int64 (n,). Raises TaskError if there is no such split."""
        found = _splits(self)
        if split not in found:
            raise TaskError(f"This task has no split {split!r}; it has {', '.join(found)}.")
        name, chosen = found[split]
        return open_parts(self.opening)[name], chosen


@lru_cache(maxsize=128)
def _splits(source: FileSource) -> dict[str, tuple[str, np.ndarray]]:
    parts = open_parts(source.opening)
    for name, part in parts.items():
        if len(part.class_names) != source.classes:
            raise DataError(
                f"The task names {source.classes} classes, but the {name} labels in {source.opening.root} are of "
                f"{len(part.class_names)}; name one for each."
            )
    every = {name: _used(part, source.only) for name, part in parts.items()}
    cuts = source.cuts or usual(parts)
    found = rows(cuts, {name: len(used) for name, used in every.items()}, source.seed)
    return {split: (name, every[name][chosen]) for split, (name, chosen) in found.items()}


def _used(part: StoredPart, only: tuple[int, ...]) -> np.ndarray:
    return np.flatnonzero(np.isin(part.labels, only)) if only else np.arange(len(part.labels))


def look_again() -> None:
    """Forget how splits were cut, because files may have come or gone."""
    _splits.cache_clear()
