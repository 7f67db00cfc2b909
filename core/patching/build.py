"""The steps that make a workspace's curves: what is missing, how long it takes, and doing it."""

from __future__ import annotations

from collections.abc import Sequence

from core.patching import curves
from core.progress import Progress
from core.recipes import GRID
from core.training import DRAWING_COST, TRAINING_COST, Step, patch_settings, train
from core.workspace import CheckpointError, Lab, datasets


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


def build_steps(
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
    wanted = patch_settings(lab, "", augment).augment
    strengths = {name: lab.zoo[name].settings.get("augment", "none") for name in names if name in lab.zoo}
    if others := [f"{name} with {strength}" for name, strength in strengths.items() if strength != wanted]:
        raise CheckpointError(
            f"With augmentation {wanted} these would be other models, but they are there already: {', '.join(others)}; "
            "name only tasks that are not, or remove those files."
        )


def _steps(lab: Lab, name: str, supported: Sequence[str], augment: str) -> list[Step]:
    settings, tasks = patch_settings(lab, name, augment), lab.trained_on(name)
    drawn = sum(lab.task(task).size("train") for task in tasks) * DRAWING_COST
    looked_at = sum(lab.task(task).size(split) for task, split in _looked_at(lab, name, supported))

    def trained() -> bool:
        return name in lab.zoo

    def swept() -> bool:
        return trained() and all(curves.knows_point(lab, name, alpha, supported) for alpha in GRID)

    def train_it(progress: Progress) -> object:
        for task in tasks:
            if said := datasets.meeting(lab, lab.task(task)):
                lab.notices.append(f"{lab.task(task).title}: {said}")
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
