"""Pictures that a seed determines: a source of drawn splits, and the drawing in blocks that tasks share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from core.storage import digest_of
from core.tasks import SPLITS, Pictures, TaskError
from core.world.drawing.shapes import BLOCK

DrawLabels = Callable[[Tensor, torch.Generator], Tensor]
SIZES = (("train", 4000), ("val", 500), ("test", 1000))


@dataclass(frozen=True)
class Drawn:
    """Pictures drawn on demand by ``draw(labels, generator)``, classes in equal shares.

    ``name`` and ``version`` stand for the drawing code: raise the version when it changes. ``facts`` are further
    contents that pictures depend on, such as the digest of a glyph table, asked for only when a digest is.
    """

    name: str
    version: int
    classes: int
    draw: DrawLabels
    seed: int = 0
    counts: tuple[tuple[str, int], ...] = SIZES
    facts: Callable[[], object] | None = None
    notes: Callable[[Tensor], Mapping[str, Tensor]] | None = None

    def sizes(self) -> Mapping[str, int]:
        """Number of pictures per split."""
        return dict(self.counts)

    def digest(self, split: str) -> str:
        """Hex SHA-256 of the drawing's name, version, classes, seed, split, size and facts; raises TaskError."""
        facts = self.facts() if self.facts else None
        return digest_of(
            drawing=self.name,
            version=self.version,
            classes=self.classes,
            seed=self.seed,
            split=split,
            n=self._size(split),
            facts=facts,
        )

    def load(self, split: str) -> Pictures:
        """Draw a split on the CPU: seconds; raises TaskError on no such split."""
        g = torch.Generator().manual_seed(self.seed_of(split))
        n = self._size(split)
        labels = torch.randperm(n, generator=g) % self.classes
        images = in_blocks(self.draw, labels, g)
        notes = {k: v.numpy() for k, v in self.notes(labels).items()} if self.notes else {}
        return Pictures(images.numpy(), labels.numpy(), notes)

    def seed_of(self, split: str) -> int:
        """The generator's seed for a split: of its own for every drawing, seed and split."""
        self._size(split)
        text = f"{self.name}/{self.seed}/{SPLITS.index(split)}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")

    def _size(self, split: str) -> int:
        sizes = self.sizes()
        if split not in sizes:
            raise TaskError(f"Drawing {self.name!r} has no split {split!r}; it has {', '.join(sizes)}.")
        return sizes[split]


def in_blocks(draw: DrawLabels, labels: Tensor, g: torch.Generator) -> Tensor:
    """Draw one picture per label, a block at a time: uint8 (n, 64, 64, 3), contiguous."""
    blocks = [draw(part, g) for part in labels.to(g.device).split(BLOCK)]
    return torch.cat(blocks).contiguous() if blocks else torch.empty((0, 64, 64, 3), dtype=torch.uint8, device=g.device)
