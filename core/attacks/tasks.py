"""Typographic attack tasks, as PAINT makes them (§7, appendix K): a clean task with wrong class names written on it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache

import numpy as np

from core.attacks.fonts import Face, line
from core.attacks.typography import Look, write
from core.storage import digest_of
from core.tasks import Pictures, Source, Task, TaskError

VERSION = 1  # raised whenever the same seed would write something else
Range = tuple[float, float]


@dataclass(frozen=True)
class Styles:
    """A range of looks: faces, sizes and places to choose from, tilt in degrees, and the share that is on a plate."""

    faces: tuple[Face, ...]
    size: Range = (0.18, 0.3)
    x: Range = (0.2, 0.8)
    y: Range = (0.12, 0.88)
    tilt: float = 8.0
    plate: float = 0.0

    def draw(self, rng: np.random.Generator) -> Look:
        """A look at random, the text dark on light or light on dark."""
        face = self.faces[rng.integers(len(self.faces))]
        dark = rng.random() < 0.5
        colours = [_colour(rng, dark), _colour(rng, not dark)]
        plated = rng.random() < self.plate
        size, x, y = (round(float(rng.uniform(*span)), 4) for span in (self.size, self.x, self.y))
        tilt = round(float(rng.uniform(-self.tilt, self.tilt)), 2)
        return Look(face, size, colours[0], plate=colours[1] if plated else "", x=x, y=y, rotation=tilt)


SEEN = Styles((Face("Aileron"), Face("Source Sans", "bold"), Face("Source Sans", "regular", True)))
UNSEEN = Styles((Face("Source Serif", "bold"), Face("Source Code", "bold")), y=(0.6, 0.9), tilt=15.0, plate=1.0)
"""A style to train on, and one to test on: other letters, on a note low down, as on the paper's photographs."""


def _colour(rng: np.random.Generator, dark: bool) -> str:
    low, high = (0, 110) if dark else (170, 256)
    return "#" + "".join(f"{v:02x}" for v in rng.integers(low, high, 3))


@dataclass(frozen=True)
class AttackSplit:
    """One split of an attack: how many pictures, of which classes (none: all), in which look or range of looks."""

    count: int
    looks: Look | Styles
    classes: tuple[int, ...] = ()


@dataclass(frozen=True)
class AttackPlan:
    """What is written where: ``rows`` int64 (n,), the pictures; ``written`` int64 (n,), the classes; the looks."""

    rows: np.ndarray
    written: np.ndarray
    looks: tuple[Look, ...]


def plan(labels: np.ndarray, classes: int, part: AttackSplit, seed: int) -> AttackPlan:
    """Choose pictures of the part's classes by their labels int64 (n,), and for each another of those classes.

    Every picture comes once before any comes twice. Raises TaskError if there is nothing to choose from.
    """
    among = np.array(part.classes or range(classes))
    eligible = np.flatnonzero(np.isin(labels, among))
    if len(among) < 2 or not len(eligible):
        raise TaskError("An attack needs pictures of at least two classes; choose a task that has them.")
    rng = np.random.default_rng(seed)
    turns = -(-part.count // len(eligible))
    rows = np.concatenate([rng.permutation(eligible) for _ in range(turns)])[: part.count]
    shift = rng.integers(1, len(among), len(rows))
    written = among[(np.searchsorted(among, labels[rows]) + shift) % len(among)]
    looks = tuple(part.looks.draw(rng) if isinstance(part.looks, Styles) else part.looks for _ in rows)
    return AttackPlan(rows, written, looks)


@lru_cache(maxsize=1)
def _letters() -> str:
    """Changes when the installed fonts do."""
    faces = (Face("Aileron"), Face("Pixel"), *SEEN.faces, *UNSEEN.faces)
    return hashlib.sha256(b"".join(line(face, 20, "Sphinx of quartz").tobytes() for face in faces)).hexdigest()


@dataclass(frozen=True)
class Attack:
    """The source of an attack task: a clean source, the class names, and its parts by split.

    With ``plain`` nothing is written, all else being the same: the clean twin.
    """

    clean: Source
    names: tuple[str, ...]
    parts: tuple[tuple[str, AttackSplit], ...]
    seed: int = 0
    plain: bool = False

    def sizes(self) -> Mapping[str, int]:
        """Number of pictures per split."""
        return {split: part.count for split, part in self.parts}

    def digest(self, split: str) -> str:
        """Hex SHA-256 of the clean pictures and of all that decides what is written on them."""
        part = self._part(split)
        facts = asdict(part) | {"seed": self.seed, "plain": self.plain, "names": self.names}
        return digest_of(kind="attack", version=VERSION, clean=self.clean.digest(split), letters=_letters(), **facts)

    def load(self, split: str) -> Pictures:
        """The attacked pictures of a split."""
        return self.on(self.clean.load(split), split)

    def on(self, pictures: Pictures, split: str) -> Pictures:
        """The attacked pictures of a split, from its clean ones where somebody has them at hand.

        Their ``notes`` say which class is ``written`` and which ``picture`` it was.
        """
        chosen = self.plan(pictures.labels, split)
        images = pictures.images[chosen.rows]
        if not self.plain:
            words = [self.names[w] for w in chosen.written]
            images = np.stack([write(*one) for one in zip(images, words, chosen.looks, strict=True)])
        return Pictures(images, pictures.labels[chosen.rows], {"written": chosen.written, "picture": chosen.rows})

    def without_words(self) -> Attack:
        """The same pictures with nothing written on them."""
        return replace(self, plain=True)

    def plan(self, labels: np.ndarray, split: str) -> AttackPlan:
        """What is written on a split whose clean pictures have these labels."""
        return plan(labels, len(self.names), self._part(split), self.seed)

    def _part(self, split: str) -> AttackSplit:
        if split not in dict(self.parts):
            raise TaskError(f"This attack has no split {split!r}; it has {', '.join(self.sizes())}.")
        return dict(self.parts)[split]


def attacked_task(task: Task, parts: Mapping[str, AttackSplit], seed: int = 0) -> Task:
    """``task`` with wrong class names written on its pictures, as a task of role *attack*. Raises TaskError."""
    task.check_one_head()
    source = Attack(task.source, task.class_names, tuple(parts.items()), seed)
    title = f"{task.title}, attacked"
    about = f"The pictures of {task.title} with the name of another class written on them."
    return replace(task, name=f"{task.name}_attacked", role="attack", title=title, description=about, source=source)


def clean_twin(task: Task) -> Task | None:
    """The same pictures as an attack task's with nothing written; None where nobody can draw them without the word."""
    if not hasattr(task.source, "without_words"):
        return None
    title, source = f"{task.title}: before the word", task.source.without_words()
    return replace(task, name=f"{task.name}_clean", title=title, source=source)
