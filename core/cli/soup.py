"""python -m core soup: ingredients, soups of them, ensembles and WiSE-FT, and what each of them is worth."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser, Namespace
from typing import Any

from core import PaletteError
from core.cli.terminal import followed
from core.progress import duration
from core.recipes import OPTIMISERS, PRESETS
from core.soups import (
    METHODS,
    Pool,
    SoupPlan,
    check_plan,
    individuals,
    ingredients,
    make_pool,
    make_soup,
    outcome_facts,
    outcome_file,
    plan_ingredients,
    put_aside,
    row_facts,
    too_small,
    wise_ft,
)
from core.training import build, pictures_per_second
from core.workspace import Lab

OTHERS = ("ingredients", "wise", "table", "all")
EVERYTHING: tuple[dict[str, str], ...] = (
    {"method": "uniform"},
    {"method": "greedy"},
    *({"method": "manifold", "partition": p} for p in ("C8", "C15", "C26", "whole")),
    {"method": "learned", "partition": "whole"},
    {"method": "learned", "partition": "blocks"},
    {"method": "ensemble"},
    {"method": "greedy ensemble"},
)
"""What ``soup all`` makes: the rows of the paper's Table 1, and the learned soups."""


def arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``soup``."""
    add, methods = parser.add_argument, [method.replace(" ", "-") for method in METHODS]
    add("method", choices=[*methods, *OTHERS], help="what to make; ingredients: fine-tune them first")
    add("--ingredients", nargs="+", metavar="NAME", help="checkpoints (default: the workspace's own sweep)")
    add("--task", metavar="TASK", help="whose val chooses (default: the one they were fine-tuned on)")
    add("--shifts", nargs="*", metavar="TASK", help="where soups are only measured (default: the ood tasks)")
    add("--partition", default="C8", metavar="P", help="whole, blocks, C8, C15, C26, or a number of parts")
    add("--preset", default="paper", choices=PRESETS, help="of the search (default: paper)")
    add("--tau", type=float, metavar="T", help="search candidates above T × the best (default: 0.998)")
    add("--budget", type=int, metavar="N", help="evaluations per search (default: the preset's)")
    add("--optimizer", "--optimiser", dest="optimiser", default=OPTIMISERS[0], choices=OPTIMISERS)
    add("--seed", type=int, default=0, metavar="N", help="of the search (default: 0)")
    add("--racing", action="store_true", help="give up hopeless λ before they saw every picture")
    add("--resume", action="store_true", help="insist that there is a stopped search to go on with")
    add("--anew", action="store_true", help="put what there is of this search aside, and start again")
    add("--of", metavar="NAME", help="with wise: one ingredient (default: all)")
    add("--json", action="store_true", help="print the results as JSON instead of a table")


def run(lab: Lab, options: Namespace) -> int:
    """Make what is asked for, and print the table of the pool."""
    if options.method == "ingredients":
        return _fine_tune_ingredients(lab, options)
    pool = make_pool(lab, options.ingredients or _own_ingredients(lab), options.task, options.shifts)
    if options.method == "wise":
        with followed() as progress:
            for name in pool.ingredients if options.of is None else [options.of]:
                wise_ft(lab, pool, name, progress)
    elif options.method == "all":
        for choice in EVERYTHING:
            _make(lab, pool, SoupPlan(**_settings(options) | choice), options)
    elif options.method != "table":
        _make(lab, pool, SoupPlan(options.method.replace("-", " "), **_settings(options)), options)
    _print_results(lab, pool, options.json)
    return 0


def _settings(options: Namespace) -> dict[str, Any]:
    return {n: getattr(options, n) for n in ("partition", "preset", "budget", "tau", "optimiser", "seed", "racing")}


def _own_ingredients(lab: Lab) -> list[str]:
    own = [name for name in ingredients(lab) if name in lab.zoo]
    if len(own) < 2:
        raise PaletteError(
            f"{lab.name} has no ingredients yet: `python -m core soup ingredients` fine-tunes them, or name "
            "checkpoints with --ingredients."
        )
    return own


def _fine_tune_ingredients(lab: Lab, options: Namespace) -> int:
    steps = plan_ingredients(lab, options.ingredients)
    todo = [step for step in steps if not step.done()]
    seconds = sum(step.cost for step in todo) / pictures_per_second(lab)
    print(
        f"{lab.name}: {len(todo)} of {len(steps)} ingredients to fine-tune, about {duration(seconds)} on {lab.device}."
    )
    with followed() as progress:
        build(todo, progress)
    return 0


def _make(lab: Lab, pool: Pool, plan: SoupPlan, options: Namespace) -> None:
    path = outcome_file(lab, pool, check_plan(lab, plan))
    trace = path.with_suffix(".jsonl")
    if options.anew:
        for old in (path, trace):
            put_aside(old)
    if options.resume and not trace.exists():
        raise PaletteError(f"There is no stopped search of {plan.title()} to go on with; leave --resume out.")
    if path.exists():
        print(f"{plan.title()}: made already, kept in {path}.")
        return
    started = time.monotonic()
    with followed() as progress:
        outcome = make_soup(lab, pool, plan, progress)
    ran = f", {outcome.optimiser}" if outcome.optimiser else ""
    print(
        f"{plan.title()}: {outcome.evaluations} evaluations{ran}, {duration(time.monotonic() - started)}; "
        f"kept in {path}."
    )
    for line in outcome.verdicts:
        print(
            f"  {line['candidate']:24} {line['verdict']:8} {100 * (line['after'] - line['before']):+.1f} points on val"
        )
    for note in outcome.notes:
        print(f"  note: {note}")


def _print_results(lab: Lab, pool: Pool, as_json: bool) -> None:
    results = individuals(lab, pool)
    if as_json:
        facts = {**results.facts, "individuals": [row_facts(r) for r in results.individuals]}
        print(json.dumps(facts | {"outcomes": [outcome_facts(o) for o in results.outcomes]}, indent=1))
        return
    if warning := too_small([row.val.accuracy for row in results.individuals]):
        print(f"note: {warning}")
    greedy = results.row("Greedy soup")
    wide = max(len(row.name) for row in results.rows())
    print(
        f"{'':{wide}}  {'val':>6} {'test':>6} "
        + " ".join(f"{shift[-9:]:>9}" for shift in pool.shifts)
        + "   average OOD"
    )
    for row in results.rows():
        line = f"{row.name:{wide}}  {100 * row.val.accuracy.value:6.1f} {100 * row.test.accuracy.value:6.1f} "
        line += " ".join(f"{100 * row.shifts[s].accuracy.value:9.1f}" for s in pool.shifts)
        if row.ood is not None:
            line += f"   {100 * row.ood.value:.1f} [{100 * row.ood.low:.1f}, {100 * row.ood.high:.1f}]"
        if greedy is not None and row is not greedy and row.shifts:
            flips = row.against(greedy)["ood"]
            noise = " (within noise)" if flips.within_noise else ""
            line += f"  {100 * flips.difference:+.1f} against greedy{noise}"
        print(line + (f"  ({row.passes} forward passes)" if row.passes > 1 else ""))
