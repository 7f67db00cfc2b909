"""The command that compares strategies for many tasks: python -m core strategies."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable

from core.cli.searches import add_augment
from core.cli.terminal import followed
from core.progress import duration
from core.recipes import GRID, OPTIMISERS, grid


def commands(command: Callable[..., ArgumentParser]) -> None:
    """Add it to a command line: ``command(name, run, help)`` makes one."""

    def strategies_(lab, options) -> int:
        from core.patching import compare, make_plan, outcome_of, outcome_path, parts, remake, tasks_named
        from core.training import pictures_per_second

        plan = make_plan(
            lab,
            tasks_named(lab, options.tasks or lab.by_role("patching")),
            tasks_named(lab, options.supported or lab.default_supported()),
            options.budget,
            orders=options.orders,
            seed=options.seed,
            optimiser=options.optimiser,
            trials=options.trials,
            total=options.total,
            exhaustive=options.exhaustive,
            alphas=grid(options.values),
            augment=options.augment,
        )
        with followed() as progress:
            lab.remember((*plan.tasks, *plan.supported), progress)
        outcome, path = outcome_of(lab, plan), outcome_path(lab, plan)
        outcome = None if options.again else outcome
        if outcome is None or options.dry_run:
            todo = parts(lab, plan)
            expected = sum(cost for _, cost in todo) / pictures_per_second(lab)
            print(
                f"{lab.name}: {len(plan.tasks)} tasks with {', '.join(plan.supported)}, {plan.budget} optimiser steps "
                f"for each strategy; about {duration(expected)} on {lab.device} if nothing is there yet."
            )
        if options.dry_run:
            for title, _ in todo:
                print(f"  - {title}")
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

    one = command("strategies", strategies_, "Joint, sequential and parallel patching of many tasks, at equal budget.")
    one.add_argument("--tasks", nargs="+", metavar="TASK", help="patching tasks (default: all); digits/5: in 5 groups")
    one.add_argument("--supported", nargs="+", metavar="TASK", help="supported tasks (default: the workspace's)")
    one.add_argument(
        "--orders", type=int, default=3, metavar="N", help="orders of the sequences (default: 3); 0: as named"
    )
    one.add_argument("--budget", type=int, metavar="STEPS", help="optimiser steps in total for each strategy")
    one.add_argument("--seed", type=int, default=0, metavar="N", help="of the orders and the search (default: 0)")
    one.add_argument("--optimiser", default=OPTIMISERS[0], choices=OPTIMISERS, help="of the search for α_i")
    one.add_argument("--trials", type=int, default=100, metavar="N", help="evaluations of the search (default: 100)")
    one.add_argument("--total", type=float, metavar="SUM", help="at most this Σ α_i in the search (default: any)")
    one.add_argument("--values", type=int, default=len(GRID), metavar="N", help="α from 0 to 1 to choose among (21)")
    one.add_argument("--exhaustive", type=int, default=0, metavar="N", help="also every mix of N values (2 or 3 tasks)")
    add_augment(one)
    one.add_argument(
        "--no-training", action="store_true", help="say which checkpoint is missing instead of training it"
    )
    one.add_argument("--again", action="store_true", help="compare again; what is on disk is used")
    one.add_argument("--remake", metavar="STRATEGY", help="train the checkpoints of a strategy that are not kept here")
    one.add_argument("--dry-run", action="store_true", help="only say what would be done, and how long it would take")
    one.add_argument("--json", action="store_true", help="print the outcome as JSON instead of a table")
