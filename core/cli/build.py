"""python -m core build and merge: checkpoints by training, and by merging those that there are."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from core.cli.terminal import add_augment, add_workers, followed
from core.methods import METHODS, PARAMETERS, POST_STEPS, merge_checkpoints
from core.patching import build_steps, pieces
from core.progress import Progress, duration
from core.storage import files
from core.training import Piece, WorkspaceSpec, build, default_workers, executor, pictures_per_second, run_graph
from core.workspace import Lab


def build_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``build``."""
    parser.add_argument(
        "--tasks", nargs="+", metavar="TASK", help="patching tasks, or joint checkpoints (default: all)"
    )
    parser.add_argument("--supported", nargs="+", metavar="TASK", help="supported tasks (default: the workspace's)")
    parser.add_argument(
        "--dry-run", action="store_true", help="only say what would be done, and how long it would take"
    )
    add_augment(parser)
    add_workers(parser)


def build_run(lab: Lab, options: Namespace) -> int:
    """Build what is missing of the curves of these patches."""
    names = options.tasks or lab.patches()
    supported = options.supported or lab.default_supported()
    with followed() as progress:
        lab.hash_files([*(task for name in names for task in lab.trained_on(name)), *supported], progress)
    steps = build_steps(lab, names, supported, options.augment)
    todo = [step for step in steps if not step.done()]
    if not todo:
        print(f"{lab.name}: nothing to do, all {len(steps)} steps are done.")
        return 0
    seconds = sum(step.cost for step in todo) / pictures_per_second(lab)
    print(f"{lab.name}: {len(todo)} of {len(steps)} steps to do, about {duration(seconds)} on {lab.device}.")
    for step in todo:
        print(f"  - {step.title}")
    if options.dry_run:
        return 0
    files.sweep(lab.folder, older_than=3600)
    started = time.monotonic()
    with followed() as progress:
        if _is_shared(options):
            graph = pieces(lab, names, supported, augment=options.augment)
            spread(lab, graph, options.workers, options.scheduler, progress)
        else:
            build(todo, progress)
    print(f"{lab.name}: done in {duration(time.monotonic() - started)}.")
    return 0


def _is_shared(options: Namespace) -> bool:
    """Whether workers share the build: somebody said so, or there are several GPUs and no device was named."""
    return bool(options.workers or options.scheduler or (options.device is None and default_workers() > 1))


def spread(lab: Lab, graph: Sequence[Piece], workers: int | None, scheduler: str | None, progress: Progress) -> None:
    """Run what a graph lacks on several workers: processes of this machine, or a dask cluster. Raises PaletteError."""
    workers = workers or (2 if scheduler == "local" else default_workers())
    device = None if scheduler or lab.device.type == "cuda" else str(lab.device)
    spec = WorkspaceSpec(lab.name, lab.folder.parent.absolute(), device)
    with executor(workers, scheduler) as pool:
        run_graph([piece for piece in graph if not piece.done(lab)], spec, pool, progress)


def merge_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments: one option for each parameter of the methods and post-steps."""
    parser.add_argument("method", metavar="METHOD", help=", ".join(METHODS))
    parser.add_argument("--of", nargs="+", required=True, metavar="NAME", help="the checkpoints to merge, two or more")
    parser.add_argument("--name", required=True, help="what to call the direction; NAME@ALPHA is then a recipe")
    parser.add_argument("--then", nargs="+", default=[], metavar="STEP", help=f"afterwards: {', '.join(POST_STEPS)}")
    parser.add_argument("--overwrite", action="store_true", help="replace another checkpoint of that name")
    for name, (about, whole) in _parameters().items():
        parser.add_argument(f"--{name}", type=int if whole else float, help=about.replace("%", "%%"))


def merge_run(lab: Lab, options: Namespace) -> int:
    """Make the direction and say what it is; returns the exit status. Raises PaletteError."""
    given = {name: value for name in _parameters() if (value := getattr(options, name)) is not None}
    started = time.monotonic()
    with followed() as progress:
        made = merge_checkpoints(
            lab,
            options.method,
            options.of,
            options.name,
            given,
            then=options.then,
            overwrite=options.overwrite,
            progress=progress,
        )
    how = " + ".join((METHODS | POST_STEPS)[one].title for one in (options.method, *options.then))
    print(
        f"{made.name}: {how} of {', '.join(options.of)}, {made.bytes / 1e6:.1f} MB, {made.digest[:12]}, "
        f"{duration(time.monotonic() - started)}. Try `python -m core eval {made.name}@0.5 --task ...`."
    )
    return 0


def _parameters() -> dict[str, tuple[str, bool]]:
    """What each option says and whether it is a whole number; methods may share a name."""
    found: dict[str, tuple[str, bool]] = {name: (one.about, one.whole) for name, one in PARAMETERS.items()}
    for key, method in (METHODS | POST_STEPS).items():
        for name, one in method.parameters.items():
            about = f"{key}: {one.about} ({one.low:g} to {one.high:g}, default: {one.default:g})"
            found[name] = (f"{found[name][0]}; {about}" if name in found else about, one.whole)
    return found
