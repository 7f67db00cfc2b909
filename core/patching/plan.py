"""What a comparison of strategies is to look at, checked before anything is trained, and where its outcome is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path

from core import PaletteError
from core.patching.results import Comparison
from core.recipes import GRID, OPTIMISERS, strategies
from core.storage import digest_of
from core.tasks import TaskError
from core.training import settings_of
from core.workspace import BASE, Lab


@dataclass(frozen=True)
class ComparisonPlan:
    """What to compare. ``budget`` counts optimiser steps, the same in total for every strategy that trains.

    ``orders`` of the sequences are drawn with the seed; 0 is one sequence, in the tasks' own order. ``trials`` and
    ``optimiser`` are of the search for α_i, ``total`` bounds Σ α_i (None: each in [0, 1] by itself); ``exhaustive`` is
    the number of values per α_i where every mix is tried, 0 for not at all. ``augment`` overrules the workspace's
    augmentation of training pictures.
    """

    tasks: tuple[str, ...]
    supported: tuple[str, ...]
    budget: int
    orders: int = 3
    seed: int = 0
    optimiser: str = OPTIMISERS[0]
    trials: int = 100
    total: float | None = None
    exhaustive: int = 0
    alphas: tuple[float, ...] = GRID
    augment: str = ""

    @property
    def facts(self) -> dict[str, object]:
        """Its fields by name; no ``augment`` where none is asked for, so that outcomes from before it are found."""
        return {name: value for name, value in asdict(self).items() if name != "augment" or value}

    @property
    def steps_each(self) -> int:
        """Optimiser steps for each task where tasks are trained one by one."""
        return self.budget // len(self.tasks)


def make_plan(
    lab: Lab, tasks: Sequence[str], supported: Sequence[str], budget: int | None = None, **more: object
) -> ComparisonPlan:
    """A checked plan; ``budget`` is by default what the tasks' own checkpoints took. Raises PaletteError."""
    strategies.check_distinct(tasks)
    strategies.check_distinct(supported)
    if len(tasks) < 2:
        raise PaletteError("Strategies differ from two patching tasks on; one task is patched on the α page.")
    if not supported:
        raise PaletteError("Name at least one supported task: without one, nothing holds α back from forgetting.")
    if both := sorted(set(tasks) & set(supported)):
        raise PaletteError(f"A task is patched or supported, not both: {', '.join(both)}.")
    for name in (*tasks, *supported):
        lab.task(name)
    budget = sum(settings_of(lab, task).steps for task in tasks) if budget is None else budget
    asked = str(more.get("augment", ""))
    if all(settings_of(lab, name, asked) == settings_of(lab, name) for name in (*tasks, "")):
        more["augment"] = ""  # as the workspace says: the same plan
    made = ComparisonPlan(tuple(tasks), tuple(supported), budget // len(tasks) * len(tasks), **more)  # type: ignore[arg-type]
    if made.steps_each < 1:
        raise PaletteError(f"A budget of {budget} optimiser steps is too small for {len(tasks)} tasks.")
    if made.orders < 0 or made.trials < 1 or made.optimiser not in OPTIMISERS:
        raise PaletteError(
            f"Ask for at least one trial, by one of {', '.join(OPTIMISERS)}, and for no negative orders."
        )
    if made.total is not None and not 0 < made.total < float("inf"):
        raise PaletteError(f"Σ α_i can be bounded by a number above 0, not by {made.total:g}; 1 is an average's.")
    if made.exhaustive and (len(tasks) > strategies.EXHAUSTIVE_TASKS or made.exhaustive < 2):
        raise PaletteError("Trying every mix takes two or three tasks and at least two values for each.")
    return made


def tasks_named(lab: Lab, words: Sequence[str]) -> list[str]:
    """Names of tasks, where ``digits/5`` stands for the classes of ``digits`` cut into 5 groups, one task each.

    Raises TaskError for an unknown task or a cut that cannot be made.
    """
    names: list[str] = []
    for word in words:
        cut = re.fullmatch(r"(.+)/(\d{1,4})", word)
        if cut is None:
            names.append(lab.task(word).name)
        else:
            lab.task(f"{cut[1]}.1of{int(cut[2])}")  # says what is wrong with the cut, if anything is
            names += [f"{cut[1]}.{i + 1}of{int(cut[2])}" for i in range(int(cut[2]))]
    return names


def outcome_path(lab: Lab, plan: ComparisonPlan) -> Path:
    """Where the outcome of a plan is kept, by content: the plan, the base, the pictures and the class names."""
    every = [lab.task(name) for name in (*plan.tasks, *plan.supported)]
    data = [([t.source.digest(s) for s in t.source.sizes()], t.prompts()) for t in every]
    key = digest_of(plan=plan.facts, base=lab.zoo[BASE].digest, data=data)
    return lab.folder / "strategies" / f"{key[:16]}.json"


def outcomes(lab: Lab) -> dict[str, Comparison]:
    """Every outcome that the workspace keeps, by key, the newest first; what cannot be read only gives a notice."""
    kept = {}
    for path in sorted((lab.folder / "strategies").glob("*.json"), key=lambda p: (-p.stat().st_mtime, p.name)):
        try:
            kept[path.stem] = _read(path, path.stat().st_mtime_ns)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, PaletteError) as error:
            lab.notices.append(f"The comparison {path.name} cannot be read ({type(error).__name__}); compare again.")
    return kept


@lru_cache(maxsize=32)
def _read(path: Path, _changed: int) -> Comparison:
    outcome = Comparison.from_json(path.read_text(encoding="utf-8"))
    plan_of(outcome)
    return outcome


def plan_of(outcome: Comparison) -> ComparisonPlan:
    """The plan that an outcome answers. Raises KeyError or TypeError for facts that are no plan."""
    known = {"augment": "", **outcome.facts}
    facts = {field.name: known[field.name] for field in fields(ComparisonPlan)}
    plan = ComparisonPlan(**{n: tuple(v) if isinstance(v, list) else v for n, v in facts.items()})  # type: ignore[arg-type]
    hash(plan)
    return plan


def is_current(lab: Lab, key: str, outcome: Comparison) -> bool:
    """Whether the base, the pictures and the class names are still those that the outcome was made with."""
    try:
        return outcome_path(lab, plan_of(outcome)).stem == key
    except TaskError:
        return False


def outcome_of(lab: Lab, plan: ComparisonPlan) -> Comparison | None:
    """The outcome of a plan if it is there."""
    path = outcome_path(lab, plan)
    return Comparison.from_json(path.read_text(encoding="utf-8")) if path.exists() else None
