"""What computing at a lower precision does: accuracy, answers that change, and speed, measured on a task."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from core.metrics import Accuracy, Paired, paired
from core.models import PRECISIONS, features, logits
from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.tasks import Answers
from core.workspace.lab import Lab


@dataclass(frozen=True)
class PrecisionRow:
    """One precision on a task: accuracy, the paired test against float32 (None for itself), pictures a second."""

    precision: str
    accuracy: Accuracy
    flips: Paired | None
    changed: int
    pace: float

    def said(self) -> str:
        """The row as a line of text."""
        a = self.accuracy
        line = f"{self.precision:9} {100 * a.value:5.1f} % [{100 * a.low:.1f}, {100 * a.high:.1f}], n = {a.n}, "
        line += f"{self.pace:,.0f} pictures/s"
        if self.flips is None:
            return line
        return (
            f"{line}; against float32 {100 * self.flips.difference:+.2f} points, {self.flips.fixed} fixed, "
            f"{self.flips.broken} broken (p = {self.flips.p:.2g}), {self.changed} answers changed"
        )


def to_try(device: torch.device) -> list[str]:
    """The precisions that a device can compute at, float32 first; tf32 is a GPU's."""
    return [name for name in PRECISIONS if name != "tf32" or device.type == "cuda"]


def compare(lab: Lab, recipe: Recipe, task: str, split: str = "val", progress: Progress = SILENT) -> list[PrecisionRow]:
    """Measure every precision on one split of a task, one model at a time; nothing is kept."""
    images, labels, head = lab.pictures(task, split).images, lab.pictures(task, split).labels, lab.head(task)
    rows: list[PrecisionRow] = []
    exact: Answers | None = None
    for precision in progress(to_try(lab.device), "Measuring"):
        progress.at(progress.fraction, f"Computing with {precision}")
        encoder = lab.encoder(precision)
        lab.load(recipe, encoder)
        encoder.encode(images[: encoder.batch.now])  # the first pictures are slow for reasons of their own
        started = time.perf_counter()
        found = features(encoder, images, progress)
        pace = len(labels) / (time.perf_counter() - started)
        answers = Answers.from_logits(logits(found, head, encoder.logit_scale).numpy(), labels)
        exact = exact or answers
        flips = paired(exact.right, answers.right) if rows else None
        changed = int((exact.predictions != answers.predictions).sum())
        rows.append(PrecisionRow(precision, answers.accuracy, flips, changed, pace))
    return rows
