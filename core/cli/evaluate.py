"""python -m core status, eval, card and verify: what a workspace holds, and what it is worth."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from core.cli.terminal import add_recipe, add_split, followed
from core.exchange import write_base_card
from core.patching import build_steps
from core.progress import duration
from core.storage import files
from core.training import pictures_per_second
from core.workspace import Lab, parse_recipe


def status_arguments(_parser: ArgumentParser) -> None:
    """Add the arguments of ``status``: none."""


def status_run(lab: Lab, _options: Namespace) -> int:
    """Say what exists, how big it is, and what is missing."""
    total = sum(p.stat().st_size for p in lab.folder.rglob("*") if p.is_file())
    print(f"{lab.name}: {lab.folder}, {total / 1e6:.1f} MB, device {lab.device}")
    print("checkpoints")
    for name in lab.zoo.names():
        checkpoint = lab.zoo[name]
        print(f"  {name:24} {checkpoint.bytes / 1e6:7.2f} MB  {checkpoint.digest[:12]}")
    results = list(lab.store.files())
    print(f"results\n  {len(results)} files, {sum(p.stat().st_size for p in results) / 1e6:.1f} MB")
    print("tasks")
    for task in lab.tasks.values():
        sizes = ", ".join(f"{split} {n}" for split, n in task.source.sizes().items())
        print(f"  {task.name:24} {task.role:10} {len(task.class_names):4} classes; {sizes}")
    missing = [step for step in build_steps(lab) if not step.done()]
    if not missing:
        print("missing\n  nothing")
        return 0
    seconds = sum(step.cost for step in missing) / pictures_per_second(lab)
    print(f"missing (python -m core build, about {duration(seconds)})")
    for step in missing:
        print(f"  - {step.title}")
    return 0


def eval_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``eval``."""
    add_recipe(parser)
    parser.add_argument("--task", required=True, help="which task")
    add_split(parser, "test", "which split (default: test)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a sentence")


def eval_run(lab: Lab, options: Namespace) -> int:
    """Print the accuracy of a recipe on a task."""
    recipe = parse_recipe(lab, options.recipe)
    with followed() as progress:
        accuracy = lab.evaluate(recipe, options.task, options.split, progress).accuracy
    low, high, n = accuracy.low, accuracy.high, accuracy.n
    if options.json:
        question = {"recipe": json.loads(recipe.to_json()), "task": options.task, "split": options.split}
        print(json.dumps({**question, "accuracy": accuracy.value, "low": low, "high": high, "n": n}))
    else:
        print(
            f"{options.recipe} on {options.task} ({options.split}): {100 * accuracy.value:.1f} % "
            f"[{100 * low:.1f}, {100 * high:.1f}], n = {n}"
        )
    return 0


def card_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``card``."""
    parser.add_argument("--photos", type=Path, metavar="FILE", help="CIFAR-10's test pictures as a parquet file")


def card_run(lab: Lab, options: Namespace) -> int:
    """Measure the base and write its model card; status 1 if a figure is below its goal."""
    with followed() as progress:
        text, missed = write_base_card(lab, options.photos, progress)
    print(text)
    if missed:
        print(f"palette: below what was asked for: {', '.join(missed)}.", file=sys.stderr)
    return 1 if missed else 0


def verify_arguments(_parser: ArgumentParser) -> None:
    """Add the arguments of ``verify``: none."""


def verify_run(lab: Lab, _options: Namespace) -> int:
    """Read every checkpoint and result and compare it with its digest; status 1 if one is damaged."""
    names, results, damaged = lab.zoo.names(), list(lab.store.files()), list[str]()
    for name in names:
        if complaint := lab.zoo.verify(name):
            damaged.append(complaint)
    for path in results:
        try:
            files.read_tensors(path)
        except files.DamagedError as error:
            damaged.append(f"{path.relative_to(lab.folder)}: {error}")
    for line in damaged:
        print(f"damaged: {line}")
    print(f"{lab.name}: {len(names)} checkpoints and {len(results)} results read, {len(damaged)} damaged.")
    return 1 if damaged else 0
