"""Making soups: run a plan on a pool, judge on *val*, measure on everything, keep the outcome and its trace."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from core.progress import SILENT, Progress
from core.recipes import Recipe, Verdict
from core.soups.judge import BATCH
from core.soups.maker import SoupMaker, verdict_facts
from core.soups.measure import individuals, measured
from core.soups.plan import Pool, SoupPlan, check_plan, cut, outcome_file, pool_folder
from core.soups.results import SoupOutcome, SoupRow, outcome_facts
from core.storage import files
from core.workspace import Lab


def make_soup(lab: Lab, pool: Pool, plan: SoupPlan, progress: Progress = SILENT) -> SoupOutcome:
    """Carry a plan out and keep the outcome beside the pool's others; the same plan again is a look into the folder.

    Stopped at any moment, the same call goes on from the trace exactly where it was. Raises PaletteError.
    """
    path = outcome_file(lab, pool, check_plan(lab, plan))
    with files.locked(lab.folder / "locks" / f"soup-{path.stem}.lock", progress.check):
        making, started = SoupMaker(lab, pool, plan, progress), time.monotonic()
        steps = ("individuals", "make", "measure")
        outcome = None
        for step in progress(steps, costs=_costs(lab, making)):
            if step == "individuals":
                individuals(lab, pool, progress)
            elif step == "make":
                made, verdicts = _make(making)
            else:
                row = (
                    made
                    if isinstance(made, SoupRow)
                    else measured(lab, pool, plan.title(), plan.method, made, progress)
                )
                outcome = _outcome(making, row, verdicts, time.monotonic() - started)
        assert outcome is not None
        files.write_json(path, outcome_facts(outcome))
        return outcome


def _make(making: SoupMaker) -> tuple[Recipe | SoupRow, list[Verdict]]:
    if making.plan.method in ("ensemble", "greedy ensemble"):
        return making.ensemble(chosen=making.plan.method == "greedy ensemble")
    return {
        "uniform": making.uniform,
        "greedy": making.greedy,
        "manifold": making.manifold,
        "learned": making.learned,
    }[making.plan.method]()


def _costs(lab: Lab, making: SoupMaker) -> list[float]:
    """Relative durations of the three steps, in pictures through a forward pass."""
    pool, count = making.pool, len(making.pool.ingredients)
    val = lab.task(pool.task).size("val")
    row = val + sum(lab.task(t).size("test") for t in (pool.task, *pool.shifts))
    candidates = 1 if making.plan.start else count - 1
    searched = (making.preset.evaluations(len(making.partition)) + 1) * candidates + count
    make = {"uniform": 1, "greedy": 2 * count, "manifold": searched, "learned": 15, "ensemble": 8 * count}
    known = (pool_folder(lab, pool) / "pool.json").exists()
    return [0.001 if known else count * row, val * make.get(making.plan.method, 8 * count), row]


def _outcome(making: SoupMaker, row: SoupRow, verdicts: Sequence[Verdict], seconds: float) -> SoupOutcome:
    facts = {k: v for k, v in asdict(making.plan).items() if k != "start"}
    facts |= {"start": making.plan.start.to_json() if making.plan.start else None, "factors": list(making.plan.factors)}
    groups = tuple(group.title for group in making.partition.groups)
    return SoupOutcome(
        facts,
        row,
        tuple(verdict_facts(v) for v in verdicts),
        groups,
        ", ".join(making.optimisers),
        making.evaluations,
        round(seconds, 1),
        tuple(making.notes),
    )


def trace_of(lab: Lab, pool: Pool, plan: SoupPlan) -> list[dict[str, Any]]:
    """The lines of a plan's trace as far as they are there, whoever writes them."""
    return files.read_lines(outcome_file(lab, pool, plan).with_suffix(".jsonl"))


def most_evaluations(lab: Lab, pool: Pool, plan: SoupPlan) -> int:
    """The evaluations on val that a plan costs at most, if no search is repeated."""
    count = len(pool.ingredients)
    if plan.method != "manifold":
        return {"uniform": 1, "learned": 1, "greedy": 2 * count - 1}.get(plan.method, 0)
    searches = 1 if plan.start else count - 1
    per_search = plan.settings().evaluations(len(cut(lab, pool, plan.partition))) + 1
    return (1 if plan.start else count) + searches * per_search


def evaluation_seconds(lab: Lab, pool: Pool, rounds: int = 1) -> float:
    """Seconds that one evaluation of a mix on *val* takes here and now, measured on one batch."""
    with lab.encoders.holding(lab.base) as encoder:
        images = torch.zeros(BATCH, encoder.size, encoder.size, 3, dtype=torch.uint8)
        encoder.encode(images)
        started = time.perf_counter()
        for _ in range(rounds):
            encoder.encode(images).sum().item()
    return (time.perf_counter() - started) / rounds * lab.task(pool.task).size("val") / BATCH
