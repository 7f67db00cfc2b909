"""Answers while a hand moves: a few pictures, many mixes, any class names. It never waits for the lab's long work."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from PIL import Image

from core.metrics import probabilities
from core.models import Encoder, clip, device_memory, head
from core.recipes import Recipe
from core.workspace import Lab

RESIDENT = 24  # merged image towers that are kept at hand: the 21 of a curve over α, and three beside each other
CLASSES_IN_MEMORY = 20_000
_WAYS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


class Live:
    """One model family at hand: merged towers that stay (least recently used go first) and class names' features."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        folder = lab.folder / "base"
        self._model = clip.load(folder)
        self._preprocess = clip.read_config(folder)["preprocess_cfg"]
        first = Encoder(self._model, self._preprocess, lab.device)
        self.scale = first.logit_scale
        size = sum(t.numel() * t.element_size() for t in first.weights.values())
        self._room = max(1, min(RESIDENT, device_memory(lab.device).spare // size))
        self._spare: Encoder | None = first
        self._merged: OrderedDict[str, Encoder] = OrderedDict()
        self._rows: OrderedDict[tuple[str, ...], torch.Tensor] = OrderedDict()
        self._guard = threading.RLock()

    @property
    def size(self) -> int:
        """Side of the pictures that the model sees, in pixels."""
        return int(np.max(self._preprocess["size"]))

    def prepared(self, image: np.ndarray) -> np.ndarray:
        """A picture of any size as the model's own preprocessing scales it, uint8 (size, size, 3)."""
        side = self.size
        if image.shape[:2] == (side, side):
            return image
        picture = Image.fromarray(np.ascontiguousarray(image))
        way = _WAYS.get(self._preprocess.get("interpolation", ""), Image.Resampling.BICUBIC)
        if self._preprocess.get("resize_mode") != "squash":
            edge = min(picture.size)
            left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
            picture = picture.crop((left, top, left + edge, top + edge))
        return np.array(picture.resize((side, side), way))

    def head(self, names: Sequence[str], templates: Sequence[str]) -> torch.Tensor:
        """Class names in templates, through the text tower: float32 (classes, embed_dim). Only new ones are read."""
        prompts = [tuple(t.replace("{}", name) for t in templates) for name in names]
        with self._guard:
            fresh = [p for p in dict.fromkeys(prompts) if p not in self._rows]
            if fresh:
                self._rows.update(zip(fresh, head(self._model, fresh), strict=True))
            found = torch.stack([self._rows[p] for p in prompts])
            while len(self._rows) > CLASSES_IN_MEMORY:
                self._rows.popitem(last=False)
        return found

    def joint_head(self, parts: Sequence[tuple[Sequence[str], Sequence[str]]]) -> torch.Tensor:
        """One head of several lists of class names, each in templates of its own: float32 (classes, embed_dim)."""
        return torch.cat([self.head(names, templates) for names, templates in parts if names])

    def features(self, recipe: Recipe, images: np.ndarray) -> torch.Tensor:
        """Unit-length features of pictures uint8 (n, size, size, 3) under a mix: float32 (n, embed_dim) on the CPU.

        Raises CheckpointError or MergeError if the mix cannot be made.
        """
        with self._guard:
            return self._encoder(recipe).encode(images).cpu()

    def logits(self, recipe: Recipe, images: np.ndarray, rows: torch.Tensor) -> np.ndarray:
        """What a mix says of pictures, with a head (classes, embed_dim): float32 (n, classes)."""
        return (self.scale * self.features(recipe, images) @ rows.T).numpy()

    def probabilities(self, recipes: Sequence[Recipe], images: np.ndarray, rows: torch.Tensor) -> np.ndarray:
        """Softmax over the classes for several mixes, float64 (recipes, n, classes)."""
        return np.stack([probabilities(self.logits(recipe, images, rows)) for recipe in recipes])

    def _encoder(self, recipe: Recipe) -> Encoder:
        key = self.lab.weights_key(recipe)
        if key in self._merged:
            self._merged.move_to_end(key)
            return self._merged[key]
        encoder = self._free()
        try:
            self.lab.load(recipe, encoder)
        except BaseException:
            self._spare = encoder
            raise
        self._merged[key] = encoder
        return encoder

    def _free(self) -> Encoder:
        """An encoder to merge into: the spare one, a copy while there is room, else the one longest unused."""
        if self._spare is not None:
            encoder, self._spare = self._spare, None
            return encoder
        if len(self._merged) < self._room:
            return copy.deepcopy(next(iter(self._merged.values())))
        return self._merged.popitem(last=False)[1]


@lru_cache(maxsize=4)
def live(lab: Lab) -> Live:
    """The live desk of a workspace, made at first use."""
    return Live(lab)
