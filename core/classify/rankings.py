"""What recipes answered about some pictures: likeliest classes, where two differ, confusion, and files of all that."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from core import metrics
from core.classify.album import Album
from core.models import not_told_apart

UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class Ranking:
    """``top`` int32 (n, k): classes, likeliest first; ``probability`` float32 (n, k): theirs, over all classes."""

    top: np.ndarray
    probability: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence[Ranking]) -> Ranking:
        """Rankings of several batches of pictures as one."""
        return cls(np.concatenate([p.top for p in parts]), np.concatenate([p.probability for p in parts]))


def rank(logits: np.ndarray, k: int) -> Ranking:
    """The k likeliest classes of logits (n, classes); of equals the first class wins, as in ``metrics.predictions``."""
    every, rows = metrics.probabilities(logits), np.arange(len(logits))
    k = min(k, logits.shape[1])
    top, probability = np.empty((len(logits), k), np.int32), np.empty((len(logits), k), np.float32)
    for j in range(k):
        top[:, j] = every.argmax(axis=1)
        probability[:, j] = every[rows, top[:, j]]
        every[rows, top[:, j]] = -1.0
    return Ranking(top, probability)


def known_labels(labels: Sequence[str | None], names: Sequence[str]) -> np.ndarray:
    """Index of each label among the class names, int64 (n,); UNKNOWN where it is none of them.

    Capitals, and the difference between space, underscore and hyphen, do not count: folders are called so.
    """
    place = {_plain(name): i for i, name in reversed(list(enumerate(names)))}
    return np.array([UNKNOWN if label is None else place.get(_plain(label), UNKNOWN) for label in labels], np.int64)


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").split()).casefold()


@dataclass(frozen=True, eq=False)
class Result:
    """Pictures, class names, and each recipe's ranking by its title; ``labels`` int64 (n,), UNKNOWN where none.

    ``alike`` are groups of class names that the text tower does not tell apart, so that their scores are equal.
    """

    album: Album
    class_names: tuple[str, ...]
    rankings: Mapping[str, Ranking]
    labels: np.ndarray
    alike: tuple[tuple[str, ...], ...] = ()

    @property
    def remark(self) -> str:
        """One sentence on class names whose scores say nothing; "" if there are none."""
        if len(self.class_names) == 1:
            return "There is one class name only, so every picture is that, with 100 %."
        return " ".join(filter(None, (not_told_apart(self.alike), self._unrecognised())))

    def _unrecognised(self) -> str:
        """Why there is no accuracy, if folders give labels and none is a class name."""
        given = sorted({label for label in self.album.labels if label is not None})
        if not given or self.labelled.any():
            return ""
        some = ", ".join(repr(label[:40]) for label in given[:5]) + (" …" if len(given) > 5 else "")
        return f"There is no accuracy, since no folder is called by a class name: the folders are {some}."

    @cached_property
    def labelled(self) -> np.ndarray:
        """Which pictures have a label among the class names, bool (n,)."""
        return self.labels != UNKNOWN

    @cached_property
    def differ(self) -> np.ndarray:
        """Where the recipes' first answers are not all the same, bool (n,)."""
        first, *others = (ranking.top[:, 0] for ranking in self.rankings.values())
        return np.any([first != other for other in others], axis=0) if others else np.zeros(len(first), bool)

    def right(self, title: str) -> np.ndarray:
        """Which of the labelled pictures a recipe names rightly, bool (labelled,)."""
        return (self.rankings[title].top[:, 0] == self.labels)[self.labelled]

    def accuracy(self, title: str) -> metrics.Accuracy | None:
        """Top-1 accuracy on the labelled pictures; None if there are none."""
        return metrics.accuracy_of(self.right(title)) if self.labelled.any() else None

    def confusion(self, title: str) -> np.ndarray:
        """Number of labelled pictures, int64 (classes, classes): rows are labels, columns first answers."""
        c, known = len(self.class_names), self.labelled
        pairs = self.labels[known] * c + self.rankings[title].top[known, 0]
        return np.bincount(pairs, minlength=c * c).reshape(c, c)

    def rows(self) -> list[dict[str, Any]]:
        """One dict per picture: its name, label and notes, whether recipes differ, and each one's classes."""
        found = []
        for i, picture in enumerate(self.album.pictures):
            row: dict[str, Any] = {"picture": picture.name, "label": picture.label, "differ": bool(self.differ[i])}
            row["answers"] = {
                title: [
                    {"class": self.class_names[c], "probability": round(float(p), 6)}
                    for c, p in zip(ranking.top[i], ranking.probability[i], strict=True)
                ]
                for title, ranking in self.rankings.items()
            }
            found.append(row | {"notes": list(picture.notes)})
        return found

    def to_json(self) -> str:
        """Pictures, answers and refused files as indented JSON."""
        facts = {"classes": self.class_names, "pictures": self.rows(), "refused": self.album.refused}
        return json.dumps(facts, indent=1, ensure_ascii=False)

    def to_csv(self) -> str:
        """One line per picture: name, label, whether recipes differ, then class and probability by rank and recipe."""
        kept = range(1, 1 + next(iter(self.rankings.values())).top.shape[1])
        answers = [f"{title} {what} {j}" for title in self.rankings for j in kept for what in ("class", "probability")]
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(["picture", "label", "differ", *answers, "notes"])
        for row in self.rows():
            found = [x for said in row["answers"].values() for one in said for x in one.values()]
            named = [_no_formula(row["picture"]), row["label"] and _no_formula(row["label"])]
            writer.writerow([*named, row["differ"], *found, "; ".join(row["notes"])])
        return lines.getvalue()


def _no_formula(text: str) -> str:
    """A name from a stranger's file as a spreadsheet shows it, and does not compute it."""
    return f"'{text}" if text.startswith(("=", "+", "@", "-", "\t", "\r")) else text
