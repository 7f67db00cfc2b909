"""What a patch says of one attacked picture at every α: computed for a text and a look, kept while α moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from core.attacks import write
from core.classify import classifier, usual_templates
from core.recipes import GRID
from core.workspace import Lab
from pages.shared.typographic import view as attack_view
from pages.shared.typographic.view import View

KEY = "attack.reading"


@dataclass(frozen=True)
class Reading:
    """``image`` uint8 (h, w, 3) with the text on it; ``table`` float64 (α, classes), probabilities, and ``clean``
    float64 (classes,), the base's without the text. ``word`` is the class that is written, ``truth`` the one that is
    shown (the base's answer to the clean picture where nobody knows), as indices into ``names``."""

    image: np.ndarray
    alphas: tuple[float, ...]
    names: tuple[str, ...]
    table: np.ndarray
    clean: np.ndarray
    word: int | None
    truth: int
    sure: bool

    def at(self, alpha: float) -> np.ndarray:
        """Probabilities at an α that is there, float64 (classes,)."""
        return self.table[self.alphas.index(alpha)]

    def shown(self, alpha: float, most: int) -> list[int]:
        """The classes worth showing: what is there, what is written, then the likeliest of the three models."""
        first = [self.truth, *([self.word] if self.word is not None else [])]
        likely = np.max([self.table[0], self.at(alpha), self.table[-1]], axis=0)
        return list(dict.fromkeys([*first, *map(int, np.argsort(-likely, kind="stable"))]))[:most]


def read(lab: Lab, view: View, image: np.ndarray, text: str, label: str | None) -> Reading:
    """The reading of this picture with this text; the last one of the session is kept. Raises PaletteError."""
    asked = (replace(view, alpha=None, number=0), image.tobytes(), text, label)
    kept = st.session_state.get(KEY)
    if kept is None or kept[0] != asked:
        kept = (asked, compute(lab, view, image, text, label))
        st.session_state[KEY] = kept
    return _with_alpha(lab, view, kept[1])


def compute(lab: Lab, view: View, image: np.ndarray, text: str, label: str | None) -> Reading:
    """The reading at the α of the grid: write, scale, and ask every mix. Raises PaletteError."""
    names = list(view.classes or lab.task(view.task).class_names)
    word, truth = (_among(names, text), None if label is None else _among(names, label))
    desk = classifier(lab)
    rows = desk.joint_head(_prompted(lab, view, names))
    attacked = write(image, text, view.look)
    before, after = desk.prepared(image)[None], desk.prepared(attacked)[None]
    clean = desk.probabilities([lab.base], before, rows)[0, 0]
    table = desk.probabilities([attack_view.mix(lab, view, a) for a in GRID], after, rows)[:, 0]
    truth_or_guess = int(clean.argmax()) if truth is None else truth
    return Reading(attacked, GRID, tuple(names), table, clean, word, truth_or_guess, truth is not None)


def _prompted(lab: Lab, view: View, names: Sequence[str]) -> list[tuple[Sequence[str], Sequence[str]]]:
    """The task's classes with the task's templates, all others with those that the workspace knows best."""
    task = lab.task(view.task)
    known = 0 if view.classes else len(task.class_names)
    return [(names[:known], task.templates), (names[known:], usual_templates(lab))]


def _among(names: list[str], text: str) -> int | None:
    """Where a word is among the classes, whatever its case; one that is not there joins them."""
    word = " ".join(text.split())
    if not word:
        return None
    folded = [name.casefold() for name in names]
    if word.casefold() not in folded:
        names.append(word)
        return len(names) - 1
    return folded.index(word.casefold())


def _with_alpha(lab: Lab, view: View, answers: Reading) -> Reading:
    """The same with the view's own α, if it lies between those that are there."""
    if view.alpha is None or view.alpha in answers.alphas:
        return answers
    desk = classifier(lab)
    rows = desk.joint_head(_prompted(lab, view, answers.names))
    image = desk.prepared(answers.image)[None]
    row = desk.probabilities([attack_view.mix(lab, view, view.alpha)], image, rows)[0]
    alphas = sorted([*answers.alphas, view.alpha])
    table = np.insert(answers.table, alphas.index(view.alpha), row, axis=0)
    return replace(answers, alphas=tuple(alphas), table=table)
