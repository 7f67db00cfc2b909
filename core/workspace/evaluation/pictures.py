"""The pictures of a workspace's tasks: drawn or decoded once, then mapped from disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from core.progress import SILENT, Progress
from core.storage import files
from core.tasks import SPLITS, FileSource, Pictures, Task


class PictureCache:
    """Pictures in ``folder``, under keys of their content; ``preprocess`` says how files are decoded."""

    def __init__(self, folder: Path, preprocess: Callable[[], Mapping[str, Any]], notify: Callable[[str], None]):
        self.folder, self.preprocess, self.notify = folder, preprocess, notify
        self._drawing = threading.Lock()

    def of(self, task: Task, split: str, progress: Progress = SILENT) -> Pictures:
        """Pictures of a split, memory-mapped. Raises TaskError if the task has no such split."""
        source = task.source
        task.size(split)
        if isinstance(source, FileSource):
            self.hash_files([task], progress, [split])
            follow = progress.titled(f"Decoding the {split} pictures of {task.title}")
            return source.pictures(split, self.preprocess(), self.folder, follow, self.notify)
        path = self.folder / f"{source.digest(split)[:32]}.safetensors"
        try:
            tensors = files.read_tensors(path, verify=False)
        except (FileNotFoundError, files.DamagedError):
            with self._drawing:
                drawn = source.load(split)
            tensors = {"images": torch.as_tensor(drawn.images), "labels": torch.as_tensor(drawn.labels)}
            tensors |= {f"notes.{n}": torch.as_tensor(column) for n, column in drawn.notes.items()}
            with suppress(files.DiskError):  # a read-only cache only costs drawing them again
                files.write_tensors(path, tensors, {"task": task.name, "split": split})
        notes = {n.removeprefix("notes."): t.numpy() for n, t in tensors.items() if n.startswith("notes.")}
        return Pictures(tensors["images"].numpy(), tensors["labels"].numpy(), notes)

    def hash_files(self, tasks: Iterable[Task], progress: Progress = SILENT, splits: Sequence[str] = SPLITS) -> None:
        """Read the files of real data once, so that keys of its content are at hand; quick if no file has changed."""
        for task in tasks:
            source = task.source
            if isinstance(source, FileSource):
                follow = progress.titled(f"Reading the files of {task.title} for the first time")
                for split in (s for s in splits if s in source.sizes()):
                    source.remember(split, follow)
