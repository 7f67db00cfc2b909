"""Mixes judged on photographs of real attacks (PAINT §7): what they answer, and whether they follow the note."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core import PaletteError
from core.attacks.photo_files import Photo, Trouble
from core.attacks.study import AttackOutcome
from core.classify import TEMPLATES, classifier
from core.metrics import predictions
from core.models import logits
from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.workspace import Lab

BATCH = 64


@dataclass(frozen=True)
class PhotographResults:
    """``names`` of the photographs that could be read, ``labels`` and ``written`` int64 (n,) as indices into
    ``classes``, ``answers`` int64 (mixes, n), and the files that could not be used."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    labels: np.ndarray
    written: np.ndarray
    answers: np.ndarray
    troubles: tuple[Trouble, ...]

    def outcome(self, mix: int) -> AttackOutcome:
        """Accuracy and fooled rate of one of the mixes."""
        right = self.answers[mix] == self.labels
        return AttackOutcome(right, (self.answers[mix] == self.written) & ~right)  # the word may name what is there


def judge_photographs(
    lab: Lab,
    recipes: Sequence[Recipe],
    found: Iterable[Photo | Trouble],
    classes: Sequence[str] = (),
    templates: Sequence[str] = TEMPLATES,
    progress: Progress = SILENT,
) -> PhotographResults:
    """Ask mixes about photographs, a batch at a time, so that memory does not grow with their number or size.

    The classes are every label and every text that occurs, or those given, among which labels and texts must be.
    Raises PaletteError if they are not.
    """
    desk, facts, troubles = classifier(lab), [], []
    kept: list[list[torch.Tensor]] = [[] for _ in recipes]
    batch: list[np.ndarray] = []

    def look() -> None:
        for i, recipe in enumerate(recipes):
            kept[i].append(desk.encoded(recipe, np.stack(batch)))
        batch.clear()

    for one in progress(found):
        if isinstance(one, Trouble):
            troubles.append(one)
            continue
        facts.append((one.name, one.label, one.text))
        batch.append(desk.prepared(one.image))
        if len(batch) == BATCH:
            look()
    if batch:
        look()
    spelled = sorted({word for _, *words in facts for word in words})
    # "Cat" and "cat" are one class; as two they would share its answers
    known = tuple(classes) or tuple(v for _, v in sorted({word.casefold(): word for word in spelled}.items()))
    if len(known) < 2:
        raise PaletteError("All photographs name the same thing; give the classes to choose from.")
    where = {name.casefold(): i for i, name in enumerate(known)}
    if missing := sorted({w for _, *words in facts for w in words if w.casefold() not in where}):
        raise PaletteError(f"The classes lack {', '.join(missing[:10])}, which the file names speak of; add them.")
    rows = desk.head(known, templates)
    answers = np.stack(
        [predictions(logits(torch.cat(parts), rows, lab.encoders.logit_scale).numpy()) for parts in kept]
    )
    labels, written = (np.array([where[f[k].casefold()] for f in facts]) for k in (1, 2))
    return PhotographResults(tuple(f[0] for f in facts), known, labels, written, answers, tuple(troubles))
