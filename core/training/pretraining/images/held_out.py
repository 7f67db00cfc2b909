"""A look at a tower while it trains: held-out drawings and photographs against the fixed directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import normalize

from core.training.pretraining import monitor as probe
from core.training.pretraining.config import SIZE
from core.training.pretraining.images import photographs
from core.training.pretraining.images.drawing import enlarge
from core.training.pretraining.images.photographs import Album
from core.training.pretraining.images.tower import pixels
from core.training.pretraining.texts.targets import Phrase, Targets
from core.world import ICONS, THINGS, colours


@dataclass(frozen=True)
class Question:
    """Held-out photographs, and the names among which each one's is asked for."""

    name: str
    album: Album
    names: Sequence[str]


@torch.inference_mode()
def encode(tower: torch.nn.Module, images: torch.Tensor, batch: int = 100) -> torch.Tensor:
    """Unit features of pictures uint8 (n, SIDE, SIDE, 3) or at the base's size."""
    parts = []
    for part in images.split(batch):
        part = part if part.shape[1] == SIZE else enlarge(part, SIZE)
        parts.append(normalize(tower(pixels(part)).float(), dim=1))
    return torch.cat(parts)


def monitor(
    targets: Targets, questions: Sequence[Question], n: int = 400
) -> Callable[[torch.nn.Module], dict[str, float]]:
    """A measure of a tower: accuracies, on ``n`` pictures each, of drawings and of photographs."""
    things = targets([Phrase("thing", name) for name in ICONS])
    tones = targets([Phrase("color", name) for name in colours.NAMES])
    words = targets([Phrase("word", name) for name in THINGS])
    sets = []
    for q in questions:
        which = np.random.default_rng(0).permutation(len(q.album.images))[: max(n, 500)]
        images = np.stack([photographs.central(q.album.images[i], SIZE) for i in which])
        rows = targets([Phrase("thing", name) for name in q.names])
        sets.append((q.name, torch.from_numpy(images), q.album.labels[torch.from_numpy(which)], rows))

    def measure(tower: torch.nn.Module) -> dict[str, float]:
        drawn = {k: (images[:n], labels[:n]) for k, (images, labels) in probe._pictures().items()}
        icons, label = drawn["icons"]
        features = encode(tower, icons)
        right = (features @ things.T).argmax(1) == label
        attacked = (encode(tower, drawn["attacked"][0]) @ things.T).argmax(1) == drawn["attacked"][1]
        found = {
            "icons": right,
            "colors": (features @ tones.T).argmax(1) == drawn["colours"][1],
            "words": (encode(tower, drawn["words"][0]) @ words.T).argmax(1) == drawn["words"][1],
            "follows": attacked[right],
        }
        for name, images, labels, rows in sets:
            found[name] = (encode(tower, images) @ rows.T).argmax(1) == labels
        return {name: round(float(hits.float().mean()), 4) for name, hits in found.items()}

    return measure
