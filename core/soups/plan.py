"""What a soup is to be made of and how: checked before anything is evaluated, and named by content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path

from core.metrics import Accuracy
from core.models import MergeError, class_rows, differences
from core.recipes import OPTIMISERS, PAPER, PRESETS, Partition, Preset, Recipe, SoupError, partition
from core.soups.ingredients import soup_shifts, soup_task
from core.storage import digest_of
from core.workspace import Lab

METHODS = ("uniform", "greedy", "manifold", "learned", "ensemble", "greedy ensemble")


@dataclass(frozen=True)
class Pool:
    """What soups are made of and measured on: checkpoints; the task whose val chooses; shifts that only are shown."""

    ingredients: tuple[str, ...]
    task: str
    shifts: tuple[str, ...]


@dataclass(frozen=True)
class SoupPlan:
    """One way to make a soup of a pool.

    ``partition``, ``preset``, ``budget`` (evaluations per search, None: the preset's), ``tau`` (the tolerance of the
    test before a search, None: the preset's), ``optimiser`` and ``racing`` (give up hopeless λ early) are manifold
    mixing's; ``partition`` is the learned soup's, too. With ``start``, a mix made by hand, one search goes on from it:
    for ``candidate``, beginning at the mixing factors ``factors``.
    """

    method: str
    partition: str = "C8"
    preset: str = PAPER.name
    budget: int | None = None
    tau: float | None = None
    optimiser: str = OPTIMISERS[0]
    seed: int = 0
    racing: bool = False
    start: Recipe | None = None
    candidate: str = ""
    factors: tuple[float, ...] = ()

    def settings(self) -> Preset:
        """The preset with this plan's own budget and tolerance."""
        preset = PRESETS[self.preset]
        if self.budget is not None:
            preset = replace(preset, budget=self.budget, per_component=False)
        return preset if self.tau is None else replace(preset, tau=self.tau)

    def title(self) -> str:
        """What people call it."""
        if self.method == "manifold":
            more = (
                [self.preset] * (self.preset != PAPER.name)
                + ["racing"] * self.racing
                + [f"by hand, {self.candidate}"] * bool(self.start)
            )
            more += [self.optimiser] * (self.optimiser != OPTIMISERS[0]) + [f"seed {self.seed}"] * bool(self.seed)
            more += [f"budget {self.budget}"] * (self.budget is not None)
            more += [] if self.tau is None else [f"τ {self.tau:g}"]
            return f"ManifoldMixMS-{_cut(self.partition)}" + (f" ({', '.join(more)})" if more else "")
        if self.method == "learned":
            return "Learned soup" + (f" by component ({_cut(self.partition)})" if self.partition != "whole" else "")
        return {"uniform": "Uniform soup", "greedy": "Greedy soup", "ensemble": "Ensemble"}.get(
            self.method, "Greedy ensemble"
        )


def _cut(name: str) -> str:
    return f"m{name}" if name.isdigit() else name


def make_pool(lab: Lab, names: Sequence[str], task: str | None = None, shifts: Sequence[str] | None = None) -> Pool:
    """A checked pool: at least two checkpoints that are there, fit one another, and can answer the task.

    Raises SoupError, CheckpointError, MergeError or TaskError, each in one sentence.
    """
    names = sorted(dict.fromkeys(names))
    if len(names) < 2:
        raise SoupError("A soup needs at least two different ingredients; one model alone is mixed on the α page.")
    task = lab.task(task or soup_task(lab)).name
    shifts = tuple(lab.task(s).name for s in (soup_shifts(lab) if shifts is None else shifts))
    for split in ("val", "test"):
        lab.task(task).size(split)
    first, wanted = names[0], lab.task(task).class_names
    for name in names:
        classes = lab.zoo[name].classes
        if classes != lab.zoo[first].classes:
            raise MergeError(
                f"{name!r} cannot be mixed with {first!r}: {_head(classes)}, {_head(lab.zoo[first].classes)}; "
                "ingredients of one soup need the same head."
            )
        if classes and (lab.task(task).stands_for or class_rows(classes, wanted) is None):
            raise SoupError(f"The head of {name!r} knows other classes than {task}; choose the task it was trained on.")
        mine, theirs = ({**lab.zoo.weights(n), **lab.zoo.head(n)} for n in (name, first))
        if found := differences(theirs, mine):
            raise MergeError(f"{name!r} cannot be mixed with {first!r}: {'; '.join(found[:10])}.")
    for shift in shifts:
        if unknown := sorted(set(lab.task(shift).head_names) - set(wanted)):
            raise SoupError(
                f"A shift of {task} may ask only for classes of {task} itself, but {shift} asks for {unknown[0]!r}"
                + (f" and {len(unknown) - 1} more that it does not have." if len(unknown) > 1 else ".")
            )
    return Pool(tuple(names), task, shifts)


def _head(classes: Sequence[str]) -> str:
    return f"one has a trained head of {len(classes)} classes" if classes else "one has the text tower's head"


def check_plan(lab: Lab, plan: SoupPlan) -> SoupPlan:
    """``plan`` itself if it makes sense; raises SoupError or PrefixError."""
    if plan.method not in METHODS:
        raise SoupError(f"There is no method {plan.method!r}; choose one of {', '.join(METHODS)}.")
    if plan.preset not in PRESETS or plan.optimiser not in OPTIMISERS:
        raise SoupError(
            f"Choose a preset among {', '.join(PRESETS)} and an optimiser among {', '.join(OPTIMISERS)}, "
            f"not {plan.preset!r} and {plan.optimiser!r}."
        )
    if plan.budget is not None and plan.budget < 2:
        raise SoupError("A search needs a budget of at least two evaluations: the start and one more.")
    if plan.tau is not None and not 0 <= plan.tau <= 1:
        raise SoupError(
            f"The tolerance τ is a share of the best accuracy so far, from 0 (every candidate is searched) to 1, "
            f"not {plan.tau:g}."
        )
    return plan


def cut(lab: Lab, pool: Pool, name: str) -> Partition:
    """A partition of the pool's models, in the order of the network. Raises PrefixError."""
    with lab.encoders.holding(lab.base) as encoder:
        sizes = {n: t.numel() for n, t in encoder.weights.items() if t.is_floating_point()}
    sizes |= {n: t.numel() for n, t in lab.zoo.head(pool.ingredients[0]).items()}
    return partition(name, sizes)


def pool_folder(lab: Lab, pool: Pool) -> Path:
    """Where everything about a pool is kept, by content: its weights, its pictures, its class names."""
    return _pool_folder(lab, pool, tuple(sorted(lab.zoo[name].digest for name in pool.ingredients)))


@lru_cache(maxsize=64)
def _pool_folder(lab: Lab, pool: Pool, digests: tuple[str, ...]) -> Path:
    tasks = [lab.task(name) for name in (pool.task, *pool.shifts)]
    data = [[*(task.source.digest(split) for split in task.source.sizes()), task.prompts()] for task in tasks]
    for about, task in zip(data, tasks, strict=True):
        about += [task.stands_for] if task.stands_for else []  # what was made before that could be keeps its name
    return lab.folder / "soups" / digest_of(ingredients=digests, data=data)[:16]


def outcome_file(lab: Lab, pool: Pool, plan: SoupPlan) -> Path:
    """Where the outcome of a plan is kept; its trace lies beside it as ``.jsonl``."""
    facts = asdict(plan) | {"start": plan.start.to_json() if plan.start else None}
    if plan.tau is None:
        del facts["tau"]  # what was made before τ could be chosen keeps its name
    facts |= {"budget": plan.settings().evaluations(0) if plan.budget is not None else None}
    return pool_folder(lab, pool) / f"{digest_of(**facts)[:16]}.json"


def too_small(found: Sequence[Accuracy]) -> str:
    """One sentence if the val set cannot tell the best ingredient from the worst, else nothing."""
    best, worst = max(found, key=lambda a: a.value), min(found, key=lambda a: a.value)
    if worst.value < best.low:
        return ""
    return (
        f"With {best.n} validation pictures the best ingredient cannot be told from the worst "
        f"({100 * best.value:.1f} % [{100 * best.low:.1f}, {100 * best.high:.1f}] and {100 * worst.value:.1f} %): "
        "what is chosen among them may be chance; use a larger validation set."
    )
