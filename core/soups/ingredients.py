"""The ingredients of soups: a seeded sweep of fine-tunes with a head, all from one linear probe."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial

import torch

from core.models import features
from core.progress import SILENT, Progress
from core.recipes import single
from core.storage import files
from core.training import (
    DRAWING_COST,
    TRAINING_COST,
    Step,
    SweepSettings,
    TrainingSet,
    check_start,
    finetune_with_head,
    linear_probe,
)
from core.workspace import BASE, Checkpoint, CheckpointError, Lab

PROBE = "ingredient-00"
COUNT = 12
LEARNING_RATES = (3e-5, 5e-4)  # from too low to too high for the mini world: ingredients of honestly different quality


def soup_task(lab: Lab) -> str:
    """The task that the workspace's soups are fine-tuned and chosen on: its own word, else its first supported task."""
    return lab.task(lab.facts.soup.task or lab.default_supported()[0]).name


def soup_shifts(lab: Lab) -> list[str]:
    """The five natural shifts, or however many the workspace has: where soups are only ever measured."""
    return list(lab.facts.soup.shifts or lab.by_role("ood"))


def sweep(count: int = COUNT, seed: int = 0, steps_per_epoch: int = 31) -> dict[str, SweepSettings]:
    """Settings of ``count`` ingredients by name: the probe alone, then a random search (model soups, appendix J.2.1).

    Learning rate and weight decay are drawn log-uniformly, epochs from 2 to 5; augmentation is none, light or strong;
    mixup and label smoothing come with a probability of a third and a half.
    """
    draw = random.Random(seed)
    found = {PROBE: SweepSettings(steps=0, warmup=0, seed=seed)}
    for i in range(1, count):
        low, high = LEARNING_RATES
        steps = draw.choice((2, 3, 4, 5)) * steps_per_epoch
        found[f"ingredient-{i:02d}"] = SweepSettings(
            steps=steps,
            warmup=steps // 10,
            lr=float(f"{low * (high / low) ** draw.random():.1e}"),
            weight_decay=float(f"{10 ** draw.uniform(-4, -0.5):.1e}"),
            augment=draw.choice(("none", "light", "strong")),
            mixup=draw.choice((0.0, 0.0, 0.4)),
            label_smoothing=draw.choice((0.0, 0.1)),
            seed=i,
        )
    return found


def ingredients(lab: Lab) -> dict[str, SweepSettings]:
    """The workspace's own sweep: ``soup.count`` and ``soup.seed`` of its facts, twelve and 0 if it says nothing."""
    facts, task = lab.facts.soup, lab.task(soup_task(lab))
    usual = SweepSettings()
    epoch = max(1, round(task.size("train") / usual.batch_size))
    return sweep(COUNT if facts.count is None else facts.count, facts.seed, epoch)


def train_ingredient(lab: Lab, name: str, settings: SweepSettings, progress: Progress = SILENT) -> Checkpoint:
    """Fine-tune one ingredient on the workspace's soup task and keep it; the probe first, if it is not there.

    Resumes exactly where a killed run stopped. Raises CheckpointError for one of that name from another start.
    """
    task = soup_task(lab)
    lab.task(task).check_one_head()
    if name != PROBE and PROBE not in lab.zoo:
        train_ingredient(lab, PROBE, ingredients(lab)[PROBE])
    start = lab.base if name == PROBE else single(PROBE)
    with files.locked(lab.folder / "locks" / f"checkpoint-{name}.lock", progress.check):
        if name in lab.zoo:
            check_start(lab, name, start)
            return lab.zoo[name]
        state = lab.folder / "partial" / f"{name}.safetensors"
        weights = (
            _probe(lab, task, progress) if name == PROBE else _finetune(lab, task, settings, state, name, progress)
        )
        like = lab.zoo.weights(BASE)
        half = next(t.dtype for t in like.values() if t.is_floating_point())
        weights = {n: t.to(like[n].dtype if n in like else half) for n, t in weights.items()}
        classes = lab.task(task).class_names
        lab.zoo.add(
            name, weights, tasks=(task,), settings=settings.facts, seed=settings.seed, start=start, classes=classes
        )
        state.unlink(missing_ok=True)
        return lab.zoo[name]


def _probe(lab: Lab, task: str, progress: Progress) -> dict[str, torch.Tensor]:
    follow = progress.titled(f"Looking at {task} for the linear probe")
    found = []
    for split in follow(("train", "val")):
        pictures = lab.pictures(task, split)
        with lab.encoders.holding(lab.base) as encoder:
            found.append((features(encoder, pictures.images, progress=progress).float().numpy(), pictures.labels))
            scale = encoder.logit_scale
    head = linear_probe(found[0], found[1], len(lab.task(task).class_names), scale)
    return {**lab.zoo.weights(BASE), **head}


def _finetune(
    lab: Lab, task: str, settings: SweepSettings, state, name: str, progress: Progress
) -> dict[str, torch.Tensor]:
    pictures, head = lab.pictures(task, "train"), lab.zoo.head(PROBE)
    images, labels = torch.from_numpy(pictures.images), torch.from_numpy(pictures.labels)
    known = TrainingSet(images, labels, lab.head(task), lab.task(task).source.digest("train"))
    encoder = lab.encoder()
    lab.load(single(PROBE), encoder)
    follow = progress.titled(f"Fine-tuning {name}")
    return finetune_with_head(encoder, known, {n: t.float() for n, t in head.items()}, settings, state, follow)


def plan_ingredients(lab: Lab, names: Sequence[str] | None = None) -> list[Step]:
    """The steps that make the workspace's ingredients (or those named). Raises CheckpointError for an unknown name."""
    every = ingredients(lab)
    if unknown := [name for name in names or [] if name not in every]:
        raise CheckpointError(f"The sweep has no ingredient {', '.join(unknown)}; it has {', '.join(every)}.")
    drawn = lab.task(soup_task(lab)).size("train") * DRAWING_COST
    steps = []
    for name, settings in every.items():
        if names is None or name in names:
            cost = drawn if name == PROBE else settings.steps * settings.batch_size * TRAINING_COST
            run = partial(train_ingredient, lab, name, settings)
            steps.append(Step(f"fine-tune {name}", cost, partial(lab.zoo.__contains__, name), run))
    return steps


def describe_ingredient(settings: SweepSettings) -> str:
    """Settings in one line, for people."""
    if not settings.steps:
        return "linear probe alone"
    parts = [f"lr {settings.lr:.0e}", f"wd {settings.weight_decay:.0e}", f"{settings.steps} steps"]
    parts += [f"{settings.augment} augmentation"] * (settings.augment != "none")
    parts += [f"mixup {settings.mixup:g}"] * bool(settings.mixup)
    parts += [f"label smoothing {settings.label_smoothing:g}"] * bool(settings.label_smoothing)
    return ", ".join(parts)
