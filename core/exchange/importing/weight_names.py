"""Whose names a checkpoint's weights carry, and the image tower in them by open_clip's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch

from core.exchange.huggingface import from_huggingface, looks_so
from core.exchange.slices import tower_of
from core.models import IMAGE_TOWER

WRAPPERS = ("module.", "_orig_mod.", "model.", "image_encoder.", "encoder.", "clip_model.", "clip.")
OPENAI_EXTRAS = {"input_resolution", "context_length", "vocab_size"}


@dataclass(frozen=True)
class Named:
    """``tower``: the image tower by open_clip's names; ``text``: everything else, by open_clip's names as far as known.

    ``kind`` is whose names they were, ``openai`` whether the file carries the marks of OpenAI's own.
    """

    tower: Mapping[str, torch.Tensor]
    text: Mapping[str, torch.Tensor]
    kind: str
    openai: bool
    twice: tuple[str, ...] = ()
    """Names that more than one tensor has once their wrappers are off."""


def _unwrap(names: Collection[str]) -> dict[str, str]:
    """Each name without the wrappers (module. and the like) that training loops put before them."""
    found = {}
    for name in names:
        bare, before = name, ""
        while before != bare:
            before = bare
            for wrapper in WRAPPERS:
                bare = bare.removeprefix(wrapper)
        found[name] = bare
    return found


def name_weights(tensors: Mapping[str, torch.Tensor], expected: Collection[str]) -> Named:
    """Sort a checkpoint's tensors into image tower and the rest.

    ``expected`` are the names of the tower that it should fit: a bare tower (``conv1.weight``) is known by them.
    """
    bare = _unwrap(tensors)
    weights = {bare[name]: tensor for name, tensor in tensors.items()}
    openai = bool(OPENAI_EXTRAS & weights.keys())
    weights = {n: t for n, t in weights.items() if n not in OPENAI_EXTRAS}
    kind = "OpenAI CLIP" if openai else "open_clip"
    if looks_so(weights):
        weights, kind = from_huggingface(weights), "Hugging Face CLIP"
    if not any(tower_of(n) for n in weights) and any(IMAGE_TOWER + n in expected for n in weights):
        weights = {IMAGE_TOWER + n if IMAGE_TOWER + n in expected else n: t for n, t in weights.items()}
        kind = "image tower alone"
    tower = {n: t for n, t in weights.items() if tower_of(n)}
    text = {n.removeprefix("text."): t for n, t in weights.items() if n not in tower}
    twice = tuple(name for name, count in Counter(bare.values()).items() if count > 1)
    return Named(tower, text, kind, openai, twice)
