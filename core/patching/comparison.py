"""Strategies for many tasks at equal budget (PAINT §5), run: train what is missing, choose on val, show test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np

from core.metrics import Accuracy, backward_transfer, combined, combined_accuracy, forgetting, paired
from core.patching.contrasts import contrasts
from core.patching.finetunes import tuned
from core.patching.plan import ComparisonPlan, outcome_path
from core.patching.results import (
    EXHAUSTIVE,
    FORGETFUL,
    JOINT,
    SEARCHED,
    SEQUENTIAL,
    SHARED,
    SPECIALISED,
    UNPATCHED,
    Comparison,
    SequenceStage,
    StrategyRow,
)
from core.progress import SILENT, Progress
from core.recipes import SIGMA, Objective, Recipe, SearchResult, Step, Trial, Vector, maximise, paint, strategies
from core.storage import digest_of, files
from core.training import TRAINING_COST, settings_of
from core.workspace import BASE, Lab

SPLITS_SHOWN = ("val", "test")


class _Comparison:
    """One run of a plan on a lab; every method gives rows, and what it computes stays on disk if it is cancelled."""

    def __init__(self, lab: Lab, plan: ComparisonPlan, progress: Progress, may_train: bool) -> None:
        self.lab, self.plan, self.progress, self.may_train = lab, plan, progress, may_train

    def parts(self) -> list[tuple[str, float, Callable[[], StrategyRow | None]]]:
        """What there is to do: a title, a cost in forward passes of a picture, and the work."""
        plan, lab = self.plan, self.lab
        look = {s: sum(lab.task(t).size(s) for t in (*plan.tasks, *plan.supported)) for s in SPLITS_SHOWN}
        train = plan.budget * settings_of(lab, plan.tasks[0]).batch_size * TRAINING_COST
        line, shown = len(plan.alphas) * look["val"], sum(look.values())
        found: list[tuple[str, float, Callable[[], StrategyRow | None]]] = [
            (UNPATCHED, shown, self.unpatched),
            *((f"fine-tuning on {t}", train / len(plan.tasks), partial(self.fine_tune, t)) for t in plan.tasks),
            (SHARED, line + shown, self.shared),
            (SEARCHED, plan.trials * look["val"] + shown, self.searched),
        ]
        if plan.exhaustive:
            found.append((EXHAUSTIVE, plan.exhaustive ** len(plan.tasks) * look["val"] + shown, self.exhaustive))
        for name, cost in ((SEQUENTIAL, len(plan.tasks) * line / 2), (FORGETFUL, look["val"])):
            cost += train + shown + len(plan.tasks) * look["test"]
            for order in strategies.orders(plan.tasks, plan.orders, plan.seed):
                found.append((f"{name}: {', '.join(order)}", cost, partial(self.sequential, name, order)))
        found.append(("joint fine-tuning", train, self.fine_tune_jointly))
        found += [(JOINT, line + shown, self.joint), (SPECIALISED, look["test"], self.specialised)]
        return found

    # training

    def tuned(self, *tasks: str, start: Recipe | None = None) -> Recipe:
        steps = self.plan.steps_each if len(tasks) == 1 else self.plan.budget
        return tuned(self.lab, tasks, start or self.lab.base, steps, self.progress, self.may_train, self.plan.augment)

    def fine_tune(self, task: str) -> None:
        self.tuned(task)

    def fine_tune_jointly(self) -> None:
        self.tuned(*self.plan.tasks)

    def in_parallel(self) -> list[Recipe]:
        return [self.tuned(task) for task in self.plan.tasks]

    # choosing, on val

    def score(self, recipe: Recipe, seen: Sequence[str] | None = None) -> float:
        seen = self.plan.tasks if seen is None else seen
        found = {t: self.look(recipe, t, "val").value for t in (*seen, *self.plan.supported)}
        return combined_accuracy([found[t] for t in seen], [found[t] for t in self.plan.supported])

    def tie(self, recipe: Recipe) -> float:
        """Mean probability of the right class, averaged over tasks as combined accuracy is."""
        sides = (self.plan.tasks, self.plan.supported)
        every = [
            [float(self.lab.evaluate(recipe, t, "val").of_label.mean(dtype=float)) for t in side] for side in sides
        ]
        return combined_accuracy(*every)

    def look(self, recipe: Recipe, task: str, split: str) -> Accuracy:
        return self.lab.evaluate(recipe, task, split, self.progress.unshown()).accuracy

    def search(self, objective: Objective, start: Vector, models: Sequence[Recipe]) -> SearchResult:
        """A search whose every evaluation is on disk once it is made; the next to ask is answered from there."""
        every = [[self.lab.task(t) for t in side] for side in (self.plan.tasks, self.plan.supported)]
        data = [[(t.source.digest("val"), t.prompts()) for t in side] for side in every]
        key = digest_of(models=[self.lab.weights_key(m) for m in (self.lab.base, *models)], data=data)[:32]
        log = self.lab.folder / "searches" / f"{key}.jsonl"
        # other optimisers may run beside this one
        with self.alone(f"search-{key}-{self.plan.optimiser}-{self.plan.seed}"):
            known = [Trial(tuple(line["x"]), line["score"], line["tie"]) for line in files.read_lines(log)]
            return maximise(
                objective,
                start,
                self.plan.trials,
                self.plan.optimiser,
                sigma=min(SIGMA, 1 / len(models)),
                total=self.plan.total,
                seed=self.plan.seed,
                known=known,
                keep=partial(self.keep, log),
                progress=self.progress,
            )

    def alone(self, name: str) -> AbstractContextManager[None]:
        return files.locked(self.lab.folder / "locks" / f"{name}.lock", self.progress.check)

    def keep(self, log: Path, trial: Trial) -> None:
        try:
            files.append_line(log, asdict(trial))
        except files.DiskError as error:
            self.lab.notices.append(f"The search goes on, but could not be resumed after a kill: {error}")

    # the strategies, each a row

    def unpatched(self) -> StrategyRow:
        return self.row(UNPATCHED, self.lab.base, steps=0)

    def shared(self) -> StrategyRow:
        return self._on_line(SHARED, *self._line(self.in_parallel()))

    def _line(self, models: Sequence[Recipe]) -> tuple[Recipe, list[Step]]:
        return strategies.shared(self.lab.base, models, self.score, self.plan.alphas, self.progress)

    def searched(self) -> StrategyRow:
        models, found = self.in_parallel(), list[SearchResult]()
        line, before = self._line(models)
        start = self._alphas(line, models)

        def search(objective: Objective, start: Vector) -> list[Trial]:
            found.append(self.search(objective, start, models))
            return [Trial(start, *objective(start)), *found[0].trials]  # the line's best itself, before its rounding

        recipe, steps = strategies.searched(self.lab.base, models, self.score, search, start, self.tie)
        return self.row(
            SEARCHED,
            recipe,
            alphas=self._alphas(recipe, models),
            tried=tuple((self._alphas(s.recipe, models), s.score) for s in steps),
            evaluations=len(before) + len(found[0].trials),
            note=f"{found[0].optimiser}, {len(found[0].trials)} points, from the best shared α",
        )

    @staticmethod
    def _alphas(recipe: Recipe, models: Sequence[Recipe]) -> Vector:
        return tuple(recipe.column("").get(model.models[0], 0.0) for model in models)

    def exhaustive(self) -> StrategyRow:
        models, last = self.in_parallel(), self.plan.exhaustive - 1
        grid = tuple(i / last for i in range(last + 1))
        recipe, steps = strategies.exhaustive(self.lab.base, models, self.score, grid, self.progress)
        tried = tuple((self._alphas(s.recipe, models), s.score) for s in steps)
        return self.row(EXHAUSTIVE, recipe, alphas=self._alphas(recipe, models), tried=tried)

    def sequential(self, name: str, order: tuple[str, ...]) -> StrategyRow:
        recipe, stages = strategies.sequential(
            self.lab.base,
            order,
            lambda task, start: self.tuned(task, start=start),
            self.score,
            self.plan.alphas,
            interpolate=name == SEQUENTIAL,
            progress=self.progress,
        )
        every = (*self.plan.tasks, *self.plan.supported)
        moments = [
            SequenceStage(s.task, s.tuned.models[0], s.alpha, {t: self.look(s.recipe, t, "test") for t in every})
            for s in stages
        ]
        before = {t: self.look(self.lab.base, t, "test").value for t in every}
        values = [before, *({t: a.value for t, a in m.accuracies.items()} for m in moments)]
        return self.row(
            name,
            recipe,
            order=order,
            alphas=tuple(s.alpha for s in stages),
            evaluations=sum(len(s.steps) for s in stages),
            timeline=tuple(moments),
            forgetting=forgetting(values, order),
            backward_transfer=backward_transfer(values, order),
        )

    def joint(self) -> StrategyRow:
        model = self.tuned(*self.plan.tasks)
        return self._on_line(JOINT, *paint(self.lab.base, model, self.score, self.plan.alphas, self.progress))

    def specialised(self) -> StrategyRow:
        """One fine-tuned model per task, and the base for supported tasks: what k + 1 models can do."""
        recipes = dict(zip(self.plan.tasks, self.in_parallel(), strict=True))
        recipes |= dict.fromkeys(self.plan.supported, self.lab.base)
        found = {s: {t: self.look(r, t, s) for t, r in recipes.items()} for s in SPLITS_SHOWN}
        return self._row(SPECIALISED, recipes, found, steps=self.plan.budget, evaluations=0, note="one model per task")

    def _on_line(self, strategy: str, recipe: Recipe, steps: Sequence[Step]) -> StrategyRow:
        tried = tuple(((a,), s.score) for a, s in zip(self.plan.alphas, steps, strict=True))
        chosen = tried[[s.recipe for s in steps].index(recipe)][0]
        return self.row(strategy, recipe, alphas=chosen, tried=tried)

    def row(self, strategy: str, recipe: Recipe, steps: int | None = None, **more) -> StrategyRow:
        every = (*self.plan.tasks, *self.plan.supported)
        found = {split: {t: self.look(recipe, t, split) for t in every} for split in SPLITS_SHOWN}
        more.setdefault("evaluations", len(more.get("tried", ())))
        return self._row(strategy, {"": recipe}, found, steps=self.plan.budget if steps is None else steps, **more)

    def _row(self, strategy: str, recipes: dict, found: dict[str, dict[str, Accuracy]], **more) -> StrategyRow:
        sides = (self.plan.tasks, self.plan.supported)
        both = {s: combined(*([a[t] for t in side] for side in sides)) for s, a in found.items()}
        flips = {
            t: paired(self.right(self.lab.base, t), self.right(recipes.get(t) or recipes[""], t)) for t in found["test"]
        }
        return StrategyRow(strategy, recipes, found, both, against_base=flips, **more)

    def right(self, recipe: Recipe, task: str) -> np.ndarray:
        return self.lab.evaluate(recipe, task, "test", self.progress.unshown()).right


def searched(lab: Lab, plan: ComparisonPlan, progress: Progress) -> StrategyRow:
    """The search for α_i of a plan alone, with what it needs trained first."""
    return _Comparison(lab, plan, progress, may_train=True).searched()


def parts(lab: Lab, plan: ComparisonPlan) -> list[tuple[str, float]]:
    """What a comparison does, title by title, with its cost in forward passes of a picture if nothing is there yet."""
    return [(title, cost) for title, cost, _ in _Comparison(lab, plan, SILENT, may_train=False).parts()]


def compare(lab: Lab, plan: ComparisonPlan, progress: Progress = SILENT, may_train: bool = True) -> Comparison:
    """Run every strategy of a plan and keep the outcome in the workspace; what is there already is not done again.

    Raises CheckpointError if a checkpoint is missing and ``may_train`` is false, CancelledError if called off: what
    was trained, evaluated and searched until then stays, and the same plan goes on from there.
    """
    run = _Comparison(lab, plan, progress, may_train)
    todo, rows = run.parts(), list[StrategyRow]()
    for title, _, work in progress(todo, costs=[cost for _, cost, _ in todo]):
        progress.at(progress.fraction, title)
        row = work()
        rows += [row] if row else []
    facts = {"workspace": lab.name, "base": lab.zoo[BASE].digest, "steps_each": plan.steps_each, **plan.facts}
    outcome = Comparison(facts, tuple(rows))
    outcome = replace(outcome, contrasts=contrasts(lab, outcome))
    path = outcome_path(lab, plan)
    try:
        files.write_text(path, outcome.to_json() + "\n")
        files.write_text(path.with_suffix(".csv"), outcome.to_csv())
    except files.DiskError as error:
        lab.notices.append(f"The comparison could not be kept: {error}")
    return outcome
