"""Building a workspace: which steps are missing, how long they take, and doing them so that a kill loses nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import torch

from core.jobs import Progress
from core.patching import curves
from core.recipes.paint import GRID
from core.recipes.recipe import Recipe
from core.storage import files
from core.tasks.task import digest_of
from core.training.finetune import Settings, TrainingSet, finetune, frozen_head
from core.training.lwf import holding
from core.workspace.checkpoints import BASE, Checkpoint, CheckpointError
from core.workspace.lab import Lab

TRAINING_COST = 3.5  # one training step costs about as much as this many forward passes of the same pictures
DRAWING_COST = 1.0


@dataclass(frozen=True)
class Step:
    """One piece of a build: skipped if ``done``, else run; ``cost`` counts pictures through a forward pass."""

    title: str
    cost: float
    done: Callable[[], bool]
    run: Callable[[Progress], object]


def train(
    lab: Lab,
    tasks: Sequence[str],
    name: str,
    start: Recipe | None = None,
    progress: Progress | None = None,
    settings: Settings | None = None,
) -> Checkpoint:
    """Fine-tune on one task, or jointly on several, from ``start`` (the base by default), and keep the checkpoint.

    Resumes exactly where a killed run stopped; two processes that ask for one name train it once. ``settings`` are the
    workspace's for that name unless given. Raises CheckpointError if there is one of that name from another start.
    """
    progress, start = progress or Progress(), start or lab.base
    for task in tasks:
        lab.task(task).check_one_head()
    state = lab.folder / "partial" / f"{files.safe_name(name)}.safetensors"
    with files.locked(lab.folder / "locks" / f"checkpoint-{name}.lock", progress.check):
        if name in lab.zoo:
            check_start(lab, name, start)
            return lab.zoo[name]
        settings = settings or lab.patch_settings(name)
        held, sets = lab.held() if settings.hold else None, []
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
        follow = partial(progress, what=f"Fine-tuning on {' + '.join(tasks)}")
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


def sweep(lab: Lab, name: str, supported: Sequence[str], alphas: Sequence[float], progress: Progress) -> None:
    """Evaluate a patch's curve on val and test where it is missing: one merge per α."""
    pairs = _looked_at(lab, name, supported)
    sizes = [lab.task(task).size(split) for task, split in pairs]
    for alpha in progress(alphas, what=f"Evaluating {name} over α"):
        recipe = lab.patch(name, alpha)
        for task, split in progress(pairs, costs=sizes):
            lab.evaluate(recipe, task, split, progress)


def _looked_at(lab: Lab, name: str, supported: Sequence[str]) -> list[tuple[str, str]]:
    return [(task, split) for task in [*lab.trained_on(name), *supported] for split in ("val", "test")]


def plan(
    lab: Lab, names: Sequence[str] | None = None, supported: Sequence[str] | None = None, augment: str = ""
) -> list[Step]:
    """The steps that make every patch's curve (or those named): fine-tune, then the α grid on val and test.

    ``augment`` overrules the workspace's. Raises CheckpointError if a checkpoint is there with another augmentation.
    """
    names = list(names) if names is not None else lab.patches()
    supported = list(supported) if supported is not None else lab.default_supported()
    if augment:
        check_augment(lab, names, augment)
    return [step for name in names for step in _steps(lab, name, supported, augment)]


def check_augment(lab: Lab, names: Sequence[str], augment: str) -> None:
    """Raise CheckpointError unless those of these checkpoints that are there were trained with an augmentation."""
    wanted = lab.patch_settings("", augment).augment
    found = {name: lab.zoo[name].settings.get("augment", "none") for name in names if name in lab.zoo}
    if others := [f"{name} with {strength}" for name, strength in found.items() if strength != wanted]:
        raise CheckpointError(
            f"With augmentation {wanted} these would be other models, but they are there already: {', '.join(others)}; "
            "name only tasks that are not, or remove those files."
        )


def _steps(lab: Lab, name: str, supported: Sequence[str], augment: str) -> list[Step]:
    settings, tasks = lab.patch_settings(name, augment), lab.trained_on(name)
    drawn = sum(lab.task(task).size("train") for task in tasks) * DRAWING_COST
    looked_at = sum(lab.task(task).size(split) for task, split in _looked_at(lab, name, supported))

    def trained() -> bool:
        return name in lab.zoo

    def swept() -> bool:
        return trained() and all(curves.knows_point(lab, name, alpha, supported) for alpha in GRID)

    def train_it(progress: Progress) -> object:
        return train(lab, tasks, name, progress=progress, settings=settings)

    def sweep_it(progress: Progress) -> None:
        sweep(lab, name, supported, GRID, progress)

    return [
        Step(
            f"fine-tune {name}" + (f" on {', '.join(tasks)}" if tasks != [name] else ""),
            settings.steps * settings.batch_size * TRAINING_COST + drawn,
            trained,
            train_it,
        ),
        Step(
            f"evaluate {name} with {', '.join(supported)} at {len(GRID)} α",
            looked_at * (len(GRID) + DRAWING_COST),
            swept,
            sweep_it,
        ),
    ]


def build(steps: Iterable[Step], progress: Progress) -> None:
    """Run what is not done yet, in order; what another process finished meanwhile is skipped."""
    todo = [step for step in steps if not step.done()]
    for step in progress(todo, costs=[step.cost for step in todo]):
        if not step.done():
            progress.at(progress.fraction, step.title)
            step.run(progress)


def pictures_per_second(lab: Lab, pictures: int = 256) -> float:
    """Forward throughput of the workspace's encoder on its device, measured now (about a second)."""
    encoder = lab.encoder()
    images = torch.randint(0, 256, (pictures, encoder.size, encoder.size, 3), dtype=torch.uint8)
    encoder.encode(images)
    started = time.perf_counter()
    encoder.encode(images).sum().item()  # .item() waits for a GPU to finish
    return pictures / (time.perf_counter() - started)
