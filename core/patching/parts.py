"""The parts of a comparison (PAINT §5): fine-tunes and strategies, each of which says whether it is done, and runs.

``done`` reads: it asks which checkpoints and answers are there, and repeats choices only where all that they rest on is
known. A damaged file raises there what it raises everywhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial

from core.metrics import Accuracy, backward_transfer, forgetting
from core.patching.evaluation import SHOWN, PlanEvaluation
from core.patching.finetunes import trained, tuned
from core.patching.plan import ComparisonPlan
from core.patching.results import SEQUENTIAL, SPECIALISED, UNPATCHED, SequenceStage, StrategyRow
from core.progress import Progress
from core.recipes import Recipe, Vector, lerp, paint, strategies
from core.workspace import Lab


@dataclass(frozen=True)
class Part(ABC):
    """One part of a comparison; ``cost`` counts forward passes of a picture if nothing is there yet."""

    plan: ComparisonPlan
    title: str
    cost: float

    @abstractmethod
    def done(self, lab: Lab) -> bool:
        """Whether all that it makes is on disk, so that running it would train and evaluate nothing."""

    @abstractmethod
    def run(self, lab: Lab, progress: Progress, may_train: bool = True) -> StrategyRow | None:
        """Do what is missing; the strategy's row, None for a fine-tune.

        Raises CheckpointError if a checkpoint is missing and ``may_train`` is false, CancelledError if called off.
        """

    def steps(self, tasks: tuple[str, ...]) -> int:
        """Optimiser steps of a fine-tune on these tasks."""
        return self.plan.steps_each if len(tasks) == 1 else self.plan.budget

    def there(self, lab: Lab, *tasks: str, start: Recipe | None = None) -> Recipe | None:
        """The fine-tune on these tasks if it is there."""
        return trained(lab, tasks, start or lab.base, self.steps(tasks), self.plan.augment)

    def made(self, lab: Lab, progress: Progress, may_train: bool, *tasks: str, start: Recipe | None = None) -> Recipe:
        """The fine-tune on these tasks, trained now if it is not there."""
        return tuned(lab, tasks, start or lab.base, self.steps(tasks), progress, may_train, self.plan.augment)

    def groups(self) -> list[tuple[str, ...]]:
        """Which tasks are fine-tuned together: each by itself."""
        return [(task,) for task in self.plan.tasks]

    def all_there(self, lab: Lab) -> list[Recipe]:
        """The fine-tunes of all groups; none if one of them is missing."""
        models = [self.there(lab, *tasks) for tasks in self.groups()]
        return [] if None in models else [model for model in models if model is not None]

    def all_made(self, lab: Lab, progress: Progress, may_train: bool) -> list[Recipe]:
        """The fine-tunes of all groups, trained now where they are not there."""
        return [self.made(lab, progress, may_train, *tasks) for tasks in self.groups()]


@dataclass(frozen=True)
class Unpatched(Part):
    """The base, as it is."""

    def done(self, lab: Lab) -> bool:
        """Whether the base is evaluated."""
        return PlanEvaluation(lab, self.plan).knows([lab.base], SHOWN)

    def run(self, lab: Lab, progress: Progress, may_train: bool = True) -> StrategyRow:
        """Evaluate the base."""
        return PlanEvaluation(lab, self.plan, progress).row(UNPATCHED, lab.base, steps=0)


@dataclass(frozen=True)
class FineTuning(Part):
    """A fine-tune of the base, on one task or jointly on several."""

    tasks: tuple[str, ...]

    def done(self, lab: Lab) -> bool:
        """Whether the checkpoint is there."""
        return self.there(lab, *self.tasks) is not None

    def run(self, lab: Lab, progress: Progress, may_train: bool = True) -> None:
        """Train it."""
        self.made(lab, progress, may_train, *self.tasks)


@dataclass(frozen=True)
class Sequential(Part):
    """One task after the other in an order: patched each time, or only fine-tuned (PAINT §2)."""

    strategy: str
    order: tuple[str, ...]

    @property
    def alphas(self) -> Vector:
        """The α to choose among after each task."""
        return self.plan.alphas if self.strategy == SEQUENTIAL else (1.0,)

    def done(self, lab: Lab) -> bool:
        """Whether each task's fine-tune is there, each α after it evaluated on *val*, and the chosen one on *test*."""
        recipe, evaluation = lab.base, PlanEvaluation(lab, self.plan)
        for k, task in enumerate(self.order, 1):
            end, seen = self.there(lab, task, start=recipe), self.order[:k]
            if end is None:
                return False
            line = [lerp(recipe, end, alpha) for alpha in self.alphas]
            if not evaluation.knows(line, ["val"], (*seen, *self.plan.supported)):
                return False
            recipe, _ = paint(recipe, end, partial(evaluation.score, seen=seen), self.alphas)
            if not evaluation.knows([recipe], ["test"]):
                return False
        return evaluation.knows_row(recipe)

    def run(self, lab: Lab, progress: Progress, may_train: bool = True) -> StrategyRow:
        """Fine-tune and patch task after task."""
        evaluation = PlanEvaluation(lab, self.plan, progress)

        def tune(task: str, start: Recipe) -> Recipe:
            return self.made(lab, progress, may_train, task, start=start)

        recipe, stages = strategies.sequential(
            lab.base, self.order, tune, evaluation.score, self.plan.alphas, self.strategy == SEQUENTIAL, progress
        )
        timeline = tuple(
            SequenceStage(s.task, s.tuned.models[0], s.alpha, self._on_test(evaluation, s.recipe)) for s in stages
        )
        accuracies = [self._on_test(evaluation, lab.base), *(stage.accuracies for stage in timeline)]
        values = [{task: a.value for task, a in by_task.items()} for by_task in accuracies]
        return evaluation.row(
            self.strategy,
            recipe,
            order=self.order,
            alphas=tuple(stage.alpha for stage in stages),
            evaluations=sum(len(stage.steps) for stage in stages),
            timeline=timeline,
            forgetting=forgetting(values, self.order),
            backward_transfer=backward_transfer(values, self.order),
        )

    @staticmethod
    def _on_test(evaluation: PlanEvaluation, recipe: Recipe) -> dict[str, Accuracy]:
        return {task: evaluation.accuracy(recipe, task, "test") for task in evaluation.tasks}


@dataclass(frozen=True)
class Specialised(Part):
    """One fine-tune for each task, and the base for supported tasks: what k + 1 models can do."""

    def done(self, lab: Lab) -> bool:
        """Whether each fine-tune is evaluated on its task, and the base on the supported ones."""
        models, evaluation = self.all_there(lab), PlanEvaluation(lab, self.plan)
        own = zip(self.plan.tasks, models, strict=False)
        return (
            bool(models)
            and all(evaluation.knows([model], SHOWN, [task]) for task, model in own)
            and evaluation.knows([lab.base], SHOWN, self.plan.supported)
            and evaluation.knows([lab.base], ["test"])
        )

    def run(self, lab: Lab, progress: Progress, may_train: bool = True) -> StrategyRow:
        """Evaluate each model on what it is for."""
        recipes = dict(zip(self.plan.tasks, self.all_made(lab, progress, may_train), strict=True))
        recipes |= dict.fromkeys(self.plan.supported, lab.base)
        evaluation = PlanEvaluation(lab, self.plan, progress)
        return evaluation.row_of_specialised(SPECIALISED, recipes, evaluations=0, note="one model per task")
