"""Searches with several optimisers at once, each a piece of a graph; which is best is decided on *val*."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core.patching import curves
from core.patching.build import sweep
from core.patching.finetunes import settings_for, trained, tuned
from core.patching.parallel import Searched
from core.patching.plan import ComparisonPlan, outcome_path
from core.progress import Progress
from core.recipes import GRID
from core.storage import digest_of, files
from core.training import DRAWING_COST, TRAINING_COST, Piece, patch_settings, train
from core.workspace import Lab


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
        return trained(lab, [self.task], lab.base, self.steps, self.augment) is not None

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
    plan: ComparisonPlan

    def done(self, lab: Lab) -> bool:
        """Whether its outcome is there."""
        return _path(lab, self.plan).exists()

    def run(self, lab: Lab, progress: Progress) -> None:
        """Search, and keep what was found."""
        row = Searched(self.plan, self.title, self.cost).run(lab, progress)
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


def _path(lab: Lab, plan: ComparisonPlan) -> Path:
    return lab.folder / "searches" / f"found-{outcome_path(lab, plan).stem}.json"


def searches(lab: Lab, plan: ComparisonPlan, optimisers: Sequence[str], seeds: Sequence[int] = (0,)) -> list[Piece]:
    """The graph: a fine-tune a task, then a search for every optimiser and seed."""
    graph: list[Piece] = []
    for task in plan.tasks:
        settings = settings_for(lab, [task], plan.steps_each, plan.augment)
        content = (lab.task(task).source.digest("train"), lab.task(task).prompts())
        key = digest_of(start=lab.weights_key(lab.base), settings=settings.facts, pictures=[content])
        cost = settings.steps * settings.batch_size * TRAINING_COST
        title = f"fine-tune {task} for {plan.steps_each} steps"
        graph.append(FineTune(key, title, cost, task, plan.steps_each, augment=plan.augment))
    needs = tuple(piece.key for piece in graph)
    cost = float(plan.trials * sum(lab.task(t).size("val") for t in (*plan.tasks, *plan.supported)))
    for optimiser in optimisers:
        for seed in seeds:
            one = replace(plan, optimiser=optimiser, seed=seed)
            key = digest_of(needs=needs, outcome=outcome_path(lab, one).stem)
            graph.append(Search(key, f"search with {optimiser}, seed {seed}", cost, needs, one))
    return graph


def ranked(lab: Lab, graph: Sequence[Piece]) -> list[dict]:
    """What the finished searches of a graph found, the best combined accuracy on *val* first."""
    done = [piece.plan for piece in graph if isinstance(piece, Search) and piece.done(lab)]
    results = [json.loads(_path(lab, plan).read_text(encoding="utf-8")) for plan in done]
    return sorted(results, key=lambda result: -result["val"]["value"])


@dataclass(frozen=True)
class Patching:
    """A piece of a patch's curve: fine-tune ``patch``, or, with ``alpha``, evaluate it there with ``supported``.

    ``augment`` overrules the workspace's.
    """

    key: str
    title: str
    cost: float
    needs: tuple[str, ...]
    patch: str
    supported: tuple[str, ...] = ()
    alpha: float | None = None
    augment: str = ""

    def done(self, lab: Lab) -> bool:
        """Whether what it makes is there."""
        if self.patch not in lab.zoo:
            return False
        return self.alpha is None or curves.knows_point(lab, self.patch, self.alpha, self.supported)

    def run(self, lab: Lab, progress: Progress) -> None:
        """Make it; killed, the next to run it goes on from what is on disk."""
        if self.alpha is None:
            settings = patch_settings(lab, self.patch, self.augment)
            train(lab, lab.trained_on(self.patch), self.patch, progress=progress, settings=settings)
        else:
            sweep(lab, self.patch, self.supported, [self.alpha], progress)


def pieces(
    lab: Lab, patches: Sequence[str], supported: Sequence[str], alphas: Sequence[float] = GRID, augment: str = ""
) -> list[Piece]:
    """What makes these patches' curves, as ``build.plan`` does it: a fine-tune each, then each α by itself."""
    graph: list[Piece] = []
    for name in patches:
        tasks, settings = lab.trained_on(name), patch_settings(lab, name, augment)
        pictures = [(lab.task(t).source.digest("train"), lab.task(t).prompts()) for t in tasks]
        key = digest_of(start=lab.weights_key(lab.base), settings=settings.facts, pictures=pictures)
        drawn = sum(lab.task(t).size("train") for t in tasks) * DRAWING_COST
        training = settings.steps * settings.batch_size * TRAINING_COST + drawn
        graph.append(Patching(key, f"fine-tune {name}", training, (), name, augment=augment))
        looked_at = [(t, split) for t in (*tasks, *supported) for split in ("val", "test")]
        cost = float(sum(lab.task(t).size(split) for t, split in looked_at))
        data = [(lab.task(t).source.digest(split), lab.task(t).prompts()) for t, split in looked_at]
        for alpha in alphas:
            at = digest_of(patch=key, alpha=alpha, data=data, precision=lab.precision)
            graph.append(Patching(at, f"evaluate {name} at α = {alpha:g}", cost, (key,), name, tuple(supported), alpha))
    return graph
