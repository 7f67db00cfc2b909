"""The command line: python -m core COMMAND."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path

from core import PaletteError
from core.cli import attack, classify, data, exchange, followed, searches, soup, strategies, workspaces
from core.progress import CancelledError, duration
from core.storage import files as disk
from core.workspace import parse_recipe

EPILOG = """\
examples:
  python -m core build                      everything that the pages of the mini workspace show
  python -m core build --tasks digits       one patching task
  python -m core eval digits@0.4 --task icons
  python -m core eval my-recipe.json --task digits --split val
  python -m core strategies --tasks digits textures signs --orders 3 --budget 900
  python -m core soup manifold --partition C8 --budget 250 --optimizer Cobyla
  python -m core export digits@0.4 --to my-model
  python -m core classify digits@0.4 photos/ more.zip --classes "cat,dog"
  python -m core apply my-model/recipe.json --to again
  python -m core import theirs.safetensors --name theirs --tasks digits
  python -m core attack test typographic@0.4 --task icons
  python -m core data                       which of the papers' data sets are there
  python -m core data add mini my-photos/   a folder for each class, as a task
  python -m core verify

A RECIPE is a checkpoint (base, digits), a patch of the base (digits@0.4: 0.6 base + 0.4 digits), or a JSON file.
exit status: 0 done; 1 something is wrong (one line on standard error); 2 wrong use; 130 stopped by Ctrl-C, resumable.
"""


def _build(lab, options) -> int:
    from core.patching import build_steps
    from core.training import build, pictures_per_second

    names = options.tasks or None
    with followed() as progress:
        tasks = [task for name in names or lab.patches() for task in lab.trained_on(name)]
        lab.remember([*tasks, *(options.supported or lab.default_supported())], progress)
    steps = build_steps(lab, names, options.supported or None, options.augment)
    todo = [step for step in steps if not step.done()]
    if not todo:
        print(f"{lab.name}: nothing to do, all {len(steps)} steps are done.")
        return 0
    expected = sum(step.cost for step in todo) / pictures_per_second(lab)
    print(f"{lab.name}: {len(todo)} of {len(steps)} steps to do, about {duration(expected)} on {lab.device}.")
    for step in todo:
        print(f"  - {step.title}")
    if options.dry_run:
        return 0
    disk.sweep(lab.folder, older_than=3600)
    started = time.monotonic()
    with followed() as progress:
        if searches.wanted(lab, options):
            shared = (options.workers, options.scheduler)
            searches.build_with(lab, names, options.supported, *shared, progress, options.augment)
        else:
            build(todo, progress)
    print(f"{lab.name}: done in {duration(time.monotonic() - started)}.")
    return 0


def _status(lab, options) -> int:
    from core.patching import build_steps
    from core.training import pictures_per_second

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
    if missing:
        expected = sum(step.cost for step in missing) / pictures_per_second(lab)
        print(f"missing (python -m core build, about {duration(expected)})")
        for step in missing:
            print(f"  - {step.title}")
    else:
        print("missing\n  nothing")
    return 0


def _eval(lab, options) -> int:
    recipe = parse_recipe(lab, options.recipe)
    with followed() as progress:
        result = lab.evaluate(recipe, options.task, options.split, progress)
    found = result.accuracy
    if options.json:
        facts = {"recipe": json.loads(recipe.to_json()), "task": options.task, "split": options.split}
        print(json.dumps({**facts, "accuracy": found.value, "low": found.low, "high": found.high, "n": found.n}))
    else:
        print(
            f"{options.recipe} on {options.task} ({options.split}): {100 * found.value:.1f} % "
            f"[{100 * found.low:.1f}, {100 * found.high:.1f}], n = {found.n}"
        )
    return 0


def _verify(lab, options) -> int:
    wrong = 0
    names = lab.zoo.names()
    for name in names:
        if trouble := lab.zoo.verify(name):
            wrong += 1
            print(f"damaged: {trouble}")
    files = list(lab.store.files())
    for path in files:
        try:
            disk.read_tensors(path)
        except disk.DamagedError as error:
            wrong += 1
            print(f"damaged: {path.relative_to(lab.folder)}: {error}")
    print(f"{lab.name}: {len(names)} checkpoints and {len(files)} results read, {wrong} damaged.")
    return 1 if wrong else 0


def _card(lab, options) -> int:
    from core.exchange import write_base_card

    with followed() as progress:
        text, missed = write_base_card(lab, options.photos, progress)
    print(text)
    if missed:
        print(f"palette: below what was asked for: {', '.join(missed)}.", file=sys.stderr)
    return 1 if missed else 0


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    words = argparse.RawDescriptionHelpFormatter
    top = argparse.ArgumentParser(
        "python -m core", description="Palette's engine.", epilog=EPILOG, formatter_class=words
    )
    top.add_argument("--workspace", default="mini", metavar="NAME", help="which workspace (default: mini)")
    top.add_argument("--cache", type=Path, metavar="DIR", help="home of the workspaces (default: cache/)")
    top.add_argument("--device", metavar="NAME", help="cpu or cuda (default: the GPU if there is one)")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")

    def command(name: str, run, help_text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=help_text.replace("%", "%%"), description=help_text)
        one.set_defaults(run=run)
        return one

    one = command("build", _build, "Fine-tune and evaluate what is missing; stop it any time, it goes on where it was.")
    one.add_argument("--tasks", nargs="+", metavar="TASK", help="patching tasks, or joint checkpoints (default: all)")
    one.add_argument("--supported", nargs="+", metavar="TASK", help="supported tasks (default: the workspace's)")
    one.add_argument("--dry-run", action="store_true", help="only say what would be done, and how long it would take")
    searches.add_augment(one)
    searches.add_workers(one)
    command("status", _status, "Say what exists, how big it is, and what is missing.")
    one = command("eval", _eval, "Accuracy of a recipe on a task, with n and the 95 % interval.")
    one.add_argument("recipe", metavar="RECIPE", help="NAME, NAME@ALPHA or FILE.json")
    one.add_argument("--task", required=True, help="which task")
    one.add_argument("--split", default="test", choices=["train", "val", "test"], help="which split (default: test)")
    one.add_argument("--json", action="store_true", help="print one JSON object instead of a sentence")
    one = command("card", _card, "Measure the base and write its model card; fails if a figure is below its goal.")
    one.add_argument("--photos", type=Path, metavar="FILE", help="CIFAR-10's test pictures as a parquet file")
    strategies.commands(command)
    exchange.commands(command)
    attack.commands(command)
    data.commands(command)
    classify.commands(command)
    workspaces.commands(command)
    searches.commands(command)
    soup.commands(command)
    command("verify", _verify, "Read every checkpoint and result again and compare it with its digest.")
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        from core.workspace import CACHE, Lab  # after parsing, so that --help is instant

        opens = getattr(options, "opens", True)
        lab = Lab(options.workspace, options.cache or CACHE, options.device) if opens else None
        status = options.run(lab, options)
        for notice in dict.fromkeys(lab.notices if lab else ()):
            print(f"palette: {notice}", file=sys.stderr)
        return status
    except (KeyboardInterrupt, CancelledError):
        print("\npalette: stopped; what can be kept is kept, and the same command goes on from here.", file=sys.stderr)
        return 130
    except PaletteError as error:
        print(f"palette: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader of our output has gone
        return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill is Ctrl-C
    sys.exit(main())
