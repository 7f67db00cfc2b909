"""python -m core data [add | decode | get | remove]: the papers' data sets, and data of one's own."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from core.classify import class_names, file_text
from core.cli.command_line import command_line
from core.cli.terminal import add_verb, followed
from core.tasks import ROLES, STATES, entry, fetch, home, statuses
from core.workspace import Lab, datasets


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``data``: its verbs."""
    verbs = parser.add_subparsers(metavar="VERB", title="verbs (without one: list the catalogue)")
    about = "Add a data set of the catalogue, or a folder per class, parquet, CSV or zip, as a task."
    add_arguments(add_verb(verbs, "add", add_run, about))
    about = "Decode a workspace's real data now; stop it any time, it goes on where it was."
    decode_arguments(add_verb(verbs, "decode", decode_run, about))
    get_arguments(add_verb(verbs, "get", get_run, "Download a data set of the catalogue into the data folder."))
    about = "Take a task that was added out of a workspace; no file is deleted."
    remove_arguments(add_verb(verbs, "remove", remove_run, about))


def run(_lab: Lab, _options: Namespace) -> int:
    """List the catalogue: which data sets are there, and how to get the others."""
    print(f"data folder: {home()} (PALETTE_DATA names another)")
    for status in statuses():
        sizes = ", ".join(f"{part} {n:,}" for part, n in status.sizes.items())
        print(f"  {status.entry.key:20} {status.entry.role:10} {STATES[status.state]:18} {sizes}")
        if status.state != "there" or status.note:
            note = f" {status.note}" if status.note not in status.said else ""
            print(f"  {'':20} {status.said}{note}")
    return 0


def _in_workspace(parser: ArgumentParser) -> None:
    parser.add_argument("workspace", metavar="WORKSPACE", help="which workspace")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``data add``."""
    _in_workspace(parser)
    add = parser.add_argument
    add("task", metavar="TASK", help="a name of the catalogue, or a path")
    add("--name", metavar="NAME", help="what the task is called (default: as the data)")
    add("--title", metavar="TITLE", help="what pages call it")
    add("--role", choices=ROLES, help="what it is for (default: the catalogue's, or patching)")
    add("--classes", type=Path, metavar="FILE", help="class names, one a line, in the labels' order")
    add("--templates", type=Path, metavar="FILE", help="prompt templates with one {} each, one a line")
    add("--image", metavar="COLUMN", help="the column with the images (parquet, CSV)")
    add("--label", metavar="COLUMN", help="the column with the labels (parquet, CSV)")
    add("--seed", type=int, metavar="N", help="of the splits (default: 0)")
    add("--show", type=int, default=10, metavar="N", help="how many classes to print (default: 10)")
    add("--replace", action="store_true", help="replace a task of that name that was added before")
    add("--dry-run", action="store_true", help="only say what would be added")


def add_run(lab: Lab, options: Namespace) -> int:
    """Add a data set to a workspace as a task, after a look at its classes and sizes."""
    chosen = {k: getattr(options, k) for k in ("name", "role", "title", "image", "label", "seed")}
    lists = {"class_names": _names(options.classes), "templates": _templates(options.templates)}
    given = {k: v for k, v in {**chosen, **lists}.items() if v is not None}
    with followed() as progress:
        facts = datasets.facts_of(options.task, progress, **given)
    preview = datasets.preview(lab, facts)
    sizes = ", ".join(f"{split} {n:,}" for split, n in preview.sizes.items())
    task, seed = preview.task, facts.get("seed", 0)
    print(f"{task.name}: {task.role}, {len(task.class_names)} classes; {sizes} (seed {seed})")
    for i, name in enumerate(task.class_names[: options.show]):
        print(f"  {name:30} " + ", ".join(f"{split} {counts[i]:,}" for split, counts in preview.counts.items()))
    if (more := len(task.class_names) - options.show) > 0:
        print(f"  and {more:,} more classes")
    for sentence in preview.said:
        print(f"  note: {sentence}")
    print(datasets.cost(lab, sum(preview.sizes.values())))
    if options.dry_run:
        return 0
    datasets.add(lab, facts, options.replace)
    print(f"{lab.name} has {task.name} now. Next: python -m core data decode {lab.name} {task.name}")
    if task.role == "patching":
        print(f"and: {command_line(lab, ['build', '--tasks', task.name])}")
    return 0


def _templates(path: Path | None) -> Sequence[str] | None:
    """The templates in a file, one a line. Raises PaletteError."""
    return None if path is None else class_names.templates(file_text(path))


def _names(path: Path | None) -> Sequence[str] | None:
    """The class names in a file, in order. Raises PaletteError."""
    if path is None:
        return None
    found = class_names.read_class_names(file_text(path), keep_all=True)
    for note in found.notes:
        print(f"palette: {note}.", file=sys.stderr)
    return found.names


def decode_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``data decode``."""
    _in_workspace(parser)
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="which tasks (default: all that were added)")


def decode_run(lab: Lab, options: Namespace) -> int:
    """Decode the pictures of real data; what is decoded already stays."""
    added = datasets.added(lab)
    names = options.tasks or added
    if pictures := sum(sum(lab.task(name).source.sizes().values()) for name in set(names) & set(added)):
        print(f"{pictures:,} pictures. {datasets.cost(lab, pictures)} What is decoded already stays.", flush=True)
    with followed() as progress:
        decoded = datasets.decode(lab, names, progress)
    for name, count in decoded.items():
        print(f"{name}: {count:,} pictures are decoded.")
    if not names:
        print(f"{lab.name} has no real data; add some with: python -m core data add {lab.name} TASK")
    return 0


def get_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``data get``."""
    parser.add_argument("task", metavar="TASK", help="a name of the catalogue")


def get_run(_lab: Lab, options: Namespace) -> int:
    """Download a data set of the catalogue."""
    with followed() as progress:
        message = fetch(entry(options.task), progress)
    print(message)
    return 0


def remove_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``data remove``."""
    _in_workspace(parser)
    parser.add_argument("task", metavar="TASK", help="which task")


def remove_run(lab: Lab, options: Namespace) -> int:
    """Take a task out of a workspace; its files stay."""
    datasets.remove(lab, options.task)
    print(f"{lab.name} no longer lists {options.task}; its files and results are where they were.")
    return 0
