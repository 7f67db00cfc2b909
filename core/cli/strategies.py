"""python -m core strategies and searches: many tasks patched at equal budget, and one search by several optimisers."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace

from core.cli.build import spread
from core.cli.terminal import add_augment, add_workers, followed
from core.patching import (
    ComparisonPlan,
    compare,
    make_plan,
    outcome_of,
    outcome_path,
    parts,
    ranked,
    remake,
    searches,
    tasks_named,
)
from core.progress import duration
from core.recipes import GRID, OPTIMISERS, grid
from core.training import pictures_per_second
from core.workspace import Lab


def strategies_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``strategies``."""
    add = parser.add_argument
    add("--tasks", nargs="+", metavar="TASK", help="patching tasks (default: all); digits/5: in 5 groups")
    add("--supported", nargs="+", metavar="TASK", help="supported tasks (default: the workspace's)")
    add("--orders", type=int, default=3, metavar="N", help="orders of the sequences (default: 3); 0: as named")
    add("--budget", type=int, metavar="STEPS", help="optimiser steps in total for each strategy")
    add("--seed", type=int, default=0, metavar="N", help="of the orders and the search (default: 0)")
    add("--optimiser", default=OPTIMISERS[0], choices=OPTIMISERS, help="of the search for α_i")
    add("--trials", type=int, default=100, metavar="N", help="evaluations of the search (default: 100)")
    add("--total", type=float, metavar="SUM", help="at most this Σ α_i in the search (default: any)")
    add("--values", type=int, default=len(GRID), metavar="N", help="α from 0 to 1 to choose among (21)")
    add("--exhaustive", type=int, default=0, metavar="N", help="also every mix of N values (2 or 3 tasks)")
    add_augment(parser)
    add("--no-training", action="store_true", help="say which checkpoint is missing instead of training it")
    add("--again", action="store_true", help="compare again; what is on disk is used")
    add("--remake", metavar="STRATEGY", help="train the checkpoints of a strategy that are not kept here")
    add("--dry-run", action="store_true", help="only say what would be done, and how long it would take")
    add("--json", action="store_true", help="print the outcome as JSON instead of a table")


def strategies_run(lab: Lab, options: Namespace) -> int:
    """Compare the strategies, or read the comparison that is kept, and print it."""
    plan = _plan(
        lab,
        options,
        orders=options.orders,
        seed=options.seed,
        optimiser=options.optimiser,
        total=options.total,
        exhaustive=options.exhaustive,
        alphas=grid(options.values),
    )
    with followed() as progress:
        lab.hash_files((*plan.tasks, *plan.supported), progress)
    outcome, path = None if options.again else outcome_of(lab, plan), outcome_path(lab, plan)
    if outcome is None or options.dry_run:
        todo = parts(lab, plan)
        seconds = sum(part.cost for part in todo) / pictures_per_second(lab)
        print(
            f"{lab.name}: {len(plan.tasks)} tasks with {', '.join(plan.supported)}, {plan.budget} optimiser steps "
            f"for each strategy; about {duration(seconds)} on {lab.device} if nothing is there yet."
        )
        if options.dry_run:
            for part in todo:
                print(f"  - {part.title}")
            return 0
    if outcome is None:
        started = time.monotonic()
        with followed() as progress:
            outcome = compare(lab, plan, progress, may_train=not options.no_training)
        print(f"{lab.name}: done in {duration(time.monotonic() - started)}.")
    if options.remake:
        with followed() as progress:
            remake(lab, outcome, options.remake, progress)
        print(f"{lab.name}: every checkpoint of {options.remake} is there.")
    print(outcome.to_json() if options.json else outcome.table())
    if not options.json:
        print(f"On the test split, α chosen on val. All of it: {path} and {path.with_suffix('.csv').name}")
    return 0


def _plan(lab: Lab, options: Namespace, **more: object) -> ComparisonPlan:
    tasks = tasks_named(lab, options.tasks or lab.by_role("patching"))
    supported = tasks_named(lab, options.supported or lab.default_supported())
    return make_plan(lab, tasks, supported, options.budget, trials=options.trials, augment=options.augment, **more)


def searches_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``searches``."""
    add = parser.add_argument
    add("--tasks", nargs="+", metavar="TASK", help="patching tasks (default: all)")
    add("--supported", nargs="+", metavar="TASK", help="supported tasks (default: the workspace's)")
    add("--optimisers", nargs="+", default=OPTIMISERS, choices=OPTIMISERS, help="(default: all four)")
    add("--seeds", nargs="+", type=int, default=[0], metavar="N", help="for each optimiser (default: 0)")
    add("--trials", type=int, default=100, metavar="N", help="evaluations of each search (default: 100)")
    add("--budget", type=int, metavar="STEPS", help="optimiser steps of the fine-tunes in total")
    add_augment(parser)
    add_workers(parser)


def searches_run(lab: Lab, options: Namespace) -> int:
    """Run every search, shared by the workers, and print what each found, the best on val first."""
    plan = _plan(lab, options)
    with followed() as progress:
        lab.hash_files((*plan.tasks, *plan.supported), progress)
        graph = searches(lab, plan, options.optimisers, options.seeds)
        spread(lab, graph, options.workers, options.scheduler, progress)
    print(f"{lab.name}: {', '.join(plan.tasks)} with {', '.join(plan.supported)}; the first is chosen, on val")
    for result in ranked(lab, graph):
        accuracies = [
            f"{split} {100 * a['value']:.1f} % [{100 * a['low']:.1f}, {100 * a['high']:.1f}], n = {a['n']}"
            for split, a in ((split, result[split]) for split in ("val", "test"))
        ]
        alphas = ", ".join(f"{a:.2f}" for a in result["alphas"])
        print(f"  {result['optimiser']:11} seed {result['seed']}  {'; '.join(accuracies)}  α = {alphas}")
    return 0
