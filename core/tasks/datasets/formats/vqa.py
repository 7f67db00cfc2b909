"""VQA v1, multiple choice: a question about each picture, and eighteen answers of its own to choose from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from core.storage import digest_of
from core.tasks.datasets import AbsentError, DataError
from core.tasks.datasets.images import Files, StoredPart

_PARTS = {"train": "train2014", "test": "val2014"}  # the answers of its own test part were never given out
_QUESTIONS, _ANSWERS = "MultipleChoice_mscoco_{}_questions.json", "mscoco_{}_annotations.json"


@dataclass(frozen=True, eq=False)
class Choices:
    """Candidate prompts: ``questions`` (n,), and ``answers`` int32 (n, choices), which index ``words``."""

    questions: tuple[str, ...]
    answers: np.ndarray
    words: tuple[str, ...]

    def prompts(self, rows: np.ndarray) -> list[list[str]]:
        """The candidates of some pictures, as PAINT §7 words them."""
        return [[f"Question: {self.questions[r]} Answer: {self.words[w]}" for w in self.answers[r]] for r in rows]

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of all questions and answers, in order."""
        answers = hashlib.sha256(self.answers.astype("<i4").tobytes()).hexdigest()
        return digest_of(questions=self.questions, answers=answers, words=self.words)


def vqa(root: Path) -> dict[str, StoredPart]:
    """The official files: questions, annotations and COCO's pictures; what it calls val2014 is the test part.

    They lie beside one another in ``root``, or in Questions/, Annotations/ and Images/mscoco/ as in the official tools.
    A label is the place of the right answer among the choices. Raises AbsentError or DataError.
    """
    found = {part: _part(root, subset) for part, subset in _PARTS.items() if _find(root, _QUESTIONS.format(subset))}
    if not found:
        raise AbsentError(
            f"There is no VQA in {root}: it needs {_QUESTIONS.format('train2014')} and what goes with it."
        )
    return found


def _find(root: Path, name: str) -> Path | None:
    places = (root, root / "Questions", root / "Annotations", root / "Images", root / "Images" / "mscoco")
    return next((place / name for place in places if (place / name).exists()), None)


def _found(root: Path, name: str) -> Path:
    if (path := _find(root, name)) is None:
        raise DataError(f"VQA in {root} is half there: {name} is missing; fetch it, too.")
    return path


def _part(root: Path, subset: str) -> StoredPart:
    path, right = _found(root, _QUESTIONS.format(subset)), _found(root, _ANSWERS.format(subset))
    folder = _found(root, subset)
    try:
        asked = {int(q["question_id"]): q for q in _read(path)["questions"]}
        answered = {int(a["question_id"]): str(a["multiple_choice_answer"]) for a in _read(right)["annotations"]}
        if odd := sorted(asked.keys() ^ answered.keys()):
            lacks = path.name if odd[0] in answered else right.name
            raise DataError(f"Question {odd[0]} is missing from {lacks}; both files must be of one version.")
        return _joined(list(asked.values()), answered, folder, subset)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"VQA in {root} is not in its own format ({error!r}); fetch {subset}'s files again.") from None


def _joined(asked: list[dict[str, Any]], answered: dict[int, str], folder: Path, subset: str) -> StoredPart:
    if not asked:
        raise DataError(f"The {subset} part of VQA asks no question; fetch it again.")
    count, there = len(asked[0]["multiple_choices"]), {path.name for path in folder.iterdir()}
    words: dict[str, int] = {}
    answers, labels = np.empty((len(asked), count), dtype=np.int32), np.empty(len(asked), dtype=np.int64)
    paths = []
    for row, question in enumerate(asked):
        name, choices = (
            f"COCO_{subset}_{int(question['image_id']):012}.jpg",
            list(map(str, question["multiple_choices"])),
        )
        said, answer = f"question {question['question_id']}", answered[int(question["question_id"])]
        if len(choices) != count:
            raise DataError(f"In VQA's {subset} part {said} has {len(choices)} choices, not {count} as the first has.")
        if answer not in choices:
            raise DataError(f"In VQA's {subset} part the answer {answer!r} to {said} is not among its choices.")
        if name not in there:
            raise DataError(f"VQA's {subset} part is half there: {said} is about {name}, which {folder} does not have.")
        answers[row] = [words.setdefault(choice, len(words)) for choice in choices]
        labels[row] = choices.index(answer)
        paths.append(folder / name)
    candidates = Choices(tuple(str(q["question"]) for q in asked), answers, tuple(words))
    names = tuple(f"choice {i + 1}" for i in range(count))
    return StoredPart(Files(tuple(paths)), labels, names, {"row": np.arange(len(asked))}, candidates)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path.name} cannot be read ({error}); fetch it again.") from None
