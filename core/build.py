"""Building a workspace: which steps are missing, how long they take, and doing them so that a kill loses nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import torch

from core import disk
from core.finetune import TrainingSet, finetune
from core.jobs import Progress
from core.lab import Lab
from core.paint import GRID
from core.recipe import Recipe
from core.zoo import BASE

TRAINING_COST = 3.5  # one training step costs about as much as this many forward passes of the same pictures
DRAWING_COST = 1.0


@dataclass(frozen=True)
class Step:
    """One piece of a build: skipped if ``done``, else run; ``cost`` counts pictures through a forward pass."""

    title: str
    cost: float
    done: Callable[[], bool]
    run: Callable[[Progress], object]


def train(lab: Lab, tasks: Sequence[str], name: str, start: Recipe | None = None, progress: Progress | None = None):
    """Fine-tune on one task, or jointly on several, from ``start`` (the base by default), and keep the checkpoint.

    Resumes exactly where a killed run stopped; two processes that ask for one name train it once.
    """
    progress, start = progress or Progress(), start or lab.base
    state = lab.folder / "partial" / f"{disk.safe_name(name)}.safetensors"
    with disk.locked(lab.folder / "locks" / f"checkpoint-{name}.lock", progress.check):
        if name in lab.zoo:
            return lab.zoo[name]
        settings = lab.settings(tasks[0] if len(tasks) == 1 else name)
        sets = []
        for task in tasks:
            progress.at(progress.fraction, f"Getting the training pictures of {task}")
            pictures = lab.pictures(task, "train")
            images, labels = torch.from_numpy(pictures.images), torch.from_numpy(pictures.labels)
            sets.append(TrainingSet(images, labels, lab.head(task), lab.task(task).source.digest("train")))
        encoder = lab.encoder()
        if start != lab.base:
            lab.load(start, encoder)
        follow = partial(progress, what=f"Fine-tuning on {' + '.join(tasks)}")
        weights = finetune(encoder, sets, settings, state, follow)
        like = lab.zoo.weights(BASE)
        weights = {n: t.to(like[n].dtype) for n, t in weights.items()}
        lab.zoo.add(name, weights, tasks=tuple(tasks), settings=asdict(settings), seed=settings.seed, start=start)
        state.unlink(missing_ok=True)
        return lab.zoo[name]


def sweep(lab: Lab, task: str, supported: Sequence[str], alphas: Sequence[float], progress: Progress) -> None:
    """Evaluate a task's curve on val and test where it is missing: one merge per α."""
    pairs = [(name, split) for name in [task, *supported] for split in ("val", "test")]
    sizes = [lab.task(name).size(split) for name, split in pairs]
    for alpha in progress(alphas, what=f"Evaluating {task} over α"):
        recipe = lab.patch(task, alpha)
        for name, split in progress(pairs, costs=sizes):
            lab.evaluate(recipe, name, split, progress)


def plan(lab: Lab, tasks: Sequence[str] | None = None, supported: Sequence[str] | None = None) -> list[Step]:
    """The steps that make every patching task's curve: fine-tune, then evaluate the α grid on val and test."""
    tasks = list(tasks) if tasks is not None else lab.by_role("patching")
    supported = list(supported) if supported is not None else lab.default_supported()
    return [step for task in tasks for step in _steps(lab, task, supported)]


def _steps(lab: Lab, task: str, supported: Sequence[str]) -> list[Step]:
    settings, names = lab.settings(task), [task, *supported]
    training = settings.steps * settings.batch_size * TRAINING_COST + lab.task(task).size("train") * DRAWING_COST
    looked_at = sum(lab.task(name).size(split) for name in names for split in ("val", "test"))

    def trained() -> bool:
        return task in lab.zoo

    def swept() -> bool:
        return trained() and all(lab.knows_point(task, alpha, supported) for alpha in GRID)

    def train_it(progress: Progress) -> object:
        return train(lab, [task], task, progress=progress)

    def sweep_it(progress: Progress) -> None:
        sweep(lab, task, supported, GRID, progress)

    return [
        Step(f"fine-tune on {task}", training, trained, train_it),
        Step(
            f"evaluate {task} with {', '.join(supported)} at {len(GRID)} α",
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
