"""Heads of a workspace: those trained on a closed vocabulary, kept on disk."""

from __future__ import annotations

from pathlib import Path

import torch

from core.storage import files
from core.tasks import TaskError

OWN_HEAD = "heads/pretrained.safetensors"


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
