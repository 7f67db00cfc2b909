"""How well a patch guards against written words: accuracy and fooled rate over α, by size, by place, by style."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from core import metrics
from core.attacks.tasks import SEEN, UNSEEN, Attack, AttackSplit, attacked_task, clean_twin
from core.attacks.typography import Look
from core.metrics import Accuracy
from core.models import class_rows, features, logits
from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.storage import digest_of
from core.tasks import Answers, Pictures, Task, TaskError
from core.workspace import Lab

Asked = tuple[Recipe, Task, str]
"""One thing to evaluate: a mix, a task (of the workspace or not), and its split."""


@dataclass(frozen=True, eq=False)
class AttackOutcome:
    """What a model does with attacked pictures, bool (n,) each: whether it is ``right``; whether it answers the
    written word (``follows``); whether it is right on the same picture with nothing written (``unharmed``, None where
    there is no such twin)."""

    right: np.ndarray
    follows: np.ndarray
    unharmed: np.ndarray | None = None

    @property
    def accuracy(self) -> Accuracy:
        """Share of right answers."""
        return metrics.accuracy_of(self.right)

    @property
    def fooled(self) -> Accuracy:
        """Share of answers that are the written word: the fooled rate."""
        return metrics.accuracy_of(self.follows)

    @property
    def clean(self) -> Accuracy | None:
        """Accuracy on the clean twins."""
        return None if self.unharmed is None else metrics.accuracy_of(self.unharmed)


def outcome(answers: Answers, written: np.ndarray, clean: Answers | None = None) -> AttackOutcome:
    """From answers to the attacked pictures, the class written on each (int64 (n,)), and answers to the clean twin.

    Answers beyond the first n are left out.
    """
    n = len(written)
    return AttackOutcome(answers.right[:n], answers.predictions[:n] == written, clean.right[:n] if clean else None)


class AttackEvaluation:
    """Evaluates mixes on tasks that need not be the workspace's; results are kept in its store, by content."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def is_cached(self, asked: Iterable[Asked]) -> bool:
        """Whether all that is there without computing anything."""
        return all(self.key(*one) in self.lab.store for one in asked)

    def run(self, asked: Sequence[Asked], progress: Progress = SILENT) -> list[Answers]:
        """The answers, in the order asked: kept ones read, the others computed; one after the other."""
        return [self._answers(recipe, task, split, progress) for recipe, task, split in progress(asked)]

    def key(self, recipe: Recipe, task: Task, split: str) -> str:
        """The lab's own key, so that results are shared; another for models whose own heads the lab would ask."""
        own = any(class_rows(self.lab.zoo[model].classes, task.class_names) for model in recipe.models)
        more = {"by": "text"} if own else {}
        head = self.lab.heads.digest(task.prompts())
        return self.lab.evaluation.key_of("answers", recipe, task.source.digest(split), head=head, **more)

    def _answers(self, recipe: Recipe, task: Task, split: str, progress: Progress) -> Answers:
        def make() -> dict[str, torch.Tensor]:
            pictures = pictures_of(self.lab, task, split)
            with self.lab.encoders.holding(recipe) as encoder:
                seen = features(encoder, pictures.images, progress)
            scores = logits(seen, self.lab.heads.of(task), self.lab.encoders.logit_scale)
            return Answers.from_logits(scores.numpy(), pictures.labels).tensors()

        facts = {"recipe": recipe.to_json(), "task": task.name, "split": split}
        return Answers.from_tensors(self.lab.store.get_or_make(self.key(recipe, task, split), make, facts))


@lru_cache(maxsize=8)
def pictures_of(lab: Lab, task: Task, split: str) -> Pictures:
    """The pictures of any task; an attack's are written on the lab's own clean ones. The last few stay in memory."""
    if isinstance(task.source, Attack) and (clean := _clean_pictures(lab, task.source, split)) is not None:
        return task.source.on(clean, split)
    return task.source.load(split)


def written_on(lab: Lab, task: Task, split: str) -> np.ndarray:
    """The class that is written on each picture of an attack task, int64 (n,). Raises TaskError if it is none."""
    if isinstance(task.source, Attack) and (clean := _clean_pictures(lab, task.source, split)) is not None:
        return task.source.plan(clean.labels, split).written
    notes = lab.pictures(task.name, split).notes if task.name in lab.tasks else pictures_of(lab, task, split).notes
    if "written" not in notes:
        raise TaskError(f"{task.title} is no attack: nothing says which word is written on its pictures.")
    return notes["written"]


def _written_once(lab: Lab, task: Task, split: str) -> np.ndarray:
    """The class written on each picture that does not come again: statistics count a picture once (McNemar's test)."""
    source = task.source
    if isinstance(source, Attack) and (clean := _clean_pictures(lab, source, split)) is not None:
        found = source.plan(clean.labels, split)  # where there are too few pictures, the first ones are all of them
        return found.written[: len(np.unique(found.rows))]
    return written_on(lab, task, split)


def _clean_pictures(lab: Lab, attack: Attack, split: str) -> Pictures | None:
    same = (n for n, t in lab.tasks.items() if split in t.source.sizes() and t.source == attack.clean)
    name = next(same, None)
    return None if name is None else lab.pictures(name, split)


@dataclass(frozen=True)
class Study:
    """Some mixes against some attacks, everything on one split: what to evaluate, and how to read it.

    ``recipes`` and ``tasks`` span a table; ``twins`` are the clean twins of the tasks, if they belong to it.
    """

    recipes: tuple[Recipe, ...]
    tasks: tuple[Task, ...]
    split: str
    twins: tuple[Task, ...] = ()

    def asked(self) -> list[Asked]:
        """All that has to be evaluated, task by task: to write on pictures takes longer than to merge."""
        return [(recipe, task, self.split) for task in (*self.tasks, *self.twins) for recipe in self.recipes]

    def table(self, lab: Lab, progress: Progress = SILENT) -> list[list[AttackOutcome]]:
        """Outcomes, mixes × tasks; evaluated where need be."""
        answers = AttackEvaluation(lab).run(self.asked(), progress)
        n = len(self.recipes)
        columns = [answers[i : i + n] for i in range(0, len(answers), n)]
        written = [_written_once(lab, task, self.split) for task in self.tasks]
        twins = columns[len(self.tasks) :]

        def one(recipe: int, task: int) -> AttackOutcome:
            clean = twins[task][recipe] if twins else None
            return outcome(columns[task][recipe], written[task], clean)

        return [[one(i, j) for j in range(len(self.tasks))] for i in range(n)]

    def key(self, lab: Lab) -> str:
        """Digest of all that the table depends on."""
        return digest_of(keys=[AttackEvaluation(lab).key(*one) for one in self.asked()])

    def is_cached(self, lab: Lab) -> bool:
        """Whether ``table`` would compute nothing."""
        return AttackEvaluation(lab).is_cached(self.asked())

    @property
    def cost(self) -> int:
        """Pictures to look at, if nothing is known yet."""
        return sum(task.source.sizes()[split] for _, task, split in self.asked())


SIZES = (0.08, 0.12, 0.16, 0.2, 0.25, 0.32, 0.4)
PLACES = (0.1, 0.3, 0.5, 0.7, 0.9)


def over_alpha(recipes: Sequence[Recipe], task: Task, split: str, look: Look, count: int) -> Study:
    """PAINT Figure 6: a whole task attacked in one look, for the mixes of a patch; with the clean twins."""
    attacks = _attacks(task, split, [AttackSplit(count, look)])
    return Study(tuple(recipes), attacks, split, tuple(filter(None, map(clean_twin, attacks))))


def by_size(recipes: Sequence[Recipe], task: Task, split: str, look: Look, count: int) -> Study:
    """The same word attacks in the sizes of SIZES, else looking alike."""
    looks = [replace(look, size=size) for size in SIZES]
    return Study(tuple(recipes), _attacks(task, split, [AttackSplit(count, one) for one in looks]), split)


def by_place(recipes: Sequence[Recipe], task: Task, split: str, look: Look, count: int) -> Study:
    """The same word attacks in the middle of each cell of a grid, PLACES × PLACES, row by row from the top."""
    looks = [replace(look, x=x, y=y) for y in PLACES for x in PLACES]
    return Study(tuple(recipes), _attacks(task, split, [AttackSplit(count, one) for one in looks]), split)


def transfer(recipes: Sequence[Recipe], task: Task, split: str, trained: int, count: int) -> Study:
    """Broad transfer (PAINT §6): classes and styles that were trained on, and others. Four attacks, in this order:
    seen classes and style, seen classes in the unseen style, unseen classes in the seen style, unseen both."""
    every = range(len(task.class_names))
    halves = tuple(every[:trained]), tuple(every[trained:])
    parts = [AttackSplit(count, styles, classes) for classes in halves for styles in (SEEN, UNSEEN)]
    return Study(tuple(recipes), _attacks(task, split, parts), split)


def _attacks(task: Task, split: str, parts: Sequence[AttackSplit]) -> tuple[Task, ...]:
    """The task attacked in each of these ways; never on more pictures than there are."""
    most = task.size(split)
    return tuple(attacked_task(task, {split: replace(part, count=min(part.count, most))}) for part in parts)


def trained_classes(lab: Lab, name: str, task: Task) -> int:
    """How many of a task's first classes a checkpoint met in training: what its attack task says; else, or without
    a name, half of them."""
    for trained in lab.trained_on(name) if name else []:
        source = lab.task(trained).source
        if lab.task(trained).class_names == task.class_names and hasattr(source, "trained"):
            return int(source.trained)
    return len(task.class_names) // 2
