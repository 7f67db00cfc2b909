"""A checkpoint of a workspace, trained: resumable, and once even if two ask for it."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.storage import digest_of, files
from core.training.finetune import TrainingSet, finetune, frozen_head
from core.training.lwf import held_rows, holding
from core.training.settings import Settings, patch_settings
from core.workspace import BASE, Checkpoint, CheckpointError, Lab

TRAINING_COST = 3.5  # one training step costs about as much as this many forward passes of the same pictures


DRAWING_COST = 1.0


def train(
    lab: Lab,
    tasks: Sequence[str],
    name: str,
    start: Recipe | None = None,
    progress: Progress = SILENT,
    settings: Settings | None = None,
) -> Checkpoint:
    """Fine-tune on one task, or jointly on several, from ``start`` (the base by default), and keep the checkpoint.

    Resumes exactly where a killed run stopped; two processes that ask for one name train it once. ``settings`` are the
    workspace's for that name unless given. Raises CheckpointError if there is one of that name from another start.
    """
    start = start or lab.base
    for task in tasks:
        lab.task(task).check_one_head()
    state = lab.folder / "partial" / f"{files.safe_name(name)}.safetensors"
    with files.locked(lab.folder / "locks" / f"checkpoint-{name}.lock", progress.check):
        if name in lab.zoo:
            check_start(lab, name, start)
            return lab.zoo[name]
        settings = settings or patch_settings(lab, name)
        held, sets = held_rows(lab) if settings.hold else None, []
        names = {} if held is None else {"held": files.digest_tensors({"held": held})}  # what is held decides, too
        for task in tasks:
            progress.at(progress.fraction, f"Getting the training pictures of {task}")
            pictures = lab.pictures(task, "train", progress)
            images, labels = torch.from_numpy(pictures.images), torch.from_numpy(pictures.labels)
            data = lab.task(task).source.digest("train")
            sets.append(TrainingSet(images, labels, lab.head(task), digest_of(data=data, **names) if names else data))
        encoder = lab.encoder()
        if start != lab.base:
            lab.load(start, encoder)
        follow = progress.titled(f"Fine-tuning on {' + '.join(tasks)}")
        loss = frozen_head if held is None else holding(encoder, sets, held, settings.hold, progress)
        weights = finetune(encoder, sets, settings, state, follow, loss)
        like = lab.zoo.weights(BASE)
        weights = {n: t.to(like[n].dtype) for n, t in weights.items()}
        lab.zoo.add(name, weights, tasks=tuple(tasks), settings=settings.facts, seed=settings.seed, start=start)
        state.unlink(missing_ok=True)
        return lab.zoo[name]


def check_start(lab: Lab, name: str, start: Recipe) -> None:
    """Raise CheckpointError unless a checkpoint was fine-tuned from the weights that ``start`` describes."""
    found = lab.zoo[name].start or lab.base
    if found != start and lab.weights_key(found) != lab.weights_key(start):
        raise CheckpointError(
            f"Checkpoint {name!r} was fine-tuned from other weights than these and cannot follow them; give the new "
            "checkpoint another name, or remove the old one."
        )


def pictures_per_second(lab: Lab, pictures: int = 256) -> float:
    """Forward throughput of the workspace's encoder on its device, at its precision, measured now (about a second)."""
    with lab.encoders.holding(lab.base) as encoder:
        images = torch.randint(0, 256, (pictures, encoder.size, encoder.size, 3), dtype=torch.uint8)
        encoder.encode(images)
        started = time.perf_counter()
        encoder.encode(images).sum().item()  # .item() waits for a GPU to finish
        return pictures / (time.perf_counter() - started)
