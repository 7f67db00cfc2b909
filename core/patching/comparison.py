"""Strategies for many tasks at equal budget (PAINT §5), run: train what is missing, choose on val, show test."""

from __future__ import annotations

from dataclasses import replace

from core.patching.contrasts import contrasts
from core.patching.evaluation import SHOWN
from core.patching.parallel import Exhaustive, Line, Searched
from core.patching.parts import FineTuning, Part, Sequential, Specialised, Unpatched
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
    StrategyRow,
)
from core.progress import SILENT, Progress
from core.recipes import strategies
from core.storage import files
from core.training import TRAINING_COST, settings_of
from core.workspace import BASE, Lab


def parts(lab: Lab, plan: ComparisonPlan) -> list[Part]:
    """What a comparison does, in order; each part's cost is what it takes if nothing is there yet."""
    passes = {s: sum(lab.task(t).size(s) for t in (*plan.tasks, *plan.supported)) for s in SHOWN}
    training = plan.budget * settings_of(lab, plan.tasks[0]).batch_size * TRAINING_COST
    line, shown, count = len(plan.alphas) * passes["val"], sum(passes.values()), len(plan.tasks)
    todo: list[Part] = [
        Unpatched(plan, UNPATCHED, shown),
        *(FineTuning(plan, f"fine-tuning on {task}", training / count, (task,)) for task in plan.tasks),
        Line(plan, SHARED, line + shown, SHARED),
        Searched(plan, SEARCHED, plan.trials * passes["val"] + shown),
    ]
    if plan.exhaustive:
        todo.append(Exhaustive(plan, EXHAUSTIVE, plan.exhaustive**count * passes["val"] + shown))
    for strategy, choosing in ((SEQUENTIAL, count * line / 2), (FORGETFUL, passes["val"])):
        cost = choosing + training + shown + count * passes["test"]
        for order in strategies.orders(plan.tasks, plan.orders, plan.seed):
            todo.append(Sequential(plan, f"{strategy}: {', '.join(order)}", cost, strategy, order))
    return [
        *todo,
        FineTuning(plan, "joint fine-tuning", training, plan.tasks),
        Line(plan, JOINT, line + shown, JOINT),
        Specialised(plan, SPECIALISED, passes["test"]),
    ]


def remaining(lab: Lab, plan: ComparisonPlan) -> list[Part]:
    """The parts of a comparison that are not wholly there; half-done ones count whole, so their cost is the most."""
    return [part for part in parts(lab, plan) if not part.done(lab)]


def compare(lab: Lab, plan: ComparisonPlan, progress: Progress = SILENT, may_train: bool = True) -> Comparison:
    """Run every strategy of a plan and keep the outcome in the workspace; what is there already is not done again.

    Raises CheckpointError if a checkpoint is missing and ``may_train`` is false, CancelledError if called off: what
    was trained, evaluated and searched until then stays, and the same plan goes on from there.
    """
    todo, rows = parts(lab, plan), list[StrategyRow]()
    for part in progress(todo, costs=[part.cost for part in todo]):
        progress.at(progress.fraction, part.title)
        row = part.run(lab, progress, may_train)
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
