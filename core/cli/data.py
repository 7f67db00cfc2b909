"""The commands for real data: python -m core data [add | decode | get | remove]."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path

from core import PaletteError
from core.cli.terminal import followed
from core.tasks import ROLES, home


def _list(lab, _options) -> int:
    from core.tasks import STATES, statuses

    print(f"data folder: {home()} (PALETTE_DATA names another)")
    for found in statuses():
        sizes = ", ".join(f"{part} {n:,}" for part, n in found.sizes.items())
        print(f"  {found.entry.key:20} {found.entry.role:10} {STATES[found.state]:18} {sizes}")
        if found.state != "there" or found.note:
            print(f"  {'':20} {found.said}" + (f" {found.note}" if found.note not in found.said else ""))
    return 0


def _lines(path: Path | None) -> Sequence[str] | None:
    """The lines of a text file that say something: class names or templates, one each. Raises PaletteError."""
    if path is None:
        return None
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise PaletteError(f"Cannot read {path}: {getattr(error, 'strerror', None) or error}.") from None


def _add(lab, options) -> int:
    from core.workspace import datasets

    chosen = {k: getattr(options, k) for k in ("name", "role", "title", "image", "label", "seed")}
    words = {"class_names": _lines(options.classes), "templates": _lines(options.templates)}
    facts = datasets.facts_of(options.task, **{k: v for k, v in {**chosen, **words}.items() if v is not None})
    shown = datasets.preview(lab, facts)
    sizes = ", ".join(f"{split} {n:,}" for split, n in shown.sizes.items())
    task, seed = shown.task, facts.get("seed", 0)
    print(f"{task.name}: {task.role}, {len(task.class_names)} classes; {sizes} (seed {seed})")
    for i, name in enumerate(shown.task.class_names[: options.show]):
        print(f"  {name:30} " + ", ".join(f"{split} {counts[i]:,}" for split, counts in shown.counts.items()))
    if more := len(shown.task.class_names) - options.show:
        print(f"  and {more:,} more classes" if more > 0 else "", end="\n" if more > 0 else "")
    print(datasets.cost(lab, sum(shown.sizes.values())))
    if options.dry_run:
        return 0
    datasets.add(lab, facts, options.replace)
    where = "" if lab.name == "mini" else f"--workspace {lab.name} "
    print(f"{lab.name} has {shown.task.name} now. Next: python -m core data decode {lab.name} {shown.task.name}")
    if shown.task.role == "patching":
        print(f"and: python -m core {where}build --tasks {shown.task.name}")
    return 0


def _decode(lab, options) -> int:
    from core.workspace import datasets

    names = options.tasks or datasets.added(lab)
    real = set(names) & set(datasets.added(lab))
    if count := sum(sum(lab.task(name).source.sizes().values()) for name in real):
        print(f"{count:,} pictures. {datasets.cost(lab, count)} What is decoded already stays.", flush=True)
    with followed() as progress:
        done = datasets.decode(lab, names, progress)
    for name, count in done.items():
        print(f"{name}: {count:,} pictures are decoded.")
    if not names:
        print(f"{lab.name} has no real data; add some with: python -m core data add {lab.name} TASK")
    return 0


def _get(_lab, options) -> int:
    from core.tasks import entry, fetch

    with followed() as progress:
        said = fetch(entry(options.task), progress)
    print(said)
    return 0


def _remove(lab, options) -> int:
    from core.workspace import datasets

    datasets.remove(lab, options.task)
    print(f"{lab.name} no longer lists {options.task}; its files and results are where they were.")
    return 0


def commands(command: Callable[..., ArgumentParser]) -> None:
    """Add them to a command line: ``command(name, run, help)`` makes one."""
    top = command("data", _list, "Say which of the papers' data sets are there; add them, or your own, to a workspace.")
    verbs = top.add_subparsers(metavar="VERB", title="verbs (without one: list the catalogue)")

    def verb(name: str, run, help_text: str) -> ArgumentParser:
        one = verbs.add_parser(name, help=help_text, description=help_text)
        one.set_defaults(run=run)
        return one

    def in_workspace(one: ArgumentParser) -> None:
        one.add_argument("workspace", metavar="WORKSPACE", help="which workspace")

    one = verb("add", _add, "Add a data set of the catalogue, or a folder per class, parquet, CSV or zip, as a task.")
    in_workspace(one)
    one.add_argument("task", metavar="TASK", help="a name of the catalogue, or a path")
    one.add_argument("--name", metavar="NAME", help="what the task is called (default: as the data)")
    one.add_argument("--title", metavar="TITLE", help="what pages call it")
    one.add_argument("--role", choices=ROLES, help="what it is for (default: the catalogue's, or patching)")
    one.add_argument("--classes", type=Path, metavar="FILE", help="class names, one a line, in the labels' order")
    one.add_argument("--templates", type=Path, metavar="FILE", help="prompt templates with one {} each, one a line")
    one.add_argument("--image", metavar="COLUMN", help="the column with the images (parquet, CSV)")
    one.add_argument("--label", metavar="COLUMN", help="the column with the labels (parquet, CSV)")
    one.add_argument("--seed", type=int, metavar="N", help="of the splits (default: 0)")
    one.add_argument("--show", type=int, default=10, metavar="N", help="how many classes to print (default: 10)")
    one.add_argument("--replace", action="store_true", help="replace a task of that name that was added before")
    one.add_argument("--dry-run", action="store_true", help="only say what would be added")
    one = verb("decode", _decode, "Decode a workspace's real data now; stop it any time, it goes on where it was.")
    in_workspace(one)
    one.add_argument("tasks", nargs="*", metavar="TASK", help="which tasks (default: all that were added)")
    one = verb("get", _get, "Download a data set of the catalogue into the data folder.")
    one.add_argument("task", metavar="TASK", help="a name of the catalogue")
    one = verb("remove", _remove, "Take a task that was added out of a workspace; no file is deleted.")
    in_workspace(one)
    one.add_argument("task", metavar="TASK", help="which task")
