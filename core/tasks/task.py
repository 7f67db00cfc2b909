"""What a task is: pictures with labels, class names and prompt templates, under one role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

import numpy as np

from core import PaletteError

Role = Literal["patching", "supported", "ood", "attack"]
Split = Literal["train", "val", "test"]
ROLES: tuple[str, ...] = get_args(Role)
SPLITS: tuple[str, ...] = get_args(Split)


class TaskError(PaletteError):
    """A task, or a split of it, that is not there or makes no sense; the message says what to do."""


@dataclass(frozen=True)
class Pictures:
    """Decoded pictures of one split.

    ``images`` is uint8 (n, height, width, 3); ``labels`` int64 (n,), an index into the task's class names;
    ``notes`` holds further int64 (n,) columns, such as ``written``: the class whose name is written on the picture.
    """

    images: np.ndarray
    labels: np.ndarray
    notes: Mapping[str, np.ndarray] = field(default_factory=dict)


class Source(Protocol):
    """Where a task's pictures come from."""

    def sizes(self) -> Mapping[str, int]:
        """Number of pictures per split, known without drawing or decoding any."""

    def digest(self, split: str) -> str:
        """Hex SHA-256 of what determines the pictures and labels of this split (content, never a path or a name)."""

    def load(self, split: str) -> Pictures:
        """All pictures of a split. May take seconds; the lab keeps them on disk."""


@dataclass(frozen=True)
class Task:
    """One classification task.

    ``templates`` hold one ``{}`` each, for the class name. ``plays`` names the data set of the papers that it stands
    in for, ``description`` says in one sentence how its pictures are made. ``per_picture``: every picture has candidate
    answers of its own (multiple choice), and a class is but the place of the right one among them. ``stands_for``: for
    each class, the names of the classes of another task that it stands for, where trained heads know those (ObjectNet's
    for ImageNet's); its logit is then the largest of theirs.
    """

    name: str
    role: Role
    title: str
    description: str
    class_names: tuple[str, ...]
    templates: tuple[str, ...]
    source: Source
    plays: str = ""
    per_picture: bool = False
    stands_for: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise TaskError(f"Task {self.name!r} has role {self.role!r}; it must be one of {', '.join(ROLES)}.")
        if len(set(self.class_names)) != len(self.class_names):
            raise TaskError(f"Task {self.name!r} names a class twice; class names must differ.")
        if not self.templates or any(t.count("{}") != 1 for t in self.templates):
            raise TaskError(f"Task {self.name!r} needs templates with exactly one {{}} each.")

        if self.stands_for and (len(self.stands_for) != len(self.class_names) or not all(self.stands_for)):
            raise TaskError(f"Each class of task {self.name!r} must stand for at least one other, or none of them.")

    @property
    def head_names(self) -> tuple[str, ...]:
        """What a trained head is asked for, in order: the classes by name, or all that the classes stand for."""
        return tuple(name for names in self.stands_for for name in names) or self.class_names

    def size(self, split: str) -> int:
        """Number of pictures in ``split``; raises TaskError if the task has no such split."""
        sizes = self.source.sizes()
        if split not in sizes:
            raise TaskError(f"Task {self.name!r} has no split {split!r}; it has {', '.join(sizes)}.")
        return sizes[split]

    def check_one_head(self) -> None:
        """Raise TaskError if no one head serves all pictures, because each has candidate answers of its own."""
        if self.per_picture:
            raise TaskError(
                f"Every picture of {self.title} has candidate answers of its own, so no head serves all of them: it "
                "can be evaluated, but not trained on, attacked or cut into groups."
            )

    def prompts(self) -> list[list[str]]:
        """The text of every class in every template: one list per class."""
        return [[t.replace("{}", c) for t in self.templates] for c in self.class_names]
