"""What names look like, learnt: ImageNet's classes, WordNet's kinds of them, and a regression for all other names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.nn.functional import normalize

from core.models import imagenet_class_names, imagenet_synsets
from core.training.pretraining.texts import targets
from core.training.pretraining.texts.targets import Looks, Phrase
from core.training.pretraining.texts.wordnet import Nouns

RIDGE = 1.0


def kinds(rows: torch.Tensor, nouns: Nouns, order: Sequence[str]) -> dict[str, torch.Tensor]:
    """Rows of all that WordNet calls a kind of ImageNet's classes, and other names of the classes: by lower-case name.

    A kind's row is the mean of its classes', unit length; where they point nowhere together there is none. A name
    stands for its usual sense alone.
    """
    members: dict[str, list[int]] = {}
    for i, synset in enumerate(order):
        for kind in {synset, *nouns.above(synset)}:
            members.setdefault(kind, []).append(i)
    found = {}
    for kind, which in members.items():
        mean = rows[which].mean(0)
        if float(mean.norm()) < 0.2 and len(which) > 3:
            continue
        for name in nouns.names[kind]:
            if nouns.first.get(name.lower()) == kind:
                found[name.lower()] = normalize(mean, dim=0)
    return found


def learn(rows: torch.Tensor, nouns: Nouns, embed: Callable[[list[str]], torch.Tensor]) -> Looks:
    """Looks from the classifier's unit rows float32 (1000, IMAGE)."""
    names = [name.lower() for name in imagenet_class_names()]
    own = dict(zip(names, rows, strict=True))
    others = {name: row for name, row in kinds(rows, nouns, imagenet_synsets()).items() if name not in own}
    sentences = [targets.sentence(Phrase("thing", name)) for name in (*own, *others)]
    weights = torch.cat([torch.ones(len(own)), torch.full((len(others),), 0.5)])
    samples = torch.stack([*own.values(), *others.values()])
    return Looks({**others, **own}, targets.regress(embed(sentences), samples, weights, RIDGE))
