"""Parallel patching (PAINT §2) as parts of a comparison: one shared α, an α_i for each task by search, every mix."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from core.patching.evaluation import PlanEvaluation
from core.patching.parts import Part
from core.patching.results import EXHAUSTIVE, JOINT, SEARCHED, StrategyRow
from core.progress import SILENT, Progress
from core.recipes import (
    SIGMA,
    Objective,
    Recipe,
    SearchResult,
    Trial,
    Vector,
    lerp,
    maximise,
    mixed,
    replay,
    strategies,
    uniform,
)
from core.storage import digest_of, files
from core.workspace import Lab


@dataclass(frozen=True)
class Line(Part):
    """One shared α, from the base to the average of the tasks' fine-tunes, or to the joint fine-tune."""

    strategy: str

    def groups(self) -> list[tuple[str, ...]]:
        """Which tasks are fine-tuned together: all of them for joint patching, else each by itself."""
        return [self.plan.tasks] if self.strategy == JOINT else super().groups()

    def done(self, lab: Lab) -> bool:
        """Whether every α is evaluated on *val*, and the chosen one on *test*."""
        models, evaluation = self.all_there(lab), PlanEvaluation(lab, self.plan)
        return knows_line(evaluation, models) and evaluation.knows_row(chosen_on_line(evaluation, models))

    def run(self, lab: Lab, progress: Progress, may_train: bool = True) -> StrategyRow:
        """Choose the α."""
        models, evaluation = self.all_made(lab, progress, may_train), PlanEvaluation(lab, self.plan, progress)
        recipe, steps = strategies.shared(lab.base, models, evaluation.score, self.plan.alphas, progress)
        tried = tuple(((alpha,), step.score) for alpha, step in zip(self.plan.alphas, steps, strict=True))
        alphas = tried[[step.recipe for step in steps].index(recipe)][0]
        return evaluation.row(self.strategy, recipe, alphas=alphas, tried=tried)


def knows_line(evaluation: PlanEvaluation, models: list[Recipe]) -> bool:
    """Whether every α between the base and the average of the models (if there are any) is evaluated on *val*."""
    base, alphas = evaluation.lab.base, evaluation.plan.alphas
    return bool(models) and evaluation.knows((lerp(base, uniform(models), alpha) for alpha in alphas), ["val"])


def chosen_on_line(evaluation: PlanEvaluation, models: list[Recipe], progress: Progress = SILENT) -> Recipe:
    """The mix on the line with the best combined accuracy on *val*."""
    plan = evaluation.plan
    return strategies.shared(evaluation.lab.base, models, evaluation.score, plan.alphas, progress)[0]


def alphas_of(recipe: Recipe, models: list[Recipe]) -> Vector:
    """The coefficient of each fine-tune in a mix of them with the base."""
    return tuple(recipe.column("").get(model.models[0], 0.0) for model in models)


@dataclass(frozen=True)
class Searched(Part):
    """An α_i for each task, found by black-box search from the best shared α (PAINT §5, footnote 4)."""

    def done(self, lab: Lab) -> bool:
        """Whether the line is evaluated, the log answers all that the optimiser asks, and the answer is evaluated."""
        models, evaluation = self.all_there(lab), PlanEvaluation(lab, self.plan)
        if not knows_line(evaluation, models):
            return False
        start = alphas_of(chosen_on_line(evaluation, models), models)
        result = replay(self._trials(lab, models), start, **self._settings(models))
        return result is not None and evaluation.knows_row(self._choose(evaluation, models, start, result)[0])

    def run(self, lab: Lab, progress: Progress, may_train: bool = True) -> StrategyRow:
        """Search; every evaluation is on disk once it is made, and the next to ask is answered from there."""
        models, evaluation = self.all_made(lab, progress, may_train), PlanEvaluation(lab, self.plan, progress)
        start = alphas_of(chosen_on_line(evaluation, models, progress), models)

        def objective(alphas: Vector) -> tuple[float, float]:
            recipe = mixed(lab.base, models, alphas)
            return evaluation.score(recipe), evaluation.tie(recipe)

        result = self._search(lab, models, objective, start, progress)
        recipe, tried = self._choose(evaluation, models, start, result)
        return evaluation.row(
            SEARCHED,
            recipe,
            alphas=alphas_of(recipe, models),
            tried=tried,
            evaluations=len(self.plan.alphas) + len(result.trials),
            note=f"{result.optimiser}, {len(result.trials)} points, from the best shared α",
        )

    def _choose(
        self, evaluation: PlanEvaluation, models: list[Recipe], start: Vector, result: SearchResult
    ) -> tuple[Recipe, tuple[tuple[Vector, float], ...]]:
        """The best of the start, before the search rounded it, and of all that was tried; and each with its score."""

        def trials(objective: Objective, start: Vector) -> list[Trial]:
            return [Trial(start, *objective(start)), *result.trials]

        base = evaluation.lab.base
        recipe, steps = strategies.searched(base, models, evaluation.score, trials, start, evaluation.tie)
        return recipe, tuple((alphas_of(step.recipe, models), step.score) for step in steps)

    def _settings(self, models: list[Recipe]) -> dict[str, Any]:
        plan = self.plan
        return {
            "budget": plan.trials,
            "optimiser": plan.optimiser,
            "sigma": min(SIGMA, 1 / len(models)),
            "total": plan.total,
            "seed": plan.seed,
        }

    def _log(self, lab: Lab, models: list[Recipe]) -> Path:
        """The log of all evaluations of mixes of these models on these pictures, whichever search asked for them."""
        sides = [[lab.task(t) for t in side] for side in (self.plan.tasks, self.plan.supported)]
        data = [[(t.source.digest("val"), t.prompts()) for t in side] for side in sides]
        key = digest_of(models=[lab.weights_key(m) for m in (lab.base, *models)], data=data)[:32]
        return lab.folder / "searches" / f"{key}.jsonl"

    def _trials(self, lab: Lab, models: list[Recipe]) -> list[Trial]:
        lines = files.read_lines(self._log(lab, models))
        return [Trial(tuple(line["x"]), line["score"], line["tie"]) for line in lines]

    def _search(
        self, lab: Lab, models: list[Recipe], objective: Objective, start: Vector, progress: Progress
    ) -> SearchResult:
        log = self._log(lab, models)
        # other optimisers may run beside this one
        lock = lab.folder / "locks" / f"search-{log.stem}-{self.plan.optimiser}-{self.plan.seed}.lock"

        def keep(trial: Trial) -> None:
            try:
                files.append_line(log, asdict(trial))
            except files.DiskError as error:
                lab.notices.append(f"The search goes on, but could not be resumed after a kill: {error}")

        with files.locked(lock, progress.check):
            known = self._trials(lab, models)
            return maximise(objective, start, known=known, keep=keep, progress=progress, **self._settings(models))


@dataclass(frozen=True)
class Exhaustive(Part):
    """Every mix of a few values of α_i, for two or three tasks: the headroom of parallel patching."""

    @property
    def grid(self) -> Vector:
        """The values of each α_i."""
        last = self.plan.exhaustive - 1
        return tuple(i / last for i in range(last + 1))

    def done(self, lab: Lab) -> bool:
        """Whether every mix is evaluated on *val*, and the chosen one on *test*."""
        models, evaluation = self.all_there(lab), PlanEvaluation(lab, self.plan)
        mixes = (mixed(lab.base, models, alphas) for alphas in product(self.grid, repeat=len(models)))
        if not models or not evaluation.knows(mixes, ["val"]):
            return False
        return evaluation.knows_row(strategies.exhaustive(lab.base, models, evaluation.score, self.grid)[0])

    def run(self, lab: Lab, progress: Progress, may_train: bool = True) -> StrategyRow:
        """Try every mix."""
        models, evaluation = self.all_made(lab, progress, may_train), PlanEvaluation(lab, self.plan, progress)
        recipe, steps = strategies.exhaustive(lab.base, models, evaluation.score, self.grid, progress)
        tried = tuple((alphas_of(step.recipe, models), step.score) for step in steps)
        return evaluation.row(EXHAUSTIVE, recipe, alphas=alphas_of(recipe, models), tried=tried)
