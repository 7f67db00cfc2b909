"""The command that makes soups: python -m core soup."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from core import PaletteError
from core.cli.terminal import followed
from core.progress import duration
from core.recipes import OPTIMISERS, PRESETS

METHODS = ("uniform", "greedy", "manifold", "learned", "ensemble", "greedy-ensemble")
OTHERS = ("ingredients", "wise", "table", "all")
EVERYTHING = (
    {"method": "uniform"},
    {"method": "greedy"},
    *({"method": "manifold", "partition": p} for p in ("C8", "C15", "C26", "whole")),
    {"method": "learned", "partition": "whole"},
    {"method": "learned", "partition": "blocks"},
    {"method": "ensemble"},
    {"method": "greedy ensemble"},
)
"""What ``soup all`` makes: the rows of the paper's Table 1, and the learned soups."""


def commands(command: Callable[..., ArgumentParser]) -> None:
    """Add it to a command line: ``command(name, run, help)`` makes one."""

    def soup_(lab, options) -> int:
        from core.soups import SoupPlan, make_pool, wise_ft

        if options.method == "ingredients":
            return _ingredients(lab, options)
        pool = make_pool(lab, options.ingredients or _own(lab), options.task, options.shifts)
        if options.method == "wise":
            with followed() as progress:
                for name in pool.ingredients if options.of is None else [options.of]:
                    wise_ft(lab, pool, name, progress)
        elif options.method == "all":
            for facts in EVERYTHING:
                _make(lab, pool, SoupPlan(**_named(options) | facts), options)
        elif options.method != "table":
            plan = SoupPlan(options.method.replace("-", " "), **_named(options))
            _make(lab, pool, plan, options)
        _say(lab, pool, options.json)
        return 0

    one = command("soup", soup_, "Mix fine-tuned models: soups, manifold mixing, ensembles, WiSE-FT.")
    one.add_argument("method", choices=[*METHODS, *OTHERS], help="what to make; ingredients: fine-tune them first")
    one.add_argument(
        "--ingredients", nargs="+", metavar="NAME", help="checkpoints (default: the workspace's own sweep)"
    )
    one.add_argument("--task", metavar="TASK", help="whose val chooses (default: the one they were fine-tuned on)")
    one.add_argument(
        "--shifts", nargs="*", metavar="TASK", help="where soups are only measured (default: the ood tasks)"
    )
    one.add_argument("--partition", default="C8", metavar="P", help="whole, blocks, C8, C15, C26, or a number of parts")
    one.add_argument("--preset", default="paper", choices=list(PRESETS), help="of the search (default: paper)")
    one.add_argument("--tau", type=float, metavar="T", help="search candidates above T × the best (default: 0.998)")
    one.add_argument("--budget", type=int, metavar="N", help="evaluations per search (default: the preset's)")
    one.add_argument("--optimizer", "--optimiser", dest="optimiser", default=OPTIMISERS[0], choices=OPTIMISERS)
    one.add_argument("--seed", type=int, default=0, metavar="N", help="of the search (default: 0)")
    one.add_argument("--racing", action="store_true", help="give up hopeless λ before they saw every picture")
    one.add_argument("--resume", action="store_true", help="insist that there is a stopped search to go on with")
    one.add_argument("--anew", action="store_true", help="put what there is of this search aside, and start again")
    one.add_argument("--of", metavar="NAME", help="with wise: one ingredient (default: all)")
    one.add_argument("--json", action="store_true", help="print the results as JSON instead of a table")


def _named(options) -> dict[str, Any]:
    return {n: getattr(options, n) for n in ("partition", "preset", "budget", "tau", "optimiser", "seed", "racing")}


def _own(lab) -> list[str]:
    from core.soups import ingredients

    own = [name for name in ingredients(lab) if name in lab.zoo]
    if len(own) < 2:
        raise PaletteError(
            f"{lab.name} has no ingredients yet: `python -m core soup ingredients` fine-tunes them, or name "
            "checkpoints with --ingredients."
        )
    return own


def _ingredients(lab, options) -> int:
    from core.soups import plan_ingredients
    from core.training import build, pictures_per_second

    steps = plan_ingredients(lab, options.ingredients)
    todo = [step for step in steps if not step.done()]
    expected = sum(step.cost for step in todo) / pictures_per_second(lab)
    print(
        f"{lab.name}: {len(todo)} of {len(steps)} ingredients to fine-tune, about {duration(expected)} on {lab.device}."
    )
    with followed() as progress:
        build(todo, progress)
    return 0


def _make(lab, pool, plan, options) -> None:
    from core.soups import check_plan, make_soup, outcome_file, put_aside

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


def _say(lab, pool, as_json: bool) -> None:
    from core.soups import individuals, outcome_facts, row_facts, too_small

    found = individuals(lab, pool)
    if as_json:
        facts = {**found.facts, "individuals": [row_facts(r) for r in found.individuals]}
        print(json.dumps(facts | {"outcomes": [outcome_facts(o) for o in found.outcomes]}, indent=1))
        return
    if warning := too_small([row.val.accuracy for row in found.individuals]):
        print(f"note: {warning}")
    greedy = found.row("Greedy soup")
    wide = max(len(row.name) for row in found.rows())
    columns = [pool.task, *pool.shifts]
    print(f"{'':{wide}}  {'val':>6} {'test':>6} " + " ".join(f"{c[-9:]:>9}" for c in columns[1:]) + "   average OOD")
    for row in found.rows():
        line = f"{row.name:{wide}}  {100 * row.val.accuracy.value:6.1f} {100 * row.test.accuracy.value:6.1f} "
        line += " ".join(f"{100 * row.shifts[s].accuracy.value:9.1f}" for s in pool.shifts)
        if row.ood is not None:
            line += f"   {100 * row.ood.value:.1f} [{100 * row.ood.low:.1f}, {100 * row.ood.high:.1f}]"
        if greedy is not None and row is not greedy and row.shifts:
            test = row.against(greedy)["ood"]
            line += f"  {100 * test.difference:+.1f} against greedy" + (" (within noise)" if test.within_noise else "")
        print(line + (f"  ({row.passes} forward passes)" if row.passes > 1 else ""))
