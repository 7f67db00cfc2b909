"""Heads: class names in prompt templates, through the frozen text tower, to one row per class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch.nn.functional import normalize

from core.models import clip
from core.models.merge import Weights, merge
from core.progress import SILENT, Progress
from core.recipes import Recipe
from core.storage import digest_of

WEIGHT, BIAS = "head.weight", "head.bias"
ALIKE = 0.98  # a cosine between two classes from which on pictures hardly decide between them
BLOCK = 512  # classes compared with all others at a time


def head(model: clip.CLIP, prompts: Sequence[Sequence[str]], progress: Progress = SILENT) -> torch.Tensor:
    """The zero-shot classifier, float32 (classes, embed_dim), rows of unit length.

    ``prompts`` holds, for each class, its name in every template; their features are averaged, as CLIP does.
    """
    flat = [text for texts in prompts for text in texts]
    features = clip.text_features(model, flat, progress=progress).split([len(texts) for texts in prompts])
    return normalize(torch.stack([f.mean(dim=0) for f in features]), dim=-1)


def candidate_texts(model: clip.CLIP, prompts: Sequence[Sequence[str]]) -> dict[str, torch.Tensor]:
    """What stands for a head where each picture has its own candidates: every distinct text is read once.

    ``texts`` float32 (distinct, embed_dim), unit-length; ``which`` int32 (n, choices): each picture's own among them.
    """
    place = {text: i for i, text in enumerate(dict.fromkeys(text for texts in prompts for text in texts))}
    which = torch.tensor([[place[text] for text in texts] for texts in prompts], dtype=torch.int32)
    return {"texts": clip.text_features(model, list(place)), "which": which}


def head_digest(text_digest: str, prompts: Sequence[Sequence[str]]) -> str:
    """Hex SHA-256 of what determines a head: the text tower and the prompts. Needs no model."""
    return digest_of(text=text_digest, prompts=[list(p) for p in prompts])


@lru_cache(maxsize=256)
def class_rows(classes: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[int, ...] | None:
    """The rows of a head that tells ``classes`` apart for the ``wanted`` names, in their order.

    This is the class mask of ImageNet-R and -A (ManifoldMixMS §4), and ObjectNet's before ``predict.largest``. None if
    the head does not know them all.
    """
    place = {name: row for row, name in enumerate(classes)}
    return tuple(place[name] for name in wanted) if place.keys() >= set(wanted) else None


def mixed_head(recipe: Recipe, heads: Mapping[str, Weights], text_head: torch.Tensor) -> dict[str, torch.Tensor]:
    """The head of a mix: ``head.weight`` (classes, embed_dim) and ``head.bias`` (classes,), both float32.

    ``heads`` holds each model's trained head, nothing for a model that has none: the text tower's then stands in, with
    no bias. Raises MergeError if the heads differ in shape.
    """
    stand_in = {WEIGHT: text_head.float(), BIAS: torch.zeros(len(text_head))}
    into = {name: torch.empty_like(tensor) for name, tensor in stand_in.items()}
    whole = {model: {n: t.float() for n, t in (heads.get(model) or stand_in).items()} for model in recipe.models}
    merge(whole, recipe, into)
    return into


def alike(rows: torch.Tensor, names: Sequence[str], cosine: float = ALIKE) -> tuple[tuple[str, ...], ...]:
    """Groups of classes that a head hardly tells apart: unit-length rows float32 (classes, embed_dim) this close.

    A group are classes that are linked, one to the next, by a cosine of at least ``cosine``.
    """
    group = np.arange(len(rows))
    for first in range(0, len(rows), BLOCK):
        near = (rows[first : first + BLOCK].float() @ rows.float().T >= cosine).nonzero().tolist()
        for i, j in ((first + i, j) for i, j in near if first + i < j):
            if group[i] != group[j]:
                group[group == group[j]] = group[i]
    found: dict[int, list[str]] = {}
    for number, name in zip(group.tolist(), names, strict=True):
        found.setdefault(number, []).append(name)
    return tuple(tuple(some) for some in found.values() if len(some) > 1)


def not_told_apart(groups: Sequence[Sequence[str]]) -> str:
    """One sentence on groups of class names whose scores say nothing; "" if there are none."""
    if not groups:
        return ""
    first = ", ".join(f"{name[:40]!r}" for name in groups[0][:5]) + (" …" if len(groups[0]) > 5 else "")
    count = len(groups) - 1
    more = f" (and {count} more {'group' if count == 1 else 'groups'})" if count else ""
    return f"This model's text tower does not tell {first} apart{more}, so they score alike; call them otherwise."
