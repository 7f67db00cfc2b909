"""Puts both trained towers together as an open_clip folder, and checks that no task's classes share a head row."""

from __future__ import annotations

from pathlib import Path

import torch

from core import PaletteError
from core.models import alike, clip, head, not_told_apart
from core.storage import files
from core.tasks import Task
from core.training.pretraining.config import MODEL_CONFIG, PREPROCESS


class AssemblyError(PaletteError):
    """Towers that cannot be put together."""


def closest(model: clip.CLIP, task: Task) -> tuple[float, str, str]:
    """The largest cosine between two rows of a task's head, and the two class names."""
    rows = head(model, task.prompts())
    likeness = rows @ rows.T - 2 * torch.eye(len(rows))
    at = int(likeness.argmax())
    return float(likeness.max()), task.class_names[at // len(rows)], task.class_names[at % len(rows)]


def assemble(out: Path) -> str:
    """Write the base that the kept towers make, fp16, with how it was made; gives a sentence. Raises PaletteError."""
    kept = {name: out.parent / "partial" / f"{out.name}.{name}.safetensors" for name in ("tower", "text")}
    try:
        facts = {name: files.read_facts(path) for name, path in kept.items()}
        tensors = {name: files.read_tensors(path) for name, path in kept.items()}
    except FileNotFoundError as error:
        raise AssemblyError(f"There is no trained tower {error.filename}; train both before.") from None
    model = clip.create(MODEL_CONFIG)
    text = {n: tensors["text"][n] for n in model.state_dict() if n in tensors["text"] and n != "logit_scale"}
    images = {n: t for n, t in tensors["tower"].items() if n.startswith(clip.IMAGE_TOWER)}
    model.load_state_dict({**text, **images, "logit_scale": tensors["tower"]["scale"]})
    from core.world import TASKS

    for task in TASKS:
        if said := not_told_apart(alike(head(model, task.prompts()), task.class_names)):
            raise AssemblyError(f"{task.title} cannot be a task of this base. {said}")
    clip.save(model, {"model_cfg": MODEL_CONFIG, "preprocess_cfg": PREPROCESS}, out)
    files.write_json(out / "pretraining.json", facts)
    return f"{out} holds the base."
