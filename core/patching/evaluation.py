"""The accuracies of a plan's tasks: scores on *val*, which choose, and rows with *val* and *test*, which are shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.metrics import Accuracy, combined, combined_accuracy, paired
from core.patching.plan import ComparisonPlan
from core.patching.results import StrategyRow
from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.workspace import Lab

SHOWN = ("val", "test")


@dataclass(frozen=True)
class PlanEvaluation:
    """Recipes evaluated on a plan's patching and supported tasks; ``progress`` can call it off, and shows nothing."""

    lab: Lab
    plan: ComparisonPlan
    progress: Progress = SILENT

    @property
    def tasks(self) -> tuple[str, ...]:
        """The patching tasks, then the supported ones."""
        return (*self.plan.tasks, *self.plan.supported)

    def knows(self, recipes: Iterable[Recipe], splits: Sequence[str], tasks: Sequence[str] | None = None) -> bool:
        """Whether the store holds every answer of these recipes on the tasks (all of the plan's by default)."""
        tasks = self.tasks if tasks is None else tasks
        return all(self.lab.is_cached(recipe, task, split) for recipe in recipes for task in tasks for split in splits)

    def knows_row(self, recipe: Recipe) -> bool:
        """Whether the store holds every answer that the row of a recipe shows."""
        return self.knows([recipe], SHOWN) and self.knows([self.lab.base], ["test"])

    def accuracy(self, recipe: Recipe, task: str, split: str) -> Accuracy:
        """Accuracy of a recipe on one split of a task."""
        return self.lab.evaluate(recipe, task, split, self.progress.unshown()).accuracy

    def score(self, recipe: Recipe, seen: Sequence[str] | None = None) -> float:
        """Combined accuracy on *val*, in [0, 1]; ``seen`` are the patching tasks that count (all by default)."""
        sides = (self.plan.tasks if seen is None else seen, self.plan.supported)
        return combined_accuracy(*([self.accuracy(recipe, task, "val").value for task in side] for side in sides))

    def tie(self, recipe: Recipe) -> float:
        """Mean probability of the right class on *val*, in [0, 1], averaged over tasks as combined accuracy is."""
        sides = (self.plan.tasks, self.plan.supported)
        return combined_accuracy(*([self._confidence(recipe, task) for task in side] for side in sides))

    def _confidence(self, recipe: Recipe, task: str) -> float:
        return float(self.lab.evaluate(recipe, task, "val").of_label.mean(dtype=float))

    def row(self, strategy: str, recipe: Recipe, steps: int | None = None, **more) -> StrategyRow:
        """The row of one recipe; ``steps`` are the optimiser steps that it took, by default the plan's budget."""
        more.setdefault("evaluations", len(more.get("tried", ())))
        steps = self.plan.budget if steps is None else steps
        return self._row(strategy, {"": recipe}, dict.fromkeys(self.tasks, recipe), steps=steps, **more)

    def row_of_specialised(self, strategy: str, recipes: Mapping[str, Recipe], **more) -> StrategyRow:
        """The row of one recipe for each task."""
        return self._row(strategy, recipes, recipes, steps=self.plan.budget, **more)

    def _row(
        self, strategy: str, recipes: Mapping[str, Recipe], answering: Mapping[str, Recipe], **more
    ) -> StrategyRow:
        accuracies = {s: {t: self.accuracy(r, t, s) for t, r in answering.items()} for s in SHOWN}
        sides = (self.plan.tasks, self.plan.supported)
        both = {s: combined(*([by_task[t] for t in side] for side in sides)) for s, by_task in accuracies.items()}
        flips = {t: paired(self._right(self.lab.base, t), self._right(r, t)) for t, r in answering.items()}
        return StrategyRow(strategy, recipes, accuracies, both, against_base=flips, **more)

    def _right(self, recipe: Recipe, task: str) -> np.ndarray:
        return self.lab.evaluate(recipe, task, "test", self.progress.unshown()).right
