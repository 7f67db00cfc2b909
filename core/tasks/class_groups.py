"""SplitCIFAR-style sequences: one task's classes cut into groups, each a task of its own, seen one after the other."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from core.storage import digest_of
from core.tasks.task import SPLITS, Pictures, Source, Task, TaskError


@dataclass(frozen=True)
class ClassGroup:
    """Those pictures of another source whose label is among ``classes``, in their order.

    ``relabel`` numbers the labels 0, 1, ... in the order of ``classes``; without it they stay as they are.
    """

    source: Source
    classes: tuple[int, ...]
    relabel: bool = True

    def sizes(self) -> Mapping[str, int]:
        """Number of pictures per split; the first call looks at the labels of the source, which may draw it."""
        return {split: _size(self, split) for split in SPLITS if split in self.source.sizes()}

    def digest(self, split: str) -> str:
        """Hex SHA-256 of what determines the pictures and labels."""
        facts = {"classes": self.classes, "relabel": self.relabel}
        return digest_of(kind="group", source=self.source.digest(split), **facts)

    def load(self, split: str) -> Pictures:
        """The group's pictures of a split."""
        every = self.source.load(split)
        rows = np.flatnonzero(np.isin(every.labels, self.classes))
        labels = every.labels[rows]
        if self.relabel:
            place = {c: i for i, c in enumerate(self.classes)}
            labels = np.array([place[int(c)] for c in labels], dtype=np.int64)
        return Pictures(every.images[rows], labels, {name: column[rows] for name, column in every.notes.items()})


@lru_cache(maxsize=4096)
def _size(group: ClassGroup, split: str) -> int:
    return int(np.isin(group.source.load(split).labels, group.classes).sum())


@dataclass(frozen=True, eq=False)
class CachedSource:
    """The source of a task whose pictures somebody keeps: ``pictures(task, split)`` gives them, drawn only once."""

    task: Task
    pictures: Callable[[str, str], Pictures]

    def sizes(self) -> Mapping[str, int]:
        """Number of pictures per split."""
        return self.task.source.sizes()

    def digest(self, split: str) -> str:
        """Hex SHA-256 of what determines the pictures and labels: the task's own."""
        return self.task.source.digest(split)

    def load(self, split: str) -> Pictures:
        """The pictures as they are kept."""
        return self.pictures(self.task.name, split)


GROUP = re.compile(r"(.+)\.(\d{1,4})of(\d{1,4})(?:\.seed(\d{1,9}))?(\.whole)?")


def group_named(name: str, task: Callable[[str], Task], pictures: Callable[[str, str], Pictures]) -> Task | None:
    """The group of classes that a name such as ``digits.2of5`` stands for; None for a name of another form.

    ``task`` finds the task that is cut, ``pictures`` its pictures, so that a group is there wherever its name is.
    Raises TaskError if that task is not there or cannot be cut so.
    """
    if (found := GROUP.fullmatch(name)) is None:
        return None
    whole, _, groups, seed, all_names = found.groups()
    cut = task(whole)
    every = class_groups(
        cut, int(groups), None if seed is None else int(seed), bool(all_names), CachedSource(cut, pictures)
    )
    return next((group for group in every if group.name == name), None)


def class_groups(
    task: Task, groups: int, seed: int | None = None, all_names: bool = False, source: Source | None = None
) -> list[Task]:
    """Cut a task's classes into ``groups`` patching tasks of nearly equal size, in the label set's order or shuffled.

    By default a group is told apart from itself alone (its head holds its own class names); with ``all_names`` every
    group keeps the whole head, as in class-incremental learning. ``source`` stands for the task's own where the same
    pictures are at hand more cheaply. Raises TaskError if there are not at least two classes in each group.
    """
    task.check_one_head()
    count = len(task.class_names)
    if groups < 2 or count < 2 * groups:
        raise TaskError(
            f"{task.name} has {count} classes: they can be cut into 2 to {count // 2} groups, not {groups}."
            if count >= 4
            else f"{task.name} has only {count} classes, too few to cut into groups."
        )
    order = list(range(count))
    if seed is not None:
        random.Random(seed).shuffle(order)
    found = []
    for i in range(groups):
        classes = tuple(order[count * i // groups : count * (i + 1) // groups])
        names = tuple(task.class_names[c] for c in classes)
        others = tuple(task.stands_for[c] for c in classes if task.stands_for)
        mark = ("" if seed is None else f".seed{seed}") + (".whole" if all_names else "")
        found.append(
            replace(
                task,
                name=f"{task.name}.{i + 1}of{groups}{mark}",
                role="patching",
                title=f"{task.title}, classes {i + 1} of {groups}",
                description=f"Of {task.title}, only {', '.join(names)}.",
                class_names=task.class_names if all_names else names,
                source=ClassGroup(source or task.source, classes, relabel=not all_names),
                plays=f"Split {task.plays}" if task.plays else "",
                stands_for=task.stands_for if all_names else others,
            )
        )
    return found
