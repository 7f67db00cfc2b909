"""Work that several workers share, from the command line: build --workers, and searches."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from typing import Any

from core.cli.terminal import followed
from core.progress import Progress
from core.recipes import OPTIMISERS


def commands(command: Callable[..., ArgumentParser]) -> None:
    """Add ``searches`` to a command line: ``command(name, run, help)`` makes one."""

    def searches_(lab, options) -> int:
        from core.patching import make_plan, ranked, searches, tasks_named

        tasks = tasks_named(lab, options.tasks or lab.by_role("patching"))
        supported = tasks_named(lab, options.supported or lab.default_supported())
        plan = make_plan(lab, tasks, supported, options.budget, trials=options.trials, augment=options.augment)
        with followed() as progress:
            lab.remember((*plan.tasks, *plan.supported), progress)
            graph = searches(lab, plan, options.optimisers, options.seeds)
            spread(lab, graph, options.workers, options.scheduler, progress)
        print(f"{lab.name}: {', '.join(plan.tasks)} with {', '.join(plan.supported)}; the first is chosen, on val")
        for found in ranked(lab, graph):
            accuracies = [
                f"{split} {100 * a['value']:.1f} % [{100 * a['low']:.1f}, {100 * a['high']:.1f}], n = {a['n']}"
                for split, a in ((split, found[split]) for split in ("val", "test"))
            ]
            alphas = ", ".join(f"{a:.2f}" for a in found["alphas"])
            print(f"  {found['optimiser']:11} seed {found['seed']}  {'; '.join(accuracies)}  α = {alphas}")
        return 0

    one = command("searches", searches_, "Search a patch of several tasks with several optimisers at once.")
    one.add_argument("--tasks", nargs="+", metavar="TASK", help="patching tasks (default: all)")
    one.add_argument("--supported", nargs="+", metavar="TASK", help="supported tasks (default: the workspace's)")
    one.add_argument("--optimisers", nargs="+", default=OPTIMISERS, choices=OPTIMISERS, help="(default: all four)")
    one.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="N", help="for each optimiser (default: 0)")
    one.add_argument("--trials", type=int, default=100, metavar="N", help="evaluations of each search (default: 100)")
    one.add_argument("--budget", type=int, metavar="STEPS", help="optimiser steps of the fine-tunes in total")
    add_augment(one)
    add_workers(one)


def add_augment(one: ArgumentParser) -> None:
    """The option that says how far pictures are changed on their way into training."""
    one.add_argument(
        "--augment",
        default="",
        metavar="STRENGTH",
        help="none, light or strong: of training pictures (the workspace's)",
    )


def add_workers(one: ArgumentParser) -> None:
    """The options that say who shares the work."""
    one.add_argument("--workers", type=int, metavar="N", help="processes that share the work (default: one a GPU)")
    one.add_argument(
        "--scheduler", metavar="ADDRESS", help="tcp://HOST:PORT of dask.distributed; local: a cluster here"
    )


def wanted(lab: Any, options: Any) -> bool:
    """Whether a build is to be shared: somebody said so, or there are several GPUs and no device was named."""
    from core.training import default_workers

    return bool(options.workers or options.scheduler or (options.device is None and default_workers() > 1))


def build_with(
    lab: Any,
    names: Sequence[str] | None,
    supported: Sequence[str] | None,
    workers: int | None,
    scheduler: str | None,
    progress: Progress,
    augment: str = "",
) -> None:
    """Build patches' curves with several workers. Raises PaletteError."""
    from core.patching import pieces

    chosen = list(names or lab.patches()), list(supported or lab.default_supported())
    graph = pieces(lab, *chosen, augment=augment)
    spread(lab, graph, workers, scheduler, progress)


def spread(lab: Any, graph: Sequence[Any], workers: int | None, scheduler: str | None, progress: Progress) -> None:
    """Run what a graph lacks on several workers: processes of this machine, or a dask cluster. Raises PaletteError."""
    from core.training import WorkspaceSpec, default_workers, executor, run_graph

    workers = workers or (2 if scheduler == "local" else default_workers())
    device = None if scheduler or lab.device.type == "cuda" else str(lab.device)
    desk = WorkspaceSpec(lab.name, lab.folder.parent.absolute(), device)
    with executor(workers, scheduler) as found:
        run_graph([piece for piece in graph if not piece.done(lab)], desk, found, progress)
