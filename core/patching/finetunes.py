"""Which checkpoint a fine-tune gives: named by what it was trained on, with what, and from which weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from core.patching.results import JOINT, UNPATCHED, Comparison, StrategyRow
from core.progress import Progress
from core.recipes import Recipe, lerp, single
from core.storage import digest_of, files
from core.training import TRAINING_COST, Settings, check_start, patch_settings, settings_of, train
from core.workspace import CheckpointError, Lab


def settings_for(lab: Lab, tasks: Sequence[str], steps: int, augment: str = "") -> Settings:
    """The workspace's settings for a task (its defaults for several) with that many steps, and as large a share of
    them warming up; ``augment`` overrules its own."""
    usual = settings_of(lab, tasks[0] if len(tasks) == 1 else "", augment)
    return replace(usual, steps=steps, warmup=round(usual.warmup * steps / usual.steps))


def name_of(lab: Lab, tasks: Sequence[str], start: Recipe, settings: Settings) -> str:
    """The name of the checkpoint that fine-tuning gives, which two requests share only if they would train the same.

    The workspace's own checkpoint of these tasks where it was, or would be, trained just so; else a name with a digest
    of the start's weights, the settings, the pictures and the class names in it. So sequences that begin alike share
    checkpoints, and none is taken for one with another start.
    """
    if start == lab.base and (own := _own(lab, tasks, settings)):
        return own
    content = [(lab.task(task).source.digest("train"), lab.task(task).prompts()) for task in sorted(tasks)]
    digest = digest_of(start=lab.weights_key(start), settings=settings.facts, content=content)
    return files.safe_name(f"{'joint' if len(tasks) > 1 else tasks[0][:80]}.{digest[:12]}")


def _own(lab: Lab, tasks: Sequence[str], settings: Settings) -> str | None:
    listed = lab.facts.zoo
    names = [tasks[0]] if len(tasks) == 1 else [n for n, together in listed.items() if set(together) == set(tasks)]
    for name in names:
        if name not in lab.zoo:
            same = patch_settings(lab, name) == settings
        else:
            checkpoint = lab.zoo[name]
            same = dict(checkpoint.settings) == settings.facts and set(checkpoint.tasks) == set(tasks)
            same = same and checkpoint.start in (None, lab.base)
        if same:
            return name
    return None


def trained(lab: Lab, tasks: Sequence[str], start: Recipe, steps: int, augment: str = "") -> Recipe | None:
    """The weights after fine-tuning on tasks (jointly if several) from ``start`` if they are there, else None."""
    name = name_of(lab, tasks, start, settings_for(lab, tasks, steps, augment))
    return single(name) if name in lab.zoo else None


def tuned(
    lab: Lab,
    tasks: Sequence[str],
    start: Recipe,
    steps: int,
    progress: Progress,
    may_train: bool = True,
    augment: str = "",
) -> Recipe:
    """The weights after fine-tuning on tasks (jointly if several) from ``start``, trained now if they are not there.

    Raises CheckpointError if they are missing and ``may_train`` is false, or belong to another start.
    """
    settings = settings_for(lab, tasks, steps, augment)
    name = name_of(lab, tasks, start, settings)
    if name not in lab.zoo and not may_train:
        raise CheckpointError(
            f"{lab.name} has no checkpoint of {' + '.join(tasks)} fine-tuned for {steps} steps from these weights; "
            "train it with `python -m core strategies`."
        )
    if name in lab.zoo:
        check_start(lab, name, start)
    else:
        together = lab.facts.zoo.get(name) or sorted(tasks)
        train(lab, together, name, start, progress, settings)
    return single(name)


def absent(lab: Lab, row: StrategyRow) -> list[str]:
    """The checkpoints that a row's weights are mixed from and that this workspace does not hold."""
    models = [m for recipe in row.recipes.values() for m in recipe.models]
    return [name for name in dict.fromkeys(models) if name not in lab.zoo]


def cost_of(lab: Lab, outcome: Comparison, row: StrategyRow) -> float:
    """What training a row's absent checkpoints again costs, in forward passes of a picture."""
    each = outcome.facts["budget"] if row.strategy == JOINT else outcome.facts["steps_each"]
    return len(absent(lab, row)) * each * settings_of(lab, "").batch_size * TRAINING_COST  # type: ignore[operator]


def remake(lab: Lab, outcome: Comparison, strategy: str, progress: Progress) -> None:
    """Train again, with the same settings, seeds and starts, the checkpoints that a strategy's weights are mixed from.

    Raises CheckpointError for a strategy that is not there, or where a sequence comes out under other names: on another
    machine the last bits of the first checkpoint may differ, and so all that starts from it is another model.
    """
    if not (rows := outcome.of(strategy)):
        raise CheckpointError(f"There is no strategy {strategy!r} here; there is {', '.join(outcome.strategies())}.")
    for row in progress(rows):
        _remake(lab, outcome, row, progress)
        if rest := absent(lab, row):
            raise CheckpointError(
                f"Trained again on this machine, {strategy} is another model ({', '.join(rest)} did not come back, bit "
                "for bit); compare again to get one that can be used here."
            )


def _remake(lab: Lab, outcome: Comparison, row: StrategyRow, progress: Progress) -> None:
    tasks, start = [str(t) for t in outcome.facts["tasks"]], lab.base  # type: ignore[attr-defined]
    steps, budget = int(outcome.facts["steps_each"]), int(outcome.facts["budget"])  # type: ignore[call-overload]
    again = partial(tuned, lab, progress=progress, augment=str(outcome.facts.get("augment", "")))
    if row.strategy == JOINT:
        again(tasks, start, budget)
    elif row.timeline:
        for moment in progress(row.timeline):
            start = lerp(start, again([moment.task], start, steps), moment.alpha)
    elif row.strategy != UNPATCHED:
        for task in progress(tasks):
            again([task], start, steps)
