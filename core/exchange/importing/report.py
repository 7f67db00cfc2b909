"""What a pre-flight report says of a foreign checkpoint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from core.recipes import Recipe

DESCENDS = 0.5  # cosine of weight matrices: fine-tuned models keep above 0.9, independently trained ones are near 0


@dataclass(frozen=True)
class Preflight:
    """What was found. ``problems`` keep the checkpoint out; ``warnings`` are for a person to weigh; both are sentences.

    ``missing``, ``extra``, ``misshapen`` and ``not_finite`` name weights of the image tower; ``dtypes`` counts its
    tensors; ``cosine`` is that of its weight matrices to the base's, in [-1, 1], None if they cannot be compared, and
    ``cosines`` the same per block. ``activation`` is the one it was trained with as ``activation_from`` says. ``where``
    names the part of the file that was taken, ``others`` the parts that could be taken instead (``averages`` of them
    are averages of the weights, EMA); ``aside`` names what is used for nothing, ``notes`` how the files were read.
    """

    path: Path
    files: tuple[Path, ...]
    kind: str
    tower: Mapping[str, torch.Tensor]
    left_out: int
    dtypes: Mapping[str, int]
    activation: str | None
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    misshapen: tuple[str, ...]
    not_finite: tuple[str, ...]
    cosine: float | None
    cosines: Mapping[str, float]
    recipe: Recipe | None
    merged: str
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    activation_from: str = ""
    where: str = ""
    others: tuple[str, ...] = ()
    averages: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether it can be imported."""
        return not self.problems

    def lines(self) -> list[str]:
        """The report, one line a fact."""
        kinds = ", ".join(f"{n} {dtype}" for dtype, n in self.dtypes.items())
        said = [
            f"{self.path.name}: {self.kind}, {len(self.tower)} tensors of an image tower ({kinds or 'none'})",
            f"activation: {self.activation or 'not said'}"
            + (f" ({self.activation_from})" if self.activation_from else ""),
        ]
        said += self.reading()
        if self.left_out:
            said.append(f"left out: {self.left_out} tensors of the text side (the base's are kept)")
        if self.cosine is not None:
            said.append(f"cosine of the weight matrices to the base's: {self.cosine:.3f}")
        if self.merged:
            said.append(f"merged by mergekit: {self.merged}")
        if self.recipe is not None:
            said.append(f"it carries its recipe: a mix of {', '.join(self.recipe.models)}")
        said += [*(f"warning: {w}" for w in self.warnings), *(f"problem: {p}" for p in self.problems)]
        return [*said, "it fits" if self.fits else "it does not fit"]

    def reading(self) -> list[str]:
        """Lines on how the file was read: which part was taken, which could be, and what belongs to no tower."""
        said = choice(self.where, self.others, self.averages) + list(self.notes)
        return [*said, f"left out: {grouped(self.aside)}"] if self.aside else said

    @property
    def descends(self) -> bool:
        """Whether it seems to have been trained from the base."""
        return self.cosine is not None and self.cosine >= DESCENDS


def choice(where: str, others: Iterable[str], averages: Iterable[str]) -> list[str]:
    """Lines on which part of a file was taken, and which could be."""
    said = [f"weights: those under {where}, whose names fit"] if where else []
    for other in others:
        kind = ", an average of the weights (EMA)" if other in averages else ""
        word = other or "."
        said.append(f"also there: {other or 'weights outside of it'}{kind}; take it with --subtree {word}")
    return said


def grouped(names: Iterable[str]) -> str:
    """Names in a few words, those of one table together: "12 under optimizer, epoch"."""
    names = list(names)
    counts = Counter(name.split(".")[0] for name in names)
    first = {name.split(".")[0]: name for name in reversed(names)}
    said = [f"{n} under {root}" if n > 1 else first[root] for root, n in counts.items()]
    return ", ".join(said[:12]) + (f" and {len(said) - 12} more" if len(said) > 12 else "")
