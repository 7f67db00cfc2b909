"""Real handwritten digits (plays MNIST), and printed ones, their neighbours in pre-training."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from core.storage import digest_of
from core.tasks import SPLITS, Pictures, Task, TaskError
from core.world.drawing.shapes import (
    blend,
    blurred,
    canvas,
    chance,
    choice,
    finished,
    grey,
    hues,
    moved,
    noise,
    paint,
    plane,
    uniform,
)
from core.world.drawing.text_masks import WORDS, bolder, printed, stamp
from core.world.errors import WorldError

NAMES = tuple(str(d) for d in range(10))


@dataclass(frozen=True)
class Handwritten:
    """scikit-learn's 1,797 handwritten digits, 8x8, enlarged to 64x64: each picture is one real digit."""

    seed: int = 0
    counts: tuple[tuple[str, int], ...] = (("train", 1080), ("val", 359), ("test", 358))

    def sizes(self) -> Mapping[str, int]:
        """Number of pictures per split."""
        return dict(self.counts)

    def digest(self, split: str) -> str:
        """Hex SHA-256 of the scans and labels themselves, and of which of them are in the split."""
        self._count(split)
        content = hashlib.sha256(_table().tobytes()).hexdigest()
        return digest_of(table=content, enlarged=1, seed=self.seed, counts=self.counts, split=split)

    def load(self, split: str) -> Pictures:
        """The pictures of a split; raises TaskError on no such split."""
        count, table = self._count(split), _table()
        labels = table[:, -1].astype(np.int64)
        start = sum(self.sizes()[s] for s in SPLITS[: SPLITS.index(split)])
        chosen = _stratified(labels, self.seed)[start : start + count]
        images = table[chosen, :-1].reshape(-1, 8, 8).astype(np.float32) / 16
        return Pictures(_enlarged(images), labels[chosen])

    def _count(self, split: str) -> int:
        if split not in self.sizes():
            raise TaskError(f"The digits have no split {split!r}; they have {', '.join(self.sizes())}.")
        return self.sizes()[split]


@cache
def _table() -> np.ndarray:
    """What ``sklearn.datasets.load_digits`` reads, uint8 (1797, 65): 64 pixels from 0 to 16, and the label.

    Read from its file, because importing scikit-learn takes longer than opening a page.
    """
    package = importlib.util.find_spec("sklearn")
    path = Path(package.origin if package and package.origin else "").parent / "datasets" / "data" / "digits.csv.gz"
    try:
        return np.loadtxt(path, delimiter=",", dtype=np.uint8)
    except OSError:
        raise WorldError(f"{path.name} is missing; pip install scikit-learn, whose digits these are.") from None


def _stratified(labels: np.ndarray, seed: int) -> np.ndarray:
    """An order of all digits in which every stretch holds the classes in about their own shares."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    place = np.empty(len(labels))
    for k in range(10):
        own = shuffled[labels[shuffled] == k]
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
    return np.argsort(place, kind="stable")


def _enlarged(images: np.ndarray) -> np.ndarray:
    """Grey on black, uint8 (n, 64, 64, 3), with a margin as MNIST has."""
    small = torch.from_numpy(images)[:, None]
    large = nn.functional.interpolate(small, (56, 56), mode="bicubic", align_corners=False).clamp(0, 1)
    framed = nn.functional.pad(large, (4, 4, 4, 4))
    return (framed * 255).round().to(torch.uint8).permute(0, 2, 3, 1).expand(-1, -1, -1, 3).contiguous().numpy()


def draw_printed(labels: Tensor, g: torch.Generator) -> Tensor:
    """Printed digits in one plain font, on black, on paper or in colours: uint8 (n, 64, 64, 3)."""
    n = len(labels)
    x, y = plane(n, g)
    size = uniform(n, 0.42, 0.85, g)
    shear = uniform(n, -0.25, 0.25, g)
    room = 0.85 - size
    u, v = moved(x, y, uniform(n, -1, 1, g) * room, uniform(n, -1, 1, g) * room, uniform(n, -0.2, 0.2, g), size)
    weights = _weights().to(g.device)
    ink = stamp(weights[choice(n, len(weights), g), labels], (u + shear * v) * uniform(n, 0.75, 1.2, g), v)
    look = choice(n, 3, g).view(n, 1, 1, 1)
    dark, light = grey(n, 0.0, 0.15, g), grey(n, 0.65, 1.0, g)
    back = torch.where(look == 0, dark, torch.where(look == 1, grey(n, 0.8, 1.0, g), hues(n, g, value=(0.1, 0.5))))
    front = torch.where(
        look == 0, light, torch.where(look == 1, grey(n, 0.0, 0.35, g), hues(n, g, (0.0, 0.6), (0.75, 1.0)))
    )
    image = blend(noise(n, 3, g) * chance(n, 0.3, g), canvas(back), back * 0.8)
    return finished(blurred(paint(image, ink, front), uniform(n, 0, 1, g)), g, 0.02)


@cache
def _weights() -> Tensor:
    """The printed digits in three weights, for handwriting comes thin and thick: (3, 10, 64, 64)."""
    masks = printed(NAMES)
    return torch.stack([masks, bolder(masks, 2), bolder(masks, 3)])


PRINTED_CAPTIONS: tuple[tuple[str, ...], ...] = tuple(
    (
        f'the number "{d}"',
        f"a photo of the number {d}",
        f"the digit {WORDS[d]}",
        f"the number {WORDS[d]}",
        f"a printed {d}",
        f'a picture of the digit "{d}"',
        f'the digit "{d}"',
    )
    for d in range(10)
)

DIGITS = Task(
    name="digits",
    role="patching",
    title="Handwritten digits",
    plays="MNIST",
    description="Real digits from scikit-learn's handwriting collection, 8x8 pixels enlarged to 64x64, grey on black; "
    "no two splits share a digit.",
    class_names=NAMES,
    templates=('a photo of the number "{}"', 'the number "{}"', 'the digit "{}"', "a handwritten {}"),
    source=Handwritten(),
)
