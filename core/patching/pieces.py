"""Searches with several optimisers at once, each a piece of a graph; which is best is decided on *val*."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core.jobs import Progress
from core.patching.comparison import searched
from core.patching.finetunes import name_of, settings_for, tuned
from core.patching.plan import Plan, outcome_path
from core.storage import files
from core.tasks.task import digest_of
from core.training.graph import Piece
from core.training.steps import TRAINING_COST
from core.workspace.lab import Lab


@dataclass(frozen=True)
class FineTune:
    """Fine-tune the base on one task for so many steps, for whichever searches need it."""

    key: str
    title: str
    cost: float
    task: str
    steps: int
    needs: tuple[str, ...] = ()
    augment: str = ""

    def done(self, lab: Lab) -> bool:
        """Whether the checkpoint is there."""
        settings = settings_for(lab, [self.task], self.steps, self.augment)
        return name_of(lab, [self.task], lab.base, settings) in lab.zoo

    def run(self, lab: Lab, progress: Progress) -> None:
        """Train it."""
        tuned(lab, [self.task], lab.base, self.steps, progress, augment=self.augment)


@dataclass(frozen=True)
class Search:
    """Search α_i for the plan's tasks with the plan's optimiser and seed (PAINT §5, parallel patching)."""

    key: str
    title: str
    cost: float
    needs: tuple[str, ...]
    plan: Plan

    def done(self, lab: Lab) -> bool:
        """Whether its outcome is there."""
        return _path(lab, self.plan).exists()

    def run(self, lab: Lab, progress: Progress) -> None:
        """Search, and keep what was found."""
        row = searched(lab, self.plan, progress)
        facts = {
            "optimiser": self.plan.optimiser,
            "seed": self.plan.seed,
            "note": row.note,
            "alphas": row.alphas,
            "evaluations": row.evaluations,
            "recipe": json.loads(row.recipes[""].to_json()),
            **{split: asdict(accuracy) for split, accuracy in row.combined.items()},
        }
        files.write_json(_path(lab, self.plan), facts)


def _path(lab: Lab, plan: Plan) -> Path:
    return lab.folder / "searches" / f"found-{outcome_path(lab, plan).stem}.json"


def searches(lab: Lab, plan: Plan, optimisers: Sequence[str], seeds: Sequence[int] = (0,)) -> list[Piece]:
    """The graph: a fine-tune a task, then a search for every optimiser and seed."""
    found: list[Piece] = []
    for task in plan.tasks:
        settings = settings_for(lab, [task], plan.steps_each, plan.augment)
        content = (lab.task(task).source.digest("train"), lab.task(task).prompts())
        key = digest_of(start=lab.weights_key(lab.base), settings=settings.facts, pictures=[content])
        cost = settings.steps * settings.batch_size * TRAINING_COST
        title = f"fine-tune {task} for {plan.steps_each} steps"
        found.append(FineTune(key, title, cost, task, plan.steps_each, augment=plan.augment))
    needs = tuple(piece.key for piece in found)
    cost = float(plan.trials * sum(lab.task(t).size("val") for t in (*plan.tasks, *plan.supported)))
    for optimiser in optimisers:
        for seed in seeds:
            one = replace(plan, optimiser=optimiser, seed=seed)
            key = digest_of(needs=needs, outcome=outcome_path(lab, one).stem)
            found.append(Search(key, f"search with {optimiser}, seed {seed}", cost, needs, one))
    return found


def ranked(lab: Lab, graph: Sequence[Piece]) -> list[dict]:
    """What the finished searches of a graph found, the best combined accuracy on *val* first."""
    done = [piece.plan for piece in graph if isinstance(piece, Search) and piece.done(lab)]
    found = [json.loads(_path(lab, plan).read_text(encoding="utf-8")) for plan in done]
    return sorted(found, key=lambda facts: -facts["val"]["value"])
